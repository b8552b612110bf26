;; cred_configure refuses every configuration with a reason.
;; Expected: refused at deployment with that reason.
(module
  (import "cred_v1" "error_write" (func $error_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "the setting quota is missing")
  (func (export "cred_configure") (param i32) (result i32)
    (drop (call $error_write (i32.const 0) (i32.const 28)))
    (i32.const 2))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

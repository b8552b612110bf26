;; cred_configure writes an answer (case B6) that would admit "x".
;; Expected: nobody reads it: a lookup, which writes nothing, means not found.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "\0a\01x\12\01b\18\01")
  (func (export "cred_configure") (param i32) (result i32)
    (drop (call $output_write (i32.const 0) (i32.const 8)))
    (i32.const 0))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

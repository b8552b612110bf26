;; Lookup answers {id "x"} with a body of 65537 bytes (case F5).
;; Expected: a violation, the instance is thrown away.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "\0a\01x\18\01\12\81\80\04")
  (func (export "lookup_credentials") (param i32) (result i32)
    (drop (call $output_write (i32.const 0) (i32.const 65546)))
    (i32.const 0)))

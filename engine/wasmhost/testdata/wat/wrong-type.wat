;; Lookup answers {id "x"} with a status that has the wire type of a text (case E14).
;; Expected: a violation, the instance is thrown away.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "\0a\01x\1a\01\01")
  (func (export "lookup_credentials") (param i32) (result i32)
    (drop (call $output_write (i32.const 0) (i32.const 6)))
    (i32.const 0)))

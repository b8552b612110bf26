;; Imports input_read with two parameters instead of three (case A5).
;; Expected: refused at upload, naming both signatures.
(module
  (import "cred_v1" "input_read" (func (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

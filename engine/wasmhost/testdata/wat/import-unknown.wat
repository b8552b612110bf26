;; Imports a function that the ABI does not have (case A5).
;; Expected: refused at upload, naming the import.
(module
  (import "cred_v1" "read_all_the_secrets" (func (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

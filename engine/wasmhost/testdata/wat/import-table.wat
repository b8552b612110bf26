;; Imports a table (case A5).
;; Expected: refused at upload: only functions can be imported.
(module
  (import "env" "table" (table 1 funcref))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

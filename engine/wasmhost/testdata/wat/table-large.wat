;; A table starts with a hundred million entries (case A7).
;; Expected: refused at upload: over the table limit.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (table 100000000 funcref)
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

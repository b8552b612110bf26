;; There are five tables (case A7).
;; Expected: refused at upload: over the limit of tables.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 externref)
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

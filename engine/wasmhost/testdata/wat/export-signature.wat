;; Exports lookup_credentials with an i64 result (case E12).
;; Expected: refused at upload, naming both signatures.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i64) (i64.const 0)))

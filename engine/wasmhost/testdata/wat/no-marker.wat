;; Does not export cred_abi_v1.
;; Expected: refused at upload, naming the missing export.
(module
  (memory (export "memory") 1)
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

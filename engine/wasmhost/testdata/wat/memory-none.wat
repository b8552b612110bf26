;; There is no memory (case A6).
;; Expected: refused at upload: no memory.
(module
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

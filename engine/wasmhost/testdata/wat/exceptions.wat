;; proposals
;; Throws an exception (case A17).
;; Expected: refused at upload: exceptions are not supported.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (tag $oops)
  (func (export "lookup_credentials") (param i32) (result i32) (throw $oops)))

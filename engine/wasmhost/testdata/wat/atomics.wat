;; proposals
;; Uses an atomic instruction (case A17).
;; Expected: refused at upload: threads are not supported.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (atomic.fence) (i32.const 0)))

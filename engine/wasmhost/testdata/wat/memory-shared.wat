;; proposals
;; The memory is shared (case A6).
;; Expected: refused at upload: threads are not supported.
(module
  (memory (export "memory") 1 1 shared)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

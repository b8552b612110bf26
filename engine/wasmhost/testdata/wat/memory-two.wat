;; proposals
;; There are two memories (case A6).
;; Expected: refused at upload: more than one memory.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (memory 1)
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

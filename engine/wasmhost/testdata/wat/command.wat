;; A command with _start instead of a reactor (case A16).
;; Expected: refused at upload with the hint to build a reactor.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "_start"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

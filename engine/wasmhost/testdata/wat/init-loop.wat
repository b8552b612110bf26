;; _initialize spins (case B3).
;; Expected: refused at upload: the start takes too long.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "_initialize") (loop $again (br $again)))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

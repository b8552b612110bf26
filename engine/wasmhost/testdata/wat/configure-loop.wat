;; cred_configure spins.
;; Expected: refused at deployment: the start takes too long.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "cred_configure") (param i32) (result i32)
    (loop $again (br $again))
    unreachable)
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

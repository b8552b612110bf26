;; Spins without end in every method (case C1).
;; Expected: the call ends at its deadline, the instance is thrown away.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $spin (export "lookup_credentials") (param i32) (result i32)
    (loop $again (br $again))
    unreachable)
  (func (export "provide_credentials") (param i32) (result i32) (call $spin (local.get 0)))
  (func (export "mark_credentials_in_use") (param i32) (result i32) (call $spin (local.get 0)))
  (func (export "mark_credentials_revoked") (param i32) (result i32) (call $spin (local.get 0))))

;; Traps on every call.
;; Expected: a refusal with an incident, the instance is thrown away.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $trap (export "lookup_credentials") (param i32) (result i32) unreachable)
  (export "provide_credentials" (func $trap))
  (export "mark_credentials_in_use" (func $trap))
  (export "mark_credentials_revoked" (func $trap)))

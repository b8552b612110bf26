;; Every method returns 99 (cases E11, F4).
;; Expected: a violation, the instance is thrown away.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $status (export "lookup_credentials") (param i32) (result i32) (i32.const 99))
  (export "provide_credentials" (func $status))
  (export "mark_credentials_in_use" (func $status))
  (export "mark_credentials_revoked" (func $status)))

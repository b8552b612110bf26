;; Every method returns OK and writes nothing (case E9).
;; Expected: lookup means not found, the marks succeed, provide is a violation.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $ok (export "lookup_credentials") (param i32) (result i32) (i32.const 0))
  (export "provide_credentials" (func $ok))
  (export "mark_credentials_in_use" (func $ok))
  (export "mark_credentials_revoked" (func $ok)))

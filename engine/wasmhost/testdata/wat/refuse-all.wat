;; Every method answers PERMISSION_DENIED with a reason.
;; Expected: that status; the reason goes to operators only.
(module
  (import "cred_v1" "error_write" (func $error_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "serial number outside of the batch")
  (func $refuse (export "lookup_credentials") (param i32) (result i32)
    (drop (call $error_write (i32.const 0) (i32.const 34)))
    (i32.const 8))
  (export "provide_credentials" (func $refuse))
  (export "mark_credentials_in_use" (func $refuse))
  (export "mark_credentials_revoked" (func $refuse)))

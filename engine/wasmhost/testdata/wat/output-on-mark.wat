;; The marks write an answer where none belongs (case E10).
;; Expected: a violation, the instance is thrown away.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0))
  (func $mark (export "mark_credentials_in_use") (param i32) (result i32)
    (drop (call $output_write (i32.const 0) (i32.const 1)))
    (i32.const 0))
  (export "mark_credentials_revoked" (func $mark)))

;; Each method passes memory to the host that it does not have (cases E2 to E4).
;; Expected: a trap in each method, the instance is thrown away.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  ;; The last address with one byte.
  (func (export "lookup_credentials") (param i32) (result i32)
    (drop (call $output_write (i32.const 0xffffffff) (i32.const 1)))
    (i32.const 0))
  ;; Address and length overflow to a small number.
  (func (export "provide_credentials") (param i32) (result i32)
    (drop (call $output_write (i32.const 0x80000000) (i32.const 0x80000001)))
    (i32.const 0))
  ;; A length of -1.
  (func (export "mark_credentials_in_use") (param i32) (result i32)
    (drop (call $output_write (i32.const 0) (i32.const 0xffffffff)))
    (i32.const 0))
  ;; The host would write beyond the end.
  (func (export "mark_credentials_revoked") (param i32) (result i32)
    (drop (call $input_read (i32.const 65536) (i32.const 16) (i32.const 0)))
    (i32.const 0)))

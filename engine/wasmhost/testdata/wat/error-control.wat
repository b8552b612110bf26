;; Answers INTERNAL with a reason full of control characters, longer than allowed (case F9).
;; Expected: the reason is capped and escaped wherever it is shown.
(module
  (import "cred_v1" "error_write" (func $error_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "bad\0d\0aSet-Cookie: a=b\1b[2J\07\00\e2\80\ae")
  (func (export "lookup_credentials") (param i32) (result i32)
    (drop (call $error_write (i32.const 0) (i32.const 32)))
    (drop (call $error_write (i32.const 0) (i32.const 65536)))
    (i32.const 1)))

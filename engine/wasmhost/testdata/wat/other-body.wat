;; Provide answers with another body than was provided (case F6), for the id "x".
;; Expected: the engine notices: the answer differs from what was provided.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "\0a\01x\12\08replaced\18\01")
  (func $answer (export "lookup_credentials") (param i32) (result i32)
    (drop (call $output_write (i32.const 0) (i32.const 15)))
    (i32.const 0))
  (export "provide_credentials" (func $answer)))

;; Lookup and provide answer for the id "other" (case F1).
;; Expected: a violation, the instance is thrown away.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "\0a\05other\12\04body\18\01")
  (func $answer (export "lookup_credentials") (param i32) (result i32)
    (drop (call $output_write (i32.const 0) (i32.const 15)))
    (i32.const 0))
  (export "provide_credentials" (func $answer)))

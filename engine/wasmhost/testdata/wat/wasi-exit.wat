;; Answers and then leaves through proc_exit(0) (case G7).
;; Expected: a violation, the instance is thrown away.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "\0a\01x\12\01b\18\01")
  (func (export "lookup_credentials") (param i32) (result i32)
    (drop (call $output_write (i32.const 0) (i32.const 8)))
    (call $proc_exit (i32.const 0))
    (i32.const 0)))

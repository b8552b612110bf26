;; _initialize leaves through proc_exit(0) (case B3).
;; Expected: refused at deployment: the start failed.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "_initialize") (call $proc_exit (i32.const 0)))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

;; Writes 50 MB to standard output, then answers not found (case G7).
;; Expected: the call ends with a violation or with OK; the log stays capped.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "\10\00\00\00\e8\03\00\00") ;; 1000 bytes from 16
  (func (export "lookup_credentials") (param i32) (result i32)
    (local $n i32)
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 50000))))
    (i32.const 0)))

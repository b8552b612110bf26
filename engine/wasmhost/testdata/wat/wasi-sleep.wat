;; Sleeps for an hour in poll_oneoff (case G7).
;; Expected: the call ends at its deadline at the latest.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32)
    (i64.store (i32.const 24) (i64.const 3600000000000)) ;; the time-out of a clock subscription
    (drop (call $poll_oneoff (i32.const 0) (i32.const 128) (i32.const 1) (i32.const 256)))
    (i32.const 0)))

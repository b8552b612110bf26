;; Writes 200 log lines of 1 KiB with control characters, then answers not found (case G5).
;; Expected: OK, at most the allowed number of lines, each escaped.
(module
  (import "cred_v1" "log_write" (func $log_write (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 0) "line\0d\0a\1b[31mforged level=error")
  (func (export "lookup_credentials") (param i32) (result i32)
    (local $n i32)
    (loop $again
      (drop (call $log_write (i32.const 3) (i32.const 0) (i32.const 1024)))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 200))))
    (i32.const 0)))

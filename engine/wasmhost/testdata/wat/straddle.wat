;; Provide writes to kv, and then answers within a moment of its deadline, before
;; or after it (case C8).
;; Expected: either it answers and what it wrote is there, or the call is refused
;; and nothing is.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (import "cred_v1" "kv_get" (func $kv_get (param i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "kv_put" (func $kv_put (param i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "deadline_ms" (func $deadline_ms (result i32)))
  (memory (export "memory") 4)
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"straddle\",\"version\":\"1\",\"capabilities\":{\"kv\":{}}}")
  ;; 0: the key; 16: a record, up to 100 bytes; 65536: the request
  (data (i32.const 0) "x")
  (func (export "cred_abi_v1"))
  ;; Keeps the processor busy for some microseconds.
  (func $work
    (local $n i32)
    (local.set $n (i32.const 20000))
    (loop $more
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $more (local.get $n))))
  (func (export "lookup_credentials") (param i32) (result i32)
    (local $n i32)
    (local.set $n (call $kv_get (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 100)))
    (if (i32.gt_s (local.get $n) (i32.const 0))
      (then (drop (call $output_write (i32.const 16) (local.get $n)))))
    (i32.const 0))
  ;; The request's field 2 are the credentials; short ones begin at a fixed
  ;; place behind the application's id of 36 bytes.
  (func (export "provide_credentials") (param $size i32) (result i32)
    (local $len i32)
    (drop (call $input_read (i32.const 65536) (local.get $size) (i32.const 0)))
    (local.set $len (i32.load8_u (i32.const 65575)))
    (drop (call $kv_put (i32.const 0) (i32.const 1) (i32.const 65576) (local.get $len)))
    (drop (call $output_write (i32.const 65576) (local.get $len)))
    (loop $more
      (call $work)
      (br_if $more (i32.gt_s (call $deadline_ms) (i32.const 0))))
    (call $work)
    (i32.const 0)))

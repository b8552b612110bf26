;; A service that says which version of it an operation ran on. Everybody is
;; available; the body in the answer is the version, one letter in the place of
;; VERSION. Each method writes the version under the id, and marking in use
;; refuses when the lookup of the same operation was another version's.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (import "cred_v1" "kv_get" (func $kv_get (param i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "kv_put" (func $kv_put (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  ;; 0: tag of the id, then what follows the id; 16: a version that was read;
  ;; 1024: a key; 65536: the request
  (data (i32.const 0) "\0a\12\01VERSION\18\01")
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"swap-VERSION\",\"version\":\"1.0.0\",\"capabilities\":{\"kv\":{}}}")

  (global $at (mut i32) (i32.const 0))    ;; of the next byte to read, then of the id
  (global $len (mut i32) (i32.const 0))   ;; of the id
  (global $start (mut i32) (i32.const 0)) ;; of the length before the id

  (func (export "cred_abi_v1"))

  (func $varint (result i32)
    (local $byte i32) (local $shift i32) (local $value i32)
    (loop $more
      (local.set $byte (i32.load8_u (global.get $at)))
      (global.set $at (i32.add (global.get $at) (i32.const 1)))
      (local.set $value (i32.or (local.get $value)
        (i32.shl (i32.and (local.get $byte) (i32.const 0x7f)) (local.get $shift))))
      (local.set $shift (i32.add (local.get $shift) (i32.const 7)))
      (br_if $more (i32.and (local.get $byte) (i32.const 0x80))))
    (local.get $value))

  ;; Reads the request and finds its second field, the id.
  (func $request (param $size i32)
    (local $tag i32)
    (drop (call $input_read (i32.const 65536) (local.get $size) (i32.const 0)))
    (global.set $at (i32.const 65536))
    (loop $next
      (local.set $tag (call $varint))
      (global.set $start (global.get $at))
      (global.set $len (call $varint))
      (if (i32.ne (local.get $tag) (i32.const 0x12))
        (then
          (global.set $at (i32.add (global.get $at) (global.get $len)))
          (br $next)))))

  ;; Makes the key of a method and the id; returns its length.
  (func $key (param $method i32) (result i32)
    (i32.store8 (i32.const 1024) (local.get $method))
    (memory.copy (i32.const 1025) (global.get $at) (global.get $len))
    (i32.add (global.get $len) (i32.const 1)))

  ;; Writes the version under a method and the id; returns a status.
  (func $note (param $method i32) (result i32)
    (select (i32.const 9) (i32.const 0) (i32.lt_s
      (call $kv_put (i32.const 1024) (call $key (local.get $method)) (i32.const 3) (i32.const 1)) (i32.const 0))))

  (func (export "lookup_credentials") (param $size i32) (result i32)
    (call $request (local.get $size))
    (drop (call $output_write (i32.const 0) (i32.const 1)))
    (drop (call $output_write (global.get $start)
      (i32.sub (i32.add (global.get $at) (global.get $len)) (global.get $start))))
    (drop (call $output_write (i32.const 1) (i32.const 5)))
    (call $note (i32.const 108)))

  (func (export "mark_credentials_in_use") (param $size i32) (result i32)
    (call $request (local.get $size))
    (if (i32.ne (call $kv_get (i32.const 1024) (call $key (i32.const 108)) (i32.const 16) (i32.const 1)) (i32.const 1))
      (then (return (i32.const 5))))
    (if (i32.ne (i32.load8_u (i32.const 16)) (i32.load8_u (i32.const 3)))
      (then (return (i32.const 5))))
    (call $note (i32.const 109))))

;; A correct service that keeps its credentials in kv: the key is the id, the
;; value is the Credentials message as it was provided.
;; Expected: lookup answers what was provided, with the status that was marked
;; last, or nothing for an unknown id; marking an unknown id answers NOT_FOUND;
;; a proof holds if it is the body.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (import "cred_v1" "kv_get" (func $kv_get (param i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "kv_put" (func $kv_put (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 6)
  ;; 65536: the request, up to 128 KiB; 196608: a record, up to 64 KiB and more
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"kv-echo\",\"version\":\"1.0.0\",\"capabilities\":{\"kv\":{}}}")

  (global $at (mut i32) (i32.const 0))  ;; of the next byte to read
  (global $len (mut i32) (i32.const 0)) ;; of the field that was found, or its value

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

  ;; Finds a field by its tag between two addresses: sets $at and $len to its
  ;; content, or $at to the number itself for tags of wire type 0.
  (func $find (param $from i32) (param $end i32) (param $wanted i32) (result i32)
    (local $tag i32) (local $start i32)
    (global.set $at (local.get $from))
    (loop $next
      (if (i32.ge_u (global.get $at) (local.get $end)) (then (return (i32.const 0))))
      (local.set $tag (call $varint))
      (local.set $start (global.get $at))
      (global.set $len (call $varint))
      (if (i32.eq (local.get $tag) (local.get $wanted))
        (then
          (if (i32.eqz (i32.and (local.get $tag) (i32.const 7)))
            (then (global.set $at (local.get $start))))
          (return (i32.const 1))))
      (if (i32.and (local.get $tag) (i32.const 7))
        (then (global.set $at (i32.add (global.get $at) (global.get $len)))))
      (br $next))
    unreachable)

  (func $request (param $size i32)
    (drop (call $input_read (i32.const 65536) (local.get $size) (i32.const 0)))
    (if (i32.eqz (call $find (i32.const 65536) (i32.add (i32.const 65536) (local.get $size)) (i32.const 0x12)))
      (then unreachable)))

  ;; Reads the record of the id in the request; returns its length or -ENOENT.
  (func $record (param $size i32) (result i32)
    (call $request (local.get $size))
    (call $kv_get (global.get $at) (global.get $len) (i32.const 196608) (i32.const 131072)))

  (func (export "provide_credentials") (param $size i32) (result i32)
    (local $from i32) (local $count i32)
    (call $request (local.get $size))
    (local.set $from (global.get $at))
    (local.set $count (global.get $len))
    (if (i32.eqz (call $find (local.get $from) (i32.add (local.get $from) (local.get $count)) (i32.const 0x0a)))
      (then (return (i32.const 2))))
    (if (i32.lt_s (call $kv_put (global.get $at) (global.get $len) (local.get $from) (local.get $count)) (i32.const 0))
      (then (return (i32.const 9))))
    (drop (call $output_write (local.get $from) (local.get $count)))
    (i32.const 0))

  (func (export "lookup_credentials") (param $size i32) (result i32)
    (local $count i32)
    (local.set $count (call $record (local.get $size)))
    (if (i32.ge_s (local.get $count) (i32.const 0))
      (then (drop (call $output_write (i32.const 196608) (local.get $count)))))
    (i32.const 0))

  ;; Writes a status into the record; a record without one gets it at its end.
  (func $mark (param $size i32) (param $status i32) (result i32)
    (local $count i32) (local $key i32) (local $klen i32)
    (local.set $count (call $record (local.get $size)))
    (if (i32.lt_s (local.get $count) (i32.const 0)) (then (return (i32.const 3))))
    (local.set $key (global.get $at))
    (local.set $klen (global.get $len))
    (if (i32.eqz (call $find (i32.const 196608) (i32.add (i32.const 196608) (local.get $count)) (i32.const 0x18)))
      (then
        (global.set $at (i32.add (i32.const 196609) (local.get $count)))
        (i32.store8 offset=196608 (local.get $count) (i32.const 0x18))
        (local.set $count (i32.add (local.get $count) (i32.const 2)))))
    (i32.store8 (global.get $at) (local.get $status))
    (if (result i32)
      (i32.lt_s (call $kv_put (local.get $key) (local.get $klen) (i32.const 196608) (local.get $count)) (i32.const 0))
      (then (i32.const 9))
      (else (i32.const 0))))

  (func (export "mark_credentials_in_use") (param i32) (result i32) (call $mark (local.get 0) (i32.const 2)))
  (func (export "mark_credentials_revoked") (param i32) (result i32) (call $mark (local.get 0) (i32.const 3)))

  (func (export "verify_proof") (param $size i32) (result i32)
    (local $end i32) (local $body i32) (local $count i32)
    (call $request (local.get $size))
    (if (i32.eqz (call $find (global.get $at) (i32.add (global.get $at) (global.get $len)) (i32.const 0x12)))
      (then (return (i32.const 8))))
    (local.set $body (global.get $at))
    (local.set $count (global.get $len))
    (local.set $end (i32.add (i32.const 65536) (local.get $size)))
    (if (i32.eqz (call $find (i32.const 65536) (local.get $end) (i32.const 0x2a)))
      (then (return (i32.const 8))))
    (if (i32.ne (global.get $len) (local.get $count)) (then (return (i32.const 8))))
    (loop $next
      (if (i32.eqz (local.get $count)) (then (return (i32.const 0))))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br_if $next (i32.eq
        (i32.load8_u (i32.add (local.get $body) (local.get $count)))
        (i32.load8_u (i32.add (global.get $at) (local.get $count))))))
    (i32.const 8)))

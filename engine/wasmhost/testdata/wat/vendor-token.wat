;; Judges tokens of a vendor: the proof is the HMAC-SHA-256 of the challenge under
;; the secret "vendor". It knows every id, as AVAILABLE.
;; Expected: verify_proof answers OK for such a token and PERMISSION_DENIED for
;; any other; UNAVAILABLE when there is no secret or it cannot be read.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (import "cred_v1" "secret_hmac" (func $secret_hmac (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"vendor-token\",\"version\":\"1.0.0\",\"capabilities\":{\"secrets\":[\"vendor\"]}}")
  (data (i32.const 0) "vendor")
  (data (i32.const 16) "\18\01")
  ;; 1024: the token that is right; 65536: the request, up to 128 KiB

  (global $at (mut i32) (i32.const 0))  ;; of the next byte to read
  (global $len (mut i32) (i32.const 0)) ;; of the field that was found, 0 for none

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

  ;; Sets $at and $len to the content of the field with a tag. All fields of
  ;; requests are length-delimited.
  (func $find (param $size i32) (param $wanted i32)
    (local $end i32) (local $tag i32)
    (global.set $at (i32.const 65536))
    (local.set $end (i32.add (i32.const 65536) (local.get $size)))
    (loop $next
      (if (i32.ge_u (global.get $at) (local.get $end))
        (then (global.set $len (i32.const 0)) (return)))
      (local.set $tag (call $varint))
      (global.set $len (call $varint))
      (if (i32.eq (local.get $tag) (local.get $wanted)) (then (return)))
      (global.set $at (i32.add (global.get $at) (global.get $len)))
      (br $next)))

  (func (export "lookup_credentials") (param $size i32) (result i32)
    (local $from i32)
    (drop (call $input_read (i32.const 65536) (local.get $size) (i32.const 0)))
    (call $find (local.get $size) (i32.const 0x12))
    ;; The tag and the length of field 1 go before the id; there is room, of
    ;; field 1 of the request.
    (if (i32.lt_u (global.get $len) (i32.const 128))
      (then
        (local.set $from (i32.sub (global.get $at) (i32.const 2)))
        (i32.store8 offset=1 (local.get $from) (global.get $len)))
      (else
        (local.set $from (i32.sub (global.get $at) (i32.const 3)))
        (i32.store8 offset=1 (local.get $from) (i32.or (global.get $len) (i32.const 0x80)))
        (i32.store8 offset=2 (local.get $from) (i32.shr_u (global.get $len) (i32.const 7)))))
    (i32.store8 (local.get $from) (i32.const 0x0a))
    (drop (call $output_write (local.get $from)
      (i32.sub (i32.add (global.get $at) (global.get $len)) (local.get $from))))
    (drop (call $output_write (i32.const 16) (i32.const 2)))
    (i32.const 0))

  (func (export "verify_proof") (param $size i32) (result i32)
    (local $count i32) (local $differ i32)
    (drop (call $input_read (i32.const 65536) (local.get $size) (i32.const 0)))
    (call $find (local.get $size) (i32.const 0x22))
    (if (i32.ne (i32.const 32) (call $secret_hmac (i32.const 0) (i32.const 6) (i32.const 1)
        (global.get $at) (global.get $len) (i32.const 1024) (i32.const 32)))
      (then (return (i32.const 7))))
    (call $find (local.get $size) (i32.const 0x2a))
    (if (i32.ne (global.get $len) (i32.const 32)) (then (return (i32.const 8))))
    (local.set $count (i32.const 32))
    (loop $next ;; all bytes, whatever the first ones are
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (local.set $differ (i32.or (local.get $differ) (i32.xor
        (i32.load8_u (i32.add (i32.const 1024) (local.get $count)))
        (i32.load8_u (i32.add (global.get $at) (local.get $count))))))
      (br_if $next (local.get $count)))
    (select (i32.const 8) (i32.const 0) (local.get $differ))))

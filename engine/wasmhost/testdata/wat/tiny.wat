;; The smallest correct service: it knows every id, with a fixed body, and
;; accepts whatever it is given. It keeps nothing.
;; Expected: lookup answers {id asked for, body "fixed", AVAILABLE}, provide
;; answers what was provided, the marks succeed, configure accepts anything.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  ;; 0: the end of the answer, body (field 2) and status (field 3)
  (data (i32.const 0) "\12\05fixed\18\01")
  ;; 65536: the request, up to 128 KiB

  (global $at (mut i32) (i32.const 0))  ;; of the next byte to read
  (global $len (mut i32) (i32.const 0)) ;; of the field that was found

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

  ;; Reads the request and sets $at and $len to the content of field 2, the id
  ;; or the credentials; all fields of requests are length-delimited.
  (func $second (param $size i32)
    (local $end i32) (local $tag i32)
    (drop (call $input_read (i32.const 65536) (local.get $size) (i32.const 0)))
    (global.set $at (i32.const 65536))
    (local.set $end (i32.add (i32.const 65536) (local.get $size)))
    (loop $next
      (if (i32.ge_u (global.get $at) (local.get $end)) (then unreachable))
      (local.set $tag (call $varint))
      (global.set $len (call $varint))
      (if (i32.ne (local.get $tag) (i32.const 0x12))
        (then
          (global.set $at (i32.add (global.get $at) (global.get $len)))
          (br $next)))))

  ;; Puts the tag and the length of field 1 before the id that was found, and
  ;; returns where they begin. There is always room: field 1 of the request.
  (func $id_field (result i32)
    (local $from i32)
    (if (i32.lt_u (global.get $len) (i32.const 128))
      (then
        (local.set $from (i32.sub (global.get $at) (i32.const 2)))
        (i32.store8 offset=1 (local.get $from) (global.get $len)))
      (else
        (local.set $from (i32.sub (global.get $at) (i32.const 3)))
        (i32.store8 offset=1 (local.get $from) (i32.or (global.get $len) (i32.const 0x80)))
        (i32.store8 offset=2 (local.get $from) (i32.shr_u (global.get $len) (i32.const 7)))))
    (i32.store8 (local.get $from) (i32.const 0x0a))
    (local.get $from))

  (func (export "cred_configure") (param i32) (result i32) (i32.const 0))

  (func (export "lookup_credentials") (param $size i32) (result i32)
    (local $from i32)
    (call $second (local.get $size))
    (local.set $from (call $id_field))
    (drop (call $output_write (local.get $from)
      (i32.sub (i32.add (global.get $at) (global.get $len)) (local.get $from))))
    (drop (call $output_write (i32.const 0) (i32.const 9)))
    (i32.const 0))

  (func (export "provide_credentials") (param $size i32) (result i32)
    (call $second (local.get $size))
    (drop (call $output_write (global.get $at) (global.get $len)))
    (i32.const 0))

  (func (export "mark_credentials_in_use") (param i32) (result i32) (i32.const 0))
  (func (export "mark_credentials_revoked") (param i32) (result i32) (i32.const 0))
  (func (export "verify_proof") (param i32) (result i32) (i32.const 0)))

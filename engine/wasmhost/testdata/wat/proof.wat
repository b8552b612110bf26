;; A service that judges proofs and keeps in kv, under the id, the last one that
;; held: the body of the credentials, which are always AVAILABLE. The first byte
;; of a proof says what to do with it, after it was kept.
;; Expected: lookup answers the last proof that held; verify_proof answers by
;; the first byte of the proof: "y" it holds, "=" it holds if the challenge is
;; the body, "n" it does not (with a reason), "m" it is malformed, "f" NOT_FOUND,
;; "a" ALREADY_EXISTS, "u" UNSUPPORTED, "-" -1; "t" traps, "s" spins, "o" answers
;; OK with an output; anything else UNAVAILABLE. Nothing but "y" and "=" writes.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (import "cred_v1" "error_write" (func $error_write (param i32 i32) (result i32)))
  (import "cred_v1" "kv_get" (func $kv_get (param i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "kv_put" (func $kv_put (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 8)
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"proof\",\"version\":\"1.0.0\",\"capabilities\":{\"kv\":{}}}")
  (data (i32.const 0) "the code is wrong")
  ;; 1024: the end of an answer, body (field 2) and status (field 3)
  ;; 65536: the request, up to 128 KiB; 262144: a body

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

  ;; Sets $at and $len to the content of the field with a tag.
  (func $find (param $from i32) (param $size i32) (param $wanted i32)
    (local $end i32) (local $tag i32)
    (global.set $at (local.get $from))
    (local.set $end (i32.add (local.get $from) (local.get $size)))
    (loop $next
      (if (i32.ge_u (global.get $at) (local.get $end))
        (then (global.set $len (i32.const 0)) (return)))
      (local.set $tag (call $varint))
      (global.set $len (call $varint))
      (if (i32.eq (local.get $tag) (local.get $wanted)) (then (return)))
      (if (i32.and (local.get $tag) (i32.const 7))
        (then (global.set $at (i32.add (global.get $at) (global.get $len)))))
      (br $next)))

  (func (export "lookup_credentials") (param $size i32) (result i32)
    (local $from i32) (local $count i32)
    (drop (call $input_read (i32.const 65536) (local.get $size) (i32.const 0)))
    (call $find (i32.const 65536) (local.get $size) (i32.const 0x12))
    (local.set $count (call $kv_get (global.get $at) (global.get $len) (i32.const 262144) (i32.const 127)))
    ;; the id, as field 1: shorter than 128 bytes in the tests of this module
    (local.set $from (i32.sub (global.get $at) (i32.const 2)))
    (i32.store8 (local.get $from) (i32.const 0x0a))
    (i32.store8 offset=1 (local.get $from) (global.get $len))
    (drop (call $output_write (local.get $from) (i32.add (global.get $len) (i32.const 2))))
    (if (i32.gt_s (local.get $count) (i32.const 0))
      (then
        (i32.store8 (i32.const 1024) (i32.const 0x12))
        (i32.store8 (i32.const 1025) (local.get $count))
        (drop (call $output_write (i32.const 1024) (i32.const 2)))
        (drop (call $output_write (i32.const 262144) (local.get $count)))))
    (i32.store8 (i32.const 1024) (i32.const 0x18))
    (i32.store8 (i32.const 1025) (i32.const 1))
    (drop (call $output_write (i32.const 1024) (i32.const 2)))
    (i32.const 0))

  (func $equal (param $a i32) (param $alen i32) (param $b i32) (param $blen i32) (result i32)
    (if (i32.ne (local.get $alen) (local.get $blen)) (then (return (i32.const 0))))
    (loop $next
      (if (i32.eqz (local.get $alen)) (then (return (i32.const 1))))
      (local.set $alen (i32.sub (local.get $alen) (i32.const 1)))
      (br_if $next (i32.eq
        (i32.load8_u (i32.add (local.get $a) (local.get $alen)))
        (i32.load8_u (i32.add (local.get $b) (local.get $alen))))))
    (i32.const 0))

  (func $refuse (result i32)
    (drop (call $error_write (i32.const 0) (i32.const 17)))
    (i32.const 8))

  (func (export "verify_proof") (param $size i32) (result i32)
    (local $credentials i32) (local $clen i32) (local $body i32) (local $blen i32)
    (local $proof i32) (local $plen i32) (local $first i32)
    (drop (call $input_read (i32.const 65536) (local.get $size) (i32.const 0)))
    (call $find (i32.const 65536) (local.get $size) (i32.const 0x12))
    (local.set $credentials (global.get $at))
    (local.set $clen (global.get $len))
    (call $find (local.get $credentials) (local.get $clen) (i32.const 0x12))
    (local.set $body (global.get $at))
    (local.set $blen (global.get $len))
    (call $find (i32.const 65536) (local.get $size) (i32.const 0x2a))
    (local.set $proof (global.get $at))
    (local.set $plen (global.get $len))
    (local.set $first (i32.load8_u (local.get $proof)))
    ;; the id, then keep the proof under it
    (call $find (local.get $credentials) (local.get $clen) (i32.const 0x0a))
    (if (i32.ne (call $kv_put (global.get $at) (global.get $len) (local.get $proof) (local.get $plen)) (i32.const 0))
      (then (return (i32.const 9))))
    (if (i32.eq (local.get $first) (i32.const 0x79)) (then (return (i32.const 0)))) ;; y
    (if (i32.eq (local.get $first) (i32.const 0x3d)) ;; =
      (then
        (call $find (i32.const 65536) (local.get $size) (i32.const 0x22))
        (if (call $equal (global.get $at) (global.get $len) (local.get $body) (local.get $blen))
          (then (return (i32.const 0))))
        (return (call $refuse))))
    (if (i32.eq (local.get $first) (i32.const 0x6e)) (then (return (call $refuse)))) ;; n
    (if (i32.eq (local.get $first) (i32.const 0x6d)) (then (return (i32.const 2)))) ;; m
    (if (i32.eq (local.get $first) (i32.const 0x66)) (then (return (i32.const 3)))) ;; f
    (if (i32.eq (local.get $first) (i32.const 0x61)) (then (return (i32.const 4)))) ;; a
    (if (i32.eq (local.get $first) (i32.const 0x75)) (then (return (i32.const 6)))) ;; u
    (if (i32.eq (local.get $first) (i32.const 0x2d)) (then (return (i32.const -1)))) ;; -
    (if (i32.eq (local.get $first) (i32.const 0x74)) (then unreachable)) ;; t
    (if (i32.eq (local.get $first) (i32.const 0x73)) (then (loop $spin (br $spin)))) ;; s
    (if (i32.eq (local.get $first) (i32.const 0x6f)) ;; o
      (then (drop (call $output_write (local.get $proof) (local.get $plen))) (return (i32.const 0))))
    (i32.const 7)))

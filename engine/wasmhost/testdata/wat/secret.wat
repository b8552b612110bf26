;; Keeps the request of each call wherever a module can keep something: in its
;; memory, in pages that it grows, on both sides of a page, in a global of
;; each type. The table stays as it is.
;; Expected: lookup answers {id "x"} with a body of one byte per place, 0 when
;; nothing of an earlier call is there: memory, grown memory, the size of the
;; memory, globals. For single use the answer is always zeros.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 3)
  (func (export "cred_abi_v1"))
  ;; 0: id "x", status AVAILABLE, a body of four bytes at 7
  (data (i32.const 0) "\0a\01x\18\01\12\04")
  (global $i (mut i32) (i32.const 0))
  (global $l (mut i64) (i64.const 0))
  (global $f (mut f32) (f32.const 0))
  (global $d (mut f64) (f64.const 0))
  (global $v (mut v128) (v128.const i64x2 0 0))
  (global $r (mut funcref) (ref.null func))
  (elem declare func $mark)
  (func $mark)
  (func (export "cred_configure") (param i32) (result i32)
    ;; what is done here stays
    (i32.store (i32.const 131072) (i32.const 0x5afe))
    (drop (memory.grow (i32.const 2)))
    (i32.const 0))
  (func (export "lookup_credentials") (param $size i32) (result i32)
    (local $grown i32)
    (if (i32.ne (i32.load (i32.const 131072)) (i32.const 0x5afe)) (then unreachable))
    ;; memory
    (i32.store8 (i32.const 7) (i32.or (i32.load8_u (i32.const 1000)) (i32.load8_u (i32.const 135168))))
    ;; what was grown: 5 pages after the start
    (i32.store8 (i32.const 9) (i32.ne (memory.size) (i32.const 5)))
    (local.set $grown (memory.grow (i32.const 1)))
    (i32.store8 (i32.const 8) (i32.load8_u (i32.shl (local.get $grown) (i32.const 16))))
    ;; globals
    (i32.store8 (i32.const 10)
      (i32.or (i32.or (global.get $i) (i32.wrap_i64 (global.get $l)))
        (i32.or (i32.or (i32.trunc_f32_u (global.get $f)) (i32.trunc_f64_u (global.get $d)))
          (i32.or (v128.any_true (global.get $v)) (i32.eqz (ref.is_null (global.get $r)))))))
    ;; keep
    (drop (call $input_read (i32.const 1000) (local.get $size) (i32.const 0)))
    (drop (call $input_read (i32.const 135168) (local.get $size) (i32.const 0)))
    (drop (call $input_read (i32.shl (local.get $grown) (i32.const 16)) (local.get $size) (i32.const 0)))
    (global.set $i (i32.const 1))
    (global.set $l (i64.const 2))
    (global.set $f (f32.const 4))
    (global.set $d (f64.const 8))
    (global.set $v (i64x2.splat (i64.const 1)))
    (global.set $r (ref.func $mark))
    (drop (call $output_write (i32.const 0) (i32.const 11)))
    (i32.const 0)))

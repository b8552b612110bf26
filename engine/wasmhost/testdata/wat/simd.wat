;; Works with vectors, for comparing a metered module with its original.
;; Expected: the same result from both.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "mix") (param $n i32) (result i32)
    (local $v v128)
    (loop $again
      (local.set $v (i16x8.add (i16x8.abs (local.get $v)) (i8x16.shuffle 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0
        (local.get $v) (i32x4.splat (local.get $n)))))
      (v128.store (i32.const 16) (local.get $v))
      (local.set $v (v128.load16_lane offset=16 3 (i32.const 2) (local.get $v)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add (i32x4.extract_lane 0 (local.get $v)) (i32x4.extract_lane 3 (local.get $v))))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

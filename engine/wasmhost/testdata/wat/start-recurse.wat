;; The start section recurses without loops (case B2).
;; Expected: refused at upload: the start takes too long.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $twice (param $depth i32)
    (if (local.get $depth)
      (then
        (call $twice (i32.sub (local.get $depth) (i32.const 1)))
        (call $twice (i32.sub (local.get $depth) (i32.const 1))))))
  (func $main (call $twice (i32.const 1000)))
  (start $main)
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

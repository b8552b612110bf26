;; Two functions call each other through a table, twice each, without any loop (case C3).
;; Expected: the call ends at its deadline, the instance is thrown away.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (table 2 funcref)
  (elem (i32.const 0) $ping $pong)
  (type $step (func (param i32)))
  (func $ping (param $depth i32)
    (if (local.get $depth)
      (then
        (call_indirect (type $step) (i32.sub (local.get $depth) (i32.const 1)) (i32.const 1))
        (call_indirect (type $step) (i32.sub (local.get $depth) (i32.const 1)) (i32.const 1)))))
  (func $pong (param $depth i32)
    (if (local.get $depth)
      (then
        (call_indirect (type $step) (i32.sub (local.get $depth) (i32.const 1)) (i32.const 0))
        (call_indirect (type $step) (i32.sub (local.get $depth) (i32.const 1)) (i32.const 0)))))
  (func (export "lookup_credentials") (param i32) (result i32)
    (call $ping (i32.const 1000))
    (i32.const 0)))

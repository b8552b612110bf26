;; Keeps what it has seen in a table, and drops a segment: what the host cannot
;; bring back.
;; Expected: lookup answers {id "x"} with a body of two bytes, 0 when nothing of
;; an earlier call is there: the table, the segment. For single use the answer
;; is always zeros.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (table $t 1 4 funcref)
  (elem declare func $mark)
  (func $mark)
  (data (i32.const 0) "\0a\01x\18\01\12\02")
  (data $once "once")
  (func $present (result i32) ;; of the segment
    (memory.init $once (i32.const 100) (i32.const 0) (i32.const 4))
    (i32.const 1))
  (global $dropped (mut i32) (i32.const 0))
  (func (export "lookup_credentials") (param i32) (result i32)
    (i32.store8 (i32.const 7) (i32.or (i32.eqz (ref.is_null (table.get $t (i32.const 0)))) (i32.ne (table.size $t) (i32.const 1))))
    (i32.store8 (i32.const 8) (global.get $dropped))
    (if (i32.eqz (global.get $dropped)) (then (drop (call $present))))
    (data.drop $once)
    (global.set $dropped (i32.const 1))
    (table.set $t (i32.const 0) (ref.func $mark))
    (drop (table.grow $t (ref.func $mark) (i32.const 1)))
    (drop (call $output_write (i32.const 0) (i32.const 9)))
    (i32.const 0)))

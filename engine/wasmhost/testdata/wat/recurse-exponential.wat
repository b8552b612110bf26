;; Calls itself twice, to a depth of 1000, without any loop (case C2).
;; Expected: the call ends at its deadline, the instance is thrown away.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $twice (param $depth i32)
    (if (local.get $depth)
      (then
        (call $twice (i32.sub (local.get $depth) (i32.const 1)))
        (call $twice (i32.sub (local.get $depth) (i32.const 1))))))
  (func (export "lookup_credentials") (param i32) (result i32)
    (call $twice (i32.const 1000))
    (i32.const 0)))

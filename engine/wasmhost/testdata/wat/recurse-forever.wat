;; Calls itself without end (case C4).
;; Expected: the stack overflows or the deadline passes, the instance is thrown away.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $deeper (param i32) (result i32)
    (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func (export "lookup_credentials") (param i32) (result i32) (call $deeper (i32.const 0))))

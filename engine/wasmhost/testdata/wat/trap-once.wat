;; Traps on the first call of each instance and answers not found afterwards (case H1).
;; Expected: every call is a refusal: a trapped instance is never used again.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (global $called (mut i32) (i32.const 0))
  (func (export "lookup_credentials") (param i32) (result i32)
    (if (i32.eqz (global.get $called))
      (then (global.set $called (i32.const 1)) unreachable))
    (i32.const 0)))

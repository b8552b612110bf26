;; Grows a table by a billion entries (case D4), then by a hundred at a time.
;; Expected: the growth fails at the cap; answers not found.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (table $t 1 funcref)
  (func (export "lookup_credentials") (param i32) (result i32)
    (if (i32.ne (table.grow $t (ref.null func) (i32.const 1000000000)) (i32.const -1)) (then unreachable))
    (loop $again
      (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 100)) (i32.const -1))))
    (i32.const 0)))

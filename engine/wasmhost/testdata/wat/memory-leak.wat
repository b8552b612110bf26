;; Loses a page of memory on each call and traps when there is no more (case D5).
;; Expected: the service stays up, since instances are recycled.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32)
    (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
    (i32.const 0)))

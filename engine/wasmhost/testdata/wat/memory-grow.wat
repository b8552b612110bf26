;; Grows the memory page by page without end (cases D1, D2).
;; Expected: the growth fails at the cap, the call ends at its deadline.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32)
    (loop $again (drop (memory.grow (i32.const 1))) (br $again))
    unreachable))

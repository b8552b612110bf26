;; The start section spins (case B1).
;; Expected: refused at upload: the start takes too long.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $main (loop $again (br $again)))
  (start $main)
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

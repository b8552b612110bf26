;; Imports a function from a module of the host that is not for guests.
;; Expected: refused at upload, naming the import.
(module
  (import "meter" "refuel" (func))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

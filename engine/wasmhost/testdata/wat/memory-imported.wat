;; The memory is imported (case A6).
;; Expected: refused at upload: only functions can be imported.
(module
  (import "env" "memory" (memory 1))
  (export "memory" (memory 0))
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

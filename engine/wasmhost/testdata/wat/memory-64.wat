;; proposals
;; The memory is 64-bit (case A6).
;; Expected: refused at upload: compile for wasm32.
(module
  (memory (export "memory") i64 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

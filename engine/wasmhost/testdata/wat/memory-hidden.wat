;; The memory is not exported (case A6).
;; Expected: refused at upload: the memory is not exported.
(module
  (memory 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

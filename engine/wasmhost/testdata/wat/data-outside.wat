;; A data segment lies beyond the memory (case A12).
;; Expected: refused at upload: the start failed.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (data (i32.const 65530) "beyond the end")
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

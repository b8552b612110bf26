;; The memory starts with 4 GiB (case A6).
;; Expected: refused at upload: over the memory limit.
(module
  (memory (export "memory") 65536)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

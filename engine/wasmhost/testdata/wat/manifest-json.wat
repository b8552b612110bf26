;; The manifest is not JSON (case A13).
;; Expected: refused at upload: the manifest cannot be read.
(module
  (@custom "cred.manifest" "{abi: 1}")
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

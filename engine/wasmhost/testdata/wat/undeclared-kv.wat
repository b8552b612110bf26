;; Imports kv without asking for it in a manifest (case A14).
;; Expected: refused at upload: the capability is not declared.
(module
  (import "cred_v1" "kv_get" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

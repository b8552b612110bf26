;; cred_configure answers with a negative status (case B6).
;; Expected: refused at deployment: a violation of the ABI.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "cred_configure") (param i32) (result i32) (i32.const -1))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

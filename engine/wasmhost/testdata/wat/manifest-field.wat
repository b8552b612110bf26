;; The manifest has an unknown field (case A13).
;; Expected: refused at upload, naming the field.
(module
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"x\",\"version\":\"1\",\"sudo\":true}")
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

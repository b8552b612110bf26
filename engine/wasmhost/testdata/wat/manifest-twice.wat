;; Has two manifests (case A13).
;; Expected: refused at upload: the manifest occurs twice.
(module
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"one\",\"version\":\"1\"}")
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"two\",\"version\":\"2\"}")
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

;; Asks for http, which is not built yet.
;; Expected: refused at upload with that reason.
(module
  (import "cred_v1" "http_call" (func (param i32 i32) (result i32)))
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"caller\",\"version\":\"1\",\"capabilities\":{\"http\":[{\"url\":\"https://example.com/\",\"methods\":[\"GET\"]}]}}")
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

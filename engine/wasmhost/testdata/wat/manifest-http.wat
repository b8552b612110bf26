;; Asks for http at an address in an unusual form (case G1).
;; Expected: refused at upload with that reason.
(module
  (import "cred_v1" "http_call" (func (param i32 i32) (result i32)))
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"caller\",\"version\":\"1\",\"capabilities\":{\"http\":[{\"url\":\"http://2130706433/\",\"methods\":[\"GET\"]}]}}")
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

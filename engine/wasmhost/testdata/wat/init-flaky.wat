;; _initialize traps two times out of three (case B7).
;; Expected: each call gets an answer or a refusal with an incident; an instance
;; that came through serves on.
(module
  (import "cred_v1" "random_fill" (func $random_fill (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"init-flaky\",\"version\":\"1\",\"capabilities\":{\"random\":{}}}")
  (func (export "cred_abi_v1"))
  (func (export "_initialize")
    (drop (call $random_fill (i32.const 0) (i32.const 4)))
    (if (i32.rem_u (i32.load (i32.const 0)) (i32.const 3)) (then unreachable)))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

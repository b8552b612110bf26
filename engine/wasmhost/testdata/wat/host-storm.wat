;; Calls a cheap host function without end (case C6).
;; Expected: a violation after the number of host calls that an operation may make.
(module
  (import "cred_v1" "deadline_ms" (func $deadline_ms (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32)
    (loop $again (drop (call $deadline_ms)) (br $again))
    unreachable))

;; Asks without end whether a log level is on (case C7).
;; Expected: a violation after the number of host calls that an operation may make.
(module
  (import "cred_v1" "log_enabled" (func $log_enabled (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32)
    (loop $again (drop (call $log_enabled (i32.const 0))) (br $again))
    unreachable))

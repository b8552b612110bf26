;; proposals
;; Ends in a tail call (case A17).
;; Expected: refused at upload: tail calls are not supported.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $other (param i32) (result i32) (i32.const 0))
  (func (export "lookup_credentials") (param i32) (result i32) (return_call $other (local.get 0))))

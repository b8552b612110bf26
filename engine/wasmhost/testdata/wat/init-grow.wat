;; _initialize grows the memory as far as it can (case B4).
;; Expected: accepted; the memory stays under its cap.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "_initialize")
    (loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

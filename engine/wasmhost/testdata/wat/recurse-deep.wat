;; Calls itself a thousand times for each byte of the request, and returns
;; (case C4).
;; Expected: lookup answers not found, and the instance does not keep a deep
;; stack; a request of 300 bytes overflows it.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $deeper (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 0))
      (else (i32.add (call $deeper (i32.sub (local.get 0) (i32.const 1))) (i32.const 0)))))
  (func (export "lookup_credentials") (param $size i32) (result i32)
    (call $deeper (i32.mul (local.get $size) (i32.const 1000)))))

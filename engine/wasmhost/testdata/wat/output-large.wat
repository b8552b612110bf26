;; Writes 128 KiB, then a byte more (case E8), and checks that only the second is refused with -E2BIG.
;; Expected: a violation for lookup, since 128 KiB of zeros are no message; a trap if the host counts wrongly.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 3)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32)
    (if (i32.lt_s (call $output_write (i32.const 0) (i32.const 131072)) (i32.const 0)) (then unreachable))
    (if (i32.ne (call $output_write (i32.const 0) (i32.const 1)) (i32.const -7)) (then unreachable))
    (i32.const 0)))

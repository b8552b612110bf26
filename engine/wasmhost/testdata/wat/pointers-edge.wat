;; Passes memory to the host that is just legal, and reads beyond the request (cases E1, E5, E7).
;; Expected: answers not found; a trap if the host takes one of them for an error.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param $size i32) (result i32)
    (if (call $output_write (i32.const 0) (i32.const 0)) (then unreachable))
    (if (call $output_write (i32.const 65536) (i32.const 0)) (then unreachable))
    (if (call $input_read (i32.const 0) (i32.const 0) (i32.const 0)) (then unreachable))
    (if (i32.ne (call $input_read (i32.const 65535) (i32.const 1) (i32.const 0)) (i32.const 1)) (then unreachable))
    (if (call $input_read (i32.const 0) (i32.const 16) (local.get $size)) (then unreachable))
    (i32.const 0)))

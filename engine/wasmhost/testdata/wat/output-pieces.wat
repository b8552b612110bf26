;; Lookup writes its answer, {id "x", AVAILABLE}, byte by byte, from every
;; corner of its memory and over its own request (cases E6, E8).
;; Expected: the answer is taken.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func $write (param $at i32) (param $byte i32)
    (i32.store8 (local.get $at) (local.get $byte))
    (if (i32.ne (call $output_write (local.get $at) (i32.const 1)) (i32.const 1)) (then unreachable)))
  (func (export "lookup_credentials") (param $size i32) (result i32)
    (drop (call $input_read (i32.const 0) (local.get $size) (i32.const 0)))
    (call $write (i32.const 0) (i32.const 0x0a))
    (drop (call $input_read (i32.const 0) (local.get $size) (i32.const 0)))
    (call $write (i32.const 65535) (i32.const 1))
    (call $write (i32.const 0) (i32.const 0x78))
    (call $write (i32.const 1) (i32.const 0x18))
    (call $write (i32.const 65535) (i32.const 1))
    (i32.const 0)))

;; Lookup answers with 64 Ki unknown fields, as many as an answer can hold, and
;; nothing that is known (case E14).
;; Expected: a violation, in little time; the instance is thrown away.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32)
    (local $at i32)
    (loop $more
      (i32.store16 (local.get $at) (i32.const 0x0178)) ;; field 15, the number 1
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (br_if $more (i32.lt_u (local.get $at) (i32.const 131072))))
    (drop (call $output_write (i32.const 0) (i32.const 131072)))
    (i32.const 0)))

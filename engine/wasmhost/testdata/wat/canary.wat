;; Answers {id "x"} with a body that is the application which this instance saw first (case F2).
;; Expected: an application never sees another one there.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (global $seen (mut i32) (i32.const 0))
  ;; 0: the start of the answer and the tag of the body; 6: field 1 of the
  ;; first request, length and application id of at most 127 bytes
  (data (i32.const 0) "\0a\01x\18\01\12")
  (func (export "lookup_credentials") (param $size i32) (result i32)
    (if (i32.eqz (global.get $seen))
      (then
        (global.set $seen (i32.const 1))
        (drop (call $input_read (i32.const 6) (i32.const 128) (i32.const 1)))))
    (drop (call $output_write (i32.const 0) (i32.add (i32.const 7) (i32.load8_u (i32.const 6)))))
    (i32.const 0)))

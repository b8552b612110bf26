;; Grows the memory by 65535 pages at once (case D3), then by one.
;; Expected: the first growth fails; answers not found. Any other outcome traps.
(module
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  (func (export "lookup_credentials") (param i32) (result i32)
    (if (i32.ne (memory.grow (i32.const 65535)) (i32.const -1)) (then unreachable))
    (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
    (i32.const 0)))

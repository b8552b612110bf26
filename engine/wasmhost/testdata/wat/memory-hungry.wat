;; Takes all the memory that it can get, page by page, and writes to each page
;; (cases D6, D7). It keeps what it has.
;; Expected: lookup answers {id "x"} with a body of four bytes: the pages that
;; it has now.
(module
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cred_abi_v1"))
  ;; 0: id "x", status AVAILABLE, a body of four bytes at 7
  (data (i32.const 0) "\0a\01x\18\01\12\04")
  (func (export "lookup_credentials") (param i32) (result i32)
    (local $page i32)
    (loop $more
      (local.set $page (memory.grow (i32.const 1)))
      (if (i32.ne (local.get $page) (i32.const -1))
        (then
          (i64.store (i32.shl (local.get $page) (i32.const 16)) (i64.const -1))
          (i64.store offset=4096 (i32.shl (local.get $page) (i32.const 16)) (i64.const -1))
          (i64.store offset=8192 (i32.shl (local.get $page) (i32.const 16)) (i64.const -1))
          (i64.store offset=32768 (i32.shl (local.get $page) (i32.const 16)) (i64.const -1))
          (br $more))))
    (i32.store (i32.const 7) (memory.size))
    (drop (call $output_write (i32.const 0) (i32.const 11)))
    (i32.const 0)))

;; Takes the id for a URL and gets it; tests put their rules in the place of the
;; manifest's.
;; Expected: lookup answers AVAILABLE with the encoded HttpResponse as body. An
;; error number becomes a status: PERMISSION_DENIED for EPERM, UNAVAILABLE for
;; EAGAIN, INVALID_ARGUMENT for EINVAL, RESOURCE_EXHAUSTED for others. On trial,
;; and for an id that is no URL, the answer is empty.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (import "cred_v1" "http_call" (func $http_call (param i32 i32) (result i32)))
  (import "cred_v1" "result_read" (func $result_read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"http-get\",\"version\":\"1\",\"capabilities\":{\"http\":[{\"url\":\"http://127.0.0.1/\"}]}}")
  (data (i32.const 0) "\0a\03GET\12")
  (data (i32.const 300) "\0a")
  (data (i32.const 600) "\12")
  (data (i32.const 610) "\18\01")

  (func (export "cred_abi_v1"))

  ;; Writes a varint after an address and returns what follows it.
  (func $varint (param $at i32) (param $n i32) (result i32)
    (loop $more
      (if (i32.ge_u (local.get $n) (i32.const 128)) (then
        (i32.store8 (local.get $at) (i32.or (local.get $n) (i32.const 128)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $n (i32.shr_u (local.get $n) (i32.const 7)))
        (br $more))))
    (i32.store8 (local.get $at) (local.get $n))
    (i32.add (local.get $at) (i32.const 1)))

  (func $status (param $result i32) (result i32)
    (if (i32.eq (local.get $result) (i32.const -1)) (then (return (i32.const 8))))
    (if (i32.eq (local.get $result) (i32.const -11)) (then (return (i32.const 7))))
    (if (i32.eq (local.get $result) (i32.const -22)) (then (return (i32.const 2))))
    (i32.const 9))

  (func (export "lookup_credentials") (param $size i32) (result i32)
    (local $id i32) (local $len i32) (local $end i32) (local $handle i32)
    ;; The request begins with the application's id, shorter than 128 bytes.
    (drop (call $input_read (i32.const 1024) (local.get $size) (i32.const 0)))
    (local.set $id (i32.add (i32.const 1026) (i32.load8_u (i32.const 1025))))
    (local.set $len (i32.load8_u offset=1 (local.get $id)))
    (local.set $id (i32.add (local.get $id) (i32.const 2)))
    (if (i32.ge_u (local.get $len) (i32.const 128)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load8_u (local.get $id)) (i32.const 104)) (then (return (i32.const 0))))
    (local.set $end (call $varint (i32.const 6) (local.get $len)))
    (memory.copy (local.get $end) (local.get $id) (local.get $len))
    (local.set $handle (call $http_call (i32.const 0) (i32.add (local.get $end) (local.get $len))))
    (if (i32.lt_s (local.get $handle) (i32.const 0)) (then (return (call $status (local.get $handle)))))
    (local.set $size (call $result_read (local.get $handle) (i32.const 65536) (i32.const 131072) (i32.const 0)))
    (drop (call $output_write (i32.const 300) (i32.sub (call $varint (i32.const 301) (local.get $len)) (i32.const 300))))
    (drop (call $output_write (local.get $id) (local.get $len)))
    (drop (call $output_write (i32.const 600) (i32.sub (call $varint (i32.const 601) (local.get $size)) (i32.const 600))))
    (drop (call $output_write (i32.const 65536) (local.get $size)))
    (drop (call $output_write (i32.const 610) (i32.const 2)))
    (i32.const 0)))

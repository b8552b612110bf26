;; Uses kv before there is an operation (case B5), in _initialize and in
;; cred_configure.
;; Expected: each use is refused with -EPERM (-1), and the service serves; a trap
;; if the host lets one through.
(module
  (import "cred_v1" "kv_get" (func $kv_get (param i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "kv_put" (func $kv_put (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"init-calls\",\"version\":\"1\",\"capabilities\":{\"kv\":{}}}")
  (func (export "cred_abi_v1"))
  (func $refused (param $errno i32)
    (if (i32.ne (local.get $errno) (i32.const -1)) (then unreachable)))
  (func $try (export "_initialize")
    (call $refused (call $kv_get (i32.const 0) (i32.const 1) (i32.const 100) (i32.const 100)))
    (call $refused (call $kv_put (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))))
  (func (export "cred_configure") (param i32) (result i32) (call $try) (i32.const 0))
  (func (export "lookup_credentials") (param i32) (result i32) (i32.const 0)))

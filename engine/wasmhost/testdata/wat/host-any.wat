;; Calls the host function that the first byte of the input numbers, from 128 on
;; in the order below, with the seven numbers that follow (little-endian, four
;; bytes each). All of the input lies at address 256. Tests write the input; of
;; a request of the engine's it knows nothing.
;; Expected: the result, eight bytes, is the output; never anything but a number
;; or the end of the call.
(module
  (import "cred_v1" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
  (import "cred_v1" "output_write" (func $output_write (param i32 i32) (result i32)))
  (import "cred_v1" "error_write" (func $error_write (param i32 i32) (result i32)))
  (import "cred_v1" "log_write" (func $log_write (param i32 i32 i32) (result i32)))
  (import "cred_v1" "log_enabled" (func $log_enabled (param i32) (result i32)))
  (import "cred_v1" "config_read" (func $config_read (param i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "deadline_ms" (func $deadline_ms (result i32)))
  (import "cred_v1" "kv_get" (func $kv_get (param i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "kv_put" (func $kv_put (param i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "kv_delete" (func $kv_delete (param i32 i32) (result i32)))
  (import "cred_v1" "kv_scan" (func $kv_scan (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "clock_now" (func $clock_now (result i64)))
  (import "cred_v1" "random_fill" (func $random_fill (param i32 i32) (result i32)))
  (import "cred_v1" "http_call" (func $http_call (param i32 i32) (result i32)))
  (import "cred_v1" "result_read" (func $result_read (param i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "secret_hmac" (func $secret_hmac (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "secret_sign" (func $secret_sign (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "crypto_hash" (func $crypto_hash (param i32 i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "crypto_hmac" (func $crypto_hmac (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "cred_v1" "crypto_verify" (func $crypto_verify (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (@custom "cred.manifest" "{\"abi\":1,\"name\":\"host-any\",\"version\":\"1\",\"capabilities\":{\"kv\":{},\"clock\":{},\"random\":{},\"crypto\":{},\"secrets\":[\"key\",\"signer\"],\"http\":[{\"url\":\"http://127.0.0.1/\",\"methods\":[\"GET\",\"POST\"]}]}}")

  (func (export "cred_abi_v1"))

  (func $do (result i64)
    (block $none
    (block $crypto_verify_
    (block $crypto_hmac_
    (block $crypto_hash_
    (block $secret_sign_
    (block $secret_hmac_
    (block $result_read_
    (block $http_call_
    (block $random_fill_
    (block $clock_now_
    (block $kv_scan_
    (block $kv_delete_
    (block $kv_put_
    (block $kv_get_
    (block $deadline_ms_
    (block $config_read_
    (block $log_enabled_
    (block $log_write_
    (block $error_write_
    (block $output_write_
    (block $input_read_
      (br_table $input_read_ $output_write_ $error_write_ $log_write_ $log_enabled_ $config_read_ $deadline_ms_ $kv_get_ $kv_put_ $kv_delete_ $kv_scan_ $clock_now_ $random_fill_ $http_call_ $result_read_ $secret_hmac_ $secret_sign_ $crypto_hash_ $crypto_hmac_ $crypto_verify_ $none (i32.sub (i32.load8_u (i32.const 256)) (i32.const 128)))
    )(return (i64.extend_i32_s (call $input_read (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)))))
    )(return (i64.extend_i32_s (call $output_write (i32.load (i32.const 257)) (i32.load (i32.const 261)))))
    )(return (i64.extend_i32_s (call $error_write (i32.load (i32.const 257)) (i32.load (i32.const 261)))))
    )(return (i64.extend_i32_s (call $log_write (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)))))
    )(return (i64.extend_i32_s (call $log_enabled (i32.load (i32.const 257)))))
    )(return (i64.extend_i32_s (call $config_read (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)) (i32.load (i32.const 269)))))
    )(return (i64.extend_i32_s (call $deadline_ms)))
    )(return (i64.extend_i32_s (call $kv_get (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)) (i32.load (i32.const 269)))))
    )(return (i64.extend_i32_s (call $kv_put (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)) (i32.load (i32.const 269)))))
    )(return (i64.extend_i32_s (call $kv_delete (i32.load (i32.const 257)) (i32.load (i32.const 261)))))
    )(return (i64.extend_i32_s (call $kv_scan (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)) (i32.load (i32.const 269)) (i32.load (i32.const 273)) (i32.load (i32.const 277)))))
    )(return (call $clock_now))
    )(return (i64.extend_i32_s (call $random_fill (i32.load (i32.const 257)) (i32.load (i32.const 261)))))
    )(return (i64.extend_i32_s (call $http_call (i32.load (i32.const 257)) (i32.load (i32.const 261)))))
    )(return (i64.extend_i32_s (call $result_read (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)) (i32.load (i32.const 269)))))
    )(return (i64.extend_i32_s (call $secret_hmac (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)) (i32.load (i32.const 269)) (i32.load (i32.const 273)) (i32.load (i32.const 277)) (i32.load (i32.const 281)))))
    )(return (i64.extend_i32_s (call $secret_sign (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)) (i32.load (i32.const 269)) (i32.load (i32.const 273)) (i32.load (i32.const 277)) (i32.load (i32.const 281)))))
    )(return (i64.extend_i32_s (call $crypto_hash (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)) (i32.load (i32.const 269)) (i32.load (i32.const 273)))))
    )(return (i64.extend_i32_s (call $crypto_hmac (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)) (i32.load (i32.const 269)) (i32.load (i32.const 273)) (i32.load (i32.const 277)) (i32.load (i32.const 281)))))
    )(return (i64.extend_i32_s (call $crypto_verify (i32.load (i32.const 257)) (i32.load (i32.const 261)) (i32.load (i32.const 265)) (i32.load (i32.const 269)) (i32.load (i32.const 273)) (i32.load (i32.const 277)) (i32.load (i32.const 281)))))
    )
    (i64.const 0))

  (func (export "lookup_credentials") (param $size i32) (result i32)
    (drop (call $input_read (i32.const 256) (local.get $size) (i32.const 0)))
    (if (i32.lt_u (i32.load8_u (i32.const 256)) (i32.const 128)) (then (return (i32.const 0))))
    (i64.store (i32.const 0) (call $do))
    (drop (call $output_write (i32.const 0) (i32.const 8)))
    (i32.const 0)))

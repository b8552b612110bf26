// The imports of the ABI. The compiler leaves out of a module those that its
// code never reaches: the engine refuses a module that imports what its manifest
// does not ask for.

@external("cred_v1", "input_read") export declare function input_read(dst: usize, capacity: usize, offset: usize): i32;
@external("cred_v1", "output_write") export declare function output_write(src: usize, length: usize): i32;
@external("cred_v1", "error_write") export declare function error_write(src: usize, length: usize): i32;
@external("cred_v1", "log_write") export declare function log_write(level: i32, src: usize, length: usize): i32;
@external("cred_v1", "log_enabled") export declare function log_enabled(level: i32): i32;
@external("cred_v1", "config_read") export declare function config_read(key: usize, keyLength: usize, dst: usize, capacity: usize): i32;
@external("cred_v1", "deadline_ms") export declare function deadline_ms(): i32;
@external("cred_v1", "kv_get") export declare function kv_get(key: usize, keyLength: usize, dst: usize, capacity: usize): i32;
@external("cred_v1", "kv_put") export declare function kv_put(key: usize, keyLength: usize, value: usize, length: usize): i32;
@external("cred_v1", "kv_delete") export declare function kv_delete(key: usize, keyLength: usize): i32;
@external("cred_v1", "kv_scan") export declare function kv_scan(prefix: usize, prefixLength: usize, after: usize, afterLength: usize, dst: usize, capacity: usize): i32;
@external("cred_v1", "clock_now") export declare function clock_now(): i64;
@external("cred_v1", "random_fill") export declare function random_fill(dst: usize, length: usize): i32;
@external("cred_v1", "http_call") export declare function http_call(request: usize, length: usize): i32;
@external("cred_v1", "result_read") export declare function result_read(handle: i32, dst: usize, capacity: usize, offset: usize): i32;
@external("cred_v1", "secret_hmac") export declare function secret_hmac(name: usize, nameLength: usize, hash: i32, data: usize, length: usize, dst: usize, capacity: usize): i32;
@external("cred_v1", "secret_sign") export declare function secret_sign(name: usize, nameLength: usize, algorithm: i32, data: usize, length: usize, dst: usize, capacity: usize): i32;
@external("cred_v1", "crypto_hash") export declare function crypto_hash(hash: i32, data: usize, length: usize, dst: usize, capacity: usize): i32;
@external("cred_v1", "crypto_hmac") export declare function crypto_hmac(hash: i32, key: usize, keyLength: usize, data: usize, length: usize, dst: usize, capacity: usize): i32;
@external("cred_v1", "crypto_verify") export declare function crypto_verify(algorithm: i32, key: usize, keyLength: usize, data: usize, length: usize, signature: usize, signatureLength: usize): i32;

//! The imports of the ABI. The linker leaves out of a module those that its
//! code never reaches: the engine refuses a module that imports what its
//! manifest does not ask for.

mod import {
    #[link(wasm_import_module = "cred_v1")]
    extern "C" {
        pub fn input_read(dst: *mut u8, capacity: usize, offset: usize) -> i32;
        pub fn output_write(src: *const u8, length: usize) -> i32;
        pub fn error_write(src: *const u8, length: usize) -> i32;
        pub fn log_write(level: i32, src: *const u8, length: usize) -> i32;
        pub fn log_enabled(level: i32) -> i32;
        pub fn config_read(key: *const u8, key_length: usize, dst: *mut u8, capacity: usize) -> i32;
        pub fn deadline_ms() -> i32;
        pub fn kv_get(key: *const u8, key_length: usize, dst: *mut u8, capacity: usize) -> i32;
        pub fn kv_put(key: *const u8, key_length: usize, value: *const u8, value_length: usize) -> i32;
        pub fn kv_delete(key: *const u8, key_length: usize) -> i32;
        pub fn kv_scan(prefix: *const u8, prefix_length: usize, after: *const u8, after_length: usize, dst: *mut u8, capacity: usize) -> i32;
        pub fn clock_now() -> i64;
        pub fn random_fill(dst: *mut u8, length: usize) -> i32;
        pub fn http_call(request: *const u8, length: usize) -> i32;
        pub fn result_read(handle: i32, dst: *mut u8, capacity: usize, offset: usize) -> i32;
        pub fn secret_hmac(name: *const u8, name_length: usize, hash: i32, data: *const u8, length: usize, dst: *mut u8, capacity: usize) -> i32;
        pub fn secret_sign(name: *const u8, name_length: usize, algorithm: i32, data: *const u8, length: usize, dst: *mut u8, capacity: usize) -> i32;
        pub fn crypto_hash(hash: i32, data: *const u8, length: usize, dst: *mut u8, capacity: usize) -> i32;
        pub fn crypto_hmac(hash: i32, key: *const u8, key_length: usize, data: *const u8, length: usize, dst: *mut u8, capacity: usize) -> i32;
        pub fn crypto_verify(
            algorithm: i32,
            key: *const u8,
            key_length: usize,
            data: *const u8,
            length: usize,
            signature: *const u8,
            signature_length: usize,
        ) -> i32;
    }
}

// Each function passes slices as pointers and lengths, which are valid for the
// time of the call, and that is all that the engine uses.

pub(crate) fn input_read(dst: &mut [u8], offset: usize) -> i32 {
    unsafe { import::input_read(dst.as_mut_ptr(), dst.len(), offset) }
}

pub(crate) fn output_write(src: &[u8]) -> i32 {
    unsafe { import::output_write(src.as_ptr(), src.len()) }
}

pub(crate) fn error_write(text: &str) -> i32 {
    unsafe { import::error_write(text.as_ptr(), text.len()) }
}

pub(crate) fn log_write(level: i32, text: &str) -> i32 {
    unsafe { import::log_write(level, text.as_ptr(), text.len()) }
}

pub(crate) fn log_enabled(level: i32) -> i32 {
    unsafe { import::log_enabled(level) }
}

pub(crate) fn config_read(pointer: &str, dst: &mut [u8]) -> i32 {
    unsafe { import::config_read(pointer.as_ptr(), pointer.len(), dst.as_mut_ptr(), dst.len()) }
}

pub(crate) fn deadline_ms() -> i32 {
    unsafe { import::deadline_ms() }
}

pub(crate) fn kv_get(key: &[u8], dst: &mut [u8]) -> i32 {
    unsafe { import::kv_get(key.as_ptr(), key.len(), dst.as_mut_ptr(), dst.len()) }
}

pub(crate) fn kv_put(key: &[u8], value: &[u8]) -> i32 {
    unsafe { import::kv_put(key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

pub(crate) fn kv_delete(key: &[u8]) -> i32 {
    unsafe { import::kv_delete(key.as_ptr(), key.len()) }
}

pub(crate) fn kv_scan(prefix: &[u8], after: &[u8], dst: &mut [u8]) -> i32 {
    unsafe { import::kv_scan(prefix.as_ptr(), prefix.len(), after.as_ptr(), after.len(), dst.as_mut_ptr(), dst.len()) }
}

pub(crate) fn clock_now() -> i64 {
    unsafe { import::clock_now() }
}

pub(crate) fn random_fill(dst: &mut [u8]) -> i32 {
    unsafe { import::random_fill(dst.as_mut_ptr(), dst.len()) }
}

pub(crate) fn http_call(request: &[u8]) -> i32 {
    unsafe { import::http_call(request.as_ptr(), request.len()) }
}

pub(crate) fn result_read(handle: i32, dst: &mut [u8], offset: usize) -> i32 {
    unsafe { import::result_read(handle, dst.as_mut_ptr(), dst.len(), offset) }
}

pub(crate) fn secret_hmac(name: &str, hash: i32, data: &[u8], dst: &mut [u8]) -> i32 {
    unsafe { import::secret_hmac(name.as_ptr(), name.len(), hash, data.as_ptr(), data.len(), dst.as_mut_ptr(), dst.len()) }
}

pub(crate) fn secret_sign(name: &str, algorithm: i32, data: &[u8], dst: &mut [u8]) -> i32 {
    unsafe { import::secret_sign(name.as_ptr(), name.len(), algorithm, data.as_ptr(), data.len(), dst.as_mut_ptr(), dst.len()) }
}

pub(crate) fn crypto_hash(hash: i32, data: &[u8], dst: &mut [u8]) -> i32 {
    unsafe { import::crypto_hash(hash, data.as_ptr(), data.len(), dst.as_mut_ptr(), dst.len()) }
}

pub(crate) fn crypto_hmac(hash: i32, key: &[u8], data: &[u8], dst: &mut [u8]) -> i32 {
    unsafe { import::crypto_hmac(hash, key.as_ptr(), key.len(), data.as_ptr(), data.len(), dst.as_mut_ptr(), dst.len()) }
}

pub(crate) fn crypto_verify(algorithm: i32, key: &[u8], data: &[u8], signature: &[u8]) -> i32 {
    unsafe { import::crypto_verify(algorithm, key.as_ptr(), key.len(), data.as_ptr(), data.len(), signature.as_ptr(), signature.len()) }
}

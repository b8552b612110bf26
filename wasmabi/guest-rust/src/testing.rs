//! An engine that is played in memory, for tests of a service on the author's
//! own machine. It is there on every target but WebAssembly.
//!
//! ```
//! # use credence_guest::{Call, Credentials, Result, Service};
//! # #[derive(Default)] struct Serials;
//! # impl Service for Serials {
//! #     fn lookup(&self, _: &Call, id: &str) -> Result<Credentials> { Ok(Credentials::available(id)) }
//! # }
//! use credence_guest::testing::Engine;
//!
//! let engine = Engine::new();
//! let service = engine.configure::<Serials>(&[("/site", "\"berlin\"")]).unwrap();
//! assert!(engine.call(|call| service.lookup(call, "SN-1")).is_ok());
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::Config;
use crate::error::{Errno, Result};
use crate::http::{HttpRequest, HttpResponse};
use crate::service::Service;
use crate::Call;

/// What a test asks the engine's cryptography for; see [`Engine::on_crypto`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CryptoCall {
    Hash {
        hash: i32,
        data: Vec<u8>,
    },
    Hmac {
        hash: i32,
        key: Vec<u8>,
        data: Vec<u8>,
    },
    SecretHmac {
        name: String,
        hash: i32,
        data: Vec<u8>,
    },
    SecretSign {
        name: String,
        algorithm: i32,
        data: Vec<u8>,
    },
    /// Answer with no bytes when the signature does not hold.
    Verify {
        algorithm: i32,
        key: Vec<u8>,
        data: Vec<u8>,
        signature: Vec<u8>,
    },
}

type OnHttp = Box<dyn FnMut(HttpRequest) -> std::result::Result<HttpResponse, Errno>>;
type OnCrypto = Box<dyn FnMut(CryptoCall) -> std::result::Result<Vec<u8>, Errno>>;

#[derive(Default)]
struct Played {
    config: BTreeMap<String, String>,
    state: BTreeMap<Vec<u8>, Vec<u8>>,
    log: Vec<(i32, String)>,
    now: Duration,
    random: u8,
    in_call: bool,
    kv_calls: usize,
    response: Vec<u8>,
    on_http: Option<OnHttp>,
    on_crypto: Option<OnCrypto>,
}

thread_local!(static PLAYED: RefCell<Played> = RefCell::default());

fn with<T>(f: impl FnOnce(&mut Played) -> T) -> T {
    PLAYED.with(|p| f(&mut p.borrow_mut()))
}

/// The engine of the current thread. It enforces what matters most to a test:
/// the sizes and number of kv calls, and that an operation that fails leaves no state.
pub struct Engine(());

/// The application of every call.
pub const APPLICATION_ID: &str = "7b3f2f6e-8c1b-4d7e-9d53-6a1b2c3d4e5f";

impl Default for Engine {
    fn default() -> Self {
        Engine::new()
    }
}

impl Engine {
    /// A new engine, without any state.
    pub fn new() -> Self {
        with(|p| *p = Played::default());
        Engine(())
    }

    /// A service that is configured with JSON texts by their pointers.
    pub fn configure<S: Service>(&self, config: &[(&str, &str)]) -> Result<S> {
        with(|p| p.config = config.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect());
        let mut service = S::default();
        service.configure(&Config::new())?;
        Ok(service)
    }

    /// Runs one operation. What it wrote is forgotten when it fails.
    pub fn call<T>(&self, operation: impl FnOnce(&Call<'_>) -> Result<T>) -> Result<T> {
        let before = with(|p| {
            p.in_call = true;
            p.kv_calls = 0;
            p.state.clone()
        });
        let outcome = operation(&Call { application_id: APPLICATION_ID, request_id: "test" });
        with(|p| {
            p.in_call = false;
            if outcome.is_err() {
                p.state = before;
            }
        });
        outcome
    }

    /// The state, by its keys.
    pub fn state(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        with(|p| p.state.clone())
    }

    /// The records of the log so far, with their level.
    pub fn log(&self) -> Vec<(i32, String)> {
        with(|p| p.log.clone())
    }

    /// Sets the clock, from 1970 on.
    pub fn set_now(&self, now: Duration) {
        with(|p| p.now = now);
    }

    /// Answers HTTP requests. Without it they are refused with PERM.
    pub fn on_http(&self, answer: impl FnMut(HttpRequest) -> std::result::Result<HttpResponse, Errno> + 'static) {
        with(|p| p.on_http = Some(Box::new(answer)));
    }

    /// Answers calls of cryptography. Without it they are refused with PERM.
    pub fn on_crypto(&self, answer: impl FnMut(CryptoCall) -> std::result::Result<Vec<u8>, Errno> + 'static) {
        with(|p| p.on_crypto = Some(Box::new(answer)));
    }
}

/// Stands in for the imports of a module.
pub(crate) mod host {
    use super::{with, CryptoCall, Played};
    use crate::error::Errno;
    use crate::http::HttpRequest;
    use crate::limits::*;
    use crate::message::{encode_kv_page, KvEntry};

    fn fill(dst: &mut [u8], value: &[u8]) -> i32 {
        if value.len() <= dst.len() {
            dst[..value.len()].copy_from_slice(value);
        }
        value.len() as i32
    }

    pub(crate) fn input_read(_: &mut [u8], _: usize) -> i32 {
        0
    }

    pub(crate) fn output_write(src: &[u8]) -> i32 {
        src.len() as i32
    }

    pub(crate) fn error_write(text: &str) -> i32 {
        text.len() as i32
    }

    pub(crate) fn log_write(level: i32, text: &str) -> i32 {
        with(|p| p.log.push((level, text.to_string())));
        text.len() as i32
    }

    pub(crate) fn log_enabled(_: i32) -> i32 {
        1
    }

    pub(crate) fn config_read(pointer: &str, dst: &mut [u8]) -> i32 {
        with(|p| p.config.get(pointer).map_or(-Errno::NOENT.0, |v| fill(dst, v.as_bytes())))
    }

    pub(crate) fn deadline_ms() -> i32 {
        250
    }

    /// Counts a kv call and checks that it is allowed.
    fn open(p: &mut Played, key: Option<&[u8]>) -> Result<(), Errno> {
        p.kv_calls += 1;
        match key {
            _ if !p.in_call => Err(Errno::PERM),
            _ if p.kv_calls > 32 => Err(Errno::DQUOT),
            Some([]) => Err(Errno::INVAL),
            Some(key) if key.len() > MAX_KV_KEY_BYTES => Err(Errno::TOO_BIG),
            _ => Ok(()),
        }
    }

    fn kv(key: Option<&[u8]>, then: impl FnOnce(&mut Played) -> i32) -> i32 {
        with(|p| match open(p, key) {
            Ok(()) => then(p),
            Err(e) => -e.0,
        })
    }

    pub(crate) fn kv_get(key: &[u8], dst: &mut [u8]) -> i32 {
        kv(Some(key), |p| p.state.get(key).map_or(-Errno::NOENT.0, |v| fill(dst, v)))
    }

    pub(crate) fn kv_put(key: &[u8], value: &[u8]) -> i32 {
        if value.len() > MAX_KV_VALUE_BYTES {
            return -Errno::TOO_BIG.0;
        }
        kv(Some(key), |p| {
            p.state.insert(key.to_vec(), value.to_vec());
            0
        })
    }

    pub(crate) fn kv_delete(key: &[u8]) -> i32 {
        kv(Some(key), |p| {
            p.state.remove(key);
            0
        })
    }

    pub(crate) fn kv_scan(prefix: &[u8], after: &[u8], dst: &mut [u8]) -> i32 {
        kv(None, |p| {
            let mut page = Vec::new();
            for (key, value) in p.state.iter().filter(|(k, _)| k.starts_with(prefix) && k.as_slice() > after) {
                let fits = page.len();
                encode_kv_page(&[KvEntry { key: key.clone(), value: value.clone() }], &mut page);
                if page.len() > dst.len() {
                    page.truncate(fits);
                    if page.is_empty() {
                        return -Errno::TOO_BIG.0;
                    }
                    break;
                }
            }
            fill(dst, &page)
        })
    }

    pub(crate) fn clock_now() -> i64 {
        with(|p| p.now.as_nanos() as i64)
    }

    pub(crate) fn random_fill(dst: &mut [u8]) -> i32 {
        with(|p| {
            for b in dst.iter_mut() {
                p.random = p.random.wrapping_mul(181).wrapping_add(97);
                *b = p.random;
            }
        });
        dst.len() as i32
    }

    pub(crate) fn http_call(raw: &[u8]) -> i32 {
        let request = match HttpRequest::decode(raw) {
            Ok(request) => request,
            Err(_) => return -Errno::INVAL.0,
        };
        let mut answer = match with(|p| p.on_http.take()) {
            Some(answer) => answer,
            None => return -Errno::PERM.0,
        };
        let response = answer(request); // may log, so outside of with
        with(|p| {
            p.on_http = Some(answer);
            p.response.clear();
            match response {
                Ok(r) => {
                    r.encode(&mut p.response);
                    1
                }
                Err(e) => -e.0,
            }
        })
    }

    pub(crate) fn result_read(_: i32, dst: &mut [u8], offset: usize) -> i32 {
        with(|p| {
            let rest = p.response.get(offset..).unwrap_or(&[]);
            let n = rest.len().min(dst.len());
            dst[..n].copy_from_slice(&rest[..n]);
            n as i32
        })
    }

    fn crypto(call: CryptoCall) -> Result<Vec<u8>, i32> {
        let mut answer = with(|p| p.on_crypto.take()).ok_or(-Errno::PERM.0)?;
        let outcome = answer(call);
        with(|p| p.on_crypto = Some(answer));
        outcome.map_err(|e| -e.0)
    }

    pub(crate) fn secret_hmac(name: &str, hash: i32, data: &[u8], dst: &mut [u8]) -> i32 {
        crypto(CryptoCall::SecretHmac { name: name.to_string(), hash, data: data.to_vec() }).map_or_else(|e| e, |v| fill(dst, &v))
    }

    pub(crate) fn secret_sign(name: &str, algorithm: i32, data: &[u8], dst: &mut [u8]) -> i32 {
        crypto(CryptoCall::SecretSign { name: name.to_string(), algorithm, data: data.to_vec() }).map_or_else(|e| e, |v| fill(dst, &v))
    }

    pub(crate) fn crypto_hash(hash: i32, data: &[u8], dst: &mut [u8]) -> i32 {
        crypto(CryptoCall::Hash { hash, data: data.to_vec() }).map_or_else(|e| e, |v| fill(dst, &v))
    }

    pub(crate) fn crypto_hmac(hash: i32, key: &[u8], data: &[u8], dst: &mut [u8]) -> i32 {
        crypto(CryptoCall::Hmac { hash, key: key.to_vec(), data: data.to_vec() }).map_or_else(|e| e, |v| fill(dst, &v))
    }

    pub(crate) fn crypto_verify(algorithm: i32, key: &[u8], data: &[u8], signature: &[u8]) -> i32 {
        let call = CryptoCall::Verify { algorithm, key: key.to_vec(), data: data.to_vec(), signature: signature.to_vec() };
        crypto(call).map_or_else(|e| e, |v| i32::from(!v.is_empty()))
    }
}

#[cfg(test)]
#[path = "testing_test.rs"]
mod tests;

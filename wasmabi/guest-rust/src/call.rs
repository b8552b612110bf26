//! One operation, and the way to everything that the engine offers.

use std::marker::PhantomData;
use std::time::Duration;

use crate::config::Config;
use crate::crypto::{Crypto, Secrets};
use crate::error::{failed, Errno, Error, Result, Status};
use crate::host;
use crate::http::Http;
use crate::kv::Kv;
use crate::log::Log;

/// One operation. It ends when the method that was given it returns.
pub struct Call<'a> {
    /// The application whose endpoint it is about.
    pub application_id: &'a str,
    /// Names the request in the engine's log; it may be empty.
    pub request_id: &'a str,
}

impl Call<'_> {
    /// The service's state for this application. It needs the capability kv.
    pub fn kv(&self) -> Kv<'_> {
        Kv(PhantomData)
    }

    /// Writes to the engine's log.
    pub fn log(&self) -> Log<'_> {
        Log(PhantomData)
    }

    /// The service's configuration, over which the application's is laid.
    pub fn config(&self) -> Config<'_> {
        Config::new()
    }

    /// Calls of other systems. It needs the capability http.
    pub fn http(&self) -> Http<'_> {
        Http(PhantomData)
    }

    /// Use of named secrets, which cannot be read. It needs the capability secrets.
    pub fn secrets(&self) -> Secrets<'_> {
        Secrets(PhantomData)
    }

    /// Cryptography at native speed. It needs the capability crypto.
    pub fn crypto(&self) -> Crypto<'_> {
        Crypto(PhantomData)
    }

    /// The time left for this call.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(host::deadline_ms().max(0) as u64)
    }

    /// The time since 1970, UTC, cut to a millisecond. It needs the capability clock.
    pub fn now(&self) -> Result<Duration> {
        match host::clock_now() {
            ns if ns >= 0 => Ok(Duration::from_nanos(ns as u64)),
            e => Err(failed("clock_now", i32::try_from(e).unwrap_or(-Errno::INVAL.0)).err().unwrap_or_else(|| Error::new(Status::Internal, "clock_now"))),
        }
    }

    /// Fills dst with cryptographic randomness, at most 64 KiB in one operation.
    /// It needs the capability random.
    pub fn random(&self, dst: &mut [u8]) -> Result<()> {
        failed("random_fill", host::random_fill(dst)).map(|_| ())
    }
}

/// Calls read with ever more room until what it returns fits.
pub(crate) fn read_all(name: &str, read: impl Fn(&mut [u8]) -> i32) -> Result<Vec<u8>> {
    let mut value = vec![0; 256];
    loop {
        let n = failed(name, read(&mut value))? as usize;
        if n <= value.len() {
            value.truncate(n);
            return Ok(value);
        }
        value.resize(n, 0);
    }
}

//! The service of the benchmarks, in Rust: it knows every id, with a body of
//! 290 bytes.

use credence_guest::{export, Call, Credentials, Result, Service};

#[derive(Default)]
struct Lookup;

impl Service for Lookup {
    fn lookup(&self, _: &Call, id: &str) -> Result<Credentials> {
        Ok(Credentials { body: b"0123456789".repeat(29), ..Credentials::available(id) })
    }
}

export!(Lookup);

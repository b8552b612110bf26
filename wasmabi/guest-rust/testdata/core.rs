//! A service that uses nothing but the core.

use credence_guest::{export, Call, Credentials, Error, Result, Service};

#[derive(Default)]
struct Serials;

impl Service for Serials {
    fn lookup(&self, _: &Call, id: &str) -> Result<Credentials> {
        if id.starts_with("SN-") {
            Ok(Credentials::available(id))
        } else {
            Err(Error::not_found())
        }
    }
}

export!(Serials);

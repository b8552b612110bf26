//! A service that panics on one id.

use credence_guest::{export, Call, Credentials, Result, Service};

#[derive(Default)]
struct GivesUp;

impl Service for GivesUp {
    fn lookup(&self, _: &Call, id: &str) -> Result<Credentials> {
        if id == "SN-13" {
            panic!("nobody expects {id}");
        }
        Ok(Credentials::available(id))
    }
}

export!(GivesUp);

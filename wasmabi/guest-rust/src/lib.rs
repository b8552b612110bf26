//! Write credentials services for Credence in Rust.
//!
//! Implement [`Service`] and hand it to [`export!`]:
//!
//! ```
//! use credence_guest::{export, Call, Credentials, Error, Result, Service};
//!
//! #[derive(Default)]
//! struct Serials;
//!
//! impl Service for Serials {
//!     fn lookup(&self, _: &Call, id: &str) -> Result<Credentials> {
//!         if id.starts_with("SN-") { Ok(Credentials::available(id)) } else { Err(Error::not_found()) }
//!     }
//! }
//!
//! export!(Serials);
//! ```
//!
//! README.md leads from nothing to a service that serves, and
//! [ABI.md](https://github.com/credence-engine/credence/blob/main/wasmabi/ABI.md) is
//! the contract underneath.

mod call;
mod config;
mod crypto;
#[doc(hidden)]
pub mod dispatch;
mod error;
mod export;
#[cfg(target_arch = "wasm32")]
mod host;
mod http;
mod kv;
pub mod limits;
mod log;
pub mod message;
mod service;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod wire;

#[cfg(not(target_arch = "wasm32"))]
use testing::host;

pub use call::Call;
pub use config::Config;
pub use crypto::{Crypto, Hash, Secrets, Signature};
pub use error::{Errno, Error, Result, Status};
pub use http::{Header, Http, HttpRequest, HttpResponse};
pub use kv::{Kv, Scan};
pub use log::{Level, Log};
pub use message::{Credentials, CredentialsStatus, KvEntry};
pub use service::{Proof, Service};
pub use wire::DecodeError;

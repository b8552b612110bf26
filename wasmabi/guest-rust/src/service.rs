//! What a credentials service is.

use crate::call::Call;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::message::Credentials;

/// A credentials service. Only `lookup` is required.
///
/// The engine makes one with `Default`, and configures it, for each instance of
/// the module. Calls come one after the other. State belongs into
/// [`Call::kv`](crate::Call::kv), not into the service: instances come and go, and
/// an operation may run again after a conflict. That is why only `configure` may
/// change it.
pub trait Service: Default {
    /// Called once before any other method. An error refuses the deployment; its
    /// text should say what to change. Errors with another status than
    /// [`Status::InvalidArgument`](crate::Status) mean that the service cannot start now.
    fn configure(&mut self, config: &Config<'_>) -> Result<()> {
        let _ = config;
        Ok(())
    }

    /// The credentials with exactly this id, with their status;
    /// [`Error::not_found`] when there are none; [`Error::refuse`] when they must not
    /// be accepted. It is on the path of every connection, and should write no state.
    fn lookup(&self, call: &Call<'_>, id: &str) -> Result<Credentials>;

    /// Registers credentials, or refuses. It returns them with the same id and body
    /// and the status Available. The same ones may come again.
    fn provide(&self, call: &Call<'_>, given: Credentials) -> Result<Credentials> {
        let _ = (call, given);
        Err(Error::unsupported())
    }

    /// An endpoint claims credentials for the first time. It runs in the transaction
    /// of the claim; an error refuses it.
    fn mark_in_use(&self, call: &Call<'_>, id: &str) -> Result<()> {
        let _ = (call, id);
        Err(Error::unsupported())
    }

    /// Credentials were revoked, which cannot be prevented. It runs again until it
    /// succeeds.
    fn mark_revoked(&self, call: &Call<'_>, id: &str) -> Result<()> {
        let _ = (call, id);
        Err(Error::unsupported())
    }

    /// Whether a proof shows possession of credentials: Ok if it does,
    /// [`Error::refuse`] if it does not. It is called only in a module that says
    /// `export!(MyService, verify_proof)`.
    fn verify_proof(&self, call: &Call<'_>, proof: &Proof<'_>) -> Result<()> {
        let _ = (call, proof);
        Err(Error::unsupported())
    }
}

/// A proof of possession, to be judged.
pub struct Proof<'a> {
    /// As the lookup has answered them.
    pub credentials: &'a Credentials,
    /// What kind of proof the device says it is.
    pub kind: &'a str,
    /// What the device was asked, at most 64 KiB; it may be empty.
    pub challenge: &'a [u8],
    /// What it answered, at most 64 KiB.
    pub value: &'a [u8],
}

//! From the exports of a module to its service and back. Authors have no use
//! for it: [`export!`](crate::export) does.

use std::cell::UnsafeCell;

use crate::call::Call;
use crate::config::Config;
use crate::error::{Error, Result, Status};
use crate::host;
use crate::message::{Credentials, LookupRequest, ProvideRequest, VerifyProofRequest};
use crate::service::{Proof, Service};

/// Holds the service of a module, which has one thread and is not called again
/// while a call is in it.
pub struct Slot<S>(UnsafeCell<Option<S>>);

unsafe impl<S> Sync for Slot<S> {}

impl<S: Service> Slot<S> {
    #[allow(clippy::new_without_default)] // it is made in a static
    pub const fn new() -> Self {
        Slot(UnsafeCell::new(None))
    }

    #[allow(clippy::mut_from_ref)]
    fn get(&self) -> &mut S {
        let inside = unsafe { &mut *self.0.get() };
        inside.get_or_insert_with(S::default)
    }
}

/// Serves `_initialize`: a panic is logged before it ends the call.
pub fn initialize() {
    std::panic::set_hook(Box::new(|panic| {
        host::log_write(3, &panic.to_string());
    }));
}

/// Serves `cred_configure`.
pub fn configure<S: Service>(slot: &Slot<S>) -> i32 {
    status(slot.get().configure(&Config::new()))
}

/// Serves `lookup_credentials`.
pub fn lookup<S: Service>(slot: &Slot<S>, length: usize) -> i32 {
    status(with_id("LookupRequest", length, |call, id| answer(&slot.get().lookup(call, id)?)))
}

/// Serves `provide_credentials`.
pub fn provide<S: Service>(slot: &Slot<S>, length: usize) -> i32 {
    let request = input(length);
    status(ProvideRequest::decode(&request).map_err(Error::from).and_then(|r| {
        let call = Call { application_id: r.application_id, request_id: r.request_id };
        answer(&slot.get().provide(&call, r.credentials)?)
    }))
}

/// Serves `mark_credentials_in_use`.
pub fn mark_in_use<S: Service>(slot: &Slot<S>, length: usize) -> i32 {
    status(with_id("MarkInUseRequest", length, |call, id| slot.get().mark_in_use(call, id)))
}

/// Serves `mark_credentials_revoked`.
pub fn mark_revoked<S: Service>(slot: &Slot<S>, length: usize) -> i32 {
    status(with_id("MarkRevokedRequest", length, |call, id| slot.get().mark_revoked(call, id)))
}

/// Serves `verify_proof`.
pub fn verify_proof<S: Service>(slot: &Slot<S>, length: usize) -> i32 {
    let request = input(length);
    status(VerifyProofRequest::decode(&request).map_err(Error::from).and_then(|r| {
        let call = Call { application_id: r.application_id, request_id: r.request_id };
        let proof = Proof { credentials: &r.credentials, kind: r.proof_type, challenge: r.challenge, value: r.proof };
        slot.get().verify_proof(&call, &proof)
    }))
}

fn with_id(message: &'static str, length: usize, operation: impl FnOnce(&Call<'_>, &str) -> Result<()>) -> Result<()> {
    let request = input(length);
    let r = LookupRequest::decode(message, &request)?;
    operation(&Call { application_id: r.application_id, request_id: r.request_id }, r.credentials_id)
}

/// Copies the request in.
fn input(length: usize) -> Vec<u8> {
    let mut request = vec![0; length];
    let n = host::input_read(&mut request, 0).max(0) as usize;
    request.truncate(n);
    request
}

fn answer(credentials: &Credentials) -> Result<()> {
    let mut out = Vec::with_capacity(32 + credentials.id.len() + credentials.body.len());
    credentials.encode(&mut out);
    if host::output_write(&out) < 0 {
        return Err(Error::new(Status::Internal, "the answer is over 128 KiB"));
    }
    Ok(())
}

fn status(outcome: Result<()>) -> i32 {
    match outcome {
        Ok(()) => 0,
        Err(e) => {
            host::error_write(&e.text);
            e.status as i32
        }
    }
}

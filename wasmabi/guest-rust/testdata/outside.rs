//! A service that uses all that the SDK offers for one proof, which holds only
//! if each function of the SDK is right. Those in the other languages of the same
//! name do the same.

use credence_guest::{export, Call, Credentials, Error, Hash, Header, HttpRequest, Level, Proof, Result, Service, Signature, Status};

#[derive(Default)]
struct Outside;

impl Service for Outside {
    fn provide(&self, call: &Call, given: Credentials) -> Result<Credentials> {
        call.kv().put(["body/", &given.id].concat(), &given.body)?;
        Ok(given)
    }

    fn lookup(&self, call: &Call, id: &str) -> Result<Credentials> {
        let body = call.kv().get(["body/", id].concat())?.ok_or_else(Error::not_found)?;
        Ok(Credentials { body, ..Credentials::available(id) })
    }

    fn verify_proof(&self, call: &Call, proof: &Proof) -> Result<()> {
        let of = proof.credentials;
        look(call, &of.id)?;
        let kept = keep(call, proof.challenge)?;
        let told = ask(call, &of.id, proof.challenge)?;
        if of.body.len() < RSA_KEY {
            return Err(Error::invalid("three keys are needed"));
        }
        let signature = sign(call, &of.body, &[kept, told].concat())?;
        if call.crypto().verify(Signature::Ed25519, &of.body[..P256_KEY], &signature, proof.value)? {
            return Ok(());
        }
        Err(Error::refuse("the proof does not hold"))
    }
}

/// Where the keys begin that follow the one of Ed25519 in the credentials.
const P256_KEY: usize = 32;
const RSA_KEY: usize = P256_KEY + 91;

/// Uses clock, randomness, deadline and log.
fn look(call: &Call, id: &str) -> Result<()> {
    let (mut one, mut other) = ([0; 16], [0; 16]);
    call.random(&mut one)?;
    call.random(&mut other)?;
    if one == other || call.now()?.as_secs() < 1_735_689_600 || call.deadline().as_millis() < 1 {
        return Err(Error::new(Status::Internal, "randomness, clock or deadline is wrong"));
    }
    if call.log().enabled(Level::Debug) {
        call.log().debug(&["judging ", id].concat());
    }
    Ok(())
}

/// Uses the state, and returns the one key that is left with its value, twice.
fn keep(call: &Call, value: &[u8]) -> Result<Vec<u8>> {
    for key in ["seen/a", "seen/b", "seen/c"] {
        call.kv().put(key, value)?;
    }
    call.kv().delete("seen/b")?;
    let mut kept = Vec::new();
    for entry in call.kv().scan("seen/", "seen/a") {
        let entry = entry?;
        let again = call.kv().get(&entry.key)?.unwrap_or_default();
        kept.extend([entry.key, entry.value, again].concat());
    }
    Ok(kept)
}

/// Uses configuration and HTTP, and returns a header and the body.
fn ask(call: &Call, id: &str, body: &[u8]) -> Result<Vec<u8>> {
    let erp = call.config().string("/erp")?.unwrap_or_default();
    let patience = call.config().number("/patienceMs")?.unwrap_or_default();
    if call.config().boolean("/closed")? != Some(false) {
        return Err(Error::invalid("closed is not false"));
    }
    let secret = Header { secret: "erp-token".to_string(), ..Header::new("authorization", "Bearer ") };
    let answer = call.http().send(&HttpRequest {
        method: "POST".to_string(),
        url: erp + id,
        headers: vec![secret, Header::new("x-application", call.application_id)],
        body: body.to_vec(),
        timeout_ms: patience as u32,
    })?;
    if answer.status != 201 {
        return Err(Error::new(Status::Unavailable, "the ERP answers with ".to_string() + &answer.status.to_string()));
    }
    Ok([answer.header("x-nonce").unwrap_or_default().as_bytes(), &answer.body].concat())
}

/// Uses secrets and cryptography.
fn sign(call: &Call, keys: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    let mut digests = Vec::new();
    for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        digests.extend(call.crypto().hash(hash, data)?);
    }
    let inner = call.crypto().hmac(Hash::Sha384, keys, &digests)?;
    let mut holds = call.crypto().verify_hmac(Hash::Sha384, keys, &digests, &inner)?;
    let outer = call.secrets().hmac("shared", Hash::Sha256, &inner)?;
    for (secret, algorithm, key) in [("p256", Signature::P256, &keys[P256_KEY..RSA_KEY]), ("rsa", Signature::Rsa, &keys[RSA_KEY..])] {
        let signature = call.secrets().sign(secret, algorithm, &outer)?;
        holds &= call.crypto().verify(algorithm, key, &outer, &signature)?;
    }
    if !holds {
        return Err(Error::new(Status::Internal, "a signature of the engine is not taken back"));
    }
    call.secrets().sign("ed25519", Signature::Ed25519, &outer)
}

export!(Outside, verify_proof);

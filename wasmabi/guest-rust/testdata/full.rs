//! A service that uses all that the SDK offers.

use credence_guest::{export, Call, Config, Credentials, Error, Hash, Level, Proof, Result, Service, Signature};

#[derive(Default)]
struct Full {
    prefix: String,
}

impl Service for Full {
    fn configure(&mut self, config: &Config) -> Result<()> {
        self.prefix = config.string("/prefix")?.unwrap_or_default();
        Ok(())
    }

    fn lookup(&self, call: &Call, id: &str) -> Result<Credentials> {
        let body = call.kv().get(self.prefix.clone() + id)?.ok_or_else(Error::not_found)?;
        let expires_unix = call.now()?.as_secs() + 3600;
        Ok(Credentials { body, expires_unix, ..Credentials::available(id) })
    }

    fn provide(&self, call: &Call, given: Credentials) -> Result<Credentials> {
        if call.log().enabled(Level::Debug) {
            call.log().debug(&format!("provide {:?}, {:?} left", given.id, call.deadline()));
        }
        call.kv().put(self.prefix.clone() + &given.id, &given.body)?;
        Ok(given)
    }

    fn mark_in_use(&self, call: &Call, id: &str) -> Result<()> {
        let mut nonce = [0; 8];
        call.random(&mut nonce)?;
        let signature = call.secrets().sign("key", Signature::Ed25519, &nonce)?;
        let answer = call.http().get(&["https://erp.example.com/", id].concat())?;
        call.kv().put("used/".to_string() + id, [signature, answer.body].concat())
    }

    fn mark_revoked(&self, call: &Call, id: &str) -> Result<()> {
        for entry in call.kv().scan("used/", "") {
            let entry = entry?;
            if entry.key.ends_with(id.as_bytes()) {
                call.kv().delete(&entry.key)?;
            }
        }
        Ok(())
    }

    fn verify_proof(&self, call: &Call, proof: &Proof) -> Result<()> {
        let digest = call.crypto().hash(Hash::Sha256, proof.challenge)?;
        let key = call.crypto().hmac(Hash::Sha256, &proof.credentials.body, &digest)?;
        let mac = call.secrets().hmac("key", Hash::Sha256, &key)?;
        if call.crypto().verify_hmac(Hash::Sha256, &key, &mac, proof.value)? {
            return Ok(());
        }
        Err(Error::refuse("the proof does not hold"))
    }
}

export!(Full, verify_proof);

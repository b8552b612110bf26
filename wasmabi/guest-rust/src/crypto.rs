//! Cryptography of the engine, with keys of the service and with secrets.

use std::marker::PhantomData;

use crate::call::{read_all, Call};
use crate::error::{failed, Result};
use crate::host;

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha256 = 1,
    Sha384 = 2,
    Sha512 = 3,
    /// For legacy protocols only.
    Sha1 = 4,
}

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// Public keys are DER (SubjectPublicKeyInfo) or the raw 32 bytes.
    Ed25519 = 1,
    /// ECDSA on P-256 with SHA-256; signatures are ASN.1 DER.
    P256 = 2,
    /// RSA PKCS #1 v1.5 with SHA-256, keys of 2048 to 8192 bits.
    Rsa = 3,
}

/// Computes. All functions together take at most 1 MiB in one operation.
pub struct Crypto<'a>(pub(crate) PhantomData<&'a Call<'a>>);

impl Crypto<'_> {
    /// The digest of data.
    pub fn hash(&self, hash: Hash, data: &[u8]) -> Result<Vec<u8>> {
        read_all("crypto_hash", |dst| host::crypto_hash(hash as i32, data, dst))
    }

    /// The HMAC of data under a key of the service's own.
    pub fn hmac(&self, hash: Hash, key: &[u8], data: &[u8]) -> Result<Vec<u8>> {
        read_all("crypto_hmac", |dst| host::crypto_hmac(hash as i32, key, data, dst))
    }

    /// Whether a signature over data is valid under a public key.
    pub fn verify(&self, algorithm: Signature, public_key: &[u8], data: &[u8], signature: &[u8]) -> Result<bool> {
        failed("crypto_verify", host::crypto_verify(algorithm as i32, public_key, data, signature)).map(|n| n == 1)
    }

    /// Whether an HMAC over data is valid, compared in constant time.
    pub fn verify_hmac(&self, hash: Hash, key: &[u8], data: &[u8], mac: &[u8]) -> Result<bool> {
        failed("crypto_verify", host::crypto_verify(16 + hash as i32, key, data, mac)).map(|n| n == 1)
    }
}

/// Uses secrets that the operator has granted, without reading them.
pub struct Secrets<'a>(pub(crate) PhantomData<&'a Call<'a>>);

impl Secrets<'_> {
    /// The HMAC of data with the named secret as the key.
    pub fn hmac(&self, name: &str, hash: Hash, data: &[u8]) -> Result<Vec<u8>> {
        read_all("secret_hmac", |dst| host::secret_hmac(name, hash as i32, data, dst))
    }

    /// The signature of data by the named secret, a private key in PKCS #8.
    pub fn sign(&self, name: &str, algorithm: Signature, data: &[u8]) -> Result<Vec<u8>> {
        read_all("secret_sign", |dst| host::secret_sign(name, algorithm as i32, data, dst))
    }
}

//! The messages of cred_v1. The decoders are as strict as the engine's.

use crate::limits::*;
use crate::wire::*;

/// Where credentials stand in their life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CredentialsStatus {
    /// What a message without the field says. The engine refuses an answer that leaves it so.
    #[default]
    Unspecified = 0,
    /// Nobody has claimed them.
    Available = 1,
    /// An endpoint has claimed them.
    InUse = 2,
    /// They are refused, for good.
    Revoked = 3,
}

/// What a service knows under one id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// 1 to 256 bytes.
    pub id: String,
    /// The public part, at most 64 KiB: a public key, a certificate, or whatever the service wants.
    pub body: Vec<u8>,
    /// Where they stand.
    pub status: CredentialsStatus,
    /// The second since 1970, UTC, from which on they are no longer valid; 0 means never.
    pub expires_unix: u64,
}

const CREDENTIALS: &[Field] =
    &[("id", Kind::Text(MAX_ID_BYTES)), ("body", Kind::Blob(MAX_BODY_BYTES)), ("status", Kind::Number), ("expires_unix", Kind::Number)];

impl Credentials {
    /// Credentials without a body, that nobody has claimed and that never expire.
    pub fn available(id: &str) -> Self {
        Credentials { id: id.to_string(), status: CredentialsStatus::Available, ..Default::default() }
    }

    /// Appends the encoded message to dst.
    pub fn encode(&self, dst: &mut Vec<u8>) {
        put_block(dst, 1, self.id.as_bytes());
        put_block(dst, 2, &self.body);
        put_number(dst, 3, self.status as u64);
        put_number(dst, 4, self.expires_unix);
    }

    /// Reads the message from all of src.
    pub fn decode(src: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new("Credentials", CREDENTIALS, src);
        let mut m = Credentials::default();
        while let Some((n, v)) = r.next()? {
            match n {
                1 => m.id = v.text().to_string(),
                2 => m.body = v.block().to_vec(),
                3 => {
                    m.status = match v.number() {
                        0 => CredentialsStatus::Unspecified,
                        1 => CredentialsStatus::Available,
                        2 => CredentialsStatus::InUse,
                        3 => CredentialsStatus::Revoked,
                        _ => return Err(r.error(3, "unknown status")),
                    }
                }
                _ => m.expires_unix = v.number(),
            }
        }
        r.require(1, !m.id.is_empty())?;
        Ok(m)
    }
}

/// Asks what the service knows under an id; also the form of a MarkInUseRequest
/// and a MarkRevokedRequest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LookupRequest<'a> {
    pub application_id: &'a str,
    pub credentials_id: &'a str,
    pub request_id: &'a str,
}

const LOOKUP: &[Field] =
    &[("application_id", Kind::Text(MAX_ID_BYTES)), ("credentials_id", Kind::Text(MAX_ID_BYTES)), ("request_id", Kind::Text(MAX_ID_BYTES))];

impl<'a> LookupRequest<'a> {
    /// Appends the encoded message to dst.
    pub fn encode(&self, dst: &mut Vec<u8>) {
        put_block(dst, 1, self.application_id.as_bytes());
        put_block(dst, 2, self.credentials_id.as_bytes());
        put_block(dst, 3, self.request_id.as_bytes());
    }

    /// Reads the message called name from all of src.
    pub fn decode(name: &'static str, src: &'a [u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(name, LOOKUP, src);
        let mut m = LookupRequest::default();
        while let Some((n, v)) = r.next()? {
            match n {
                1 => m.application_id = v.text(),
                2 => m.credentials_id = v.text(),
                _ => m.request_id = v.text(),
            }
        }
        r.require(1, !m.application_id.is_empty())?;
        r.require(2, !m.credentials_id.is_empty())?;
        Ok(m)
    }
}

/// Asks the service to take credentials in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProvideRequest<'a> {
    pub application_id: &'a str,
    pub credentials: Credentials,
    pub request_id: &'a str,
}

const PROVIDE: &[Field] = &[("application_id", Kind::Text(MAX_ID_BYTES)), ("credentials", Kind::Message), ("request_id", Kind::Text(MAX_ID_BYTES))];

impl<'a> ProvideRequest<'a> {
    /// Appends the encoded message to dst.
    pub fn encode(&self, dst: &mut Vec<u8>) {
        put_block(dst, 1, self.application_id.as_bytes());
        put_credentials(dst, &self.credentials);
        put_block(dst, 3, self.request_id.as_bytes());
    }

    /// Reads the message from all of src.
    pub fn decode(src: &'a [u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new("ProvideRequest", PROVIDE, src);
        let mut m = ProvideRequest::default();
        let mut given = false;
        while let Some((n, v)) = r.next()? {
            match n {
                1 => m.application_id = v.text(),
                2 => {
                    m.credentials = Credentials::decode(v.block())?;
                    given = true;
                }
                _ => m.request_id = v.text(),
            }
        }
        r.require(1, !m.application_id.is_empty())?;
        r.require(2, given)?;
        Ok(m)
    }
}

fn put_credentials(dst: &mut Vec<u8>, c: &Credentials) {
    let mut inner = Vec::new();
    c.encode(&mut inner);
    put_message(dst, 2, &inner);
}

/// Asks the service whether a proof shows possession of credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyProofRequest<'a> {
    pub application_id: &'a str,
    pub credentials: Credentials,
    pub proof_type: &'a str,
    pub challenge: &'a [u8],
    pub proof: &'a [u8],
    pub request_id: &'a str,
}

const VERIFY_PROOF: &[Field] = &[
    ("application_id", Kind::Text(MAX_ID_BYTES)),
    ("credentials", Kind::Message),
    ("proof_type", Kind::Text(MAX_ID_BYTES)),
    ("challenge", Kind::Blob(MAX_BODY_BYTES)),
    ("proof", Kind::Blob(MAX_BODY_BYTES)),
    ("request_id", Kind::Text(MAX_ID_BYTES)),
];

impl<'a> VerifyProofRequest<'a> {
    /// Appends the encoded message to dst.
    pub fn encode(&self, dst: &mut Vec<u8>) {
        put_block(dst, 1, self.application_id.as_bytes());
        put_credentials(dst, &self.credentials);
        put_block(dst, 3, self.proof_type.as_bytes());
        put_block(dst, 4, self.challenge);
        put_block(dst, 5, self.proof);
        put_block(dst, 6, self.request_id.as_bytes());
    }

    /// Reads the message from all of src.
    pub fn decode(src: &'a [u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new("VerifyProofRequest", VERIFY_PROOF, src);
        let mut m = VerifyProofRequest::default();
        let mut given = false;
        while let Some((n, v)) = r.next()? {
            match n {
                1 => m.application_id = v.text(),
                2 => {
                    m.credentials = Credentials::decode(v.block())?;
                    given = true;
                }
                3 => m.proof_type = v.text(),
                4 => m.challenge = v.block(),
                5 => m.proof = v.block(),
                _ => m.request_id = v.text(),
            }
        }
        r.require(1, !m.application_id.is_empty())?;
        r.require(2, given)?;
        r.require(3, !m.proof_type.is_empty())?;
        Ok(m)
    }
}

/// One key of the state with its value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KvEntry {
    /// 1 to 256 bytes.
    pub key: Vec<u8>,
    /// At most 64 KiB.
    pub value: Vec<u8>,
}

const KV_PAGE: &[Field] = &[("entries", Kind::Repeated(usize::MAX))];
const KV_ENTRY: &[Field] = &[("key", Kind::Blob(MAX_KV_KEY_BYTES)), ("value", Kind::Blob(MAX_KV_VALUE_BYTES))];

/// Appends the encoded KvPage to dst.
pub fn encode_kv_page(entries: &[KvEntry], dst: &mut Vec<u8>) {
    for e in entries {
        let mut inner = Vec::new();
        put_block(&mut inner, 1, &e.key);
        put_block(&mut inner, 2, &e.value);
        put_message(dst, 1, &inner);
    }
}

/// Reads a KvPage from all of src.
pub fn decode_kv_page(src: &[u8]) -> Result<Vec<KvEntry>, DecodeError> {
    let mut page = Reader::new("KvPage", KV_PAGE, src);
    let mut entries = Vec::new();
    while let Some((_, inner)) = page.next()? {
        let mut r = Reader::new("KvEntry", KV_ENTRY, inner.block());
        let mut e = KvEntry::default();
        while let Some((n, v)) = r.next()? {
            match n {
                1 => e.key = v.block().to_vec(),
                _ => e.value = v.block().to_vec(),
            }
        }
        r.require(1, !e.key.is_empty())?;
        entries.push(e);
    }
    Ok(entries)
}

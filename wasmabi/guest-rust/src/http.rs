//! HTTP calls to the systems that the operator allows.

use std::marker::PhantomData;

use crate::call::Call;
use crate::error::{failed, Result};
use crate::host;
use crate::limits::*;
use crate::wire::*;

/// A line of a request or response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// 1 to 256 bytes; in responses in lower case.
    pub name: String,
    /// At most 4 KiB.
    pub value: String,
    /// In requests, the name of a secret whose value the engine appends to `value`; empty for none.
    pub secret: String,
}

/// What is asked of an external system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpRequest {
    /// Required, in upper case.
    pub method: String,
    /// Required, absolute, at most 2 KiB.
    pub url: String,
    /// At most 32.
    pub headers: Vec<Header>,
    /// At most 64 KiB.
    pub body: Vec<u8>,
    /// Bounds the call; 0 means what is left of the operation's time, which bounds it in any case.
    pub timeout_ms: u32,
}

/// What it answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpResponse {
    /// 3xx answers come as they are: redirects are never followed.
    pub status: u32,
    /// At most 64.
    pub headers: Vec<Header>,
    /// At most 64 KiB.
    pub body: Vec<u8>,
}

/// Sends requests. It needs the capability http, with the URLs in the manifest
/// and in the service's grants. At most four in one operation.
pub struct Http<'a>(pub(crate) PhantomData<&'a Call<'a>>);

impl Http<'_> {
    /// Asks for a URL.
    pub fn get(&self, url: &str) -> Result<HttpResponse> {
        self.send(&HttpRequest { method: "GET".to_string(), url: url.to_string(), ..Default::default() })
    }

    /// Sends a request and waits for the answer. Errors carry an
    /// [`Errno`](crate::Errno): PERM when the URL or method is not allowed, AGAIN
    /// when the network failed or time ran out, TOO_BIG when the answer's body is
    /// over 64 KiB.
    pub fn send(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let mut raw = Vec::new();
        request.encode(&mut raw);
        let handle = failed("http_call", host::http_call(&raw))?;
        let mut answer = Vec::new();
        let mut part = vec![0; 16 << 10];
        loop {
            let n = failed("result_read", host::result_read(handle, &mut part, answer.len()))? as usize;
            if n == 0 {
                return Ok(HttpResponse::decode(&answer)?);
            }
            answer.extend_from_slice(&part[..n.min(part.len())]);
        }
    }
}

const HEADER: &[Field] = &[("name", Kind::Text(MAX_HEADER_NAME_BYTES)), ("value", Kind::Text(MAX_HEADER_BYTES)), ("secret", Kind::Text(MAX_ID_BYTES))];
const REQUEST: &[Field] = &[
    ("method", Kind::Text(MAX_ID_BYTES)),
    ("url", Kind::Text(MAX_URL_BYTES)),
    ("headers", Kind::Repeated(MAX_REQUEST_HEADERS)),
    ("body", Kind::Blob(MAX_BODY_BYTES)),
    ("timeout_ms", Kind::Number),
];
const RESPONSE: &[Field] = &[("status", Kind::Number), ("headers", Kind::Repeated(MAX_RESPONSE_HEADERS)), ("body", Kind::Blob(MAX_BODY_BYTES))];

impl Header {
    /// A line without a secret.
    pub fn new(name: &str, value: &str) -> Self {
        Header { name: name.to_string(), value: value.to_string(), secret: String::new() }
    }

    fn encode(&self, number: u8, dst: &mut Vec<u8>) {
        let mut inner = Vec::new();
        put_block(&mut inner, 1, self.name.as_bytes());
        put_block(&mut inner, 2, self.value.as_bytes());
        put_block(&mut inner, 3, self.secret.as_bytes());
        put_message(dst, number, &inner);
    }

    fn decode(src: &[u8]) -> Decoded<Self> {
        let mut r = Reader::new("Header", HEADER, src);
        let mut m = Header::default();
        while let Some((n, v)) = r.next()? {
            match n {
                1 => m.name = v.text().to_string(),
                2 => m.value = v.text().to_string(),
                _ => m.secret = v.text().to_string(),
            }
        }
        r.require(1, !m.name.is_empty())?;
        Ok(m)
    }
}

/// A number of 32 bits.
fn short(r: &Reader<'_>, field: usize, v: u64) -> Decoded<u32> {
    u32::try_from(v).map_err(|_| r.error(field, "a number has more than 32 bits"))
}

impl HttpRequest {
    /// Appends the encoded message to dst.
    pub fn encode(&self, dst: &mut Vec<u8>) {
        put_block(dst, 1, self.method.as_bytes());
        put_block(dst, 2, self.url.as_bytes());
        for h in &self.headers {
            h.encode(3, dst);
        }
        put_block(dst, 4, &self.body);
        put_number(dst, 5, self.timeout_ms.into());
    }

    /// Reads the message from all of src.
    pub fn decode(src: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new("HttpRequest", REQUEST, src);
        let mut m = HttpRequest::default();
        while let Some((n, v)) = r.next()? {
            match n {
                1 => m.method = v.text().to_string(),
                2 => m.url = v.text().to_string(),
                3 => m.headers.push(Header::decode(v.block())?),
                4 => m.body = v.block().to_vec(),
                _ => m.timeout_ms = short(&r, 5, v.number())?,
            }
        }
        r.require(1, !m.method.is_empty())?;
        r.require(2, !m.url.is_empty())?;
        Ok(m)
    }
}

impl HttpResponse {
    /// The value of the first header with this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|h| h.name == name).map(|h| h.value.as_str())
    }

    /// Appends the encoded message to dst.
    pub fn encode(&self, dst: &mut Vec<u8>) {
        put_number(dst, 1, self.status.into());
        for h in &self.headers {
            h.encode(2, dst);
        }
        put_block(dst, 3, &self.body);
    }

    /// Reads the message from all of src.
    pub fn decode(src: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new("HttpResponse", RESPONSE, src);
        let mut m = HttpResponse::default();
        while let Some((n, v)) = r.next()? {
            match n {
                1 => m.status = short(&r, 1, v.number())?,
                2 => m.headers.push(Header::decode(v.block())?),
                _ => m.body = v.block().to_vec(),
            }
        }
        r.require(1, m.status != 0)?;
        Ok(m)
    }
}

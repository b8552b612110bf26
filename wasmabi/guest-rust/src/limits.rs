//! Limits of what crosses the boundary, in bytes unless said otherwise; ABI.md
//! gives their meaning.

pub const MAX_ID_BYTES: usize = 256;
pub const MAX_BODY_BYTES: usize = 64 << 10;
pub const MAX_KV_KEY_BYTES: usize = 256;
pub const MAX_KV_VALUE_BYTES: usize = 64 << 10;
pub const MAX_URL_BYTES: usize = 2 << 10;
pub const MAX_HEADER_NAME_BYTES: usize = 256;
pub const MAX_HEADER_BYTES: usize = 4 << 10;
/// A count.
pub const MAX_REQUEST_HEADERS: usize = 32;
/// A count.
pub const MAX_RESPONSE_HEADERS: usize = 64;

//! The service's state.

use std::marker::PhantomData;

use crate::call::{read_all, Call};
use crate::error::{failed, Errno, Result};
use crate::host;
use crate::limits::*;
use crate::message::{decode_kv_page, KvEntry};

/// The service's state for one application: keys of 1 to 256 bytes, values of
/// at most 64 KiB, and at most 32 calls in one operation.
///
/// Everything that one operation reads and writes commits at once or not at all,
/// and a conflict runs the operation again. A get conflicts with changes of its
/// key only, a scan with any change of this state; so prefer get where many
/// endpoints connect at once.
pub struct Kv<'a>(pub(crate) PhantomData<&'a Call<'a>>);

impl Kv<'_> {
    /// The value of a key, None when there is none.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        match read_all("kv_get", |dst| host::kv_get(key.as_ref(), dst)) {
            Ok(value) => Ok(Some(value)),
            Err(e) if e.errno == Some(Errno::NOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Sets a key.
    pub fn put(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        failed("kv_put", host::kv_put(key.as_ref(), value.as_ref())).map(|_| ())
    }

    /// Removes a key, present or not.
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<()> {
        failed("kv_delete", host::kv_delete(key.as_ref())).map(|_| ())
    }

    /// Goes over the keys that begin with prefix and come after the key after, in
    /// byte order. It ends after the first error.
    pub fn scan(&self, prefix: impl AsRef<[u8]>, after: impl AsRef<[u8]>) -> Scan<'_> {
        Scan {
            prefix: prefix.as_ref().to_vec(),
            after: after.as_ref().to_vec(),
            page: Vec::new().into_iter(),
            buffer: vec![0; 4 << 10],
            ended: false,
            _call: PhantomData,
        }
    }
}

/// The entries of a scan.
pub struct Scan<'a> {
    prefix: Vec<u8>,
    after: Vec<u8>,
    page: std::vec::IntoIter<KvEntry>,
    buffer: Vec<u8>,
    ended: bool,
    _call: PhantomData<&'a Call<'a>>,
}

/// Has room for the largest entry.
const MAX_PAGE_BYTES: usize = MAX_KV_KEY_BYTES + MAX_KV_VALUE_BYTES + 32;

impl Scan<'_> {
    fn next_page(&mut self) -> Result<Vec<KvEntry>> {
        let mut n = host::kv_scan(&self.prefix, &self.after, &mut self.buffer);
        if n == -Errno::TOO_BIG.0 && self.buffer.len() < MAX_PAGE_BYTES {
            self.buffer.resize(MAX_PAGE_BYTES, 0);
            n = host::kv_scan(&self.prefix, &self.after, &mut self.buffer);
        }
        let n = failed("kv_scan", n)? as usize;
        Ok(decode_kv_page(&self.buffer[..n])?)
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<KvEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.page.next() {
                self.after.clone_from(&entry.key);
                return Some(Ok(entry));
            }
            if self.ended {
                return None;
            }
            match self.next_page() {
                Ok(page) => {
                    self.ended = page.is_empty();
                    self.page = page.into_iter();
                }
                Err(e) => {
                    self.ended = true;
                    return Some(Err(e));
                }
            }
        }
    }
}

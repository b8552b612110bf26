//! The wire format: protocol buffers, in the subset that ABI.md allows.

use std::fmt;

/// Why bytes are not the message they were given as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The message, as in credentials.proto.
    pub message: &'static str,
    /// The field, empty when the error is in none that is known.
    pub field: &'static str,
    /// What is wrong.
    pub reason: &'static str,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)?;
        if !self.field.is_empty() {
            f.write_str(".")?;
            f.write_str(self.field)?;
        }
        f.write_str(": ")?;
        f.write_str(self.reason)
    }
}

/// What a field holds; texts and blobs with their limit in bytes.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Number,
    Text(usize),
    Blob(usize),
    Message,
    /// A message that may occur at most so many times.
    Repeated(usize),
}

/// A field by its name. Its number is its place in the list, from 1.
pub(crate) type Field = (&'static str, Kind);

/// The value of a field.
pub(crate) enum Value<'a> {
    Number(u64),
    Text(&'a str),
    Block(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(crate) fn number(self) -> u64 {
        match self {
            Value::Number(n) => n,
            _ => 0,
        }
    }

    pub(crate) fn text(self) -> &'a str {
        match self {
            Value::Text(t) => t,
            _ => "",
        }
    }

    pub(crate) fn block(self) -> &'a [u8] {
        match self {
            Value::Block(b) => b,
            _ => &[],
        }
    }
}

/// Walks over the fields of one message, strictly.
pub(crate) struct Reader<'a> {
    message: &'static str,
    fields: &'static [Field],
    src: &'a [u8],
    pos: usize,
    seen: [usize; 8],
}

pub(crate) type Decoded<T> = Result<T, DecodeError>;

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'static str, fields: &'static [Field], src: &'a [u8]) -> Self {
        Reader { message, fields, src, pos: 0, seen: [0; 8] }
    }

    /// An error of the field with this number, 0 for none.
    pub(crate) fn error(&self, number: usize, reason: &'static str) -> DecodeError {
        let field = if number == 0 { "" } else { self.fields[number - 1].0 };
        DecodeError { message: self.message, field, reason }
    }

    /// Fails when the field with this number was empty or not there.
    pub(crate) fn require(&self, number: usize, present: bool) -> Decoded<()> {
        if present {
            Ok(())
        } else {
            Err(self.error(number, "missing or empty"))
        }
    }

    /// The next field, its number and its value; None at the end.
    pub(crate) fn next(&mut self) -> Decoded<Option<(usize, Value<'a>)>> {
        if self.pos == self.src.len() {
            return Ok(None);
        }
        let tag = self.varint(0)?;
        if tag >> 3 == 0 || tag >> 3 > self.fields.len() as u64 {
            return Err(self.error(0, "unknown field number"));
        }
        let n = (tag >> 3) as usize;
        let kind = self.fields[n - 1].1;
        let wire = if let Kind::Number = kind { 0 } else { 2 };
        if tag & 7 != wire {
            return Err(self.error(n, "wrong wire type"));
        }
        self.seen[n - 1] += 1;
        match kind {
            Kind::Repeated(limit) if self.seen[n - 1] > limit => return Err(self.error(n, "the field occurs too often")),
            Kind::Repeated(_) => {}
            _ if self.seen[n - 1] > 1 => return Err(self.error(n, "the field occurs twice")),
            _ => {}
        }
        let v = self.varint(n)?;
        let limit = match kind {
            Kind::Number => return Ok(Some((n, Value::Number(v)))),
            Kind::Text(limit) | Kind::Blob(limit) => limit,
            Kind::Message | Kind::Repeated(_) => usize::MAX,
        };
        if v > limit as u64 {
            return Err(self.error(n, "over its limit"));
        }
        if v > (self.src.len() - self.pos) as u64 {
            return Err(self.error(n, "more bytes announced than are left"));
        }
        let block = &self.src[self.pos..self.pos + v as usize];
        self.pos += block.len();
        if let Kind::Text(_) = kind {
            let text = std::str::from_utf8(block).map_err(|_| self.error(n, "not valid UTF-8"))?;
            return Ok(Some((n, Value::Text(text))));
        }
        Ok(Some((n, Value::Block(block))))
    }

    /// A number of at most 64 bits in its shortest form.
    fn varint(&mut self, field: usize) -> Decoded<u64> {
        let mut v = 0;
        for i in 0.. {
            let b = match self.src.get(self.pos) {
                Some(b) => *b,
                None => return Err(self.error(field, "the message ends within a number")),
            };
            if i == 9 && b > 1 {
                return Err(self.error(field, "a number has more than 64 bits"));
            }
            if b == 0 && i > 0 {
                return Err(self.error(field, "a number is not in its shortest form"));
            }
            self.pos += 1;
            v |= u64::from(b & 0x7f) << (7 * i);
            if b < 0x80 {
                break;
            }
        }
        Ok(v)
    }
}

pub(crate) fn put_varint(dst: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        dst.push(v as u8 | 0x80);
        v >>= 7;
    }
    dst.push(v as u8);
}

/// Writes a number unless it is 0.
pub(crate) fn put_number(dst: &mut Vec<u8>, number: u8, v: u64) {
    if v != 0 {
        dst.push(number << 3);
        put_varint(dst, v);
    }
}

/// Writes a string or bytes unless they are empty.
pub(crate) fn put_block(dst: &mut Vec<u8>, number: u8, v: &[u8]) {
    if !v.is_empty() {
        put_message(dst, number, v);
    }
}

/// Writes a nested message, even when it is empty: its presence means something.
pub(crate) fn put_message(dst: &mut Vec<u8>, number: u8, v: &[u8]) {
    dst.push(number << 3 | 2);
    put_varint(dst, v.len() as u64);
    dst.extend_from_slice(v);
}

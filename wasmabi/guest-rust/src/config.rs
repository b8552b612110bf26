//! The configuration, read by JSON pointer.

use std::marker::PhantomData;

use crate::call::read_all;
use crate::error::{Errno, Error, Result};
use crate::host;

/// The service's configuration, a JSON object. Values are found by JSON pointer
/// (RFC 6901): `/sites/0/name`, and all of it under the empty one.
pub struct Config<'a>(PhantomData<&'a ()>);

impl Config<'_> {
    pub(crate) fn new() -> Self {
        Config(PhantomData)
    }

    /// The JSON text at a pointer, None where nothing is.
    pub fn json(&self, pointer: &str) -> Result<Option<String>> {
        match read_all("config_read", |dst| host::config_read(pointer, dst)) {
            Ok(text) => String::from_utf8(text).map(Some).map_err(|_| Error::invalid("the configuration is not UTF-8")),
            Err(e) if e.errno == Some(Errno::NOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The string at a pointer, None where nothing is.
    pub fn string(&self, pointer: &str) -> Result<Option<String>> {
        self.typed(pointer, "a string", unquote)
    }

    /// The whole number at a pointer, None where nothing is.
    pub fn number(&self, pointer: &str) -> Result<Option<u64>> {
        self.typed(pointer, "a whole number, 0 or more", |text| text.parse().ok())
    }

    /// The truth at a pointer, None where nothing is.
    pub fn boolean(&self, pointer: &str) -> Result<Option<bool>> {
        self.typed(pointer, "true or false", |text| text.parse().ok())
    }

    fn typed<T>(&self, pointer: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        match self.json(pointer)? {
            None => Ok(None),
            Some(text) => match parse(text.trim()) {
                Some(value) => Ok(Some(value)),
                None => Err(Error::invalid([pointer, " in the configuration is not ", what].concat())),
            },
        }
    }
}

/// Reads a JSON string.
fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => return None,
            '\\' => out.push(escaped(&mut rest)?),
            c => out.push(c),
        }
    }
    Some(out)
}

/// Reads what follows a backslash.
fn escaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        c @ ('"' | '\\' | '/') => c,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => match unit(rest)? {
            high @ 0xd800..=0xdbff => {
                if (rest.next()?, rest.next()?) != ('\\', 'u') {
                    return None;
                }
                let low = unit(rest)?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)?
            }
            c => char::from_u32(c)?,
        },
        _ => return None,
    })
}

fn unit(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |v, _| Some(v << 4 | rest.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::unquote;

    #[test]
    fn strings_are_unquoted() {
        for (text, want) in [
            (r#""""#, Some("")),
            (r#""a b""#, Some("a b")),
            (r#""\"\\\/\b\f\n\r\t""#, Some("\"\\/\u{8}\u{c}\n\r\t")),
            (r#""\u00e9\u20AC""#, Some("é€")),
            (r#""\ud83d\ude00""#, Some("😀")),
            (r#""\ud83d""#, None),
            (r#""\ud83d\u0041""#, None),
            (r#""\ude00""#, None),
            (r#""\x""#, None),
            (r#""\u12""#, None),
            (r#""a"b""#, None),
            ("7", None),
            ("\"", None),
        ] {
            assert_eq!(unquote(text).as_deref(), want, "{text}");
        }
    }
}

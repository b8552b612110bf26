//! Failures, and what they mean to the engine.

use std::fmt;

use crate::wire::DecodeError;

/// What an operation answers when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The service failed.
    Internal = 1,
    /// What was given is malformed; repeating it cannot help.
    InvalidArgument = 2,
    /// There are no such credentials.
    NotFound = 3,
    /// Other credentials hold this id.
    AlreadyExists = 4,
    /// The present state forbids it.
    FailedPrecondition = 5,
    /// The service does not offer this operation.
    Unsupported = 6,
    /// No answer now; repeating it is safe.
    Unavailable = 7,
    /// The service refuses these credentials.
    PermissionDenied = 8,
    /// A quota is used up.
    ResourceExhausted = 9,
    /// The time allowed ran out.
    Deadline = 10,
}

/// Why the engine did nothing; the numbers are those of Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub i32);

impl Errno {
    /// Not granted to this service, or not usable now.
    pub const PERM: Errno = Errno(1);
    /// No such key, value or secret.
    pub const NOENT: Errno = Errno(2);
    /// Over a size limit.
    pub const TOO_BIG: Errno = Errno(7);
    /// Not now; the operation may be tried again.
    pub const AGAIN: Errno = Errno(11);
    /// An argument is out of its range.
    pub const INVAL: Errno = Errno(22);
    /// Not offered by this version.
    pub const NOSYS: Errno = Errno(38);
    /// The operation has used up what one may use.
    pub const DQUOT: Errno = Errno(122);

    fn meaning(self) -> &'static str {
        match self {
            Errno::PERM => "not granted to this service, or not usable now (EPERM)",
            Errno::NOENT => "no such key or secret (ENOENT)",
            Errno::TOO_BIG => "over a size limit (E2BIG)",
            Errno::AGAIN => "not now, try again (EAGAIN)",
            Errno::INVAL => "argument out of range (EINVAL)",
            Errno::NOSYS => "not offered by this version (ENOSYS)",
            Errno::DQUOT => "quota of this operation is used up (EDQUOT)",
            _ => "unknown error number",
        }
    }
}

/// A failure with a status. Its text is for operators and never shown to a
/// device; what exceeds 1 KiB is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub status: Status,
    pub text: String,
    /// What a function of the engine returned, if that is where it comes from.
    pub errno: Option<Errno>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure with a status and a text for operators.
    pub fn new(status: Status, text: impl Into<String>) -> Self {
        Error { status, text: text.into(), errno: None }
    }

    /// There are no such credentials.
    pub fn not_found() -> Self {
        Error::new(Status::NotFound, "no such credentials")
    }

    /// Refuses credentials, with the reason for operators.
    pub fn refuse(reason: impl Into<String>) -> Self {
        Error::new(Status::PermissionDenied, reason)
    }

    /// What was given is malformed: says what to change.
    pub fn invalid(text: impl Into<String>) -> Self {
        Error::new(Status::InvalidArgument, text)
    }

    /// The service does not offer this operation.
    pub fn unsupported() -> Self {
        Error::new(Status::Unsupported, "")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl From<DecodeError> for Error {
    fn from(e: DecodeError) -> Self {
        Error::invalid(e.to_string())
    }
}

/// The error behind the result of a function of the engine, if any.
pub(crate) fn failed(name: &str, result: i32) -> Result<i32> {
    if result >= 0 {
        return Ok(result);
    }
    let errno = Errno(result.wrapping_neg());
    let status = match errno {
        Errno::DQUOT => Status::ResourceExhausted,
        Errno::AGAIN => Status::Unavailable,
        _ => Status::Internal,
    };
    let text = [name, ": ", errno.meaning()].concat();
    Err(Error { status, text, errno: Some(errno) })
}

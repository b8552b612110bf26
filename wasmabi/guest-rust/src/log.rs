//! The engine's log.

use std::marker::PhantomData;

use crate::call::Call;
use crate::host;

/// The severity of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What only a developer wants to read.
    Debug = 0,
    /// What an operator may want to know.
    Info = 1,
    /// What an operator should look at.
    Warn = 2,
    /// What an operator has to repair.
    Error = 3,
}

/// Writes records to the engine's log, which adds the service, the application
/// and the request. A record has at most 1 KiB, and an operation at most 64.
pub struct Log<'a>(pub(crate) PhantomData<&'a Call<'a>>);

impl Log<'_> {
    /// Writes one record.
    pub fn write(&self, level: Level, text: &str) {
        host::log_write(level as i32, text);
    }

    /// Logs what only a developer wants to read.
    pub fn debug(&self, text: &str) {
        self.write(Level::Debug, text);
    }

    /// Logs what an operator may want to know.
    pub fn info(&self, text: &str) {
        self.write(Level::Info, text);
    }

    /// Logs what an operator should look at.
    pub fn warn(&self, text: &str) {
        self.write(Level::Warn, text);
    }

    /// Logs what an operator has to repair.
    pub fn error(&self, text: &str) {
        self.write(Level::Error, text);
    }

    /// Whether the engine keeps records of this level, for texts that are costly
    /// to make.
    pub fn enabled(&self, level: Level) -> bool {
        host::log_enabled(level as i32) == 1
    }
}

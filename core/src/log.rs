//! What happened, for a developer who asks. Off until a sink is set; no line holds a secret, because a line is made
//! of fixed words and of values that are none: statuses, error codes, hosts, counts.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// How much a [`LogSink`] gets to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, uniffi::Enum)]
pub enum LogLevel {
    /// What went wrong.
    Error,
    /// And what may go wrong, or was mended.
    Warn,
    /// And each step: a login began, a refresh was done.
    Info,
    /// And each request, with its host and status.
    Debug,
}

/// A sink failed. The core goes on without it.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub enum LogError {
    /// The line was not taken.
    #[error("the log sink failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for LogError {
    /// The reason may be an exception with its data: it is dropped.
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Gets what happened, line by line. Implemented by the app; called from any thread; must return at once.
///
/// It may call [`crate::Auth::session`] and the other calls that are not async. A line that such a call would write is
/// dropped.
#[uniffi::export(rust, foreign)]
pub trait LogSink: Send + Sync {
    /// One line, in English, without a secret.
    fn log(&self, level: LogLevel, line: String) -> Result<(), LogError>;
}

thread_local! {
    /// Whether this thread is inside a sink.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The switch in front of the sink.
#[derive(Default)]
pub(crate) struct Log {
    sink: Mutex<Option<(LogLevel, Arc<dyn LogSink>)>>,
}

impl Log {
    pub(crate) fn set(&self, sink: Option<(LogLevel, Arc<dyn LogSink>)>) {
        *self.sink.lock().unwrap_or_else(PoisonError::into_inner) = sink;
    }

    /// Hands a line to the sink. The text is made only where somebody listens, and no lock is held over the call. What a
    /// sink makes the core say is dropped: it would be called from inside itself, without end.
    pub(crate) fn line(&self, level: LogLevel, text: fmt::Arguments<'_>) {
        let sink = match &*self.sink.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((wanted, sink)) if level <= *wanted => Arc::clone(sink),
            _ => return,
        };
        if INSIDE.replace(true) {
            return;
        }
        // A sink that fails, or panics, loses its line and nothing else: a line stands between an answer and its
        // store.
        let call = AssertUnwindSafe(|| sink.log(level, text.to_string()));
        drop(catch_unwind(call));
        INSIDE.set(false);
    }
}

//! Whole runs of the binary `latchkey`, each command a process of its own, against the development server.
#![expect(
    clippy::unwrap_used,
    reason = "in a test a surprise is a failure, in its helpers too"
)]

mod configuration;
#[cfg(unix)]
mod endings;
mod failures;
mod person;
mod processes;
mod secrets;
mod session;
#[cfg(unix)]
mod terminal;

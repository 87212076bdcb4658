//! The server over real HTTP on loopback.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod api;
mod client;
mod faults;
mod login;
mod logout;
mod pages;
mod rotation;
mod token;

//! The server over real HTTP on loopback.

mod api;
mod client;
mod faults;
mod login;
mod logout;
mod pages;
mod rotation;
mod token;

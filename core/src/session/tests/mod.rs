//! The session's input and output, tested in seconds: a scripted provider on a real socket, a store that fails when it is
//! told to, clocks that are moved by hand.
//!
//! The stories in `tests/` prove the same through the public API, against a provider that behaves. What stands here is
//! near the rule and looks at what a story cannot see: the body of a request, the record as it is stored, the moment
//! between two writes.

#![expect(dead_code, reason = "the harness offers more than today's tests use")]

mod server;
mod store;
mod world;

mod access;
mod answer;
mod api;
mod commit;
mod finish;
mod harness;
mod id_token;
mod keeper;
mod login;
mod logout;
mod orphan;
mod provider;
mod put_back;
mod refresh;
mod runs;
mod send;
mod settle;
mod unauthorized;
mod user_info;
mod verdicts;

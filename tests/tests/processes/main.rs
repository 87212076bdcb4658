//! Many processes, one session: real processes on one store of sealed files, frozen and killed at named points of a
//! refresh, and a clock that goes on meanwhile.
//!
//! A test starts this very program again and picks [`worker`] in it: that is one process of an app.

#![cfg(unix)]

mod clock;
mod door;
mod frozen;
mod gate;
mod house;
mod killed;
mod many;
mod news;
mod process;
mod worker;

/// Not a test. Started with a configuration in its environment, it is the other process.
#[test]
#[ignore = "runs only as the other process of the tests here"]
fn worker() {
    worker::run();
}

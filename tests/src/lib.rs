//! Helpers that several of the tests share.

pub mod calls;
pub mod elsewhere;
pub mod forms;
pub mod glass;
pub mod hostile_server;
pub mod pictures;
pub mod process;
pub mod puppet_store;
pub mod seed;
pub mod tls_front;
pub mod webdriver;
pub mod world;

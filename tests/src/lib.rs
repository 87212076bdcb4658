//! Helpers that several of the tests share.

pub mod elsewhere;
pub mod forms;
pub mod glass;
pub mod pictures;
pub mod process;
pub mod tls_front;
pub mod webdriver;
pub mod world;

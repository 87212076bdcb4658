//! Helpers that several of the tests share.

pub mod forms;
pub mod pictures;
pub mod process;
pub mod webdriver;
pub mod world;

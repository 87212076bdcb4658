//! Helpers that several of the tests share.

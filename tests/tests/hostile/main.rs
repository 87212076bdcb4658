//! Servers that answer anything at all, and callers who hand in anything at all.

mod answers;
mod bodies;
mod device;
mod packed;
mod properties;

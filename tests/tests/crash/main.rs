//! A process is killed between any two steps of a refresh, and the next one goes on with what was durable.
//!
//! `matrix`: the eight points of refresh.md §4.8 under three servers, cell by cell, and `page`, which shows it. `commit`:
//! every byte of one write. `random`: any step, twice in a row, beside another process, on a store that fails, as `plan`
//! has it by `chance`. What dies and counts: `process` and its `fate`, `mortal_store` and `wire` with their steps; what
//! stays: `device`. `record` reads what is stored.

mod chance;
mod commit;
mod device;
mod fate;
mod matrix;
mod mortal_store;
mod page;
mod plan;
mod process;
mod random;
mod record;
mod wire;

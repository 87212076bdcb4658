//! The seed of a test that draws by chance: another one each run, or the one that was asked for.

use std::env;
use std::hash::{BuildHasher as _, RandomState};

/// The seed in this environment variable, else another one each time. A run that fails is repeated by it: whoever draws
/// by it says which one it was.
///
/// # Panics
/// If the variable holds no number.
pub fn seed(variable: &str) -> u64 {
    match env::var(variable) {
        Ok(text) => text.parse().expect("the seed is a number"),
        Err(_) => RandomState::new().hash_one(0),
    }
}

/// As many bytes as the generators of proptest take.
pub fn bytes(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes
}

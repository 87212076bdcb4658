//! How a library for phones is aligned in memory. A phone with pages of 16 KB loads no library that is aligned to less.

use anyhow::{Context, Result, ensure};

/// The largest pages that Android has.
pub(super) const PAGE: u64 = 16 * 1024;
const LOAD: u32 = 1;

/// The least alignment of the segments that are loaded, of a 64-bit library.
pub(super) fn alignment(library: &[u8]) -> Result<u64> {
    ensure!(
        library.starts_with(b"\x7fELF\x02\x01"),
        "no 64-bit library of Linux or Android"
    );
    // ELF-64: where the table of segments begins, how long an entry is, how many there are.
    let table = usize::try_from(u64::from_le_bytes(bytes(library, 32)?))?;
    let length = usize::from(u16::from_le_bytes(bytes(library, 54)?));
    let count = usize::from(u16::from_le_bytes(bytes(library, 56)?));
    let mut least = None;
    for entry in (0..count).map(|number| table.saturating_add(number * length)) {
        if u32::from_le_bytes(bytes(library, entry)?) == LOAD {
            let alignment = u64::from_le_bytes(bytes(library, entry.saturating_add(48))?);
            least = Some(least.map_or(alignment, |least: u64| least.min(alignment)));
        }
    }
    least.context("no segment is loaded")
}

fn bytes<const N: usize>(library: &[u8], at: usize) -> Result<[u8; N]> {
    let found = library.get(at..).and_then(<[u8]>::first_chunk);
    found.copied().context("cut off")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A library of two loaded segments and one that is not.
    pub(in crate::android) fn library(first: u64, second: u64) -> Vec<u8> {
        let mut library = vec![0; 64];
        library[..6].copy_from_slice(b"\x7fELF\x02\x01");
        library[32] = 64;
        library[54] = 56;
        library[56] = 3;
        for (kind, alignment) in [(LOAD, first), (2, 8), (LOAD, second)] {
            let mut entry = [0; 56];
            entry[..4].copy_from_slice(&kind.to_le_bytes());
            entry[48..].copy_from_slice(&alignment.to_le_bytes());
            library.extend(entry);
        }
        library
    }

    #[test]
    fn the_segment_that_is_aligned_worst_counts() {
        assert_eq!(alignment(&library(PAGE, PAGE)).unwrap(), PAGE);
        assert_eq!(alignment(&library(PAGE, 4096)).unwrap(), 4096);
    }

    #[test]
    fn what_is_no_library_or_a_part_of_one_is_refused() {
        assert!(alignment(b"MZ").is_err());
        assert!(alignment(&library(PAGE, PAGE)[..200]).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_real_program_is_read() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(alignment(&program).unwrap() >= 4096);
    }
}

//! Zip files, which AARs, APKs and jars are.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

pub(super) struct Entry {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    /// As it is, for whoever maps it into memory; compressed if not.
    pub(super) stored: bool,
}

impl Entry {
    pub(super) fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
            stored: false,
        }
    }

    pub(super) fn stored(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            stored: true,
            ..Self::new(name, bytes)
        }
    }
}

/// What Android wants of a stored entry: libraries begin at a page, the rest at four bytes.
pub(super) fn alignment(name: &str) -> u16 {
    if is_library(name) { 16 * 1024 } else { 4 }
}

pub(super) fn is_library(name: &str) -> bool {
    name.ends_with(".so")
}

/// Writes an archive that is the same each time: no entry has a date.
pub(super) fn write(path: &Path, entries: &[Entry]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::create(path).with_context(|| format!("could not write {}", path.display()))?;
    pack(file, entries)
}

/// The same, in memory.
pub(super) fn bytes(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pack(std::io::Cursor::new(&mut bytes), entries)?;
    Ok(bytes)
}

fn pack(to: impl Write + std::io::Seek, entries: &[Entry]) -> Result<()> {
    let mut zip = ZipWriter::new(to);
    for entry in entries {
        let options = SimpleFileOptions::default();
        let options = if entry.stored {
            options
                .compression_method(CompressionMethod::Stored)
                .with_android_alignment(alignment(&entry.name))
        } else {
            options.compression_method(CompressionMethod::Deflated)
        };
        zip.start_file(entry.name.as_str(), options)?;
        zip.write_all(&entry.bytes)?;
    }
    zip.finish()?;
    Ok(())
}

/// All files of an archive, in its order.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>> {
    let file = File::open(path).with_context(|| format!("could not read {}", path.display()))?;
    unpack(file)
}

/// The same, of one that is inside another.
pub(super) fn unpack(from: impl Read + std::io::Seek) -> Result<Vec<Entry>> {
    let mut zip = ZipArchive::new(from)?;
    let mut entries = Vec::new();
    for number in 0..zip.len() {
        let mut file = zip.by_index(number)?;
        if file.is_dir() {
            continue;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        entries.push(Entry {
            name: file.name()?.into_owned(),
            bytes,
            stored: file.compression() == CompressionMethod::Stored,
        });
    }
    Ok(entries)
}

/// Stored entries that do not begin where Android wants them, and libraries that are not stored.
pub(super) fn misaligned(path: &Path) -> Result<Vec<String>> {
    let mut zip = ZipArchive::new(File::open(path)?)?;
    let mut wrong = Vec::new();
    for number in 0..zip.len() {
        let file = zip.by_index(number)?;
        let (name, start) = (file.name()?, file.data_start().unwrap_or_default());
        if file.compression() != CompressionMethod::Stored {
            if is_library(&name) {
                wrong.push(format!("{name} is compressed"));
            }
        } else if start % u64::from(alignment(&name)) != 0 {
            wrong.push(format!("{name} begins at {start}"));
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_begin_at_a_page_and_other_stored_files_at_four_bytes() {
        let path = std::env::temp_dir().join(format!("xtask-zip-{}.zip", std::process::id()));
        let entries = [
            Entry::new("classes.dex", "compressed"),
            Entry::stored("resources.arsc", "12345"),
            Entry::stored("lib/arm64-v8a/libone.so", "odd"),
            Entry::stored("lib/arm64-v8a/libtwo.so", "even"),
        ];
        write(&path, &entries).unwrap();
        assert_eq!(misaligned(&path).unwrap(), Vec::<String>::new());
        let read = read(&path).unwrap();
        for (before, after) in entries.iter().zip(&read) {
            assert_eq!((&before.name, &before.bytes), (&after.name, &after.bytes));
            assert_eq!(before.stored, after.stored);
        }
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_not_aligned_is_named() {
        let path = std::env::temp_dir().join(format!("xtask-odd-{}.zip", std::process::id()));
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        let options = SimpleFileOptions::default();
        let stored = options.compression_method(CompressionMethod::Stored);
        zip.start_file("lib/arm64-v8a/libone.so", stored).unwrap();
        zip.start_file("lib/arm64-v8a/libtwo.so", options).unwrap();
        zip.finish().unwrap();
        let wrong = misaligned(&path).unwrap();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains("libone.so begins at") && wrong[1].contains("is compressed"));
        fs::remove_file(path).unwrap();
    }
}

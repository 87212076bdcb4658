//! The page of the documentation that shows the matrix.

use std::path::Path;
use std::{env, fs};

/// `docs/crash-matrix.md` shows this table. With `LATCHKEY_BLESS=1` it is made to.
pub(crate) fn assert_documented(table: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/crash-matrix.md");
    let text = fs::read_to_string(&page).expect("the page");
    let start = text.find("| Killed |").expect("the table");
    let end = text[start..]
        .find("\n\n")
        .map_or(text.len(), |at| start + at + 1);
    if text[start..end] == *table {
        return;
    }
    assert!(
        env::var_os("LATCHKEY_BLESS").is_some_and(|value| value == "1"),
        "docs/crash-matrix.md shows another table; LATCHKEY_BLESS=1 replaces it"
    );
    let blessed = [&text[..start], table, &text[end..]].concat();
    fs::write(&page, blessed).expect("it is written");
}

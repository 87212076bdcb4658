//! What must not be in anything that is handed out: a key, a token, a password, a name of this machine's.

use std::env;
use std::path::Path;

/// Beginnings of what is never public, and the passwords of the test provider.
const WORDS: [&str; 6] = [
    "PRIVATE KEY-----",
    // `{"alg":` and `{"typ":` as tokens have them.
    "eyJhbGciOi",
    "eyJ0eXAiOi",
    "alice-password",
    "bob-password",
    "client_secret=",
];

/// Where `bytes` holds one of them. `root` is the folder of the project.
pub(super) fn found(name: &str, bytes: &[u8], root: &Path) -> Vec<String> {
    let home = env::home_dir().unwrap_or_default();
    let folders = [root.display().to_string(), home.display().to_string()];
    let folders = folders.iter().map(String::as_str);
    WORDS
        .into_iter()
        .chain(folders.filter(|folder| folder.len() > 1))
        .filter(|word| holds(bytes, word))
        .map(|word| format!("{name} holds {word}"))
        .collect()
}

pub(super) fn holds(bytes: &[u8], word: &str) -> bool {
    bytes
        .windows(word.len())
        .any(|window| window == word.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tokens_passwords_and_folders_are_found_and_other_words_are_not() {
        let root = Path::new("/src/latchkey");
        for word in [
            "-----BEGIN EC PRIVATE KEY-----",
            "eyJhbGciOiJSUzI1NiJ9.e30",
            "at /src/latchkey/core",
        ] {
            assert_eq!(
                found("x", format!("\0{word}\0").as_bytes(), root).len(),
                1,
                "{word}"
            );
        }
        assert_eq!(
            found("x", b"dev.latchkey says Bearer", root),
            Vec::<String>::new()
        );
    }
}

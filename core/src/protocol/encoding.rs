//! Base64url as JOSE and PKCE use it, comparison of secrets, and foreign text made safe to show.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// Longest OAuth error code that is passed on.
const MAX_ERROR_CODE: usize = 64;

/// Base64url without padding (RFC 7515 §2, RFC 7636 Appendix A).
pub fn b64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a canonical base64url text, so that each value has exactly one spelling: no
/// padding, no white space, no stray bits in the last character (RFC 7515 §2, RFC 4648 §3.5).
pub fn b64url_decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Equality whose duration says nothing about where two secrets of one length differ.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Foreign text as it may be shown: no control or direction-changing characters, line breaks and
/// tabs as spaces, at most `max_chars` characters.
pub fn printable(text: &str, max_chars: usize) -> String {
    let shown: String = text.chars().filter_map(shown).take(max_chars).collect();
    shown.trim().to_owned()
}

/// An OAuth error code, if it keeps to the characters of RFC 6749 §5.2 and is short enough.
pub fn error_code(text: &str) -> Option<String> {
    let registered = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    let fits = (1..=MAX_ERROR_CODE).contains(&text.len()) && text.bytes().all(registered);
    fits.then(|| text.to_owned())
}

fn shown(c: char) -> Option<char> {
    match c {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        // Bidirectional marks, embeddings, overrides and isolates; the invisible; tag characters.
        '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' => None,
        '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' => None,
        '\u{E0000}'..='\u{E007F}' => None,
        c if c.is_control() => None,
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_the_unpadded_alphabet_of_rfc_7515_appendix_c() {
        assert_eq!(b64url(&[3, 236, 255, 224, 193]), "A-z_4ME");
        assert_eq!(b64url_decode("A-z_4ME"), Some(vec![3, 236, 255, 224, 193]));
        assert_eq!(b64url_decode(""), Some(vec![]));
    }

    #[test]
    fn base64url_has_one_spelling_for_each_value() {
        let refused = [
            "A-z_4ME=",
            "A-z_4MF",
            "A+z/4ME",
            "A-z_4ME\n",
            " A-z_4ME",
            "A-z_\n4ME",
            "A",
            "=",
            "A===",
            "A-z_4M?E",
            "A-z_4MÉ",
        ];
        for text in refused {
            assert_eq!(b64url_decode(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_was_encoded_decodes_to_itself_and_no_single_change_decodes_alike() {
        for len in 0..64_u8 {
            let bytes: Vec<u8> = (0..len).map(|i| i.wrapping_mul(167) ^ len).collect();
            let text = b64url(&bytes);
            assert_eq!(b64url_decode(&text).as_deref(), Some(&bytes[..]));
            for (at, old) in text.char_indices() {
                for new in ['A', 'B', '_', '=', ' ']
                    .into_iter()
                    .filter(|&new| new != old)
                {
                    let mut changed = text.clone();
                    changed.replace_range(at..=at, new.encode_utf8(&mut [0; 4]));
                    assert_ne!(
                        b64url_decode(&changed).as_deref(),
                        Some(&bytes[..]),
                        "{changed}"
                    );
                }
            }
        }
    }

    #[test]
    fn secrets_are_the_same_only_if_every_byte_is() {
        assert!(same(b"", b""));
        assert!(same(b"nonce", b"nonce"));
        assert!(!same(b"nonce", b"nonce "));
        assert!(!same(b"nonce", b"noncE"));
        assert!(!same(b"", b"x"));
    }

    #[test]
    fn shown_text_has_no_control_characters_and_cannot_change_its_direction() {
        assert_eq!(printable("a\u{0}b\u{1b}[31mc\u{7f}\u{85}d", 99), "ab[31mcd");
        assert_eq!(printable("line\r\nnext\tcell", 99), "line  next cell");
        assert_eq!(
            printable("abc\u{202E}fdp.exe\u{2066}\u{200F}", 99),
            "abcfdp.exe"
        );
        assert_eq!(printable("  Grüße, 世界 👋 ", 99), "Grüße, 世界 👋");
    }

    #[test]
    fn shown_text_is_capped_in_characters() {
        assert_eq!(printable("äöüß", 3), "äöü");
        assert_eq!(printable("\u{0}\u{0}\u{0}ab", 2), "ab");
        assert_eq!(printable("abc", 0), "");
    }

    #[test]
    fn an_error_code_keeps_to_its_characters_and_length() {
        assert_eq!(
            error_code("invalid_grant").as_deref(),
            Some("invalid_grant")
        );
        assert_eq!(error_code(&"x".repeat(64)), Some("x".repeat(64)));
        for bad in ["", "a\"b", "a\\b", "a\nb", "ä", "\u{7f}", &"x".repeat(65)] {
            assert_eq!(error_code(bad), None, "{bad:?}");
        }
    }
}

//! Content codings (RFC 9110 §8.4). Every request says `Accept-Encoding: identity` (§12.5.3), because
//! without that header a server may pack its answer, and some do. One that is packed all the same is
//! named as that: nobody here unpacks it.

use super::ProtocolError;

/// The error code, our own, of an answer that was packed although the request said `identity`.
pub const PACKED: &str = "packed_answer";

/// The codings of IANA's registry.
const CODINGS: [&str; 12] = [
    "aes128gcm",
    "br",
    "compress",
    "dcb",
    "dcz",
    "deflate",
    "exi",
    "gzip",
    "pack200-gzip",
    "x-compress",
    "x-gzip",
    "zstd",
];

/// What an answer with these `Content-Encoding` lines is packed with. A word that is no coding says
/// nothing: servers write `utf-8`, `none` or `aws-chunked` above bodies that are as they should be.
pub fn packing(content_encoding: &[&str]) -> Option<&'static str> {
    content_encoding
        .iter()
        .flat_map(|line| line.split(','))
        .find_map(|word| {
            let known = |coding: &&&str| coding.eq_ignore_ascii_case(word.trim());
            CODINGS.iter().find(known).copied()
        })
}

/// What a packed answer of the provider's comes to: it is judged by its status, like any other that
/// cannot be read, and named.
pub fn packed(status: u16) -> ProtocolError {
    ProtocolError::Answer {
        status,
        // A server in trouble is just that, however it says so.
        code: (status < 500).then(|| PACKED.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_known_in_any_case_at_any_place_of_any_line() {
        for (lines, coding) in [
            (&["gzip"][..], "gzip"),
            (&["GZip"], "gzip"),
            (&["identity, br"], "br"),
            (&["identity", " ,zstd ,"], "zstd"),
            (&["deflate,gzip"], "deflate"),
            (&["x-gzip"], "x-gzip"),
            (&["aws-chunked,gzip"], "gzip"),
        ] {
            assert_eq!(packing(lines), Some(coding), "{lines:?}");
        }
    }

    #[test]
    fn identity_and_words_that_are_no_coding_pack_nothing() {
        for lines in [
            &[][..],
            &[""],
            &["identity"],
            &["Identity, identity"],
            &["utf-8"],
            &["none"],
            &["binary"],
            &["aws-chunked"],
            &["gzip;q=1"],
            &["gzipped"],
        ] {
            assert_eq!(packing(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn a_packed_answer_is_named_but_for_a_server_in_trouble() {
        let code = |status| match packed(status) {
            ProtocolError::Answer { code, .. } => code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code(200).as_deref(), Some(PACKED));
        assert_eq!(code(404).as_deref(), Some(PACKED));
        assert_eq!(code(503), None);
    }
}

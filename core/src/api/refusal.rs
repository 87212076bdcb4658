//! What an API's refusal is called, in words for the person: the API's own, unless they give the token away or cannot be
//! read.

use crate::error::AuthError;
use crate::protocol::challenge::{BearerError, message_to_show};
use crate::protocol::packing::packing;
use crate::transport::Response;

/// The refusal's status and text. `asked_to_pack`: the app did, by a header of its own.
pub(super) fn refusal(
    answer: &Response,
    bearer: &BearerError,
    token: &str,
    asked_to_pack: bool,
) -> AuthError {
    let mut text = message_to_show(
        answer.status,
        answer.header("content-type"),
        &answer.body,
        bearer,
    );
    if holds_piece(&text, token) {
        // The API repeats the token it was sent: words for the status are all that may be shown.
        text = message_to_show(answer.status, None, b"", &BearerError::default());
    }
    match coding(answer) {
        Some(coding) if bearer.description.is_none() => {
            text.push_str("; ");
            text.push_str(&why_unread(coding, asked_to_pack));
        }
        _ => {}
    }
    AuthError::Api {
        status: u32::from(answer.status),
        text,
    }
}

/// A success that nobody can read: packed, though the core has asked for it unpacked. A redirect is not looked at: what
/// counts of it is in its head.
pub(super) fn packed_unasked(answer: &Response) -> Option<AuthError> {
    let coding = coding(answer).filter(|_| (200..300).contains(&answer.status))?;
    Some(AuthError::Api {
        status: u32::from(answer.status),
        text: format!(
            "The API's answer cannot be used: {}.",
            why_unread(coding, false)
        ),
    })
}

/// What the body is packed with, where there is one.
fn coding(answer: &Response) -> Option<&'static str> {
    packing(&answer.all("content-encoding")).filter(|_| !answer.body.is_empty())
}

fn why_unread(coding: &str, asked_to_pack: bool) -> String {
    if asked_to_pack {
        format!("what it says is packed ({coding}), as the app asked")
    } else {
        format!("it packed its answer ({coding}) although it was asked not to")
    }
}

/// Whether a text holds a token, or a piece of it that is worth anything to a finder.
fn holds_piece(text: &str, token: &str) -> bool {
    const PIECE: usize = 16;
    let pieces = token.as_bytes().chunks(PIECE);
    let text = text.as_bytes();
    pieces
        .filter(|piece| piece.len() == PIECE || token.len() < PIECE)
        .any(|piece| text.windows(piece.len()).any(|window| window == piece))
}

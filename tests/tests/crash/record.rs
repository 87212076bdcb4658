//! What a session's record says, as far as a crash is concerned.

use latchkey::StoredItem;
use serde_json::Value;

use crate::fate::Write;

/// A record that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) generation: u64,
    /// How often its refresh token may have been sent without an answer, if it is claimed or was.
    pub(crate) sends: Option<u64>,
    /// Whether a process holds the claim.
    held: bool,
    /// The reason, if the session has ended.
    pub(crate) ended: Option<String>,
}

impl Record {
    pub(crate) fn read(item: &StoredItem) -> Record {
        let json: Value = serde_json::from_slice(&item.bytes).expect("JSON");
        let state = &json["state"];
        let claim = &state["live"]["claim"];
        Record {
            generation: json["generation"].as_u64().expect("a number"),
            sends: (!claim.is_null()).then(|| claim["sent"]["attempts"].as_u64().unwrap_or(0)),
            held: !claim["holder"].is_null(),
            ended: state["ended"]["reason"].as_str().map(str::to_owned),
        }
    }

    pub(crate) fn open_sends(&self) -> u64 {
        self.sends.unwrap_or(0)
    }
}

/// What it is for to put `next` in the place of `before`.
pub(crate) fn purpose(before: Option<&Record>, next: &Record) -> Write {
    let Some(before) = before else {
        return Write::Commit;
    };
    if next.ended.is_some() {
        Write::Ending
    } else if next.generation > before.generation {
        Write::Commit
    } else if !next.held {
        Write::Settle
    } else if next.open_sends() > before.open_sends() {
        Write::MaybeSent
    } else {
        Write::Claim
    }
}

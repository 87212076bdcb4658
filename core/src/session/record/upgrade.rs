//! Reading what earlier versions have written. A version that was ever released is read for ever: its golden file is
//! in `golden/`.

use serde_json::{Value, json};

use super::{SCHEMA, SessionRecord};

/// A record of this older version, as one of today's; `None` if it is none.
pub(super) fn read(bytes: &[u8], version: u32) -> Option<SessionRecord> {
    let mut record: Value = serde_json::from_slice(bytes).ok()?;
    match version {
        1 => from_1(&mut record)?,
        _ => return None,
    }
    record["schema"] = SCHEMA.into();
    // By way of text, so that one reader of records is shipped and not two.
    serde_json::from_slice(&serde_json::to_vec(&record).ok()?).ok()
}

/// Version 1 had one time where there are two clocks now, and a claim that always meant "may have been sent".
fn from_1(record: &mut Value) -> Option<()> {
    let Some(live) = record.get_mut("state")?.get_mut("live") else {
        // An ending is as it was.
        return Some(());
    };
    let obtained_at = live.get("obtained_at")?.clone();
    live["obtained"] = json!({ "wall": obtained_at, "boot": 0 });
    let claim = live.get("claim").filter(|claim| !claim.is_null()).cloned();
    if let Some(claim) = claim {
        let number = |name| claim.get(name)?.as_i64();
        let (at, boot_at) = (number("at")?, number("boot_at")?);
        let first_sent = number("first_sent")?;
        let first_boot = boot_at.saturating_sub(at.saturating_sub(first_sent)).max(0);
        let last = json!({ "wall": at, "boot": boot_at });
        live["claim"] = json!({
            "holder": { "run_id": claim.get("run_id")?, "role": null, "since": last },
            "sent": {
                "first": { "wall": first_sent, "boot": first_boot },
                "last": last,
                "attempts": 1,
            },
        });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::{Live, SessionRecord, Unreadable};
    use crate::session::claim::{Claim, Holder, Sent};
    use crate::session::moment::tests::moment;
    use crate::types::SignedOutReason;

    fn decode(golden: &str) -> Result<SessionRecord, Unreadable> {
        SessionRecord::decode(golden.as_bytes(), "https://op.example", "app")
    }

    fn live(golden: &str) -> Live {
        let record = decode(golden).expect("it is read");
        assert_eq!((record.session_id.as_str(), record.generation), ("s-1", 3));
        record.live().expect("live").clone()
    }

    /// What every version says of the same session.
    fn check_session(live: &Live) {
        assert_eq!(live.subject.as_deref(), Some("alice"));
        assert_eq!(live.scopes, ["openid", "offline_access"]);
        assert_eq!(live.claims["name"], "Alice");
        let secret = live
            .refresh_token
            .as_ref()
            .map(|token| token.secret().clone());
        assert_eq!(secret.as_deref(), Some("rt-3"));
        assert_eq!(live.obtained.wall, 1_700_000_000);
        assert_eq!(live.expires_at, Some(1_700_003_600));
        assert_eq!(live.token_endpoint, "https://op.example/token");
    }

    #[test]
    fn version_1_is_read() {
        let live = live(include_str!("golden/1-live.json"));
        check_session(&live);
        let last = moment(1_700_000_030, 530, None);
        let claim = Claim {
            holder: Some(Holder {
                run_id: "run-1".to_owned(),
                role: None,
                since: last.clone(),
            }),
            sent: Some(Sent {
                first: moment(1_700_000_020, 520, None),
                last,
                attempts: 1,
            }),
        };
        assert_eq!(live.claim, Some(claim), "it may have been sent");
    }

    #[test]
    fn version_2_is_read() {
        let live = live(include_str!("golden/2-live.json"));
        check_session(&live);
        let claim = live.claim.expect("a claim");
        assert!(claim.is_of("run-1") && claim.sent.is_some());
        assert_eq!(live.hold.map(|hold| hold.seconds), Some(60));
    }

    #[test]
    fn the_endings_of_every_version_are_read() {
        for golden in [
            include_str!("golden/1-ended.json"),
            include_str!("golden/2-ended.json"),
        ] {
            let record = decode(golden).expect("it is read");
            let super::super::State::Ended(ending) = record.state else {
                panic!("live");
            };
            assert_eq!(ending.reason(), SignedOutReason::Revoked);
        }
    }

    #[test]
    fn what_is_written_today_is_the_golden_file_of_today() {
        for golden in [
            include_str!("golden/2-live.json"),
            include_str!("golden/2-ended.json"),
        ] {
            let bytes = decode(golden).expect("it is read").encode().expect("small");
            assert_eq!(String::from_utf8(bytes).expect("text"), golden.trim_end());
        }
    }

    #[test]
    fn a_version_that_never_was_is_refused() {
        let golden = include_str!("golden/1-ended.json").replace("\"schema\":1", "\"schema\":0");
        assert_eq!(decode(&golden).err(), Some(Unreadable::Corrupt));
    }
}

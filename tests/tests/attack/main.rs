//! Attacks on the session that must not succeed. Each test is a way that was found to lose, undo or misjudge one.

mod another_process;
mod early_answer;
mod hung_store;
mod id_token;
mod large_token;
mod provider;
mod put_back;
mod sink;
mod store;

use serde_json::{Value, json};

/// The record with this state, so many generations on.
fn later(record: &str, generations: u64, change: impl FnOnce(&mut Value)) -> String {
    let mut record: Value = serde_json::from_str(record).expect("JSON");
    let generation = record["generation"].as_u64().expect("a number") + generations;
    record["generation"] = generation.into();
    change(&mut record["state"]);
    record.to_string()
}

fn ended(reason: &str) -> impl FnOnce(&mut Value) {
    let ended = json!({ "ended": { "reason": reason, "at": 1_800_000_000, "logged_in_at": null } });
    move |state| *state = ended
}

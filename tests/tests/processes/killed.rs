//! A process that is killed with the claim in its hands: the next one goes on at once, since the dead one's lock is
//! free. The clock stands still meanwhile, so nobody can have waited for a term.

use latchkey_devserver::Rotation;
use serde_json::{Value, json};

use crate::house::House;
use crate::process::Process;

/// Two sends of one token are so far apart, and so far the clock is moved at most. A claim's term is five times that.
const APART: u32 = 3;

/// What the next one gets where the claim is all that the dead one has left.
async fn next_after_a_kill_at(point: &str, rotation: Rotation) -> (House, Process, Value) {
    let house = House::with_an_ended_token(rotation).await;
    let mut killed = house.start().await;
    // It runs already when the other one dies; so it has to look, not to be told.
    let next = house.start().await;
    killed.stop_at(point, "token").await;
    killed.kill().await;
    let has_sent = point == "after_send_word";
    go_on(house, next, if has_sent { APART } else { 0 }).await
}

/// The same with a request under way that the provider has carried out.
async fn next_after_a_kill_in_the_request(rotation: Rotation) -> (House, Process, Value) {
    let house = House::with_an_ended_token(rotation).await;
    let (mut killed, next) = (house.start().await, house.start().await);
    house
        .server
        .set_faults("token:after_commit,gate=middle@1")
        .expect("a fault");
    killed.tell("token").await;
    house.server.gate_reached("middle").await;
    killed.kill().await;
    house.server.open_gate("middle");
    go_on(house, next, APART).await
}

async fn go_on(house: House, mut next: Process, seconds: u32) -> (House, Process, Value) {
    let before = house.clock.gone();
    house.clock.advance(seconds);
    let answer = next.ask("token").await;
    assert!(house.clock.gone() - before <= APART, "nobody has waited");
    (house, next, answer)
}

async fn assert_lives(house: &House, next: &mut Process, answer: &Value, taken_over: &str) {
    assert!(answer["token"].is_string(), "{answer}");
    assert_eq!(house.server.refresh_token_reuse(), 0);
    let timeline = next.timeline().await;
    assert!(timeline.iter().any(|e| e == taken_over), "{timeline:?}");
    let interrupted = timeline.iter().any(|e| e.contains("rotation_interrupted"));
    assert!(!interrupted, "{timeline:?}");
    house.assert_session_lives(&mut [next]).await;
}

#[tokio::test]
async fn killed_with_its_claim_held_it_leaves_no_trace_and_nobody_waits() {
    for rotation in [Rotation::Strict, Rotation::Parent] {
        let (house, mut next, answer) = next_after_a_kill_at("claimed", rotation).await;
        assert_eq!(house.sent(), 1);
        let taken_over = "taken_over: it had sent nothing";
        assert_lives(&house, &mut next, &answer, taken_over).await;
    }
}

#[tokio::test]
async fn killed_after_the_word_that_it_sends_the_next_one_sends_the_same_token_at_once() {
    // The provider was never asked, so also at a strict one the repeat is the first use.
    for rotation in [Rotation::Strict, Rotation::Parent] {
        let (house, mut next, answer) = next_after_a_kill_at("after_send_word", rotation).await;
        let taken_over = "taken_over: it may have sent";
        assert_lives(&house, &mut next, &answer, taken_over).await;
    }
}

#[tokio::test]
async fn who_looked_at_the_claim_of_one_that_has_stored_its_answer_and_gone_takes_that_answer() {
    // The token is good for minutes: a repeat of a send without an answer would be out of the question.
    let house = House::new(Rotation::Strict).await;
    let (mut first, mut next) = (house.start().await, house.start().await);
    house
        .server
        .set_faults("token:after_commit,gate=middle@1")
        .expect("a fault");
    first.tell("force").await;
    house.server.gate_reached("middle").await;
    // It has found the claim, and no word of the journal that there is anything newer.
    next.stop_at("looked_at_the_journal", "force").await;
    // Before it looks at the lock the answer is stored, and the process ends.
    house.server.open_gate("middle");
    let token = first.token().await;
    first.kill().await;
    next.go().await;
    assert_eq!(next.token().await, token);
    assert_eq!(house.sent(), 1);
}

#[tokio::test]
async fn killed_in_the_request_it_costs_nothing_where_the_parent_of_an_unused_token_is_good() {
    let (house, mut next, answer) = next_after_a_kill_in_the_request(Rotation::Parent).await;
    assert_eq!(house.sent(), 2, "the dead one's and the repeat");
    let taken_over = "taken_over: it may have sent";
    assert_lives(&house, &mut next, &answer, taken_over).await;
}

#[tokio::test]
async fn killed_in_the_request_at_a_strict_provider_the_session_ends_with_the_honest_reason() {
    let (house, mut next, answer) = next_after_a_kill_in_the_request(Rotation::Strict).await;
    let expected = json!({
        "error": "login_required",
        "fields": { "reason": "rotation_interrupted" },
    });
    assert_eq!(answer, expected);
    assert_eq!(house.sent(), 2, "the dead one's and the repeat");
    let session = next.ask("session").await;
    assert_eq!(session["session"], "signed_out:rotation_interrupted");
}

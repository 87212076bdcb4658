//! Another process's logout is seen: within 30 seconds by a call, and at once when the app comes to the foreground or
//! an API refuses the token.

use latchkey_devserver::Rotation;
use serde_json::{Value, json};

use crate::house::House;
use crate::process::Process;

fn logged_out() -> Value {
    json!({ "error": "login_required", "fields": { "reason": "logged_out" } })
}

/// A process with a good token in its memory, and another one that logs out.
async fn after_a_logout_elsewhere() -> (House, Process) {
    let house = House::new(Rotation::Strict).await;
    let (mut process, mut other) = (house.start().await, house.start().await);
    process.ask_token().await;
    assert_eq!(other.ask("logout").await["logged_out"], true);
    (house, process)
}

#[tokio::test]
async fn a_logout_elsewhere_is_seen_by_a_call_within_thirty_seconds() {
    let (house, mut process) = after_a_logout_elsewhere().await;
    house.clock.advance(29);
    process.ask_token().await;
    house.clock.advance(1);
    // This call is served from memory, and looks at the store beside it.
    process.tell("arm looked").await;
    process.tell("token").await;
    let said = [process.hear().await, process.hear().await];
    assert!(
        said.iter().any(|line| line["token"].is_string()),
        "{said:?}"
    );
    assert!(said.contains(&json!({ "at": "looked" })), "{said:?}");
    process.go().await;
    // The look is done; what it saw is known a moment later, by the same clock.
    let mut answer = process.ask("token").await;
    for _ in 0..10_000 {
        if answer["token"].is_null() {
            break;
        }
        answer = process.ask("token").await;
    }
    assert_eq!(answer, logged_out());
}

#[tokio::test]
async fn a_logout_elsewhere_is_seen_at_once_when_the_app_is_resumed() {
    let (_house, mut process) = after_a_logout_elsewhere().await;
    process.ask_token().await;
    process.ask("resumed").await;
    assert_eq!(process.ask("token").await, logged_out());
}

#[tokio::test]
async fn a_logout_elsewhere_is_seen_at_once_when_the_api_refuses_the_token() {
    let (house, mut process) = after_a_logout_elsewhere().await;
    house
        .server
        .set_faults("api:status=401@1")
        .expect("a fault");
    assert_eq!(process.ask("ping").await, logged_out());
    assert_eq!(process.ask("token").await, logged_out());
    assert_eq!(house.sent(), 0, "nothing was renewed");
}

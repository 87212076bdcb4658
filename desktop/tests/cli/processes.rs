//! Many processes, one session: real processes on one store of sealed files.

use std::process::Stdio;
use std::time::Duration;

use latchkey_devserver::Rotation;
use serde_json::json;

use crate::person::*;

#[tokio::test]
async fn twenty_processes_with_an_ended_token_make_one_token_request() {
    // A second use of the refresh token would end the session.
    let (server, ann) = with_an_ended_token(Rotation::Strict).await;
    server.set_faults("token:delay=300").unwrap();
    let processes: Vec<_> = (0..20)
        .map(|_| {
            ann.command(&["ping", "private", "--json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for process in processes {
        let output = process.wait_with_output().await.unwrap();
        let answer = one_line(&output.stdout);
        assert_eq!(answer["ok"], true, "{answer}");
    }
    assert_eq!(server.requests("token"), 1);
    assert_eq!(server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn a_process_killed_in_the_middle_of_a_refresh_leaves_a_session_that_goes_on_at_once() {
    // The provider takes the parent of a token that nobody has used.
    let (server, ann) = with_an_ended_token(Rotation::Parent).await;
    server
        .set_faults("token:after_commit,gate=middle@1")
        .unwrap();
    let mut killed = ann.command(&["ping", "private"]).spawn().unwrap();
    // The provider has spent the token, and the answer is on its way.
    server.gate_reached("middle").await;
    killed.kill().await.unwrap();
    server.open_gate("middle");

    let timeline = ann.done(&["timeline"]).await.to_string();
    assert!(timeline.contains("refresh_unresolved"), "{timeline}");
    // The dead one's lock is free: nobody waits for the 15 seconds of its claim, only for the two that two sends of
    // one token are apart.
    let next = tokio::time::timeout(Duration::from_secs(10), ann.done(&["ping", "private"]));
    assert_eq!(next.await.unwrap()["ok"], json!(true));
    let timeline = ann.done(&["timeline"]).await.to_string();
    assert!(timeline.contains("it may have sent"), "{timeline}");
    assert_eq!(server.requests("token"), 2);
    assert_eq!(ann.done(&["status"]).await["session"]["state"], "signed_in");
}

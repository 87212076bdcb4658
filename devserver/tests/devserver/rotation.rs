//! A refresh token used twice, under each policy.

use latchkey_devserver::Rotation;

use crate::client::*;

#[tokio::test]
async fn strict_ends_the_session_at_a_second_use() {
    let server = start_with(Rotation::Strict).await;
    let tokens = log_in(&server, "alice", &[]).await;
    let first = text(&tokens, "refresh_token");
    let second = refresh(&server, first).await.json();
    assert_ne!(text(&second, "refresh_token"), first);
    assert_eq!(
        refresh(&server, first).await.json()["error"],
        "invalid_grant"
    );
    assert_eq!(
        refresh(&server, text(&second, "refresh_token"))
            .await
            .status,
        400
    );
    assert_eq!(server.refresh_token_reuse(), 1);
}

#[tokio::test]
async fn grace_accepts_a_second_use_in_time() {
    let server = start_with(Rotation::Grace(30)).await;
    let tokens = log_in(&server, "alice", &[]).await;
    let first = text(&tokens, "refresh_token");
    server
        .set_faults("token:clock=20@2;token:clock=40@3")
        .unwrap();
    assert_eq!(refresh(&server, first).await.status, 200);
    assert_eq!(refresh(&server, first).await.status, 200);
    assert_eq!(
        refresh(&server, first).await.json()["error"],
        "invalid_grant"
    );
    assert_eq!(server.refresh_token_reuse(), 1);
}

#[tokio::test]
async fn parent_gives_the_same_child_while_the_child_is_unused() {
    let server = start_with(Rotation::Parent).await;
    let tokens = log_in(&server, "alice", &[]).await;
    let first = text(&tokens, "refresh_token");
    let second = refresh(&server, first).await.json();
    let again = refresh(&server, first).await.json();
    assert_eq!(second["refresh_token"], again["refresh_token"]);
    assert_eq!(
        refresh(&server, text(&second, "refresh_token"))
            .await
            .status,
        200
    );
    assert_eq!(refresh(&server, first).await.status, 400);
}

#[tokio::test]
async fn none_sends_no_new_refresh_token_and_keeps_the_old_one() {
    let server = start_with(Rotation::None).await;
    let tokens = log_in(&server, "alice", &[]).await;
    let first = text(&tokens, "refresh_token");
    for _ in 0..2 {
        let answer = refresh(&server, first).await;
        assert_eq!(
            (answer.status, answer.json().get("refresh_token")),
            (200, None)
        );
    }
}

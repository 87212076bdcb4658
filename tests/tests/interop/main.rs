//! The story against other people's servers: npm's `oidc-provider`, and the tutorial's API of Express guarded by
//! `express-oauth2-jwt-bearer`, driven through the binary `latchkey`, each command a process of its own.

mod servers;

use std::thread;

use latchkey_tests::forms::{Person, Stop};
use latchkey_tests::process::{Latchkey, Running};
use serde_json::json;

use crate::servers::{ALICE, BOB, CALLBACK, Servers, begin, log_in, ping, refresh, state};

const PRIVATE: &str = "Hello from a private endpoint.";
const SCOPED: &str = "Hello from a private endpoint with the scope.";

#[test]
fn the_story_runs_over_separate_processes_with_a_refresh_in_the_middle() {
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    assert_eq!(
        state(&latchkey),
        json!({ "state": "signed_out", "reason": "never" })
    );

    let session = log_in(&latchkey, &Person::default(), ALICE);
    assert_eq!(session["state"], "signed_in");
    assert_eq!(session["issuer"], servers.ready["issuer"]);
    assert_eq!(session["subject"], "alice");
    assert_eq!(session["claims"]["aud"], servers.ready["client_id"]);
    assert_eq!(
        (&session["refreshable"], &session["persisted"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(state(&latchkey)["subject"], "alice");

    assert_eq!(ping(&latchkey, "private"), PRIVATE);
    assert_eq!(ping(&latchkey, "private-scoped"), SCOPED);

    let before = latchkey.run(&["token"]).done();
    assert_eq!(before["scopes"], json!(["read:messages"]));
    assert_ne!(refresh(&latchkey), before["access_token"].as_str().unwrap());
    assert_eq!(ping(&latchkey, "private"), PRIVATE);
    assert_eq!(ping(&latchkey, "private-scoped"), SCOPED);
}

#[test]
fn the_loopback_listener_catches_the_redirect_on_a_port_that_nobody_registered() {
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    let person = Person::default();
    let login = latchkey.login(&["login", "--prompt", "consent"], |url| {
        let callback = person.log_in(url, CALLBACK, ALICE.0, ALICE.1, "Allow");
        let closing = person.read(&callback);
        assert_eq!(closing.status, 200, "{}", closing.html);
    });
    assert_eq!(login.done()["session"]["subject"], "alice");
    assert_eq!(ping(&latchkey, "private-scoped"), SCOPED);
}

#[test]
fn id_tokens_signed_with_es256_are_good() {
    let servers = Servers::start();
    let id = servers.text("client_id_es256");
    let latchkey = servers.client(&[("client-id", id), ("resource", servers.text("resource"))]);
    let session = log_in(&latchkey, &Person::default(), ALICE);
    assert_eq!(session["claims"]["aud"], id);
}

#[test]
fn a_person_without_the_scope_is_asked_to_step_up_and_stays_signed_in() {
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    log_in(&latchkey, &Person::default(), BOB);
    assert_eq!(ping(&latchkey, "private"), PRIVATE);

    let error = latchkey.run(&["ping", "private-scoped"]).error();
    assert_eq!(error["kind"], "step_up_required");
    assert_eq!(error["reason"], "insufficient_scope");
    assert_eq!(error["scope"], "read:messages");
    assert_eq!(error["recovery"], "step_up");
    assert_eq!(state(&latchkey)["state"], "signed_in");
}

#[test]
fn every_refresh_rotates_and_the_session_outlives_many_of_them() {
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    log_in(&latchkey, &Person::default(), ALICE);
    let mut tokens: Vec<_> = (0..4).map(|_| refresh(&latchkey)).collect();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4);
}

#[test]
fn two_processes_that_refresh_at_once_spend_no_refresh_token_twice() {
    // A second use of a spent one would make this provider revoke the whole grant.
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    log_in(&latchkey, &Person::default(), ALICE);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| refresh(&latchkey));
        }
    });
    refresh(&latchkey);
    assert_eq!(ping(&latchkey, "private"), PRIVATE);
}

#[test]
fn without_a_resource_the_token_is_opaque_and_the_apis_refusal_leaves_the_session_alone() {
    let servers = Servers::start();
    let latchkey = servers.latchkey_without_resource();
    log_in(&latchkey, &Person::default(), ALICE);
    let error = latchkey.run(&["ping", "private"]).error();
    assert_eq!(
        (&error["kind"], &error["status"]),
        (&json!("api"), &json!(401)),
        "{error}"
    );
    let session = state(&latchkey);
    assert_eq!(
        (&session["state"], &session["refreshable"]),
        (&json!("signed_in"), &json!(true))
    );
}

#[test]
fn userinfo_answers_where_the_token_is_for_the_provider() {
    let servers = Servers::start();
    let latchkey = servers.latchkey_without_resource();
    log_in(&latchkey, &Person::default(), ALICE);
    let claims = latchkey.run(&["userinfo"]).done()["claims"].take();
    assert_eq!(
        claims,
        json!({ "sub": "alice", "name": "ALICE", "preferred_username": "alice" })
    );
}

#[test]
fn userinfo_that_refuses_the_apis_token_is_asked_with_one_of_its_own() {
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    log_in(&latchkey, &Person::default(), ALICE);
    // The provider refuses the token that is for the API; the refresh token gets another, and is rotated for it.
    let claims = latchkey.run(&["userinfo"]).done()["claims"].take();
    let session = latchkey.run(&["status"]).done()["session"].take();
    assert_eq!(claims["sub"], session["subject"], "{claims}");
    assert_eq!(ping(&latchkey, "private-scoped"), SCOPED);
    latchkey.run(&["token", "--refresh"]).done();
    assert_eq!(ping(&latchkey, "private-scoped"), SCOPED);
}

#[test]
fn without_consent_there_is_no_refresh_token_and_the_session_says_so() {
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    let begun = latchkey.run(&["login", "--begin"]).done();
    let url = begun["url"].as_str().unwrap();
    let callback = Person::default().log_in(url, CALLBACK, ALICE.0, ALICE.1, "Allow");
    let session = latchkey.run(&["login", "--finish", &callback]).done()["session"].take();
    assert_eq!(session["refreshable"], false);
    assert_eq!(ping(&latchkey, "private"), PRIVATE);

    let checks = latchkey.run(&["doctor"]).done()["checks"].take();
    let of_session = checks
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["name"] == "session")
        .unwrap();
    assert_eq!(of_session["result"], "warning");
    assert!(
        of_session["detail"]
            .as_str()
            .unwrap()
            .contains("prompt=consent"),
        "{of_session}"
    );
}

#[test]
fn a_login_with_the_scope_that_the_step_up_error_names_opens_the_door() {
    let servers = Servers::start();
    let latchkey = Latchkey::new(&[
        ("issuer", servers.text("issuer")),
        ("api", servers.text("api")),
        ("client-id", servers.text("client_id")),
        ("resource", servers.text("resource")),
    ]);
    let person = Person::default();
    log_in(&latchkey, &person, ALICE);
    let error = latchkey.run(&["ping", "private-scoped"]).error();
    assert_eq!(error["kind"], "step_up_required");

    let scope = format!(
        "openid profile offline_access {}",
        error["scope"].as_str().unwrap()
    );
    let words = ["login", "--begin", "--prompt", "consent", "--scope", &scope];
    let url = latchkey.run(&words).done()["url"].take();
    let callback = person.log_in(url.as_str().unwrap(), CALLBACK, ALICE.0, ALICE.1, "Allow");
    latchkey.run(&["login", "--finish", &callback]).done();
    assert_eq!(ping(&latchkey, "private-scoped"), SCOPED);
}

#[test]
fn the_embedded_api_guards_with_the_other_providers_tokens() {
    let servers = Servers::start();
    let guard = Latchkey::new(&[
        ("issuer", servers.text("issuer")),
        ("audience", servers.text("resource")),
    ]);
    let mut guard = Running::start(&mut guard.command(&["serve", "--api-only"]));
    let ready = guard.json_line();
    let api = ready["api"].as_str().expect("its address");
    let resource = servers.text("resource");
    let latchkey = servers.client(&[("resource", resource), ("api", api)]);
    log_in(&latchkey, &Person::default(), BOB);
    assert!(ping(&latchkey, "private").is_string());
    let error = latchkey.run(&["ping", "private-scoped"]).error();
    assert_eq!(error["kind"], "step_up_required");
}

#[test]
fn a_store_restored_from_a_backup_presents_a_spent_token_and_ends_as_revoked() {
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    log_in(&latchkey, &Person::default(), ALICE);
    let restored = latchkey.copy();
    refresh(&latchkey);

    let error = restored.run(&["token", "--refresh"]).error();
    assert_eq!(
        (&error["kind"], &error["reason"]),
        (&json!("login_required"), &json!("revoked"))
    );
    assert_eq!(
        state(&restored),
        json!({ "state": "signed_out", "reason": "revoked" })
    );
    // The provider takes it for a theft, and takes everything back.
    let error = latchkey.run(&["token", "--refresh"]).error();
    assert_eq!(
        (&error["kind"], &error["reason"]),
        (&json!("login_required"), &json!("revoked"))
    );
}

#[test]
fn a_person_who_says_no_is_a_denial_and_nobody_is_signed_in() {
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    let callback = Person::default().log_in(&begin(&latchkey), CALLBACK, ALICE.0, ALICE.1, "Deny");
    let error = latchkey.run(&["login", "--finish", &callback]).error();
    assert_eq!(
        (&error["kind"], &error["code"]),
        (&json!("denied"), &json!("access_denied"))
    );
    assert_eq!(state(&latchkey)["state"], "signed_out");
}

#[test]
fn a_callback_is_good_once_and_its_second_delivery_changes_nothing() {
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    let callback = Person::default().log_in(&begin(&latchkey), CALLBACK, ALICE.0, ALICE.1, "Allow");
    latchkey.run(&["login", "--finish", &callback]).done();
    let error = latchkey.run(&["login", "--finish", &callback]).error();
    assert_eq!(error["kind"], "callback_ignored", "{error}");
    // Had the code been sent twice, the provider would have revoked what it gave for it.
    refresh(&latchkey);
    assert_eq!(ping(&latchkey, "private"), PRIVATE);
}

#[test]
fn logout_revokes_and_the_end_session_page_ends_the_session_at_the_provider() {
    let servers = Servers::start();
    let latchkey = servers.latchkey();
    let person = Person::default();
    log_in(&latchkey, &person, ALICE);
    let logged_out = "http://127.0.0.1/logged-out";
    let answer = latchkey
        .run(&["logout", "--post-logout-redirect-uri", logged_out])
        .done();
    assert_eq!(answer["revocation"], "done", "{answer}");
    assert_eq!(
        state(&latchkey),
        json!({ "state": "signed_out", "reason": "logged_out" })
    );
    let error = latchkey.run(&["ping", "private"]).error();
    assert_eq!(
        (&error["kind"], &error["reason"]),
        (&json!("login_required"), &json!("logged_out"))
    );

    // The browser still has its session at the provider, until the page is answered.
    let ending = answer["end_session_url"]
        .as_str()
        .expect("the provider has one");
    let Stop::Page(page) = person.open(ending, logged_out) else {
        panic!("no question asked")
    };
    let stop = person.submit(&page, &[], "Yes, sign me out", logged_out);
    assert!(matches!(stop, Stop::Callback(_)), "{stop:?}");
    let Stop::Page(page) = person.open(&begin(&latchkey), CALLBACK) else {
        panic!("logged in without a page")
    };
    assert!(page.html.contains("Password"), "{}", page.html);
}

//! What is printed and stored, and what is not.

use latchkey_devserver::submit_login;

use crate::person::*;

#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_a_keyring_the_key_is_in_a_file_which_is_said_once() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    let server = server().await;
    let mut ann = Person::of(&server);
    ann.environment
        .retain(|(name, _)| *name != "LATCHKEY_STORE");
    let begun = ann.run(&["login", "--begin"]).await;
    assert!(
        text(&begun.stderr).contains("no keyring"),
        "{}",
        text(&begun.stderr)
    );
    let url = text(&begun.stdout).trim_end();
    let callback = submit_login(url, ALICE.0, ALICE.1).await.unwrap();
    let finished = ann.run(&["login", "--finish", &callback]).await;
    assert_eq!(text(&finished.stderr), "");
    assert!(
        text(&finished.stdout).starts_with("Logged in as Alice at "),
        "{}",
        text(&finished.stdout)
    );
    let folder = ann.home.path().join(".local/share/latchkey");
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(folder.clone()), mode(folder.join("key"))),
        (0o700, 0o600)
    );
}

#[tokio::test]
async fn no_level_of_the_log_prints_a_secret() {
    let server = server().await;
    let ann = Person::of(&server);
    let begun = ann
        .run(&["login", "--begin", "--json", "--log", "debug"])
        .await;
    let url = one_line(&begun.stdout)["url"].as_str().unwrap().to_owned();
    let callback = submit_login(&url, ALICE.0, ALICE.1).await.unwrap();
    let finished = ann
        .run(&["login", "--finish", &callback, "--json", "--log", "debug"])
        .await;
    let token = ann.run(&["token", "--json", "--log", "debug"]).await;
    let token = (one_line(&token.stdout), token);
    let renewed = ann
        .run(&["token", "--refresh", "--json", "--log", "debug"])
        .await;
    let ping = ann.run(&["ping", "private", "--log", "debug"]).await;
    let info = ann.run(&["userinfo", "--json", "--log", "debug"]).await;
    let logout = ann.run(&["logout", "--json", "--log", "debug"]).await;
    let secrets = [
        parameter(&url, "state"),
        parameter(&url, "nonce"),
        parameter(&callback, "code"),
        token.0["access_token"].as_str().unwrap().to_owned(),
        one_line(&renewed.stdout)["access_token"]
            .as_str()
            .unwrap()
            .to_owned(),
        "dev|alice".to_owned(),
    ];
    for (at, run) in [&begun, &finished, &token.1, &renewed, &ping, &info, &logout]
        .into_iter()
        .enumerate()
    {
        let log = text(&run.stderr);
        for secret in &secrets {
            assert!(
                !secret.is_empty() && !log.contains(secret.as_str()),
                "run {at}: {log}"
            );
        }
    }
    assert!(
        text(&finished.stderr).contains("debug "),
        "{}",
        text(&finished.stderr)
    );
    for secret in &secrets[3..5] {
        assert!(
            !text(&ping.stdout).contains(secret.as_str())
                && !text(&finished.stdout).contains(secret.as_str())
        );
    }
}

#[tokio::test]
async fn nothing_in_the_store_can_be_read_as_it_is() {
    let server = server().await;
    let ann = Person::of(&server);
    ann.log_in(ALICE).await;
    let token = ann.done(&["token"]).await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    for entry in std::fs::read_dir(ann.home.path().join("store")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [token.as_str(), "dev|alice", "refresh_token"] {
            assert!(
                !bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes())
            );
        }
    }
}

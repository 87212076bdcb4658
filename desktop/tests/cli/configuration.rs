//! Where the options come from, and what is said of wrong ones.

use crate::person::*;

#[tokio::test]
async fn every_mistake_in_the_configuration_is_named_at_once_and_leaves_nothing_behind() {
    let ann = Person::without_a_provider();
    let error = ann.failed(&["status"]).await;
    assert_eq!(error["kind"], "configuration");
    assert_eq!(error["recovery"], "fix_configuration");
    let problems = error["problems"].as_array().unwrap();
    for (field, variable) in [
        ("issuer", "LATCHKEY_ISSUER"),
        ("client_id", "LATCHKEY_CLIENT_ID"),
    ] {
        let problem = problems
            .iter()
            .find(|problem| problem["field"] == field)
            .unwrap();
        assert!(
            problem["reason"].as_str().unwrap().contains(variable),
            "{problem}"
        );
    }
    assert!(!ann.home.path().join("store").exists());
}

#[tokio::test]
async fn an_api_that_is_not_named_is_asked_for_by_the_commands_that_call_it() {
    let server = server().await;
    let mut ann = Person::of(&server);
    ann.environment.retain(|(name, _)| *name != "LATCHKEY_API");
    ann.log_in(ALICE).await;
    let error = ann.failed(&["ping", "private"]).await;
    assert_eq!(error["problems"][0]["field"], "api");
}

#[tokio::test]
async fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let server = server().await;
    let mut ann = Person::without_a_provider();
    let file = format!(
        "issuer = '{}'\nclient_id = 'of-the-file'\nscope = 'openid of-the-file'\nresource = ['https://a.test', 'https://b.test']\n",
        server.issuer(),
    );
    ann.write("elsewhere.toml", &file);
    ann.environment
        .push(("LATCHKEY_CLIENT_ID", "of-the-environment".to_owned()));
    let file = ann.home.path().join("elsewhere.toml");
    let begin = ["login", "--begin", "--config", file.to_str().unwrap()];
    let url = ann.done(&begin).await["url"].as_str().unwrap().to_owned();
    assert_eq!(parameter(&url, "client_id"), "of-the-environment");
    assert!(parameter(&url, "scope").contains("of-the-file"));
    assert!(url.contains("a.test") && url.contains("b.test"), "{url}");
    let flag = [&begin[..], &["--client-id", "of-the-flag"]].concat();
    let url = ann.done(&flag).await["url"].as_str().unwrap().to_owned();
    assert_eq!(parameter(&url, "client_id"), "of-the-flag");
}

#[cfg(not(windows))]
#[tokio::test]
async fn the_file_in_the_users_folder_is_read_and_the_one_in_the_current_folder_is_not() {
    let server = server().await;
    let ann = Person::without_a_provider();
    let file = format!(
        "issuer = '{}'\nclient_id = 'latchkey-dev'\n",
        server.issuer()
    );
    ann.write("work/latchkey.toml", &file);
    let error = ann.failed(&["status"]).await;
    assert_eq!(error["kind"], "configuration", "{error}");
    ann.write(".config/latchkey/latchkey.toml", &file);
    assert_eq!(
        ann.done(&["status"]).await["session"]["state"],
        "signed_out"
    );
    ann.write(".config/latchkey/latchkey.toml", "isuer = 'x'");
    let error = ann.failed(&["status"]).await;
    assert!(
        error["text"].as_str().unwrap().contains("line 1"),
        "{error}"
    );
}

#[cfg(not(windows))]
#[tokio::test]
async fn a_home_that_is_the_current_folder_is_no_home() {
    let server = server().await;
    let mut ann = Person::without_a_provider();
    ann.environment.push(("HOME", ".".to_owned()));
    ann.environment.push(("XDG_CONFIG_HOME", String::new()));
    let file = format!(
        "issuer = '{}'\nclient_id = 'latchkey-dev'\n",
        server.issuer()
    );
    ann.write("work/.config/latchkey/latchkey.toml", &file);
    let error = ann.failed(&["status"]).await;
    assert_eq!(error["problems"][0]["field"], "issuer", "{error}");
    ann.environment
        .retain(|(name, _)| *name != "LATCHKEY_STORE");
    let words = [
        "status",
        "--issuer",
        server.issuer(),
        "--client-id",
        "latchkey-dev",
    ];
    let error = ann.failed(&words).await;
    assert_eq!(error["problems"][0]["field"], "store", "{error}");
    assert!(!ann.home.path().join("work/.local").exists());
}

#[tokio::test]
async fn a_port_that_is_named_is_the_one_that_is_listened_on() {
    let server = server().await;
    let ann = Person::of(&server);
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!(
        "http://127.0.0.1:{}/callback",
        taken.local_addr().unwrap().port()
    );
    let error = ann.failed(&["login", "--redirect-uri", &uri]).await;
    assert_eq!(error["problems"][0]["field"], "redirect_uri", "{error}");
    drop(taken);
    let words = [
        "login",
        "--json",
        "--redirect-uri",
        &uri,
        "--browser",
        &this_program_as_browser(),
    ];
    let output = ann.run(&words).await;
    assert_eq!(
        one_line(&output.stdout)["ok"],
        true,
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test]
async fn help_and_completions_are_printed_and_are_no_mistakes() {
    let ann = Person::without_a_provider();
    let help = ann.run(&["--help"]).await;
    assert_eq!(help.status.code(), Some(0));
    for command in [
        "demo", "serve", "login", "ping", "call", "token", "status", "userinfo", "logout",
        "doctor", "timeline",
    ] {
        assert!(text(&help.stdout).contains(command), "{command}");
    }
    let script = ann.run(&["completions", "bash"]).await;
    assert!(text(&script.stdout).contains("_latchkey"));
    assert!(ann.done(&["completions", "zsh"]).await["script"].is_string());
}

//! One process of an app: it does what it is told on stdin, a word a line, and answers on stdout, JSON a line.

use std::env;
use std::io::{self, BufRead};
use std::path::Path;
use std::sync::{Arc, mpsc};

use latchkey::{
    AccessTokenOptions, Auth, AuthConfig, AuthError, LogoutOptions, PingClient, Rotation,
    SecureStore, file_store, key_file_sealer,
};
use latchkey_tests::world::{REDIRECT_URI, fields, state};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::clock::FileClock;
use crate::gate::{Background, Gate, Gated};

/// What the process is started with, as JSON.
pub(crate) const SETTING: &str = "LATCHKEY_TEST_PROCESS";

/// One line, that its reader finds among those of the test runner.
#[expect(clippy::print_stdout, reason = "a child process answers there")]
pub(crate) fn say(line: &Value) {
    println!("\n{line}");
}

pub(crate) fn open(folder: &str) -> Arc<dyn SecureStore> {
    let sealer = key_file_sealer(Path::new(folder)).expect("a sealer");
    file_store(folder.to_owned(), sealer).expect("a store")
}

pub(crate) fn config(setting: &Value) -> AuthConfig {
    let word = |name: &str| setting[name].as_str().expect("a word").to_owned();
    let mut config = AuthConfig::new(word("issuer"), word("client_id"), REDIRECT_URI);
    config.audience = Some(word("audience"));
    config.scopes = ["openid", "offline_access", "read:messages"]
        .map(str::to_owned)
        .to_vec();
    config.trust_anchors_pem = setting["trust_anchors"].as_str().map(str::to_owned);
    config.rotation = match setting["rotation"].as_str() {
        Some("strict") => Some(Rotation::Strict),
        Some("parent") => Some(Rotation::Parent),
        _ => None,
    };
    config
}

pub(crate) fn run() {
    let Ok(setting) = env::var(SETTING) else {
        return;
    };
    let setting: Value = serde_json::from_str(&setting).expect("the setting is JSON");
    let (open_gate, go) = mpsc::channel();
    let gate = Gate::new(go);
    let store = Arc::new(Gated {
        inner: open(setting["folder"].as_str().expect("a folder")),
        gate: Arc::clone(&gate),
    });
    let clock = FileClock::at(setting["clock"].as_str().expect("a path").into());
    let auth = Auth::with_clock(config(&setting), store, Arc::new(clock)).expect("it is valid");
    auth.set_background_time(Some(Arc::new(Background(Arc::clone(&gate)))));
    let api = setting["api"].as_str().expect("an address").to_owned();
    let ping = PingClient::new(Arc::clone(&auth), api).expect("an address");

    // Lines are read by a thread of their own, so that the gate can be opened in the middle of a call.
    let (tell, mut told) = unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            match line.strip_prefix("arm ") {
                Some(point) => gate.arm(point),
                None if line == "go" => drop(open_gate.send(())),
                None => drop(tell.send(line)),
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        while let Some(line) = told.recv().await {
            say(&answer(&auth, &ping, &line).await);
        }
    });
    // Nobody is left who could want an answer.
    runtime.shutdown_background();
}

async fn answer(auth: &Auth, ping: &PingClient, line: &str) -> Value {
    let token = |force_refresh| AccessTokenOptions {
        force_refresh,
        ..AccessTokenOptions::default()
    };
    let local = LogoutOptions {
        local: true,
        ..LogoutOptions::default()
    };
    let done = match line {
        "session" => Ok(json!({ "session": state(&auth.session()) })),
        "timeline" => Ok(timeline(auth)),
        "resumed" => {
            auth.resumed().await;
            Ok(json!({ "resumed": true }))
        }
        "token" | "force" => {
            let token = auth.access_token(token(line == "force"), None).await;
            token.map(|token| json!({ "token": token.value }))
        }
        "ping" => {
            let answer = ping.ping_private(None).await;
            answer.map(|answer| json!({ "message": answer.message }))
        }
        "logout" => auth
            .logout(local)
            .await
            .map(|_| json!({ "logged_out": true })),
        other => panic!("no such command: {other}"),
    };
    done.unwrap_or_else(
        |error: AuthError| json!({ "error": error.kind(), "fields": fields(&error) }),
    )
}

fn timeline(auth: &Auth) -> Value {
    let events = auth.timeline();
    let words = events.iter().map(|event| match &event.detail {
        Some(detail) => format!("{}: {detail}", event.event),
        None => event.event.clone(),
    });
    json!({ "timeline": words.collect::<Vec<_>>() })
}

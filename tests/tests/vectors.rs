//! The behaviour vectors of `tests/vectors/`, as Kotlin and Swift run them too.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use latchkey::{
    AccessTokenOptions, ApiClient, ApiRequest, Auth, AuthConfig, AuthError, LoginOptions,
    LogoutOptions,
};
use latchkey_tests::world::{REDIRECT_URI, World, fields, state};
use serde_json::{Map, Value, json};

#[tokio::test]
async fn every_login_url_is_as_written() {
    let mut failures = Failures::default();
    let world = World::new().await;
    for case in cases("login_url.json") {
        let fill = |text: &str| texts(&world, text);
        let expect = &case["expect"];
        let url = match config(&world, &case, None) {
            Ok(auth) => auth
                .begin_login(options(&case["options"]), None)
                .await
                .map(|request| request.url),
            Err(error) => Err(error),
        };
        let url = match (url, expect.get("error")) {
            (Err(error), Some(expected)) => {
                failures.check(&case, error_as(&error, expected), expected.clone());
                continue;
            }
            (Ok(url), None) => url,
            (other, _) => {
                failures.add(&case, &format!("{other:?}"));
                continue;
            }
        };
        let mut seen: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in url::Url::parse(&url).expect("a URL").query_pairs() {
            seen.entry(name.into_owned())
                .or_default()
                .push(value.into_owned());
        }
        for (name, value) in expect["parameters"].as_object().into_iter().flatten() {
            let expected = vec![fill(value.as_str().expect("text"))];
            failures.check(&case, seen.get(name), Some(&expected));
        }
        for name in strings(&expect["present"]) {
            let present = seen
                .get(&name)
                .is_some_and(|v| v.len() == 1 && !v[0].is_empty());
            failures.check(&case, (&name, present), (&name, true));
        }
        for name in strings(&expect["absent"]) {
            failures.check(&case, (&name, seen.contains_key(&name)), (&name, false));
        }
    }
    failures.end();
}

#[tokio::test]
async fn every_callback_ends_as_written() {
    let mut failures = Failures::default();
    for case in cases("callback.json") {
        let world = World::new().await;
        let mut auth = config(&world, &case, None).expect("valid");
        let mut known: Vec<(&str, String)> = Vec::new();
        let callbacks = strings(&case["callbacks"]);
        if case["begin"] != json!(false) {
            let request = auth
                .begin_login(options(&case["options"]), None)
                .await
                .expect("begins");
            let state = parameter(&request.url, "state");
            let wants = |name: &str| callbacks.iter().any(|text| text.contains(name));
            if wants("{callback}") || wants("{code}") {
                let callback = world.submit(&request.url, "alice").await;
                known.push(("{code}", parameter(&callback, "code")));
                known.push(("{callback}", callback));
            }
            known.push(("{state}", state));
            known.push(("{redirect_uri}", request.redirect_uri));
        }
        if case["forget"] == json!(true) {
            auth = config(&world, &case, None).expect("valid");
        }
        faults(&world, &case);
        for (callback, expected) in callbacks
            .iter()
            .zip(case["expect"].as_array().expect("list"))
        {
            let mut url = texts(&world, callback);
            for (name, value) in &known {
                url = url.replace(name, value);
            }
            let seen = match auth.finish_login(url, None).await {
                Ok(session) => json!({ "session": state(&session) }),
                Err(error) => json!({ "error": error_as(&error, &expected["error"]) }),
            };
            failures.check(&case, &seen, expected);
        }
    }
    failures.end();
}

#[tokio::test]
async fn every_answer_means_what_is_written() {
    let mut failures = Failures::default();
    for case in cases("answers.json") {
        let world = World::new().await;
        let auth = config(&world, &case, Some(world.server.audience())).expect("valid");
        if case["login"] != json!(false) {
            world
                .log_in(&auth, case["user"].as_str().expect("a user"))
                .await;
        }
        faults(&world, &case);
        let seen = match call(&world, &auth, &case).await {
            Ok(mut seen) => {
                seen.insert("ok".to_owned(), json!(true));
                // Only what is named is compared.
                seen.retain(|name, _| case["expect"].get(name).is_some());
                Value::Object(seen)
            }
            Err(error) => json!({ "error": error_as(&error, &case["expect"]["error"]) }),
        };
        failures.check(&case, &seen, &case["expect"]);
        failures.check(
            &case,
            json!(state(&auth.session())),
            case["session"].clone(),
        );
    }
    failures.end();
}

async fn call(
    world: &World,
    auth: &Arc<Auth>,
    case: &Value,
) -> Result<Map<String, Value>, AuthError> {
    let mut seen = Map::new();
    let token = |force_refresh| AccessTokenOptions {
        force_refresh,
        ..AccessTokenOptions::default()
    };
    match case["call"].as_str().expect("a call") {
        "access_token" => drop(auth.access_token(token(false), None).await?),
        "refresh" => drop(auth.access_token(token(true), None).await?),
        "ping_private" => {
            let message = world.ping(auth).ping_private(None).await?.message;
            seen.insert("message".to_owned(), message.into());
        }
        "ping_private_scoped" => {
            let message = world.ping(auth).ping_private_scoped(None).await?.message;
            seen.insert("message".to_owned(), message.into());
        }
        "get" => {
            let api = ApiClient::new(Arc::clone(auth), world.server.api().to_owned())?;
            let path = case["path"].as_str().expect("a path");
            drop(api.send(ApiRequest::get(path), None).await?);
        }
        "user_info" => drop(auth.user_info(None).await?),
        "begin_login" => drop(auth.begin_login(LoginOptions::default(), None).await?),
        "logout" => {
            let outcome = auth.logout(LogoutOptions::default()).await?;
            seen.insert("revocation".to_owned(), outcome.revocation.word().into());
        }
        other => panic!("no such call: {other}"),
    }
    Ok(seen)
}

/// An `Auth` with the case's configuration on the world's store.
fn config(world: &World, case: &Value, audience: Option<&str>) -> Result<Arc<Auth>, AuthError> {
    let mut config = AuthConfig::new(
        world.server.issuer(),
        world.server.client_id(),
        REDIRECT_URI,
    );
    config.audience = audience.map(str::to_owned);
    for (name, value) in case["config"].as_object().into_iter().flatten() {
        let text = || texts(world, value.as_str().expect("text"));
        match name.as_str() {
            "issuer" => config.issuer = text(),
            "client_id" => config.client_id = text(),
            "redirect_uri" => config.redirect_uri = text(),
            "audience" => config.audience = (!value.is_null()).then(text),
            "scopes" => config.scopes = strings(value),
            "resources" => config.resources = strings(value),
            "request_timeout_seconds" => {
                config.request_timeout_seconds = value.as_u64().and_then(|n| n.try_into().ok());
            }
            other => panic!("no such field: {other}"),
        }
    }
    Auth::new(config, Arc::clone(&world.store))
}

fn options(case: &Value) -> LoginOptions {
    let mut options = LoginOptions::default();
    for (name, value) in case.as_object().into_iter().flatten() {
        let text = || value.as_str().map(str::to_owned);
        match name.as_str() {
            "prompt" => options.prompt = text(),
            "login_hint" => options.login_hint = text(),
            "max_age_seconds" => options.max_age_seconds = value.as_u64(),
            "acr_values" => options.acr_values = text(),
            "ui_locales" => options.ui_locales = text(),
            "scopes" => options.scopes = strings(value),
            "audience" => options.audience = text(),
            "redirect_uri" => options.redirect_uri = text(),
            "extra_parameters" => {
                options.extra_parameters = value.as_object().map(|object| {
                    object
                        .iter()
                        .map(|(name, value)| {
                            (name.clone(), value.as_str().expect("text").to_owned())
                        })
                        .collect()
                });
            }
            other => panic!("no such option: {other}"),
        }
    }
    options
}

fn faults(world: &World, case: &Value) {
    if let Some(text) = case["faults"].as_str() {
        world
            .server
            .set_faults(text)
            .expect("faults of the server's");
    }
}

/// The error in the shape of the vectors, with the fields that `expected` names.
fn error_as(error: &AuthError, expected: &Value) -> Value {
    let all = fields(error);
    let mut shown = Map::new();
    for (name, _) in expected.as_object().into_iter().flatten() {
        let value = match name.as_str() {
            "kind" => json!(error.kind()),
            "recovery" => json!(error.recovery().word()),
            field => all.get(field).cloned().unwrap_or(json!("no such field")),
        };
        shown.insert(name.clone(), value);
    }
    if shown.is_empty() {
        shown.insert("kind".to_owned(), json!(error.kind()));
        shown.insert("fields".to_owned(), all);
    }
    Value::Object(shown)
}

fn texts(world: &World, text: &str) -> String {
    text.replace("{issuer}", world.server.issuer())
        .replace("{client_id}", world.server.client_id())
        .replace("{audience}", world.server.audience())
        .replace("{api}", world.server.api())
}

fn parameter(url: &str, name: &str) -> String {
    url::Url::parse(url)
        .expect("a URL")
        .query_pairs()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn strings(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|text| text.as_str().expect("text").to_owned())
        .collect()
}

fn cases(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(file);
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("a list");
    assert!(!cases.is_empty());
    cases
}

/// What went wrong, of all cases: one run shows every difference.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    fn check<T: PartialEq + std::fmt::Debug>(&mut self, case: &Value, seen: T, expected: T) {
        if seen != expected {
            self.add(case, &format!("seen {seen:?}\n  expected {expected:?}"));
        }
    }

    fn add(&mut self, case: &Value, text: &str) {
        self.0.push(format!("{}:\n  {text}", case["name"]));
    }

    fn end(self) {
        assert!(self.0.is_empty(), "\n{}", self.0.join("\n"));
    }
}

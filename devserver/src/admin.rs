//! What tests in other languages steer the server with, over HTTP.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::page::Page;
use crate::provider::Provider;
use crate::{FAULT_HELP, Rotation};

pub(crate) fn router(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/", get(home))
        .route(
            "/faults",
            get(show_faults).post(set_faults).delete(clear_faults),
        )
        .route("/faults/gates/{name}", post(open_gate))
        .route("/faults/gates/{name}/reached", get(gate_reached))
        .route("/stats", get(stats))
        .route("/stats/reset", post(reset_stats))
        .route("/admin/rotate-keys", post(rotate_keys))
        .route("/admin/revoke-all", post(revoke_all))
        .route("/admin/revoke/{name}", post(revoke))
        .route("/admin/rotation", post(set_rotation))
        .with_state(provider)
}

type Server = State<Arc<Provider>>;

async fn home(State(provider): Server) -> Page {
    Page::new("Latchkey development provider")
        .paragraph(
            "An OpenID provider and a protected API, for development: everything is in memory.",
        )
        .paragraph(&format!("Issuer: {}", provider.issuer))
        .paragraph(&format!("Client: {}", crate::provider::CLIENT_ID))
        .paragraph(&format!(
            "API: {}/api, audience {}",
            provider.origin, provider.audiences[0]
        ))
}

async fn show_faults(State(provider): Server) -> Json<Value> {
    Json(json!({ "faults": provider.faults.to_json(), "gates": provider.gates.to_json() }))
}

async fn set_faults(State(provider): Server, text: String) -> Response {
    match provider.set_faults(&text) {
        Ok(()) => show_faults(State(provider)).await.into_response(),
        Err(error) => (
            StatusCode::BAD_REQUEST,
            format!("{error}\n\n{FAULT_HELP}\n"),
        )
            .into_response(),
    }
}

async fn clear_faults(State(provider): Server) -> StatusCode {
    provider.clear_faults();
    StatusCode::NO_CONTENT
}

async fn open_gate(State(provider): Server, Path(name): Path<String>) -> StatusCode {
    provider.gates.open(&name);
    StatusCode::NO_CONTENT
}

/// Answers when a request waits at the gate.
async fn gate_reached(State(provider): Server, Path(name): Path<String>) -> StatusCode {
    provider.gates.reached(&name).await;
    StatusCode::NO_CONTENT
}

async fn stats(State(provider): Server) -> Json<Value> {
    Json(provider.stats.to_json())
}

async fn reset_stats(State(provider): Server) -> StatusCode {
    provider.stats.reset();
    StatusCode::NO_CONTENT
}

async fn rotate_keys(State(provider): Server) -> StatusCode {
    provider.keys.rotate();
    StatusCode::NO_CONTENT
}

async fn revoke_all(State(provider): Server) -> StatusCode {
    provider.grants().revoke_all();
    StatusCode::NO_CONTENT
}

/// One user, by name.
async fn revoke(State(provider): Server, Path(name): Path<String>) -> Response {
    match provider.revoke(&name) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => (StatusCode::NOT_FOUND, format!("{problem}\n")).into_response(),
    }
}

/// The body is the word: none, strict, grace:SECONDS or parent.
async fn set_rotation(State(provider): Server, word: String) -> Response {
    match word.trim().parse::<Rotation>() {
        Ok(rotation) => {
            provider.set_rotation(rotation);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{DevServer, Options};

    #[tokio::test]
    async fn a_mistake_is_answered_with_the_words_that_there_are() {
        let server = DevServer::start(Options::default()).await.unwrap();
        let http = crate::http_client::new().unwrap();
        for (path, body, status, words) in [
            ("/admin/revoke/alice", "", 204, ""),
            ("/admin/revoke/carol", "", 404, "alice, bob"),
            ("/admin/rotation", "grace:60", 204, ""),
            ("/admin/rotation", "sometimes", 400, "grace:SECONDS"),
            ("/faults", "api:revoke=alice@2", 200, "\"requests\":0"),
            ("/faults", "api:revoke=carol@2", 400, "alice, bob"),
        ] {
            let url = format!("{}{path}", server.issuer());
            let answer = http.post(url).body(body).send().await.unwrap();
            assert_eq!(answer.status(), status, "{path} {body}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(words), "{path} {body}: {text}");
        }
    }
}

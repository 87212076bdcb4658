//! What tests in other languages steer the server with, over HTTP.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::FAULT_HELP;
use crate::page::Page;
use crate::provider::Provider;

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

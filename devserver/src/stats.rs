//! Counters, so that a test can say how often something was asked for.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

/// The parts of the server that are counted and can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Discovery,
    Jwks,
    Authorize,
    /// The login page's form.
    Login,
    Token,
    Userinfo,
    Revoke,
    EndSession,
    Api,
}

impl Endpoint {
    pub(crate) const ALL: [Endpoint; 9] = [
        Endpoint::Discovery,
        Endpoint::Jwks,
        Endpoint::Authorize,
        Endpoint::Login,
        Endpoint::Token,
        Endpoint::Userinfo,
        Endpoint::Revoke,
        Endpoint::EndSession,
        Endpoint::Api,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Endpoint::Discovery => "discovery",
            Endpoint::Jwks => "jwks",
            Endpoint::Authorize => "authorize",
            Endpoint::Login => "login",
            Endpoint::Token => "token",
            Endpoint::Userinfo => "userinfo",
            Endpoint::Revoke => "revoke",
            Endpoint::EndSession => "end_session",
            Endpoint::Api => "api",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Endpoint> {
        Endpoint::ALL
            .into_iter()
            .find(|endpoint| endpoint.name() == name)
    }
}

/// What happened since the start or the last reset.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    requests: [AtomicU64; Endpoint::ALL.len()],
    connections: AtomicU64,
    reuse: AtomicU64,
}

impl Stats {
    pub(crate) fn request(&self, endpoint: Endpoint) {
        self.requests[endpoint as usize].fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn connection(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
    }

    /// A spent refresh token was used again, and not by right of a grace period.
    pub(crate) fn reuse(&self) {
        self.reuse.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn requests(&self, endpoint: Endpoint) -> u64 {
        self.requests[endpoint as usize].load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn refresh_token_reuse(&self) -> u64 {
        self.reuse.load(Ordering::SeqCst)
    }

    pub(crate) fn reset(&self) {
        for counter in self.requests.iter().chain([&self.connections, &self.reuse]) {
            counter.store(0, Ordering::SeqCst);
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let requests: Map<String, Value> = Endpoint::ALL
            .into_iter()
            .map(|endpoint| (endpoint.name().to_owned(), self.requests(endpoint).into()))
            .collect();
        json!({
            "requests": requests,
            "connections": self.connections(),
            "refresh_token_reuse": self.refresh_token_reuse(),
        })
    }
}

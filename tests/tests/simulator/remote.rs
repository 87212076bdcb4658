//! The development server as a phone's test reaches it: by its address, over HTTP.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

/// A development server somewhere.
pub(crate) struct Simulator {
    origin: String,
    http: Agent,
}

impl Simulator {
    /// At this address, without a path.
    pub(crate) fn at(origin: &str) -> Simulator {
        let config = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Simulator {
            origin: origin.to_owned(),
            http: config.new_agent(),
        }
    }

    /// Sets these faults in the place of those that were set.
    pub(crate) fn faults(&self, text: &str) {
        self.post("/faults", text);
    }

    /// No fault, all gates open, all counters at 0.
    pub(crate) fn clear(&self) {
        let url = format!("{}/faults", self.origin);
        self.http.delete(url).call().expect("done");
        self.post("/stats/reset", "");
    }

    /// Returns when a request waits at the gate that a fault has named.
    pub(crate) fn reached(&self, gate: &str) {
        self.get(&format!("/faults/gates/{gate}/reached"));
    }

    /// Lets it pass.
    pub(crate) fn open(&self, gate: &str) {
        self.post(&format!("/faults/gates/{gate}"), "");
    }

    /// How many requests came to an endpoint since [`Simulator::clear`].
    pub(crate) fn requests(&self, endpoint: &str) -> u64 {
        let stats: Value = serde_json::from_str(&self.get("/stats")).expect("JSON");
        stats["requests"][endpoint].as_u64().expect("an endpoint")
    }

    /// `/admin/…` with what it wants to know.
    pub(crate) fn post(&self, path: &str, body: &str) {
        let url = format!("{}{path}", self.origin);
        self.http.post(url).send(body).expect("done");
    }

    fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.origin);
        let mut answer = self.http.get(url).call().expect("an answer");
        answer.body_mut().read_to_string().expect("text")
    }
}

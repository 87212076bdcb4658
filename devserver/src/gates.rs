//! Gates: where a request waits until a test lets it pass, so that no test needs to sleep.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    open: bool,
    waiting: u64,
}

/// Named gates. One that nobody has spoken of yet is closed and empty.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<BTreeMap<String, watch::Sender<Gate>>>);

impl Gates {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, watch::Sender<Gate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gate(&self, name: &str) -> watch::Sender<Gate> {
        self.lock().entry(name.to_owned()).or_default().clone()
    }

    /// Waits until the gate is open.
    pub(crate) async fn pass(&self, name: &str) {
        let gate = self.gate(name);
        gate.send_modify(|gate| gate.waiting += 1);
        // The guard counts a request out even if its client went away meanwhile.
        let _leaving = Leaving(&gate);
        // The sender lives in this very function, so waiting cannot fail.
        let _ = gate.subscribe().wait_for(|gate| gate.open).await;
    }

    /// Lets everybody pass, those who wait and those who come.
    pub(crate) fn open(&self, name: &str) {
        self.gate(name).send_modify(|gate| gate.open = true);
    }

    /// A gate that new faults name is closed again.
    pub(crate) fn close(&self, name: &str) {
        self.gate(name).send_modify(|gate| gate.open = false);
    }

    /// Opens and forgets all gates.
    pub(crate) fn clear(&self) {
        for gate in std::mem::take(&mut *self.lock()).into_values() {
            gate.send_modify(|gate| gate.open = true);
        }
    }

    /// Waits until a request waits at the gate.
    pub(crate) async fn reached(&self, name: &str) {
        let gate = self.gate(name);
        let _ = gate.subscribe().wait_for(|gate| gate.waiting > 0).await;
    }

    pub(crate) fn to_json(&self) -> Value {
        let gates = self.lock();
        let row = |(name, gate): (&String, &watch::Sender<Gate>)| {
            let gate = *gate.borrow();
            json!({ "name": name, "open": gate.open, "waiting": gate.waiting })
        };
        gates.iter().map(row).collect()
    }
}

struct Leaving<'a>(&'a watch::Sender<Gate>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|gate| gate.waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_waits_until_the_gate_is_opened() {
        let gates = std::sync::Arc::new(Gates::default());
        let waiting = tokio::spawn({
            let gates = gates.clone();
            async move { gates.pass("here").await }
        });
        gates.reached("here").await;
        assert!(!waiting.is_finished());
        gates.open("here");
        waiting.await.unwrap();
        gates.pass("here").await;
    }
}

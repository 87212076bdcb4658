//! What becomes of logins and sessions when the provider's metadata and keys cannot be had at once, when they change,
//! and when they name another place.

mod connections;
mod dropped;
mod forced;
mod keys;
mod moved;

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use latchkey::{Auth, LoginOptions};
use latchkey_tests::elsewhere::{self, at_home, speaks_as};
use latchkey_tests::hostile_server::HostileServer;
use latchkey_tests::world::{World, in_time};
use serde_json::Value;

/// What keeps a request from being answered, once: it may be made again.
const BROKEN: [&str; 3] = ["status=503", "drop_before_commit", "partial"];

/// A provider that is seen through a front.
struct Fronted {
    world: World,
    front: HostileServer,
}

impl Fronted {
    async fn new() -> Fronted {
        let world = World::new().await;
        let front = HostileServer::start(Some(elsewhere::address(&world.server))).await;
        let fronted = Fronted { world, front };
        fronted.suffer("");
        fronted
    }

    /// Sets these faults.
    fn suffer(&self, faults: &str) {
        let faults = speaks_as(&self.world.server, &self.front.origin()) + faults;
        self.world.server.set_faults(&faults).expect("faults");
    }

    /// The app in a process of its own.
    fn app(&self) -> Arc<Auth> {
        let config = elsewhere::config(&self.world.server, &self.front.origin());
        self.world.app_with(config)
    }

    /// Begins a login as alice; returns where the browser is sent.
    async fn callback(&self, auth: &Auth) -> String {
        let request = auth.begin_login(LoginOptions::default(), None).await;
        let url = request.expect("the login begins").url;
        let page = at_home(&self.world.server, &self.front.origin(), &url);
        self.world.submit(&page, "alice").await
    }

    /// The bodies of what came to this path.
    fn bodies(&self, path: &str) -> Vec<String> {
        let heard = self.front.heard().into_iter();
        heard
            .filter(|heard| heard.path().ends_with(path))
            .map(|heard| String::from_utf8(heard.body).expect("text"))
            .collect()
    }
}

/// Waits until the server has seen so many requests.
async fn requested(world: &World, endpoint: &str, number: u64) {
    in_time(async {
        while world.server.requests(endpoint) < number {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// JSON as a word of a fault.
fn word(members: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(members.to_string())
}

//! A process, as far as an app's tasks, connections and store calls go. It dies as a whole, in the middle of whatever it
//! does.

use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use latchkey::{AccessTokenOptions, Auth, AuthError, PingClient};
use latchkey_tests::world::in_time;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};

use crate::device::Device;
use crate::fate::{Failure, Fate, Kill};
use crate::mortal_store::MortalStore;

/// The role of the app's main process, of which the system runs one.
pub(crate) const APP: Option<&str> = Some("app");

/// What a process is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// An access token.
    Token,
    /// A call of the API.
    Ping,
}

type Said = Result<(), AuthError>;

pub(crate) struct Process {
    pub(crate) fate: Arc<Fate>,
    calls: mpsc::UnboundedSender<(Call, oneshot::Sender<Said>)>,
    thread: Option<JoinHandle<()>>,
    store: Weak<MortalStore>,
}

impl Process {
    pub(crate) fn start(
        device: &Device,
        role: Option<&str>,
        kill: Kill,
        failure: Option<Failure>,
    ) -> Process {
        let fate = Arc::new(Fate::new(kill, failure));
        let store = device.store_of(&fate);
        let app = device.app(store.clone(), role);
        let ping = PingClient::new(Arc::clone(&app), device.provider.server.api().to_owned())
            .expect("a valid address");
        let (calls, asked) = mpsc::unbounded_channel();
        let (own, own_store) = (Arc::clone(&fate), Arc::downgrade(&store));
        let thread = thread::spawn(move || live(&own, &store, app, ping, asked));
        Process {
            fate,
            calls,
            thread: Some(thread),
            store: own_store,
        }
    }

    /// `None` if it dies before it can tell.
    pub(crate) async fn ask(&self, call: Call) -> Option<Said> {
        let (tell, told) = oneshot::channel();
        self.calls.send((call, tell)).ok();
        let told = in_time(told).await.ok();
        if told.is_none() {
            in_time(self.fate.buried()).await;
        }
        told
    }

    /// As [`Process::ask`], while time passes.
    pub(crate) async fn ask_in_time(&self, device: &Device, call: Call) -> Option<Said> {
        const A_SECOND: Duration = Duration::from_millis(50);
        let mut asking = Box::pin(self.ask(call));
        loop {
            match tokio::time::timeout(A_SECOND, &mut asking).await {
                Ok(told) => return told,
                // It waits for something: for a second to pass, most likely.
                Err(_) => device.advance(1),
            }
        }
    }

    /// Ends it where it stands, if it lives.
    pub(crate) async fn end(mut self) {
        self.fate.die();
        in_time(self.fate.buried()).await;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic in a process");
        }
        // The threads that it had in the store find that they are dead, and let go of it.
        let store = self.store.clone();
        in_time(async move {
            while store.strong_count() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

fn live(
    fate: &Fate,
    store: &MortalStore,
    app: Arc<Auth>,
    ping: Arc<PingClient>,
    mut asked: mpsc::UnboundedReceiver<(Call, oneshot::Sender<Said>)>,
) {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let work = async {
            while let Some((call, tell)) = asked.recv().await {
                let said = match call {
                    Call::Token => app
                        .access_token(AccessTokenOptions::default(), None)
                        .await
                        .map(drop),
                    Call::Ping => ping.ping_private_scoped(None).await.map(drop),
                };
                // A process that is dead tells nobody.
                if fate.is_alive() {
                    drop(tell.send(said));
                }
            }
        };
        tokio::select! {
            biased;
            () = fate.dead() => {}
            () = work => {}
        }
    });
    drop((app, ping));
    // Drops its tasks and, with them, its connections. Calls of the store that are under way are waited for: they are
    // done or not, and either way before the next process looks.
    runtime.shutdown_background();
    store.close();
    fate.bury();
    drop(asked);
}

//! A provider behind its wire, and a device whose processes come and go while its store and its clock stay.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use latchkey::{
    Auth, AuthConfig, LoginOptions, Rotation, SecureStore, StoredItem, file_store, key_file_sealer,
    memory_store,
};
use latchkey_devserver::{DevServer, Options, Rotation as Served, submit_login};
use latchkey_tests::elsewhere::{address, at_home, config, speaks_as};
use latchkey_tests::world::{Hands, state};
use tempfile::TempDir;

use crate::fate::{Fate, Kill};
use crate::mortal_store::MortalStore;
use crate::record::Record;
use crate::wire::Wire;

/// What happens to a refresh token that was used, and what the app was told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) name: &'static str,
    pub(crate) served: Served,
    pub(crate) told: Option<Rotation>,
}

pub(crate) const STRICT: Policy = Policy {
    name: "strict",
    served: Served::Strict,
    told: Some(Rotation::Strict),
};
pub(crate) const STRICT_UNTOLD: Policy = Policy {
    name: "strict, and the app was not told",
    told: None,
    ..STRICT
};
pub(crate) const GRACE: Policy = Policy {
    name: "grace 30 s",
    served: Served::Grace(30),
    told: Some(Rotation::Grace { seconds: 30 }),
};
pub(crate) const PARENT: Policy = Policy {
    name: "parent of the active token",
    served: Served::Parent,
    told: Some(Rotation::Parent),
};

pub(crate) struct Provider {
    pub(crate) policy: Policy,
    pub(crate) server: DevServer,
    pub(crate) wire: Arc<Wire>,
}

impl Provider {
    pub(crate) async fn start(policy: Policy) -> Arc<Provider> {
        let options = Options {
            rotation: policy.served,
            ..Options::default()
        };
        let server = DevServer::start(options).await.expect("the server starts");
        let wire = Arc::new(Wire::start(address(&server)).await);
        Arc::new(Provider {
            policy,
            server,
            wire,
        })
    }

    /// The provider's clock goes as the device's: its grace ends when it should.
    fn set_clock(&self, ahead: u64) {
        let faults = speaks_as(&self.server, self.wire.origin()) + &format!("*:clock={ahead}");
        self.server.set_faults(&faults).expect("faults");
    }
}

/// What the processes of a device have in common.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn SecureStore>,
    pub(crate) wire: Arc<Wire>,
    folder: Option<PathBuf>,
    session_name: Mutex<String>,
    /// How many sends of the refresh token were open when the session was ended: the last one's included.
    ending: Mutex<Option<u64>>,
}

impl Shared {
    fn new(store: Arc<dyn SecureStore>, wire: Arc<Wire>, folder: Option<PathBuf>) -> Arc<Shared> {
        Arc::new(Shared {
            store,
            wire,
            folder,
            session_name: Mutex::default(),
            ending: Mutex::default(),
        })
    }

    pub(crate) fn folder(&self) -> Option<PathBuf> {
        self.folder.clone()
    }

    pub(crate) fn session_name(&self) -> MutexGuard<'_, String> {
        self.session_name.lock().expect("no panic")
    }

    pub(crate) fn note_ending(&self, open_sends: u64) {
        *self.ending.lock().expect("no panic") = Some(open_sends);
    }

    pub(crate) fn item(&self) -> Option<StoredItem> {
        let name = self.session_name().clone();
        self.store.load(name).expect("the store itself works")
    }

    pub(crate) fn record(&self) -> Option<Record> {
        self.item().as_ref().map(Record::read)
    }
}

pub(crate) struct Device {
    pub(crate) provider: Arc<Provider>,
    pub(crate) clock: Arc<Hands>,
    shared: Arc<Shared>,
    ahead: AtomicU64,
    folder: Option<TempDir>,
}

impl Device {
    /// Alice is logged in.
    pub(crate) async fn new(provider: &Arc<Provider>) -> Device {
        Device::with(provider, memory_store(), None).await
    }

    /// Alice is logged in, and the session is in files.
    pub(crate) async fn with_files(provider: &Arc<Provider>) -> Device {
        let folder = tempfile::tempdir().expect("a folder");
        let store = files(&folder);
        Device::with(provider, store, Some(folder)).await
    }

    async fn with(
        provider: &Arc<Provider>,
        store: Arc<dyn SecureStore>,
        folder: Option<TempDir>,
    ) -> Device {
        let path = folder.as_ref().map(|folder| folder.path().to_owned());
        let device = Device {
            provider: Arc::clone(provider),
            clock: Arc::default(),
            shared: Shared::new(store, Arc::clone(&provider.wire), path),
            ahead: AtomicU64::new(0),
            folder,
        };
        provider.set_clock(0);
        device.log_in().await;
        device
    }

    async fn log_in(&self) {
        let immortal = Arc::new(Fate::new(Kill::Never, None));
        let auth = self.app(self.store_of(&immortal), None);
        let request = auth
            .begin_login(LoginOptions::default(), None)
            .await
            .expect("the login begins");
        let origin = self.provider.wire.origin();
        let page = at_home(&self.provider.server, origin, &request.url);
        let callback = submit_login(&page, "alice", "alice-password")
            .await
            .expect("the page takes the password");
        auth.finish_login(callback, None).await.expect("logged in");
    }

    /// One process's view of the store.
    pub(crate) fn store_of(&self, fate: &Arc<Fate>) -> Arc<MortalStore> {
        MortalStore::new(Arc::clone(fate), Arc::clone(&self.shared))
    }

    pub(crate) fn app(&self, store: Arc<dyn SecureStore>, role: Option<&str>) -> Arc<Auth> {
        let config = AuthConfig {
            rotation: self.provider.policy.told,
            single_instance_role: role.map(str::to_owned),
            ..config(&self.provider.server, self.provider.wire.origin())
        };
        Auth::with_clock(config, store, self.clock.clone()).expect("a valid configuration")
    }

    /// Time passes, here and at the provider.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(seconds);
        let ahead = self.ahead.fetch_add(seconds, Ordering::SeqCst) + seconds;
        self.provider.set_clock(ahead);
    }

    /// The access token ends.
    pub(crate) fn expire(&self) {
        self.advance(310);
    }

    /// Opens the store in files anew, as a new process does.
    pub(crate) fn open_anew(&mut self) {
        let Some(folder) = &self.folder else { return };
        let name = self.shared.session_name().clone();
        let path = self.shared.folder();
        let wire = Arc::clone(&self.shared.wire);
        // Nobody has it open when it is opened again: what a dead writer left is cleaned up then.
        self.shared = Shared::new(memory_store(), Arc::clone(&wire), None);
        self.shared = Shared::new(files(folder), wire, path);
        *self.shared.session_name() = name;
    }

    /// The session's item as it is stored.
    pub(crate) fn item(&self) -> StoredItem {
        self.shared.item().expect("there is a session")
    }

    pub(crate) fn record(&self) -> Record {
        Record::read(&self.item())
    }

    /// A backup is restored.
    pub(crate) fn put_back(&self, backup: StoredItem) {
        let name = self.shared.session_name().clone();
        let swap = self
            .shared
            .store
            .swap(name, Some(self.item().tag), Some(backup));
        swap.expect("nobody else writes now");
    }

    /// The file of the session's item.
    pub(crate) fn item_file(&self) -> PathBuf {
        let folder = self.shared.folder().expect("in files");
        folder.join(format!("item.{}", self.shared.session_name()))
    }

    /// How many sends were open when the session was ended.
    pub(crate) fn sends_at_the_end(&self) -> Option<u64> {
        *self.shared.ending.lock().expect("no panic")
    }

    /// The state of the session as the next process sees it.
    pub(crate) fn state(&self) -> String {
        state(&self.app(Arc::clone(&self.shared.store), None).session())
    }
}

fn files(folder: &TempDir) -> Arc<dyn SecureStore> {
    let sealer = key_file_sealer(folder.path()).expect("a key file");
    let path = folder.path().to_str().expect("text").to_owned();
    file_store(path, sealer).expect("a store")
}

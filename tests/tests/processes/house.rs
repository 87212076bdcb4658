//! A provider, a folder on a device, and a clock, for one test.

use std::sync::Arc;

use latchkey::{Auth, LoginOptions};
use latchkey_devserver::{DevServer, Options, Rotation, submit_login};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clock::{FileClock, Winder};
use crate::process::Process;
use crate::worker::{config, open};

pub(crate) struct House {
    pub(crate) server: DevServer,
    pub(crate) clock: Winder,
    pub(crate) setting: Value,
    _folder: TempDir,
}

impl House {
    /// Alice is logged in, and her access token is good.
    pub(crate) async fn new(rotation: Rotation) -> House {
        let server = DevServer::start(Options {
            rotation,
            ..Options::default()
        })
        .await
        .expect("the server starts");
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Winder::new(folder.path());
        let setting = json!({
            "folder": folder.path().join("store"),
            "clock": clock.path(),
            "issuer": server.issuer(),
            "client_id": server.client_id(),
            "audience": server.audience(),
            "api": server.api(),
            "rotation": match rotation {
                Rotation::Strict => "strict",
                Rotation::Parent => "parent",
                _ => "unknown",
            },
        });
        let house = House {
            server,
            clock,
            setting,
            _folder: folder,
        };
        house.log_in().await;
        house.server.reset_counts();
        house
    }

    /// Alice is logged in, and her access token has ended.
    pub(crate) async fn with_an_ended_token(rotation: Rotation) -> House {
        let house = House::new(rotation).await;
        house.clock.advance(310);
        house
    }

    pub(crate) async fn log_in(&self) {
        let store = open(self.setting["folder"].as_str().expect("a path"));
        let clock = FileClock::at(self.clock.path().to_owned());
        let auth = Auth::with_clock(config(&self.setting), store, Arc::new(clock)).expect("valid");
        let login = auth.begin_login(LoginOptions::default(), None).await;
        let url = login.expect("the login begins").url;
        let callback = submit_login(&url, "alice", "alice-password").await;
        auth.finish_login(callback.expect("the page takes it"), None)
            .await
            .expect("the login ends well");
    }

    /// Another process of the app.
    pub(crate) async fn start(&self) -> Process {
        Process::start(&self.setting).await
    }

    /// How often the provider was sent a refresh token. The head of a request that was given up does not count: there
    /// is no token in it.
    pub(crate) fn sent(&self) -> u64 {
        self.server.requests("token")
    }

    /// The refresh token that is stored is good, for each of these processes.
    pub(crate) async fn assert_session_lives(&self, processes: &mut [&mut Process]) {
        for process in processes {
            let answer = process.ask("force").await;
            assert!(answer["token"].is_string(), "{answer}");
        }
        assert_eq!(self.server.refresh_token_reuse(), 0);
    }
}

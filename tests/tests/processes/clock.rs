//! A device's clock, in a small file: it goes on when a test says so, also while a process is frozen.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use latchkey::{Clock, SystemClock};
use serde_json::{Value, json};

/// The clock as a process reads it.
pub(crate) struct FileClock(PathBuf);

impl FileClock {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    fn read(&self) -> Value {
        let text = fs::read(&self.0).expect("the clock's file");
        serde_json::from_slice(&text).expect("the clock's file is JSON")
    }
}

impl Clock for FileClock {
    fn wall(&self) -> i64 {
        self.read()["wall"].as_i64().expect("seconds")
    }

    fn boot(&self) -> Duration {
        Duration::from_secs(self.read()["boot"].as_u64().expect("seconds"))
    }

    fn boot_id(&self) -> Option<String> {
        self.read()["boot_id"].as_str().map(str::to_owned)
    }
}

/// The hand that moves it.
pub(crate) struct Winder {
    path: PathBuf,
    start: i64,
    /// The seconds since.
    gone: Mutex<u32>,
}

impl Winder {
    /// A clock in this folder that shows what the system's does, and stands still.
    pub(crate) fn new(folder: &Path) -> Self {
        let winder = Self {
            path: folder.join("clock"),
            start: SystemClock.wall(),
            gone: Mutex::default(),
        };
        winder.advance(0);
        winder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn advance(&self, seconds: u32) {
        let mut gone = self.gone.lock().expect("no panic");
        *gone += seconds;
        let shown = json!({
            "wall": self.start + i64::from(*gone),
            "boot": 1_000 + *gone,
            "boot_id": "the only start",
        });
        // As a whole or not at all: it is read at any moment.
        let next = self.path.with_extension("next");
        fs::write(&next, shown.to_string()).expect("the clock's file");
        fs::rename(next, &self.path).expect("the clock's file");
    }

    /// How far it was moved so far.
    pub(crate) fn gone(&self) -> u32 {
        *self.gone.lock().expect("no panic")
    }
}

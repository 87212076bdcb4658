//! A store in memory that fails, or holds a call, when a test says so.

use std::sync::{Arc, Mutex, MutexGuard, mpsc};

use crate::storage::{MemoryStore, SecureStore, StoreError, StoredItem};

/// One of the store's two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Load,
    Swap,
    /// A swap that removes the item.
    Delete,
}

/// A call for items whose name begins so, and what befalls it.
struct Rule {
    call: Call,
    item: &'static str,
    /// How many such calls pass first.
    after: u32,
    what: What,
}

enum What {
    /// This and every later one.
    Fails(StoreError),
    /// It is done, and said to have failed.
    DoneAndFails,
    /// It waits here, before it is carried out.
    Waits(tokio::sync::oneshot::Sender<()>, mpsc::Receiver<()>),
}

/// A call that waits. Dropped, it lets the call go on.
pub(crate) struct Waiting {
    reached: tokio::sync::oneshot::Receiver<()>,
    _go_on: mpsc::Sender<()>,
}

impl Waiting {
    /// Waits until the call has come.
    pub(crate) async fn reached(&mut self) {
        (&mut self.reached).await.expect("it comes once");
    }
}

#[derive(Default)]
pub(crate) struct Store {
    inner: MemoryStore,
    rules: Mutex<Vec<Rule>>,
    calls: Mutex<Vec<(Call, String)>>,
}

impl Store {
    /// From the nth on (counted from 1), such calls fail. `item` is `session`, `logins` or `journal`.
    pub(crate) fn fail(&self, call: Call, item: &'static str, nth: u32, error: StoreError) {
        self.rule(call, item, nth, What::Fails(error));
    }

    /// The nth such call is carried out and said to have failed.
    pub(crate) fn do_and_fail(&self, call: Call, item: &'static str, nth: u32) {
        self.rule(call, item, nth, What::DoneAndFails);
    }

    /// The nth such call waits before it is carried out.
    pub(crate) fn wait(&self, call: Call, item: &'static str, nth: u32) -> Waiting {
        let (reaches, reached) = tokio::sync::oneshot::channel();
        let (going_on, go_on) = mpsc::channel();
        self.rule(call, item, nth, What::Waits(reaches, go_on));
        Waiting {
            reached,
            _go_on: going_on,
        }
    }

    /// All calls are carried out again.
    pub(crate) fn heal(&self) {
        self.rules().clear();
    }

    /// How many such calls there were.
    pub(crate) fn count(&self, call: Call, item: &str) -> usize {
        let calls = self.calls.lock().expect("no panic");
        let such = |(made, name): &&(Call, String)| *made == call && name.starts_with(item);
        calls.iter().filter(such).count()
    }

    /// The item of this name as it is stored.
    pub(crate) fn item(&self, name: &str) -> Option<StoredItem> {
        self.inner.load(name.to_owned()).expect("memory works")
    }

    /// Writes an item as another process would.
    pub(crate) fn write(&self, name: &str, bytes: Option<Vec<u8>>) {
        let found = self.item(name).map(|item| item.tag);
        let mut tag = found.clone().unwrap_or_else(|| vec![1; 16]);
        tag[0] ^= 0x55;
        let next = bytes.map(|bytes| StoredItem { tag, bytes });
        let written = self.inner.swap(name.to_owned(), found, next);
        written.expect("nobody else writes now");
    }

    fn rule(&self, call: Call, item: &'static str, nth: u32, what: What) {
        let after = nth - 1;
        self.rules().push(Rule {
            call,
            item,
            after,
            what,
        });
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().expect("no panic")
    }

    fn call<T>(
        &self,
        call: Call,
        name: &str,
        carry_out: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.calls
            .lock()
            .expect("no panic")
            .push((call, name.to_owned()));
        let mut rules = self.rules();
        let fits = |rule: &Rule| rule.call == call && name.starts_with(rule.item);
        let Some(found) = rules.iter().position(fits) else {
            drop(rules);
            return carry_out();
        };
        if rules[found].after > 0 {
            rules[found].after -= 1;
            drop(rules);
            return carry_out();
        }
        if let What::Fails(error) = &rules[found].what {
            return Err(error.clone());
        }
        let rule = rules.remove(found);
        drop(rules);
        if let What::Waits(reached, go_on) = rule.what {
            let _ = reached.send(());
            let _ = go_on.recv();
            return carry_out();
        }
        carry_out()?;
        Err(StoreError::Unavailable)
    }
}

impl SecureStore for Store {
    fn load(&self, name: String) -> Result<Option<StoredItem>, StoreError> {
        self.call(Call::Load, &name, || self.inner.load(name.clone()))
    }

    fn swap(
        &self,
        name: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        let call = if next.is_some() {
            Call::Swap
        } else {
            Call::Delete
        };
        let carry_out = || self.inner.swap(name.clone(), expected, next);
        self.call(call, &name, carry_out)
    }
}

/// For `World`.
pub(crate) fn store() -> Arc<Store> {
    Arc::default()
}

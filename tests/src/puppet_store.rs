//! A store on strings: its calls are held up or fail when a test says so. That is how a test stands between two steps
//! that are otherwise microseconds apart.

use std::sync::{Arc, Mutex, MutexGuard, mpsc};

use latchkey::{SecureStore, StoreError, StoredItem, memory_store};
use tokio::sync::{oneshot, watch};

use crate::world::in_time;

/// A call for the session's record. Those for the record of open logins are left alone and not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// It is read.
    Load,
    /// It is written.
    Swap,
}

/// A store over another one. Two of them over the same one are two processes' views of it.
pub struct PuppetStore {
    inner: Arc<dyn SecureStore>,
    strings: Mutex<Strings>,
    /// How many calls were carried out, in the order of [`Call`].
    done: [watch::Sender<u64>; 2],
}

#[derive(Default)]
struct Strings {
    /// The name of the session's record, as soon as it was heard.
    session: String,
    hold: Option<Hold>,
    /// After so many calls of a kind they fail.
    failing: [Option<u64>; 2],
    ill: Option<Ill>,
    /// Calls of any kind for any record, whatever came of them.
    calls: u64,
}

/// What is wrong with the store below, until [`PuppetStore::heal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ill {
    /// The journal cannot be written.
    Journal,
    /// The disk is full: nothing of the session can be written, only removed.
    Full,
    /// A write of the session is said to be done, and is not.
    Lies,
}

struct Hold {
    call: Call,
    nth: u64,
    /// Before it is carried out, else after.
    before: bool,
    reached: oneshot::Sender<()>,
    go_on: mpsc::Receiver<()>,
}

impl Hold {
    /// Waits if this is where.
    fn wait_if(self, before: bool) -> Option<Hold> {
        if self.before != before {
            return Some(self);
        }
        // The other end may be gone: a test that does not wait for it, or one that has failed.
        let _ = self.reached.send(());
        let _ = self.go_on.recv();
        None
    }
}

/// A call that is held up. Dropped, it lets the caller go on.
pub struct Held {
    reached: oneshot::Receiver<()>,
    _go_on: mpsc::Sender<()>,
}

impl Held {
    /// Waits until the call has come to where it is held.
    pub async fn reached(&mut self) {
        in_time(&mut self.reached).await.expect("it is held once");
    }

    /// Lets it go on.
    pub fn release(self) {}
}

impl PuppetStore {
    /// Over a memory store.
    pub fn new() -> Arc<PuppetStore> {
        PuppetStore::over(memory_store())
    }

    /// Over this store.
    pub fn over(inner: Arc<dyn SecureStore>) -> Arc<PuppetStore> {
        Arc::new(PuppetStore {
            inner,
            strings: Mutex::default(),
            done: [watch::Sender::default(), watch::Sender::default()],
        })
    }

    /// Holds the nth call of this kind from now, counted from one: it is carried out, and its caller is not told.
    pub fn hold(&self, call: Call, nth: u64) -> Held {
        self.hold_at(call, nth, false)
    }

    /// Holds the nth call of this kind from now, counted from one, before it is carried out.
    pub fn hold_before(&self, call: Call, nth: u64) -> Held {
        self.hold_at(call, nth, true)
    }

    fn hold_at(&self, call: Call, nth: u64, before: bool) -> Held {
        let (reached, held) = oneshot::channel();
        let (release, go_on) = mpsc::channel();
        self.strings().hold = Some(Hold {
            call,
            nth,
            before,
            reached,
            go_on,
        });
        Held {
            reached: held,
            _go_on: release,
        }
    }

    /// Makes the nth call of this kind from now fail, and every one after it, until [`PuppetStore::heal`].
    pub fn fail_from(&self, call: Call, nth: u64) {
        self.strings().failing[call as usize] = Some(nth - 1);
    }

    /// Makes the store below ill in this way, and in no other.
    pub fn fall_ill(&self, ill: Ill) {
        self.strings().ill = Some(ill);
    }

    /// Lets all calls be carried out again.
    pub fn heal(&self) {
        let mut strings = self.strings();
        strings.failing = [None; 2];
        strings.ill = None;
    }

    /// How many calls there were so far: for any record, and failed ones too.
    pub fn calls(&self) -> u64 {
        self.strings().calls
    }

    /// How many calls of this kind were carried out so far.
    pub fn count(&self, call: Call) -> u64 {
        *self.done[call as usize].borrow()
    }

    /// Waits until this many calls of this kind were carried out.
    pub async fn until(&self, call: Call, count: u64) {
        let mut done = self.done[call as usize].subscribe();
        let enough = done.wait_for(|done| *done >= count);
        in_time(enough).await.expect("the sender lives in self");
    }

    /// The session's record as it is stored.
    pub fn record(&self) -> String {
        String::from_utf8(self.backup().bytes).expect("JSON")
    }

    /// Writes the session's record, as another process would.
    pub fn write(&self, record: &str) {
        let name = self.strings().session.clone();
        let found = self.item().map(|item| item.tag);
        let mut tag = found.clone().unwrap_or_else(|| vec![1; 16]);
        tag[0] ^= 1;
        let bytes = record.as_bytes().to_vec();
        self.inner
            .swap(name, found, Some(StoredItem { tag, bytes }))
            .expect("nobody else writes now");
    }

    /// The session's record with its tag, for a backup.
    pub fn backup(&self) -> StoredItem {
        self.item().expect("there is a session")
    }

    /// The name of the journal that belongs to the session's record.
    pub fn journal_name(&self) -> String {
        self.strings().session.replacen("session.", "journal.", 1)
    }

    /// The journal with its tag, for a backup.
    pub fn journal(&self) -> StoredItem {
        let journal = self.inner.load(self.journal_name());
        journal
            .expect("the store below works")
            .expect("there is a journal")
    }

    /// Puts a backup in the place of whatever is there, tag and all.
    pub fn put_back(&self, backup: &StoredItem) {
        let name = self.strings().session.clone();
        let found = self.item().map(|item| item.tag);
        self.inner
            .swap(name, found, Some(backup.clone()))
            .expect("nobody else writes now");
    }

    fn item(&self) -> Option<StoredItem> {
        let name = self.strings().session.clone();
        self.inner.load(name).expect("the store below works")
    }

    /// Pulls the strings of this call, carries it out, and tells its caller when that may be.
    fn call<T>(
        &self,
        call: Call,
        name: &str,
        carry_out: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.strings().calls += 1;
        if !name.starts_with("session.") {
            return carry_out();
        }
        let mut held = None;
        {
            let mut strings = self.strings();
            name.clone_into(&mut strings.session);
            match &mut strings.failing[call as usize] {
                Some(0) => return Err(StoreError::Unavailable),
                Some(left) => *left -= 1,
                None => {}
            }
            if let Some(hold) = strings.hold.take_if(|hold| hold.call == call) {
                match hold.nth {
                    1 => held = Some(hold),
                    nth => {
                        strings.hold = Some(Hold {
                            nth: nth - 1,
                            ..hold
                        })
                    }
                }
            }
        }
        held = held.and_then(|hold| hold.wait_if(true));
        let result = carry_out();
        if result.is_ok() {
            self.done[call as usize].send_modify(|done| *done += 1);
        }
        drop(held.map(|hold| hold.wait_if(false)));
        result
    }

    /// Writes this, as well as the store is.
    fn write_ill(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        let ill = self.strings().ill;
        match ill {
            Some(Ill::Journal) if key.starts_with("journal.") => Err(StoreError::Unavailable),
            Some(Ill::Full) if key.starts_with("session.") && next.is_some() => {
                Err(StoreError::Unavailable)
            }
            Some(Ill::Lies) if key.starts_with("session.") => {
                let found = self.inner.load(key)?.map(|item| item.tag);
                match found == expected {
                    true => Ok(()),
                    false => Err(StoreError::Conflict),
                }
            }
            _ => self.inner.swap(key, expected, next),
        }
    }

    fn strings(&self) -> MutexGuard<'_, Strings> {
        self.strings.lock().expect("no panic")
    }
}

impl SecureStore for PuppetStore {
    fn load(&self, key: String) -> Result<Option<StoredItem>, StoreError> {
        self.call(Call::Load, &key, || self.inner.load(key.clone()))
    }

    fn swap(
        &self,
        key: String,
        expected: Option<Vec<u8>>,
        next: Option<StoredItem>,
    ) -> Result<(), StoreError> {
        self.call(Call::Swap, &key, || {
            self.write_ill(key.clone(), expected, next)
        })
    }
}

//! The store, as the session uses it: off the async threads, with a patience, with a new tag for each write, and with the
//! question "was it done after all?" answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::flight;
use crate::clock::random;
use crate::storage::{SecureStore, StoreError, StoredItem};

/// The 16 random bytes of one write (refresh.md §4.1).
pub(crate) type Tag = Vec<u8>;

/// A read may ask the person to unlock the store.
const LOAD: Duration = Duration::from_secs(30);
/// A write owes an answer within 5 seconds ([`SecureStore`], 5).
const SWAP: Duration = Duration::from_secs(10);
/// More reads than this at once, each in its caller's thread, come of a store that asks the session in turn.
const MOST_HERE: usize = 16;

#[derive(Clone)]
pub(crate) struct Vault {
    store: Arc<dyn SecureStore>,
    /// Calls that were given up and may still come back. While there is one, every other call fails at once: a store that
    /// hangs gets no more threads.
    given_up: Calls,
    /// Reads in a caller's thread.
    here: Calls,
}

/// Calls to the store: each holds one token until it comes back.
type Calls = Arc<Mutex<Vec<Weak<()>>>>;

impl Vault {
    pub(crate) fn new(store: Arc<dyn SecureStore>) -> Self {
        Self {
            store,
            given_up: Calls::default(),
            here: Calls::default(),
        }
    }

    /// Reads while the caller's thread waits.
    pub(crate) fn load_here(&self, name: &str) -> Result<Option<StoredItem>, StoreError> {
        if !living(&self.given_up).is_empty() {
            return Err(StoreError::Unavailable);
        }
        let token = Arc::new(());
        {
            let mut here = living(&self.here);
            if here.len() >= MOST_HERE {
                return Err(StoreError::Unavailable);
            }
            here.push(Arc::downgrade(&token));
        }
        let call = Arc::downgrade(&token);
        let (store, name) = (Arc::clone(&self.store), name.to_owned());
        let read = flight::off_thread_here(LOAD, move || {
            let read = store.load(name);
            drop(token);
            read
        });
        read.unwrap_or_else(|| self.give_up(call))
    }

    pub(crate) async fn load(&self, name: &str) -> Result<Option<StoredItem>, StoreError> {
        let (store, name) = (Arc::clone(&self.store), name.to_owned());
        self.call(LOAD, move || store.load(name)).await
    }

    /// Writes `next` where the tag is still `expected` (`None`: where nothing is) and returns the new tag.
    pub(crate) async fn swap(
        &self,
        name: &str,
        expected: Option<Tag>,
        next: Vec<u8>,
    ) -> Result<Tag, StoreError> {
        let (store, name) = (Arc::clone(&self.store), name.to_owned());
        self.call(SWAP, move || {
            let tag = random::<16>()
                .map_err(|_| StoreError::Unavailable)?
                .to_vec();
            let item = StoredItem {
                tag: tag.clone(),
                bytes: next,
            };
            match store.swap(name.clone(), expected, Some(item)) {
                Ok(()) => Ok(tag),
                Err(StoreError::Conflict) => Err(StoreError::Conflict),
                // Old or new, never a mix: our own tag there means that it was done.
                Err(error) => match store.load(name) {
                    Ok(Some(found)) if found.tag == tag => Ok(tag),
                    _ => Err(error),
                },
            }
        })
        .await
    }

    /// Removes the item where the tag is still `expected`.
    pub(crate) async fn delete(&self, name: &str, expected: Tag) -> Result<(), StoreError> {
        let (store, name) = (Arc::clone(&self.store), name.to_owned());
        self.call(SWAP, move || store.swap(name, Some(expected), None))
            .await
    }

    /// A store that panics is one that failed, and so is one that takes too long: whether it still does what was asked is
    /// seen at the next look.
    async fn call<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if !living(&self.given_up).is_empty() {
            return Err(StoreError::Unavailable);
        }
        let token = Arc::new(());
        let call = Arc::downgrade(&token);
        let working = flight::off_thread(move || {
            let done = work();
            drop(token);
            done
        });
        match tokio::time::timeout(patience, working).await {
            Ok(done) => done.unwrap_or(Err(StoreError::Unavailable)),
            Err(_) => self.give_up(call),
        }
    }

    fn give_up<T>(&self, call: Weak<()>) -> Result<T, StoreError> {
        living(&self.given_up).push(call);
        Err(StoreError::Unavailable)
    }
}

/// Those calls that have not come back yet.
fn living(calls: &Calls) -> MutexGuard<'_, Vec<Weak<()>>> {
    let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    calls.retain(|call| call.strong_count() > 0);
    calls
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A store whose calls hang until `go_on` is dropped, and are told of by `came`.
    struct Hanging {
        came: mpsc::Sender<()>,
        go_on: Mutex<mpsc::Receiver<()>>,
    }

    fn hanging() -> (Vault, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (came, comes) = mpsc::channel();
        let (going_on, go_on) = mpsc::channel();
        let go_on = Mutex::new(go_on);
        (
            Vault::new(Arc::new(Hanging { came, go_on })),
            comes,
            going_on,
        )
    }

    impl Hanging {
        fn hang(&self) {
            let _ = self.came.send(());
            let _ = self.go_on.lock().map(|go_on| go_on.recv());
        }
    }

    impl SecureStore for Hanging {
        fn load(&self, _: String) -> Result<Option<StoredItem>, StoreError> {
            self.hang();
            Ok(None)
        }

        fn swap(
            &self,
            _: String,
            _: Option<Vec<u8>>,
            _: Option<StoredItem>,
        ) -> Result<(), StoreError> {
            self.hang();
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_is_given_up_and_asked_no_more_until_it_comes_back() {
        let (vault, comes, go_on) = hanging();
        let begun = paused();
        let (load, ()) = tokio::join!(vault.load("a"), pass(LOAD, &comes));
        assert_eq!(load, Err(StoreError::Unavailable));
        assert_eq!(begun.elapsed(), LOAD);
        for _ in 0..100 {
            assert_eq!(vault.load("a").await, Err(StoreError::Unavailable));
            let swap = vault.swap("a", None, Vec::new()).await;
            assert_eq!(swap, Err(StoreError::Unavailable));
            assert_eq!(
                vault.delete("a", Vec::new()).await,
                Err(StoreError::Unavailable)
            );
            assert_eq!(vault.load_here("a"), Err(StoreError::Unavailable));
        }
        assert_eq!(begun.elapsed(), LOAD, "at once");
        assert_eq!(comes.try_iter().count(), 0, "no other thread hangs");
        drop(go_on);
        while !living(&vault.given_up).is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(vault.load("a").await, Ok(None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_is_given_up_sooner_than_a_read() {
        let (vault, comes, _go_on) = hanging();
        let begun = paused();
        let (swap, ()) = tokio::join!(vault.swap("a", None, Vec::new()), pass(SWAP, &comes));
        assert_eq!(swap, Err(StoreError::Unavailable));
        assert_eq!(begun.elapsed(), SWAP);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the runtime's paused clock, which no clock that is handed in can show"
    )]
    fn paused() -> tokio::time::Instant {
        tokio::time::Instant::now()
    }

    /// Lets time pass as soon as the call hangs: a blocking call keeps the paused clock from going on by itself.
    async fn pass(time: Duration, comes: &mpsc::Receiver<()>) {
        tokio::task::yield_now().await;
        comes.recv().expect("a call");
        tokio::time::advance(time).await;
    }
}

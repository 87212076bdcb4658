//! The sealing key in the system's keyring: Keychain, Credential Manager, Secret Service.

use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use keyring::{Entry, Error};
use latchkey::{KeyBytes, SealError, WrappingKey};

/// A keyring that asks the person something, or a bus on which nobody answers, is waited for no longer in one turn.
const PATIENCE: Duration = Duration::from_secs(3);
/// A turn: the store asks up to four times in one write, in part under its lock, and a write ends within 5 seconds.
const TURN: Duration = Duration::from_secs(5);

/// One entry, for all stores in the user's data folder.
const SERVICE: &str = "latchkey";
const NAME: &str = "sealing key";

/// The entry in the keyring. It holds the key and no record: keyrings know no conditional writes, and one of them
/// caps a secret at 2,560 bytes.
#[derive(Default)]
pub(crate) struct KeyringKey {
    patience: Patience,
}

impl WrappingKey for KeyringKey {
    fn load(&self) -> Result<Option<KeyBytes>, SealError> {
        let work = || Ok(Entry::new(SERVICE, NAME)?.get_secret()?);
        let secret = self.patience.wait(work);
        match secret {
            Ok(secret) => match secret.try_into() {
                Ok(key) => Ok(Some(KeyBytes(key))),
                Err(_) => Err(SealError::KeyLost),
            },
            Err(Failure::Nothing) => Ok(None),
            Err(Failure::Locked) => Err(SealError::Locked),
            Err(Failure::Unavailable) => Err(SealError::Unavailable),
        }
    }

    fn keep(&self, key: &KeyBytes) -> Result<(), SealError> {
        let key = key.0;
        let work = move || Ok(Entry::new(SERVICE, NAME)?.set_secret(&key)?);
        match self.patience.wait(work) {
            Ok(()) => Ok(()),
            Err(Failure::Locked) => Err(SealError::Locked),
            Err(Failure::Nothing | Failure::Unavailable) => Err(SealError::Unavailable),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Nothing,
    Locked,
    Unavailable,
}

impl From<Error> for Failure {
    /// The keyring's own text, which may hold anything, is dropped.
    fn from(error: Error) -> Self {
        match error {
            Error::NoEntry => Self::Nothing,
            Error::NoStorageAccess(_) => Self::Locked,
            // A Keychain and a Credential Manager are always there: one that fails is not to be used now.
            _ if cfg!(any(target_os = "macos", windows)) => Self::Locked,
            _ => Self::Unavailable,
        }
    }
}

/// How long the keyring is waited for, in one turn together.
pub(crate) struct Patience {
    whole: Duration,
    turn: Mutex<Turn>,
}

#[derive(Default)]
struct Turn {
    began: Option<Instant>,
    spent: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self::new(PATIENCE)
    }
}

impl Patience {
    pub(crate) fn new(whole: Duration) -> Self {
        Self {
            whole,
            turn: Mutex::default(),
        }
    }

    /// What comes of this work, or `Locked` once the patience of this turn has been spent.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let left = self.left();
        if left.is_zero() {
            return Err(Failure::Locked);
        }
        let started = Instant::now();
        let result = in_time(left, work);
        self.turn().spent += started.elapsed();
        result
    }

    fn left(&self) -> Duration {
        let mut turn = self.turn();
        if turn.began.is_none_or(|began| began.elapsed() >= TURN) {
            *turn = Turn {
                began: Some(Instant::now()),
                spent: Duration::ZERO,
            };
        }
        self.whole.saturating_sub(turn.spent)
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs this on a thread of its own, which is left behind if it takes too long.
fn in_time<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (done, result) = mpsc::channel();
    let worker = move || {
        // Nobody listens any more when it took too long.
        let _ = done.send(work());
    };
    if thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(worker)
        .is_err()
    {
        return Err(Failure::Unavailable);
    }
    match result.recv_timeout(patience) {
        Ok(result) => result,
        // It waits for the person to unlock it, as far as can be told.
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Failure::Locked),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(Failure::Unavailable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forever() -> Result<(), Failure> {
        thread::sleep(Duration::from_secs(600));
        Ok(())
    }

    #[test]
    fn all_calls_of_a_turn_are_waited_for_as_long_as_one() {
        let patience = Patience::new(Duration::from_secs(300));
        let slow = || {
            thread::sleep(Duration::from_millis(5));
            Ok(7)
        };
        assert_eq!(patience.wait(slow), Ok(7));
        assert!(patience.turn().spent >= Duration::from_millis(5));
        patience.turn().spent = Duration::from_millis(299_990);
        let started = Instant::now();
        assert_eq!(patience.wait(forever), Err(Failure::Locked));
        assert!(started.elapsed() < Duration::from_secs(200));
    }

    #[test]
    fn a_keyring_that_answers_at_once_is_asked_as_often_as_one_likes() {
        let patience = Patience::new(Duration::from_secs(60));
        assert!((0..100).all(|_| patience.wait(|| Ok(7)) == Ok(7)));
        assert_eq!(
            patience.wait(|| Err::<(), _>(Failure::Nothing)),
            Err(Failure::Nothing)
        );
    }

    #[test]
    fn a_turn_that_is_over_is_followed_by_another() {
        let patience = Patience::new(Duration::from_millis(20));
        assert_eq!(patience.wait(forever), Err(Failure::Locked));
        assert_eq!(patience.wait(|| Ok(7)), Err(Failure::Locked));
        patience.turn().began = Instant::now().checked_sub(TURN);
        assert_eq!(patience.wait(|| Ok(7)), Ok(7));
    }
}

//! The one place that reads a clock or makes randomness.

use std::pin::Pin;
use std::time::Duration;
#[cfg(not(unix))]
use std::time::Instant;
use std::time::SystemTime;

use ring::rand::{SecureRandom as _, SystemRandom};

/// Where the core reads the time. Apps use [`SystemClock`]; tests hand in one that they move by hand.
pub trait Clock: Send + Sync {
    /// Seconds since 1970-01-01 UTC, as the device believes.
    fn wall(&self) -> i64;
    /// Time since some fixed moment, counting the time the device sleeps; it is never set back.
    fn boot(&self) -> Duration;
    /// Names this start of the device: two readings of [`boot`](Self::boot) can be compared where it is the same.
    /// `None` where the system does not tell.
    fn boot_id(&self) -> Option<String> {
        None
    }
    /// Lets this much time pass. Called inside a tokio runtime.
    fn wait(&self, time: Duration) -> Waiting<'_> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// What [`Clock::wait`] waits with.
pub type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The device's own clocks.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn wall(&self) -> i64 {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
        }
    }

    #[cfg(unix)]
    fn boot(&self) -> Duration {
        // CLOCK_BOOTTIME counts suspension on Linux and Android; Apple's CLOCK_MONOTONIC does.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
        let now = rustix::time::clock_gettime(CLOCK);
        Duration::new(
            u64::try_from(now.tv_sec).unwrap_or(0),
            u32::try_from(now.tv_nsec).unwrap_or(0),
        )
    }

    /// Linux and Android; Apple's systems and Windows have nothing like it that needs no unsafe code.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn boot_id(&self) -> Option<String> {
        static BOOT_ID: once_cell::sync::Lazy<Option<String>> = once_cell::sync::Lazy::new(|| {
            let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
            Some(text.trim().to_owned()).filter(|id| !id.is_empty() && id.len() <= 64)
        });
        BOOT_ID.clone()
    }

    #[cfg(not(unix))]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the monotonic clock"
    )]
    fn boot(&self) -> Duration {
        static START: once_cell::sync::Lazy<Instant> = once_cell::sync::Lazy::new(Instant::now);
        START.elapsed()
    }
}

/// The system gave no randomness. Seen on no device yet; nothing secret can be made without it.
#[derive(Debug)]
pub(crate) struct NoRandomness;

/// Random bytes from the system's generator.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that makes randomness for the session"
)]
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| NoRandomness)?;
    Ok(bytes)
}

//! A body that does not exist before its connection is ready for it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

type Making = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>;

/// A body of a known length, made at its first poll. It may decide not to be: then the request is given up, and the
/// server gets a head without its body.
pub(crate) struct LateBody {
    length: u64,
    /// In a lock because a request is shared between threads, though only ever polled by one.
    making: std::sync::Mutex<Option<Making>>,
}

/// It decided not to be.
#[derive(Debug)]
pub(crate) struct Withdrawn;

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was withdrawn")
    }
}

impl std::error::Error for Withdrawn {}

impl LateBody {
    pub(crate) fn new(
        length: u64,
        making: impl Future<Output = Option<Vec<u8>>> + Send + 'static,
    ) -> Self {
        Self {
            length,
            making: std::sync::Mutex::new(Some(Box::pin(making))),
        }
    }

    fn making(&mut self) -> &mut Option<Making> {
        match self.making.get_mut() {
            Ok(making) => making,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

impl Body for LateBody {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        let making = self.making();
        let Some(future) = making else {
            return Poll::Ready(None);
        };
        let Poll::Ready(made) = future.as_mut().poll(context) else {
            return Poll::Pending;
        };
        *making = None;
        Poll::Ready(Some(match made {
            Some(bytes) => Ok(Frame::data(bytes.into())),
            None => Err(Withdrawn),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.making.lock().is_ok_and(|making| making.is_none())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

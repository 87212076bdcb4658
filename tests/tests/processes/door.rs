//! A way to the server that a test closes for one.

use std::sync::{Arc, Mutex};

use latchkey_tests::world::in_time;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Passes connections on. It is gone when it is dropped.
pub(crate) struct Door {
    port: u16,
    kept_out: Arc<Mutex<Option<KeptOut>>>,
    _tasks: JoinSet<()>,
}

/// What awaits the next connection.
struct KeptOut {
    reached: oneshot::Sender<()>,
    opened: oneshot::Receiver<()>,
}

/// The door, for whoever came next after it was closed.
pub(crate) struct Closed {
    reached: oneshot::Receiver<()>,
    open: oneshot::Sender<()>,
}

impl Door {
    /// A door to this port on loopback.
    pub(crate) async fn before(target: u16) -> Door {
        let listener = TcpListener::bind("localhost:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let kept_out = Arc::<Mutex<Option<KeptOut>>>::default();
        let next = Arc::clone(&kept_out);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((mut outside, _)) = listener.accept().await {
                let kept_out = next.lock().expect("no panic").take();
                passing.spawn(async move {
                    if let Some(KeptOut { reached, opened }) = kept_out {
                        // A test that is over waits for nobody.
                        let _ = reached.send(());
                        let _ = opened.await;
                    }
                    if let Ok(mut inside) = TcpStream::connect(("localhost", target)).await {
                        // Either side may leave whenever it likes.
                        let _ = copy_bidirectional(&mut outside, &mut inside).await;
                    }
                });
            }
        });
        Door {
            port,
            kept_out,
            _tasks: tasks,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Keeps the next connection out, and no other.
    pub(crate) fn close_for_one(&self) -> Closed {
        let (somebody, reached) = oneshot::channel();
        let (open, opened) = oneshot::channel();
        *self.kept_out.lock().expect("no panic") = Some(KeptOut {
            reached: somebody,
            opened,
        });
        Closed { reached, open }
    }
}

impl Closed {
    /// Waits until somebody stands before it.
    pub(crate) async fn reached(&mut self) {
        in_time(&mut self.reached)
            .await
            .expect("it is reached once");
    }

    pub(crate) fn open(self) {
        self.open.send(()).expect("somebody waits");
    }
}

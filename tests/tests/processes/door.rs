//! A way to the server that is closed until a test opens it.

use latchkey_tests::world::in_time;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// Takes connections and lets nothing through. It is gone when it is dropped.
pub(crate) struct Door {
    port: u16,
    reached: oneshot::Receiver<()>,
    open: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Door {
    /// A door to this port on loopback.
    pub(crate) async fn before(target: u16) -> Door {
        let listener = TcpListener::bind("localhost:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (somebody, reached) = oneshot::channel();
        let open = watch::Sender::new(false);
        let opened = open.subscribe();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let (mut somebody, mut passing) = (Some(somebody), JoinSet::new());
            while let Ok((mut outside, _)) = listener.accept().await {
                if let Some(somebody) = somebody.take() {
                    let _ = somebody.send(());
                }
                let mut opened = opened.clone();
                passing.spawn(async move {
                    let is_open = opened.wait_for(|open| *open).await.is_ok();
                    if let (true, Ok(mut inside)) =
                        (is_open, TcpStream::connect(("localhost", target)).await)
                    {
                        // Either side may leave whenever it likes.
                        let _ = copy_bidirectional(&mut outside, &mut inside).await;
                    }
                });
            }
        });
        Door {
            port,
            reached,
            open,
            _tasks: tasks,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until somebody stands before it.
    pub(crate) async fn reached(&mut self) {
        in_time(&mut self.reached)
            .await
            .expect("it is reached once");
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }
}

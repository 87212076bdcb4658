//! A server that answers what it is told to, byte by byte, and passes everything else on to an honest one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Longest request that is read.
const MAX_REQUEST: usize = 4 << 20;

/// What is sent instead of an honest answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These bytes; then it hangs up.
    HangUp(Vec<u8>),
    /// These bytes; then it says nothing more, and waits until the client leaves.
    Silence(Vec<u8>),
    /// The first bytes once, the others as often and as fast as the client takes them.
    Flood(Vec<u8>, Vec<u8>),
    /// The first bytes once, the others twenty times a second: slow loris.
    Drip(Vec<u8>, Vec<u8>),
    /// The honest answer, changed.
    Changed(fn(Vec<u8>) -> Vec<u8>),
    /// The honest answer, changed as the request gives cause to.
    ChangedFor(fn(&Heard, Vec<u8>) -> Vec<u8>),
    /// The honest answer, as if the connection stayed open. It is closed when the next request comes on it.
    Stale,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The request line and the headers.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Heard {
    /// What is between the method and the version.
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// The values of the headers of this name.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let headers = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        headers
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

#[derive(Default)]
struct Book {
    answers: HashMap<String, Answer>,
    heard: Vec<Heard>,
    connections: u64,
    written: usize,
    /// Connections that neither side has closed.
    open: u64,
}

/// The server, on a loopback port. It stops when it is dropped.
pub struct HostileServer {
    port: u16,
    book: Arc<Mutex<Book>>,
    ended: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl HostileServer {
    /// `honest` is the `HOST:PORT` that answers what this one was not told to; without it, such requests get 404.
    pub async fn start(honest: Option<String>) -> HostileServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let book = Arc::<Mutex<Book>>::default();
        let ended = Arc::<Notify>::default();
        let (shared, end) = (Arc::clone(&book), Arc::clone(&ended));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut serving = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                {
                    let mut book = shared.lock().expect("no panic");
                    book.connections += 1;
                    book.open += 1;
                }
                let (book, honest) = (Arc::clone(&shared), honest.clone());
                let end = Arc::clone(&end);
                serving.spawn(async move {
                    // The client may leave whenever it likes.
                    drop(serve(stream, &book, honest).await);
                    book.lock().expect("no panic").open -= 1;
                    end.notify_one();
                });
            }
        });
        HostileServer {
            port,
            book,
            ended,
            _tasks: tasks,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Answers requests to this path like this from now on; a path that ends in `*` stands for all that begin so.
    pub fn answer(&self, path: &str, answer: Answer) {
        let mut book = self.book.lock().expect("no panic");
        book.answers.insert(path.to_owned(), answer);
    }

    /// Passes everything on from now on. Returns when the client has seen that its connections are closed: a request
    /// that meets a closing connection is another matter than those that are tested here.
    pub async fn be_honest(&self) {
        self.book.lock().expect("no panic").answers.clear();
        while self.book.lock().expect("no panic").open > 0 {
            self.ended.notified().await;
        }
    }

    /// The requests since the start or the last [`HostileServer::forget`].
    pub fn heard(&self) -> Vec<Heard> {
        self.book.lock().expect("no panic").heard.clone()
    }

    /// How many requests came to this path.
    pub fn requests(&self, path: &str) -> usize {
        let book = self.book.lock().expect("no panic");
        book.heard
            .iter()
            .filter(|heard| heard.path() == path)
            .count()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.book.lock().expect("no panic").connections
    }

    /// How many bytes of floods the clients, or the system for them, have taken.
    pub fn written(&self) -> usize {
        self.book.lock().expect("no panic").written
    }

    /// Sets all counters to 0.
    pub fn forget(&self) {
        let mut book = self.book.lock().expect("no panic");
        (book.connections, book.written) = (0, 0);
        book.heard.clear();
    }
}

impl Book {
    fn answer_to(&self, path: &str) -> Option<Answer> {
        let fits = |rule: &str| match rule.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => rule == path,
        };
        let mut answers = self.answers.iter();
        answers
            .find(|(rule, _)| fits(rule))
            .map(|(_, answer)| answer.clone())
    }
}

/// Serves one request; no connection is used twice.
async fn serve(
    mut stream: TcpStream,
    book: &Mutex<Book>,
    honest: Option<String>,
) -> std::io::Result<()> {
    let Some(request) = read_request(&mut stream).await? else {
        return Ok(());
    };
    let answer = {
        let mut book = book.lock().expect("no panic");
        book.heard.push(request.clone());
        book.answer_to(request.path())
    };
    match (answer, honest) {
        (None, Some(honest)) => stream.write_all(&forward(&honest, &request).await?).await?,
        (None, None) => {
            let nothing =
                b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(nothing).await?;
        }
        (Some(Answer::Changed(change)), honest) => {
            let answer = forward(&honest.unwrap_or_default(), &request).await?;
            stream.write_all(&change(answer)).await?;
        }
        (Some(Answer::ChangedFor(change)), honest) => {
            let answer = forward(&honest.unwrap_or_default(), &request).await?;
            stream.write_all(&change(&request, answer)).await?;
        }
        (Some(Answer::Stale), honest) => {
            let answer = forward(&honest.unwrap_or_default(), &request).await?;
            stream.write_all(&as_if_open(answer)).await?;
            stream.read_u8().await?;
            // With the rest of that request unread.
            return Ok(());
        }
        (Some(Answer::HangUp(bytes)), _) => stream.write_all(&bytes).await?,
        (Some(Answer::Silence(bytes)), _) => {
            stream.write_all(&bytes).await?;
            // Nothing more comes of a client: this ends when it leaves.
            stream.read_u8().await?;
        }
        (Some(Answer::Flood(first, again)), _) => {
            stream.write_all(&first).await?;
            loop {
                stream.write_all(&again).await?;
                book.lock().expect("no panic").written += again.len();
            }
        }
        (Some(Answer::Drip(first, again)), _) => {
            stream.set_nodelay(true)?;
            stream.write_all(&first).await?;
            let mut beat = tokio::time::interval(Duration::from_millis(50));
            loop {
                beat.tick().await;
                stream.write_all(&again).await?;
            }
        }
    }
    stream.shutdown().await?;
    // Until the client has closed it too.
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Heard>> {
    let mut bytes = Vec::new();
    loop {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = head.map(|start| start + 4) {
            let mut request = Heard {
                head: String::from_utf8_lossy(&bytes[..end]).into_owned(),
                body: bytes[end..].to_vec(),
            };
            let length = request.headers("content-length").first().copied();
            let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if request.body.len() >= length {
                request.body.truncate(length);
                return Ok(Some(request));
            }
        }
        if bytes.len() > MAX_REQUEST || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

async fn forward(honest: &str, request: &Heard) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(honest).await?;
    let head = request
        .head
        .replacen("\r\n", "\r\nconnection: close\r\n", 1);
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&request.body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Without the word that the connection is for no other request.
fn as_if_open(answer: Vec<u8>) -> Vec<u8> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return answer;
    };
    let (head, body) = answer.split_at(end);
    let head = String::from_utf8_lossy(head);
    let kept = head
        .split("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let mut answer = kept.collect::<Vec<_>>().join("\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

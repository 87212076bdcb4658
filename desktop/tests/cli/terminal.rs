//! What a server says on a terminal, a real one: the command's output is one end of a pseudo-terminal.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use latchkey_devserver::DevServer;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use crate::person::*;

/// Titles, colours, a cleared screen; C1 controls; a line turned around; what is not seen; a line that is overwritten.
const WORDS: &str = "mark\u{1b}]0;pwned\u{7}\u{1b}[2J\u{1b}[31m\u{8}\u{7f}\u{9b}2J\u{9d}0;x\u{9c}\u{202e}txt.exe\u{2066}\
                     \u{200e}\u{61c}\u{200b}\u{2028}\u{feff}\u{e0041}\rover";

/// What the person sees, on stdout and stderr alike. The terminal begins each line at the left of its own accord.
async fn screen(person: &Person, words: &[&str]) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = File::options()
        .read(true)
        .write(true)
        .open(std::ffi::OsStr::from_bytes(name.to_bytes()))
        .unwrap();
    let mut command = person.command(words);
    command
        .stdout(terminal.try_clone().unwrap())
        .stderr(terminal);
    let mut child = command.spawn().unwrap();
    // Its own ends of the terminal, so that what is left is the child's.
    drop(command);
    let reading = tokio::task::spawn_blocking(move || {
        let (mut master, mut seen) = (File::from(master), Vec::new());
        // Where everybody has left, Linux says so by an error.
        let _ = master.read_to_end(&mut seen);
        seen
    });
    child.wait().await.unwrap();
    let seen = String::from_utf8(reading.await.unwrap()).unwrap();
    seen.replace("\r\n", "\n")
}

fn assert_drives_nothing(screen: &str, what: &str) {
    let drives = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(
                c,
                '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            )
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
            || matches!(c, '\u{e0000}'..='\u{e007f}')
    };
    assert!(!screen.contains(drives), "{what}: {screen:?}");
}

fn fault(endpoint: &str, words: &str, content: &[u8]) -> String {
    format!(
        "{endpoint}:{words}={}",
        BASE64_URL_SAFE_NO_PAD.encode(content)
    )
}

async fn logged_in() -> (DevServer, Person) {
    let server = server().await;
    let ann = Person::of(&server);
    let claims = json!({ "name": WORDS }).to_string();
    server
        .set_faults(&fault("token", "claims", claims.as_bytes()))
        .unwrap();
    ann.log_in(ALICE).await;
    server.clear_faults();
    (server, ann)
}

#[tokio::test]
async fn the_body_of_a_call_is_cleaned_for_a_terminal_and_comes_as_it_is_elsewhere() {
    let (server, ann) = logged_in().await;
    let mut body = format!("{WORDS}\tcell\r\nnext — Grüße 👋🏽 नमस्ते می‌خواهم").into_bytes();
    body.extend([0x9b, b'2', b'J', 0xff]);
    let answers = fault("api", "content_type=text/plain,body", &body);
    server.set_faults(&answers).unwrap();
    let call = ["call", "GET", "/echo"];

    let seen = screen(&ann, &call).await;
    assert_drives_nothing(&seen, "call");
    assert!(seen.starts_with("Status 200\nmark"), "{seen:?}");
    assert!(
        seen.contains("over\tcell\nnext — Grüße 👋🏽 नमस्ते می‌خواهم"),
        "{seen:?}"
    );
    assert!(seen.ends_with('\n'), "{seen:?}");

    let piped = ann.run(&call).await;
    assert_eq!(piped.stdout, body);
}

#[tokio::test]
async fn no_command_lets_a_server_drive_the_terminal() {
    let (server, ann) = logged_in().await;
    let members = json!({ "name": WORDS, "message": WORDS, WORDS: [WORDS] }).to_string();
    let merged = ["userinfo", "api"].map(|at| fault(at, "merge", members.as_bytes()));
    server.set_faults(&merged.join(";")).unwrap();
    for words in [
        &["status"][..],
        &["userinfo"],
        &["ping", "private"],
        &["call", "GET", "/echo"],
        &["token"],
        &["doctor"],
        &["timeline"],
    ] {
        for more in [&[][..], &["--json"], &["--log", "debug"]] {
            let words = [words, more].concat();
            let seen = screen(&ann, &words).await;
            assert_drives_nothing(&seen, &words.join(" "));
        }
    }
    for word in ["status", "userinfo"] {
        assert!(screen(&ann, &[word]).await.contains("mark"), "{word}");
    }
    let refusal = fault("api", "status=404,body", members.as_bytes());
    server.set_faults(&refusal).unwrap();
    for more in [&[][..], &["--json"]] {
        let seen = screen(&ann, &[&["call", "GET", "/echo"], more].concat()).await;
        assert!(seen.contains("mark"), "{seen:?}");
        assert_drives_nothing(&seen, "a refusal");
    }
}

/// An API whose every answer has this head, and no body.
async fn api_with(head: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = BufReader::new(&mut stream).lines();
            while !request.next_line().await.unwrap().unwrap().is_empty() {}
            stream.write_all(head.as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn the_place_that_a_redirect_names_drives_no_terminal() {
    let (_server, ann) = logged_in().await;
    let api = api_with(
        "HTTP/1.1 302 Found\r\nlocation: /mark\u{9b}2J\u{202e}\r\nx-other: \u{9d}0;x\r\nconnection: close\r\n\
         content-length: 0\r\n\r\n"
            .to_owned(),
    )
    .await;
    for more in [&[][..], &["--json"]] {
        let words = [&["call", "GET", "/x", "--api", &api], more].concat();
        let seen = screen(&ann, &words).await;
        assert!(seen.contains("/mark"), "{seen:?}");
        assert_drives_nothing(&seen, "a redirect");
    }
}

#[tokio::test]
async fn the_json_is_the_same_on_a_terminal_and_elsewhere_and_says_the_servers_words_to_the_letter()
{
    let (_server, ann) = logged_in().await;
    let seen: Value = serde_json::from_str(&screen(&ann, &["status", "--json"]).await).unwrap();
    assert_eq!(seen["session"]["claims"]["name"], WORDS);
    let piped = ann.run(&["status", "--json"]).await;
    assert_drives_nothing(text(&piped.stdout), "a pipe may lead to a terminal");
    let mut piped = one_line(&piped.stdout);
    let seconds = "expires_in_seconds";
    piped["session"][seconds] = seen["session"][seconds].clone();
    assert_eq!(piped, seen);
}

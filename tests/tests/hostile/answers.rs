//! What may be wrong with an answer as HTTP.

use latchkey_tests::hostile_server::Answer::{self, Drip, Flood, HangUp, Silence};

use crate::device::{Call, everywhere};

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

fn bytes(text: impl Into<String>) -> Vec<u8> {
    text.into().into_bytes()
}

fn with_headers(headers: &str) -> Answer {
    HangUp(bytes(format!(
        "{JSON}{headers}content-length: 2\r\n\r\n{{}}"
    )))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_are_too_large_or_never_end_are_given_up() {
    everywhere(30, |_| {
        let many: String = (0..1_000).map(|n| format!("x-{n}: {n}\r\n")).collect();
        let long = format!("x: {}\r\n", "a".repeat(1 << 20));
        let name = format!("{}: 1\r\n", "a".repeat(1 << 20));
        vec![
            ("a header of 1 MiB", with_headers(&long)),
            ("a header's name of 1 MiB", with_headers(&name)),
            ("1,000 headers", with_headers(&many)),
            (
                "headers without end",
                Flood(bytes(JSON), bytes("x-y: z\r\n".repeat(500))),
            ),
            (
                "a header without end",
                Flood(bytes(format!("{JSON}x: ")), vec![b'a'; 4096]),
            ),
            (
                "a reason without end",
                Flood(bytes("HTTP/1.1 200 "), vec![b'O'; 4096]),
            ),
            ("a version without end", Flood(Vec::new(), vec![b'H'; 4096])),
            (
                "empty lines without end",
                Flood(Vec::new(), bytes("\r\n".repeat(2048))),
            ),
        ]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_never_end_are_given_up() {
    everywhere(30, |_| {
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
        let chunked = format!("{JSON}transfer-encoding: chunked\r\n\r\n");
        let length = format!("{JSON}content-length: 9223372036854775807\r\n\r\n");
        vec![
            ("chunks without end", Flood(bytes(&*chunked), bytes(chunk))),
            (
                "a body without length or end",
                Flood(bytes(format!("{JSON}\r\n")), vec![b' '; 4096]),
            ),
            (
                "a body as long as a number can say",
                Flood(bytes(length), vec![b' '; 4096]),
            ),
            (
                "a chunk's extension without end",
                Flood(bytes(format!("{chunked}1;")), vec![b'a'; 4096]),
            ),
            (
                "trailers without end",
                Flood(
                    bytes(format!("{chunked}2\r\n{{}}\r\n0\r\n")),
                    bytes("x-y: z\r\n".repeat(500)),
                ),
            ),
        ]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_given_up_at_the_deadline() {
    everywhere(1, |_| {
        let chunked = format!("{JSON}transfer-encoding: chunked\r\n\r\n");
        vec![
            ("silence", Silence(Vec::new())),
            ("silence in the status line", Silence(bytes("HTTP/1.1 20"))),
            (
                "silence after the headers",
                Silence(bytes(format!("{JSON}content-length: 2\r\n\r\n"))),
            ),
            (
                "silence in a chunk",
                Silence(bytes(format!("{chunked}FFFFFFFF\r\n{{"))),
            ),
            (
                "silence after the last byte but one",
                Silence(bytes(format!("{JSON}content-length: 3\r\n\r\n{{}}"))),
            ),
            (
                "silence after 100 Continue",
                Silence(bytes("HTTP/1.1 100 Continue\r\n\r\n")),
            ),
        ]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_byte_by_byte_does_not_outlast_the_deadline() {
    everywhere(1, |_| {
        let chunked = format!("{JSON}transfer-encoding: chunked\r\n\r\n");
        vec![
            ("a slow status line", Drip(Vec::new(), bytes("\r\n"))),
            (
                "a slow header",
                Drip(bytes(format!("{JSON}x: ")), bytes("a")),
            ),
            ("slow headers", Drip(bytes(JSON), bytes("x-y: z\r\n"))),
            (
                "tiny chunks",
                Flood(bytes(&*chunked), bytes("1\r\n \r\n".repeat(700))),
            ),
            ("slow chunks", Drip(bytes(&*chunked), bytes("1\r\n \r\n"))),
            (
                "a slow body",
                Drip(bytes(format!("{JSON}\r\n")), bytes(" ")),
            ),
        ]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn framing_that_cannot_be_right_is_refused() {
    everywhere(30, |_| {
        let body = |headers: &str, body: &str| HangUp(bytes(format!("{JSON}{headers}\r\n{body}")));
        vec![
            ("no answer", HangUp(Vec::new())),
            ("half a head", HangUp(bytes(JSON))),
            ("half a body", body("content-length: 9\r\n", "{}")),
            (
                "half a chunk",
                body("transfer-encoding: chunked\r\n", "9\r\n{}"),
            ),
            (
                "no last chunk",
                body("transfer-encoding: chunked\r\n", "2\r\n{}\r\n"),
            ),
            (
                "two lengths",
                body("content-length: 2\r\ncontent-length: 20\r\n", "{}"),
            ),
            (
                "two lengths in one",
                body("content-length: 2, 20\r\n", "{}"),
            ),
            ("a length below zero", body("content-length: -2\r\n", "{}")),
            ("a length with a sign", body("content-length: +2\r\n", "{}")),
            ("a length in words", body("content-length: two\r\n", "{}")),
            (
                "a length beyond numbers",
                body("content-length: 99999999999999999999\r\n", "{}"),
            ),
            (
                "a chunk in words",
                body("transfer-encoding: chunked\r\n", "two\r\n{}\r\n0\r\n\r\n"),
            ),
            (
                "a chunk beyond numbers",
                body("transfer-encoding: chunked\r\n", "FFFFFFFFFFFFFFFFF\r\n{}"),
            ),
            (
                "a chunk's length below zero",
                body("transfer-encoding: chunked\r\n", "-2\r\n{}\r\n0\r\n\r\n"),
            ),
            ("a folded header", with_headers("x: a\r\n b\r\n")),
            ("a header without colon", with_headers("x\r\n")),
            ("a header without name", with_headers(": x\r\n")),
            ("a zero in a header", with_headers("x: \0\r\n")),
            ("HTTP/0.9", HangUp(bytes("{}"))),
            (
                "another version",
                HangUp(bytes("HTTP/3.0 200 OK\r\ncontent-length: 2\r\n\r\n{}")),
            ),
            ("HTTP/2", HangUp(bytes("\0\0\0\x04\0\0\0\0\0"))),
            (
                "another protocol",
                HangUp(bytes("220 mail.example ESMTP\r\n")),
            ),
            ("noise", HangUp((0..=255).cycle().take(10_000).collect())),
        ]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_that_are_no_answer_are_refused() {
    everywhere(30, |call| {
        let status = |line: &str, body: &str| {
            HangUp(bytes(format!(
                "HTTP/1.1 {line}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )))
        };
        let mut answers = vec![
            ("100 alone", HangUp(bytes("HTTP/1.1 100 Continue\r\n\r\n"))),
            ("101", status("101 Switching Protocols", "{}")),
            ("199", status("199 Odd", "{}")),
            ("203", status("203 Non-Authoritative Information", "{}")),
            ("206", status("206 Partial Content", "{}")),
            ("300", status("300 Multiple Choices", "{}")),
            ("304", status("304 Not Modified", "")),
            ("304 with a body", status("304 Not Modified", "{}")),
            ("400 without an error", status("400 Bad Request", "{}")),
            ("407", status("407 Proxy Authentication Required", "{}")),
            ("418", status("418 I'm a teapot", "[]")),
            ("429 for ever", HangUp(bytes("HTTP/1.1 429 x\r\nretry-after: 99999999999999999999\r\ncontent-length: 0\r\n\r\n"))),
            ("503 before time", HangUp(bytes("HTTP/1.1 503 x\r\nretry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\ncontent-length: 0\r\n\r\n"))),
            ("599", status("599 x", "{}")),
            ("600", status("600 x", "{}")),
            ("999", status("999 x", "{}")),
            ("two digits", status("20 OK", "{}")),
            ("four digits", status("2000 OK", "{}")),
            ("no number", status("OK", "{}")),
            ("a negative number", status("-200 OK", "{}")),
        ];
        // RFC 7009 §2.2 asks for 200; any success ends the session there.
        if call != Call::Revoke {
            answers.push(("204", HangUp(bytes("HTTP/1.1 204 No Content\r\n\r\n"))));
            answers.push(("204 with a body", status("204 No Content", "{}")));
            answers.push(("205", status("205 Reset Content", "")));
        } else {
            answers.retain(|(what, _)| !["203", "206"].contains(what));
        }
        answers
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_not_followed_not_even_to_itself() {
    everywhere(30, |call| {
        let target = call.path().trim_end_matches('*');
        let to = |status: u16, location: &str| {
            HangUp(bytes(format!(
                "HTTP/1.1 {status} x\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
            )))
        };
        let mut answers = vec![
            ("301 to itself", to(301, target)),
            ("302 to itself", to(302, target)),
            ("303 to itself", to(303, target)),
            ("307 to itself", to(307, target)),
            ("308 to itself", to(308, target)),
            ("302 to nowhere", to(302, "http://[")),
            ("302 to a file", to(302, "file:///etc/passwd")),
            ("302 to a script", to(302, "javascript:alert(1)")),
            ("302 to another host", to(302, "https://provider.invalid/")),
        ];
        // At the revocation endpoint it is a good answer.
        if call != Call::Revoke {
            let refresh = "refresh: 0;url=http://127.0.0.1:1/\r\n";
            answers.push(("a refresh", with_headers(refresh)));
        }
        answers
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn provisional_answers_without_end_do_not_outlast_the_deadline() {
    // These are read and dropped: what counts is the deadline, not how many there are.
    let mut calls = tokio::task::JoinSet::new();
    for call in [Call::Metadata, Call::Exchange, Call::Api] {
        calls.spawn(async move {
            let device = crate::device::Device::new(1).await;
            let again = bytes("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n");
            let flood = Drip(again.clone(), again.repeat(100));
            device.suffer(call, "103 without end", flood).await;
        });
    }
    while let Some(done) = calls.join_next().await {
        done.expect("it holds");
    }
}

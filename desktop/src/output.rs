//! Where words go: the answer to stdout, as one JSON object on one line for scripts or as a few words for people;
//! all the rest to stderr.

use std::io::{IsTerminal as _, Write as _};

use serde_json::{Value, json};

use crate::ending::Failure;
use crate::shapes::failure_json;

/// Where words go. Stdout holds the answer and nothing else; all the rest goes to stderr.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

/// What a command has to say at its end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// An object; it says `ok` itself.
    pub(crate) json: Value,
    /// The same for people. Bytes, because an API may answer with a picture: what stdout gets where it is no terminal.
    pub(crate) plain: Vec<u8>,
}

impl Answer {
    /// An answer of work that is done: `ok` is added.
    pub(crate) fn done(fields: Value, plain: impl Into<String>) -> Self {
        let mut json = fields;
        json["ok"] = Value::Bool(true);
        let mut plain = plain.into();
        plain.push('\n');
        Self {
            json,
            plain: plain.into_bytes(),
        }
    }

    /// Whether the work is done.
    pub(crate) fn is_ok(&self) -> bool {
        self.json["ok"] == Value::Bool(true)
    }
}

impl Output {
    /// Prints an answer. A reader that has gone away is no reason to complain.
    pub(crate) fn answer(self, answer: &Answer) {
        let mut stdout = std::io::stdout().lock();
        let line = if self.json {
            json_line(&answer.json).into_bytes()
        } else if stdout.is_terminal() {
            printable(&String::from_utf8_lossy(&answer.plain)).into_bytes()
        } else {
            answer.plain.clone()
        };
        let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
    }

    /// Prints what went wrong.
    pub(crate) fn error(self, failure: &Failure) {
        if self.json {
            let json = json!({ "ok": false, "error": failure_json(failure) });
            self.answer(&Answer {
                json,
                plain: Vec::new(),
            });
        } else if let Some(text) = failure.unsaved {
            self.note(text);
        } else {
            self.note(&failure.error.to_string());
        }
    }

    /// Says something on the way.
    pub(crate) fn note(self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", printable(text));
    }

    /// Says something on the way that is part of the answer for people.
    pub(crate) fn say(self, text: &str) {
        if self.json {
            self.note(text);
        } else {
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{}", printable(text)).and_then(|()| stdout.flush());
        }
    }
}

/// This program as it was called, so that what is printed for pasting runs: a path where it was one.
pub(crate) fn program() -> String {
    called(std::env::args().next())
}

fn called(word: Option<String>) -> String {
    let path = word.filter(|word| word.contains(std::path::is_separator));
    path.and_then(|path| {
        shlex::try_quote(&path)
            .ok()
            .map(|quoted| quoted.into_owned())
    })
    .unwrap_or_else(|| "latchkey".to_owned())
}

/// Text of servers on its way to a terminal: without what could move the cursor, colour the screen, turn the direction of
/// writing or not be seen. Lines and tabs stay.
pub(crate) fn printable(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if drives(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// One line that means the same wherever it is read: in JSON each character may be written by its number (RFC 8259 §7), and
/// outside of strings there are none of these.
fn json_line(json: &Value) -> String {
    let mut line = String::new();
    for c in json.to_string().chars() {
        if drives(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                line.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

/// The characters that the core takes out of what servers say: controls (C1 too), separators of lines, and what turns the
/// direction of writing or is not seen.
fn drives(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        )
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_called_by_its_path_is_named_by_it() {
        let called = |word: &str| called(Some(word.to_owned()));
        assert_eq!(called("latchkey"), "latchkey");
        assert_eq!(called("target/debug/latchkey"), "target/debug/latchkey");
        assert_eq!(called("/my things/latchkey"), "'/my things/latchkey'");
    }

    #[test]
    fn what_a_server_says_cannot_drive_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[2Jb\u{9b}c\u{202e}d\ne\tf\r\ng\rh\u{e0041}"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\ne\tf\ng\u{fffd}h\u{fffd}"
        );
    }

    #[test]
    fn a_line_of_json_drives_no_terminal_and_means_the_same() {
        let json = json!({ "a\u{9b}": "\u{1b}\u{7f}\u{202e}\u{e0041}\t\"é👋" });
        let line = json_line(&json);
        assert_eq!(
            line,
            "{\"a\\u009b\":\"\\u001b\\u007f\\u202e\\udb40\\udc41\\t\\\"é👋\"}\n"
        );
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), json);
    }
}

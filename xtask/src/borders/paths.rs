//! Finds the paths (`a::b::c`) in Rust source text. It reads text, not syntax: enough for honest code.

use std::path::Path;

/// A path as it stands in the source, made absolute: `super` and `self` are resolved, so it starts with `crate` or
/// with the name of another crate (or with something local, which matters to nobody).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
    /// It is part of a `use`.
    pub(super) in_use: bool,
}

/// `session/flight.rs` is the module `session::flight`.
pub(super) fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> = file
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if module
        .last()
        .is_some_and(|name| name == "mod" || name == "lib")
    {
        module.pop();
    }
    module
}

/// All paths of the product's code: comments, texts and tests are left out.
pub(super) fn paths(source: &str, module: &[String]) -> Vec<Found> {
    let text = without_tests(&blank(source));
    let tokens = tokens(&text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (token, line) = &tokens[at];
        let in_use = *token == "use";
        if in_use {
            at += 1;
        } else if !starts_path(&tokens, at) {
            at += 1;
            continue;
        }
        let mut list = Vec::new();
        at = tree(&tokens, at, &mut Vec::new(), &mut list);
        for segments in list {
            if segments.len() > 1 || in_use {
                found.extend(absolute(segments, module).map(|segments| Found {
                    segments,
                    line: *line,
                    in_use,
                }));
            }
        }
    }
    found
}

fn starts_path(tokens: &[(&str, usize)], at: usize) -> bool {
    // After a `.` it is a method or a field; `<T as X>::name` ends a path that began before.
    is_name(tokens[at].0) && (at == 0 || ![".", "::"].contains(&tokens[at - 1].0))
        || tokens[at].0 == "::"
            && (at == 0 || (!is_name(tokens[at - 1].0) && tokens[at - 1].0 != ">"))
}

/// Reads one path, with its braces, from `at` on; gives the place after it.
fn tree<'a>(
    tokens: &[(&'a str, usize)],
    mut at: usize,
    prefix: &mut Vec<&'a str>,
    list: &mut Vec<Vec<String>>,
) -> usize {
    let depth = prefix.len();
    let whole = |prefix: &[&str]| prefix.iter().map(|name| (*name).to_owned()).collect();
    loop {
        match tokens.get(at).map(|(token, _)| *token) {
            Some("::") => at += 1,
            Some("{") => {
                at += 1;
                while let Some((token, _)) = tokens.get(at) {
                    match *token {
                        "}" => {
                            at += 1;
                            break;
                        }
                        "," => at += 1,
                        _ => {
                            let before = at;
                            at = tree(tokens, at, prefix, list);
                            if at == before {
                                at += 1;
                            }
                        }
                    }
                }
                break;
            }
            Some("*") => {
                prefix.push("*");
                list.push(whole(prefix));
                at += 1;
                break;
            }
            Some(name) if is_name(name) => {
                prefix.push(name);
                at += 1;
                if tokens.get(at).is_none_or(|(next, _)| *next != "::") {
                    list.push(whole(prefix));
                    // `as other_name`
                    if tokens.get(at).is_some_and(|(next, _)| *next == "as") {
                        at += 2;
                    }
                    break;
                }
                // `Vec::<u8>`: the path ends here.
                if tokens
                    .get(at + 1)
                    .is_some_and(|(next, _)| !is_name(next) && !["{", "*"].contains(next))
                {
                    list.push(whole(prefix));
                    break;
                }
            }
            _ => break,
        }
    }
    prefix.truncate(depth);
    at
}

/// Resolves `self` and `super`; a plain `self` at the end of braces means the part before it.
fn absolute(mut segments: Vec<String>, module: &[String]) -> Option<Vec<String>> {
    if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
        segments.pop();
    }
    let supers = segments
        .iter()
        .take_while(|name| *name == "super" || *name == "self");
    let (up, taken) = supers.fold((0, 0), |(up, taken), name| {
        (up + usize::from(name == "super"), taken + 1)
    });
    if taken == 0 {
        return Some(segments);
    }
    let above = module.len().checked_sub(up)?;
    let mut path = vec!["crate".to_owned()];
    path.extend_from_slice(&module[..above]);
    path.extend(segments.drain(taken..));
    Some(path)
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_') && !["as", "use"].contains(&token)
}

/// Names, `::` and single characters, each with its line.
fn tokens(text: &str) -> Vec<(&str, usize)> {
    let mut tokens = Vec::new();
    let (mut line, mut rest) = (1, text);
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if first == '\n' {
            line += 1;
        } else if !first.is_whitespace() {
            tokens.push((&rest[..length], line));
        }
        rest = &rest[length..];
    }
    tokens
}

/// The same text with comments and the contents of literals replaced by blanks; line ends stay.
fn blank(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let after_name = out.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment_length(rest)
        } else if first == '"' {
            text_length(rest)
        } else if (first == 'r' || rest.starts_with("br")) && !after_name {
            raw_length(rest)
        } else if first == '\'' {
            char_length(rest)
        } else {
            0
        };
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(
                rest[..length]
                    .chars()
                    .map(|c| if c == '\n' { c } else { ' ' }),
            );
            rest = &rest[length..];
        }
    }
    out
}

fn comment_length(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn text_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `r"…"`, `r#"…"#`, `br"…"`; 0 if it is none (`r#type`, or just a name).
fn raw_length(text: &str) -> usize {
    let Some(start) = text.find('r').map(|at| at + 1) else {
        return 0;
    };
    let hashes = text[start..].len() - text[start..].trim_start_matches('#').len();
    let open = start + hashes;
    if !text[open..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    text[open + 1..]
        .find(&end)
        .map_or(text.len(), |at| open + 1 + at + end.len())
}

/// `'a'`, `'\n'`; 0 for a lifetime.
fn char_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => text[2..]
            .char_indices()
            .skip(1)
            .find(|(_, c)| *c == '\'')
            .map_or(text.len(), |(at, _)| at + 3),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// The modules that this file declares for tests only and that are files of their own.
pub(super) fn test_modules(source: &str, module: &[String]) -> Vec<Vec<String>> {
    let text = blank(source);
    let mut found = Vec::new();
    for (start, end) in test_items(&text) {
        let tokens = tokens(&text[start..end]);
        if let [.., ("mod", _), (name, _), (";", _)] = tokens.as_slice() {
            let mut test = module.to_vec();
            test.push((*name).to_owned());
            found.push(test);
        }
    }
    found
}

/// Leaves out what stands below `#[cfg(test)]` (expects blanked text); line ends stay.
fn without_tests(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end) in test_items(text) {
        out.push_str(&text[at..start]);
        out.extend(text[start..end].chars().filter(|c| *c == '\n'));
        at = end;
    }
    out.push_str(&text[at..]);
    out
}

/// Where the items for tests only begin and end.
fn test_items(text: &str) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    let mut at = 0;
    while let Some(start) = ["#[cfg(test)]", "#[cfg(all(test,"]
        .iter()
        .filter_map(|mark| text[at..].find(mark))
        .min()
    {
        let start = at + start;
        at = start + item_length(&text[start..]);
        items.push((start, at));
    }
    items
}

/// Up to the `;` or the closing brace of the item.
fn item_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(source: &str, module: &str) -> Vec<String> {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        paths(source, &module)
            .into_iter()
            .map(|found| found.segments.join("::"))
            .collect()
    }

    #[test]
    fn braces_are_opened() {
        assert_eq!(
            written("use a::{b::{c, d as e}, f::*, self};\nuse g;", "x"),
            ["a::b::c", "a::b::d", "a::f::*", "a", "g"]
        );
    }

    #[test]
    fn super_and_self_are_resolved() {
        assert_eq!(
            written(
                "use super::a::B; use self::c::D; fn f() { super::super::e::g(); }",
                "x::y"
            ),
            ["crate::x::a::B", "crate::x::y::c::D", "crate::e::g"]
        );
    }

    #[test]
    fn paths_in_code_are_found_and_fields_and_methods_are_not() {
        assert_eq!(
            written(
                "fn f(a: b::C) -> Vec<d::E> { a.b::<g::H>(); Vec::<i::J>::new() }",
                "x"
            ),
            ["b::C", "d::E", "g::H", "i::J"]
        );
    }

    #[test]
    fn files_name_their_modules() {
        assert_eq!(
            module_of(Path::new("session/flight.rs")),
            ["session", "flight"]
        );
        assert_eq!(module_of(Path::new("protocol/mod.rs")), ["protocol"]);
        assert!(module_of(Path::new("lib.rs")).is_empty());
    }
}

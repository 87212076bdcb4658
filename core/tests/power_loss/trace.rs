//! What a program really does to a folder, by its system calls, as strace shows them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::disk::{Change, Naming, Node, Operation, ROOT};

/// All calls by which a program can change a folder or a file in it. A question mark: some
/// machines do not have that call. One that the store begins to use, and that is not understood
/// below, fails the test.
const CALLS: &str = "open,openat,openat2,creat,close,dup,dup2,dup3,fcntl,write,writev,pwrite64,\
    pwritev,pwritev2,sendfile,copy_file_range,splice,mmap,ftruncate,truncate,fallocate,fsync,\
    fdatasync,sync_file_range,sync,syncfs,mkdir,mkdirat,rmdir,rename,renameat,renameat2,unlink,\
    unlinkat,link,linkat,symlink,symlinkat,mknod,mknodat";

const HOW_TO_GET_IT: &str = "the power loss tests watch a program with strace: install it (on \
    Debian and its relatives: apt-get install strace, or cargo xtask test rust --install)";

/// Runs the program and gives what it did below `root`, and the lines that it printed, in order.
pub(crate) fn record(program: &mut Command, root: &Path) -> Vec<Operation> {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("trace");
    let calls = CALLS
        .split(',')
        .map(str::trim)
        .map(|call| format!("?{call}"));
    let mut strace = Command::new("strace");
    strace
        // Whole strings, with every byte as two digits: nothing in them looks like syntax.
        .args(["-f", "-qq", "-xx", "-s", "1000000", "-e"])
        .arg(format!("trace={}", calls.collect::<Vec<_>>().join(",")))
        .arg("-o")
        .arg(&log)
        .arg("--")
        .arg(program.get_program())
        .args(program.get_args());
    for (name, value) in program.get_envs() {
        strace.env(name, value.expect("a value"));
    }
    let output = strace.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{HOW_TO_GET_IT}. ({error})"));
    let log = fs::read_to_string(log).unwrap_or_default();
    assert!(
        !log.is_empty(),
        "strace could not watch a program. The system must allow it (the call ptrace; in a \
         container: --cap-add=SYS_PTRACE). It said: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "the watched program: {output:?}");
    operations(&log, root)
}

/// The operations in strace's log.
fn operations(log: &str, root: &Path) -> Vec<Operation> {
    let mut reader = Reader::new(root);
    // Where two threads are inside calls at once, strace shows the beginning and the end apart.
    let mut begun: HashMap<&str, &str> = HashMap::new();
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').expect("a thread's number");
        let rest = rest.trim_start();
        if let Some(beginning) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(thread, beginning);
        } else if let Some(end) = rest.strip_prefix("<... ") {
            let (_, end) = end.split_once(" resumed>").expect("the end of a call");
            let beginning = begun.remove(thread).expect("the beginning of a call");
            reader.read(&format!("{beginning}{end}"));
        } else if !rest.starts_with("---") && !rest.starts_with("+++") {
            reader.read(rest);
        }
    }
    reader.operations
}

struct Reader<'a> {
    root: &'a Path,
    names: HashMap<PathBuf, Node>,
    folders: Vec<Node>,
    /// What the program has open.
    open: HashMap<i64, Node>,
    nodes: Node,
    operations: Vec<Operation>,
}

/// `name(arguments) = result`
struct Call<'a> {
    name: &'a str,
    arguments: Vec<&'a str>,
    result: i64,
}

impl<'a> Reader<'a> {
    fn new(root: &'a Path) -> Self {
        Self {
            root,
            names: [(root.to_path_buf(), ROOT)].into(),
            folders: vec![ROOT],
            open: HashMap::new(),
            nodes: ROOT,
            operations: Vec::new(),
        }
    }

    fn read(&mut self, line: &str) {
        let call = Call::parse(line).unwrap_or_else(|| panic!("strace's line {line}"));
        if call.result < 0 {
            return;
        }
        let paths = call.paths();
        let below: Vec<&PathBuf> = paths
            .iter()
            .filter(|path| path.starts_with(self.root))
            .collect();
        // The file that a call changes.
        let at = match call.name {
            "mmap" => 4,
            "copy_file_range" | "splice" => 2,
            _ => 0,
        };
        let node = call
            .number(at)
            .and_then(|file| self.open.get(&file))
            .copied();
        match (call.name, below.as_slice(), node) {
            ("open" | "openat", [path], _) => self.open(&call, path),
            // The number may have been used for a file of ours before.
            ("open" | "openat", [], _) => {
                self.open.remove(&call.result);
            }
            ("close", ..) => {
                call.number(0).and_then(|file| self.open.remove(&file));
            }
            ("write" | "writev", _, None) => self.listen(&call),
            ("write" | "writev", _, Some(file)) => {
                let mut bytes = call.strings().concat();
                bytes.truncate(usize::try_from(call.result).expect("a length"));
                self.operations.push(Operation::Write { file, bytes });
            }
            ("fsync" | "fdatasync", _, Some(node)) if self.folders.contains(&node) => {
                self.operations.push(Operation::SyncFolder(node));
            }
            ("fsync" | "fdatasync", _, Some(node)) => {
                self.operations.push(Operation::SyncFile(node));
            }
            ("mkdir" | "mkdirat", [path], _) => {
                let node = self.make(path, true);
                self.folders.push(node);
            }
            ("unlink" | "unlinkat", [path], _) => {
                self.names.remove(*path);
                let name = file_name(path);
                self.change(path, Change::Remove { name });
            }
            ("rename" | "renameat" | "renameat2", [from, to], _) => {
                assert_eq!(from.parent(), to.parent(), "between two folders: {line}");
                let node = self.names.remove(*from).expect("a name");
                self.names.insert((*to).clone(), node);
                let (from_name, to_name) = (file_name(from), file_name(to));
                let change = Change::Rename {
                    from: from_name,
                    to: to_name,
                    node,
                };
                self.change(to, change);
            }
            // Of a file, not of the disk. Under another number it would escape.
            ("fcntl", ..) if !call.arguments[1].starts_with("F_DUPFD") => {}
            (_, [], None) => {}
            _ => panic!("the store makes a call that this test does not understand: {line}"),
        }
    }

    fn open(&mut self, call: &Call<'_>, path: &Path) {
        let flags = call.arguments.iter().find(|text| text.starts_with("O_"));
        let flags = flags.expect("flags");
        let node = match self.names.get(path) {
            Some(node) => *node,
            None if flags.contains("O_CREAT") => self.make(path, false),
            None => panic!("nobody made {}", path.display()),
        };
        assert!(!flags.contains("O_TRUNC"), "{}", path.display());
        // Writes are taken as one after the other, from the start of a new file.
        self.open.insert(call.result, node);
    }

    fn make(&mut self, path: &Path, is_folder: bool) -> Node {
        self.nodes += 1;
        let node = self.nodes;
        self.names.insert(path.to_path_buf(), node);
        let name = file_name(path);
        self.change(
            path,
            Change::Make {
                name,
                node,
                is_folder,
            },
        );
        node
    }

    fn change(&mut self, path: &Path, change: Change) {
        let folder = path.parent().and_then(|parent| self.names.get(parent));
        let folder = *folder.expect("a folder that is known");
        let naming = Naming { folder, change };
        self.operations.push(Operation::Name(naming));
    }

    fn listen(&mut self, call: &Call<'_>) {
        if matches!(call.number(0), Some(1 | 2)) {
            let text = String::from_utf8_lossy(&call.strings().concat()).into_owned();
            let lines = text.lines().map(|line| Operation::Say(line.to_owned()));
            self.operations.extend(lines);
        }
    }
}

impl<'a> Call<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once('(')?;
        let (arguments, result) = rest.rsplit_once(" = ")?;
        let arguments = arguments.trim_end().strip_suffix(')')?;
        let result = result.split([' ', '<']).next()?;
        Some(Self {
            name,
            arguments: arguments.split(", ").collect(),
            // An address (of mmap), or `?` where the program ended meanwhile: no number of ours.
            result: result.parse().unwrap_or(0),
        })
    }

    fn number(&self, at: usize) -> Option<i64> {
        self.arguments.get(at)?.parse().ok()
    }

    /// All strings in the arguments.
    fn strings(&self) -> Vec<Vec<u8>> {
        let quoted = self.arguments.iter().flat_map(|argument| {
            assert!(!argument.contains("\"..."), "strace has cut a string off");
            argument.split('"').skip(1).step_by(2)
        });
        quoted.map(bytes).collect()
    }

    fn paths(&self) -> Vec<PathBuf> {
        if self.name.contains("write") {
            return Vec::new();
        }
        let text = |bytes: Vec<u8>| PathBuf::from(String::from_utf8_lossy(&bytes).into_owned());
        self.strings().into_iter().map(text).collect()
    }
}

/// `\x61\x62` is `ab`.
fn bytes(digits: &str) -> Vec<u8> {
    let parse = |byte| u8::from_str_radix(byte, 16).expect("two digits");
    digits.split("\\x").skip(1).map(parse).collect()
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().expect("a name");
    name.to_str().expect("a plain name").to_owned()
}

//! A disk that promises what POSIX promises and nothing more: what was not synced may be there or not.
//!
//! Contents are durable once their file was synced, and names once their folder was. Everything
//! else that was done since may have reached the disk or not, each piece for itself. Permissions
//! come with the name, as `open` and `mkdir` set them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A file or folder, whatever its name is by now. They are numbered as they appear.
pub(crate) type Node = usize;

/// The folder that was there before anything began.
pub(crate) const ROOT: Node = 0;

/// What a program did to the disk, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Name(Naming),
    /// At the end of the file.
    Write {
        file: Node,
        bytes: Vec<u8>,
    },
    SyncFile(Node),
    SyncFolder(Node),
    /// Not for the disk: the program printed this.
    Say(String),
}

/// A change of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Naming {
    pub(crate) folder: Node,
    pub(crate) change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Make {
        name: String,
        node: Node,
        is_folder: bool,
    },
    Remove {
        name: String,
    },
    Rename {
        from: String,
        to: String,
        node: Node,
    },
}

/// The disk in one moment.
#[derive(Default)]
pub(crate) struct Disk {
    /// The names that are there for good.
    names: Names,
    /// What was done to names since their folder was synced.
    unsynced: Vec<Naming>,
    folders: BTreeSet<Node>,
    files: BTreeMap<Node, Contents>,
}

type Names = BTreeMap<(Node, String), Node>;

#[derive(Clone, Default)]
struct Contents {
    durable: Vec<u8>,
    now: Vec<u8>,
}

/// What a power cut has left: paths below the root; folders have no bytes.
pub(crate) type Left = BTreeMap<PathBuf, Option<Vec<u8>>>;

impl Disk {
    pub(crate) fn new() -> Self {
        Self {
            folders: [ROOT].into(),
            ..Self::default()
        }
    }

    pub(crate) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Name(naming) => {
                if let Change::Make {
                    node, is_folder, ..
                } = naming.change
                {
                    if is_folder {
                        self.folders.insert(node);
                    } else {
                        self.files.insert(node, Contents::default());
                    }
                }
                self.unsynced.push(naming.clone());
            }
            Operation::Write { file, bytes } => {
                let contents = self.files.get_mut(file).expect("a file");
                contents.now.extend_from_slice(bytes);
            }
            Operation::SyncFile(file) => {
                let contents = self.files.get_mut(file).expect("a file");
                contents.durable.clone_from(&contents.now);
            }
            Operation::SyncFolder(folder) => {
                let (synced, rest) = std::mem::take(&mut self.unsynced)
                    .into_iter()
                    .partition(|naming| naming.folder == *folder);
                self.unsynced = rest;
                let synced: Vec<Naming> = synced;
                for naming in synced {
                    naming.keep(&mut self.names, 1);
                }
            }
            Operation::Say(_) => {}
        }
    }

    /// Everything that a power cut in this moment could leave.
    pub(crate) fn after_power_cut(&self) -> impl Iterator<Item = Left> {
        let ways: Vec<usize> = self.unsynced.iter().map(|n| n.change.ways()).collect();
        choices(ways).flat_map(|kept| {
            let mut names = self.names.clone();
            for (naming, way) in self.unsynced.iter().zip(kept) {
                naming.keep(&mut names, way);
            }
            self.with_torn_files(self.paths(&names))
        })
    }

    /// What can be reached from the root: a name in a folder that is lost is lost too.
    fn paths(&self, names: &Names) -> BTreeMap<PathBuf, Node> {
        let mut paths = BTreeMap::new();
        let mut open = vec![(PathBuf::new(), ROOT)];
        while let Some((path, folder)) = open.pop() {
            for ((_, name), &node) in names.iter().filter(|((within, _), _)| *within == folder) {
                let path = path.join(name);
                if self.folders.contains(&node) {
                    open.push((path.clone(), node));
                }
                paths.insert(path, node);
            }
        }
        paths
    }

    fn with_torn_files(
        &self,
        paths: BTreeMap<PathBuf, Node>,
    ) -> impl Iterator<Item = Left> + use<> {
        let reached: BTreeSet<Node> = paths.values().copied().collect();
        let versions: Vec<(Node, Vec<Vec<u8>>)> = reached
            .into_iter()
            .filter_map(|node| Some((node, self.files.get(&node)?.versions())))
            .collect();
        let ways = versions.iter().map(|(_, versions)| versions.len());
        choices(ways.collect()).map(move |chosen| {
            let bytes: BTreeMap<Node, &Vec<u8>> = versions
                .iter()
                .zip(chosen)
                .map(|((node, versions), way)| (*node, &versions[way]))
                .collect();
            let left = |node| bytes.get(node).map(|bytes| (*bytes).clone());
            paths
                .iter()
                .map(|(path, node)| (path.clone(), left(node)))
                .collect()
        })
    }
}

impl Change {
    /// Lost or kept; and a disk without a journal may show a renamed file under both names.
    fn ways(&self) -> usize {
        if matches!(self, Self::Rename { .. }) {
            3
        } else {
            2
        }
    }
}

impl Naming {
    fn keep(&self, names: &mut Names, way: usize) {
        let at = |name: &String| (self.folder, name.clone());
        match &self.change {
            _ if way == 0 => {}
            Change::Make { name, node, .. } => {
                names.insert(at(name), *node);
            }
            Change::Remove { name } => {
                names.remove(&at(name));
            }
            Change::Rename { from, to, node } => {
                names.insert(at(to), *node);
                if way == 1 {
                    names.remove(&at(from));
                } else {
                    names.insert(at(from), *node);
                }
            }
        }
    }
}

impl Contents {
    /// All that may be found in the file: the old bytes, the new ones, a part of them (at the
    /// borders of what the store writes, of a disk's blocks, and some odd places), or a file that
    /// has its length and not its bytes.
    fn versions(&self) -> Vec<Vec<u8>> {
        let now = &self.now;
        if self.durable == *now {
            return vec![now.clone()];
        }
        let half = now.len() / 2;
        let steps = (0..now.len()).step_by(1 + now.len() / 32);
        let cuts = [1, 4, 5, 20, 21, 33, half, 512, 4096, now.len() - 1];
        let zeros = |from: usize| [&now[..from], &vec![0; now.len() - from]].concat();
        let mut versions: BTreeSet<Vec<u8>> = steps
            .chain(cuts)
            .filter(|cut| *cut < now.len())
            .map(|cut| now[..cut].to_vec())
            .collect();
        versions.extend([self.durable.clone(), now.clone(), zeros(0), zeros(half)]);
        versions.into_iter().collect()
    }
}

/// Every way to choose one of `ways[0]`, one of `ways[1]`, and so on.
fn choices(ways: Vec<usize>) -> impl Iterator<Item = Vec<usize>> {
    let mut next = Some(vec![0; ways.len()]);
    std::iter::from_fn(move || {
        let now = next.take()?;
        let mut later = now.clone();
        for (digit, ways) in later.iter_mut().zip(&ways) {
            *digit += 1;
            if *digit < *ways {
                next = Some(later);
                break;
            }
            *digit = 0;
        }
        Some(now)
    })
}

/// Makes files of what was left.
pub(crate) fn restore(left: &Left, root: &Path) {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    for (path, bytes) in left {
        let path = root.join(path);
        match bytes {
            None => fs::DirBuilder::new()
                .mode(0o700)
                .create(path)
                .expect("a folder"),
            Some(bytes) => {
                let mut options = fs::OpenOptions::new();
                let file = options.write(true).create_new(true).mode(0o600).open(path);
                std::io::Write::write_all(&mut file.expect("a file"), bytes).expect("written");
            }
        }
    }
}

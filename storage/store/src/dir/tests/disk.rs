//! A file system that loses power. Data and directory entries become durable separately, and only when asked to; of the
//! rest each piece survives or not by chance. Paths are absolute; `/` is there from the start.

use super::super::files::{Entry, EntryKind, FileSystem, NewFile};
use crate::Space;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The unit that a disk writes whole, in bytes.
const SECTOR_BYTES: usize = 512;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has had no effect; a sync has lost what it should have made durable, for good.
    Io,
    /// It has had its effect, but says that it failed.
    IoAfterwards,
    /// There is no space; a write has written a part.
    Full,
}

/// Clones share the same contents.
#[derive(Debug, Clone)]
pub(super) struct Disk(Arc<Mutex<Contents>>);

#[derive(Debug, Clone)]
struct Contents {
    nodes: Vec<Node>,
    random: u64,
    calls: u64,
    faults: BTreeMap<u64, Fault>,
    unplugged_from: Option<u64>,
    space: Space,
}

#[derive(Debug, Clone)]
enum Node {
    File { bytes: Vec<u8>, durable: Vec<u8>, lost: bool },
    Directory { entries: BTreeMap<String, usize>, durable: BTreeMap<String, usize>, changes: Vec<Change> },
}

/// An entry made or removed since the directory was last synced.
#[derive(Debug, Clone)]
struct Change {
    name: String,
    node: Option<usize>,
    /// A failed sync forgot it: it may be on the disk or not, and no later sync changes that.
    lost: bool,
}

const ROOT: usize = 0;

impl Node {
    fn directory() -> Node {
        Node::Directory { entries: BTreeMap::new(), durable: BTreeMap::new(), changes: Vec::new() }
    }
}

impl Disk {
    pub(super) fn new(seed: u64) -> Disk {
        let space = Space { total: 1 << 40, available: 1 << 40 };
        let nodes = vec![Node::directory()];
        Disk(Arc::new(Mutex::new(Contents {
            nodes,
            random: seed,
            calls: 0,
            faults: BTreeMap::new(),
            unplugged_from: None,
            space,
        })))
    }

    pub(super) fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    pub(super) fn fail_at(&self, call: u64, fault: Fault) {
        self.0.lock().faults.insert(call, fault);
    }

    /// From this call on nothing has any effect.
    pub(super) fn unplug_at(&self, call: u64) {
        self.0.lock().unplugged_from = Some(call);
    }

    pub(super) fn repair(&self) {
        let mut contents = self.0.lock();
        contents.faults.clear();
        contents.unplugged_from = None;
    }

    pub(super) fn set_space(&self, space: Space) {
        self.0.lock().space = space;
    }

    /// What a power cut leaves.
    pub(super) fn crash(&self) -> Disk {
        let mut contents = self.0.lock();
        let mut nodes = contents.nodes.clone();
        for node in &mut nodes {
            match node {
                Node::File { bytes, durable, lost } => {
                    *bytes = contents.torn(bytes, durable, *lost);
                    (*durable, *lost) = (bytes.clone(), false);
                }
                Node::Directory { entries, durable, changes } => {
                    for change in changes.drain(..) {
                        if contents.chance(2) == 0 {
                            apply(durable, change.name, change.node);
                        }
                    }
                    *entries = durable.clone();
                }
            }
        }
        let random = contents.random();
        Disk(Arc::new(Mutex::new(Contents {
            nodes,
            random,
            calls: 0,
            faults: BTreeMap::new(),
            unplugged_from: None,
            space: contents.space,
        })))
    }

    /// Every path with what it is, but without the root.
    pub(super) fn tree(&self) -> BTreeMap<PathBuf, EntryKind> {
        let contents = self.0.lock();
        let mut tree = BTreeMap::new();
        let mut waiting = vec![(PathBuf::from("/"), ROOT)];
        while let Some((path, node)) = waiting.pop() {
            tree.insert(path.clone(), contents.kind(node));
            if let Node::Directory { entries, .. } = &contents.nodes[node] {
                waiting.extend(entries.iter().map(|(name, node)| (path.join(name), *node)));
            }
        }
        tree.remove(Path::new("/"));
        tree
    }

    fn call<T>(&self, run: impl FnOnce(&mut Contents) -> io::Result<T>) -> io::Result<T> {
        self.call_or(run, |_| {})
    }

    /// Carries a call out unless it is to fail; then `failed` says what it leaves.
    fn call_or<T>(
        &self,
        run: impl FnOnce(&mut Contents) -> io::Result<T>,
        failed: impl FnOnce(&mut Contents),
    ) -> io::Result<T> {
        let mut contents = self.0.lock();
        contents.calls += 1;
        let call = contents.calls;
        if contents.unplugged_from.is_some_and(|from| from <= call) {
            return Err(io::Error::other("unplugged"));
        }
        match contents.faults.remove(&call) {
            None => run(&mut contents),
            Some(Fault::IoAfterwards) => run(&mut contents).and_then(|_| Err(io::Error::other("planned"))),
            Some(Fault::Io) => {
                failed(&mut contents);
                Err(io::Error::other("planned"))
            }
            Some(Fault::Full) => {
                failed(&mut contents);
                Err(ErrorKind::StorageFull.into())
            }
        }
    }
}

fn apply(entries: &mut BTreeMap<String, usize>, name: String, node: Option<usize>) {
    match node {
        Some(node) => drop(entries.insert(name, node)),
        None => drop(entries.remove(&name)),
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

impl Contents {
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.random >> 20
    }

    fn chance(&mut self, of: u64) -> u64 {
        self.random() % of
    }

    /// The durable bytes, followed by nothing, by zeros, or by a part of the rest cut at a sector.
    fn torn(&mut self, bytes: &[u8], durable: &[u8], lost: bool) -> Vec<u8> {
        let mut left = durable.to_vec();
        let rest = bytes.len() - durable.len();
        match self.chance(3) {
            0 => {}
            1 => left.resize(durable.len() + self.chance(rest as u64 + 1) as usize, 0),
            _ if lost => {}
            _ => {
                let end = self.chance((bytes.len() / SECTOR_BYTES) as u64 + 1) as usize * SECTOR_BYTES;
                left.extend_from_slice(&bytes[durable.len()..end.max(durable.len())]);
            }
        }
        left
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let mut node = ROOT;
        for part in path.components().skip(1) {
            let Node::Directory { entries, .. } = &self.nodes[node] else {
                return Err(ErrorKind::NotADirectory.into());
            };
            node = *entries.get(part.as_os_str().to_str().unwrap()).ok_or(ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    fn kind(&self, node: usize) -> EntryKind {
        match &self.nodes[node] {
            Node::File { bytes, .. } => EntryKind::File { len: bytes.len() as u64 },
            Node::Directory { .. } => EntryKind::Directory,
        }
    }

    /// Changes an entry of the directory that `path` is in.
    fn change(&mut self, path: &Path, node: Option<usize>) -> io::Result<()> {
        let parent = self.find(path.parent().ok_or(ErrorKind::AlreadyExists)?)?;
        let Node::Directory { entries, changes, .. } = &mut self.nodes[parent] else {
            return Err(ErrorKind::NotADirectory.into());
        };
        let name = name(path);
        match (entries.contains_key(&name), node) {
            (true, Some(_)) => return Err(ErrorKind::AlreadyExists.into()),
            (false, None) => return Err(ErrorKind::NotFound.into()),
            _ => {}
        }
        apply(entries, name.clone(), node);
        changes.push(Change { name, node, lost: false });
        Ok(())
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<usize> {
        self.nodes.push(node);
        let index = self.nodes.len() - 1;
        self.change(path, Some(index)).map(|()| index)
    }
}

impl FileSystem for Disk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = Node::File { bytes: Vec::new(), durable: Vec::new(), lost: false };
        let node = self.call(|contents| contents.add(path, file))?;
        Ok(Box::new(OpenFile { disk: self.clone(), node }))
    }

    fn link(&self, path: &Path, new: &Path) -> io::Result<()> {
        self.call(|contents| {
            let node = contents.find(path)?;
            contents.change(new, Some(node))
        })
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.call(|contents| match contents.kind(contents.find(path)?) {
            EntryKind::Directory => Err(ErrorKind::IsADirectory.into()),
            _ => contents.change(path, None),
        })
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.call(|contents| contents.add(path, Node::directory()).map(drop))
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.call(|contents| {
            let node = contents.find(path)?;
            match &contents.nodes[node] {
                Node::Directory { entries, .. } if entries.is_empty() => contents.change(path, None),
                Node::Directory { .. } => Err(ErrorKind::DirectoryNotEmpty.into()),
                Node::File { .. } => Err(ErrorKind::NotADirectory.into()),
            }
        })
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let sync = |contents: &mut Contents| {
            let node = contents.find(path)?;
            if let Node::Directory { durable, changes, .. } = &mut contents.nodes[node] {
                let synced: Vec<Change> = changes.extract_if(.., |change| !change.lost).collect();
                for change in synced {
                    // What was forgotten about the name before is no longer on its way.
                    changes.retain(|lost| lost.name != change.name);
                    apply(durable, change.name, change.node);
                }
            }
            Ok(())
        };
        let lose = |contents: &mut Contents| {
            let Ok(node) = contents.find(path) else { return };
            if let Node::Directory { changes, .. } = &mut contents.nodes[node] {
                for change in changes {
                    change.lost = true;
                }
            }
        };
        self.call_or(sync, lose)
    }

    fn read(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.call(|contents| match &contents.nodes[contents.find(path)?] {
            Node::File { bytes, .. } => {
                let start = (offset as usize).min(bytes.len());
                Ok(bytes[start..start.saturating_add(len).min(bytes.len())].to_vec())
            }
            Node::Directory { .. } => Err(ErrorKind::IsADirectory.into()),
        })
    }

    fn look_up(&self, path: &Path) -> io::Result<EntryKind> {
        self.call(|contents| contents.find(path).map(|node| contents.kind(node)))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.call(|contents| match &contents.nodes[contents.find(path)?] {
            Node::Directory { entries, .. } => {
                let entry = |(name, node): (&String, &usize)| Entry { name: name.into(), kind: contents.kind(*node) };
                Ok(entries.iter().map(entry).collect())
            }
            Node::File { .. } => Err(ErrorKind::NotADirectory.into()),
        })
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        self.call(|contents| Ok(contents.space))
    }
}

#[derive(Debug)]
struct OpenFile {
    disk: Disk,
    node: usize,
}

impl OpenFile {
    fn change(
        &self,
        run: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>, bool),
        failed: impl FnOnce(&mut Vec<u8>, &mut bool),
    ) -> io::Result<()> {
        let with = |contents: &mut Contents| {
            if let Node::File { bytes, durable, lost } = &mut contents.nodes[self.node] {
                run(bytes, durable, *lost);
            }
            Ok(())
        };
        let without = |contents: &mut Contents| {
            if let Node::File { bytes, lost, .. } = &mut contents.nodes[self.node] {
                failed(bytes, lost);
            }
        };
        self.disk.call_or(with, without)
    }
}

impl NewFile for OpenFile {
    fn write(&mut self, new: &[u8]) -> io::Result<()> {
        self.change(
            |bytes, _, _| bytes.extend_from_slice(new),
            |bytes, _| bytes.extend_from_slice(&new[..new.len() / 2]),
        )
    }

    fn allocate(&mut self, len: u64) -> io::Result<()> {
        self.change(|bytes, _, _| bytes.resize(len as usize, 0), |_, _| {})
    }

    fn sync(&mut self) -> io::Result<()> {
        let sync = |bytes: &mut Vec<u8>, durable: &mut Vec<u8>, lost: bool| {
            if !lost {
                durable.clone_from(bytes);
            }
        };
        self.change(sync, |_, lost| *lost = true)
    }
}

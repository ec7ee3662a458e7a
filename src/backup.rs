//! Backups: a directory beside the data that holds everything as it was at one moment, and is itself a data directory.
//!
//! Objects never change, so a backup on the same file system consists of hard links and takes no space of its own until
//! the store lets its objects go. `watchfire restore` copies one back; copying it elsewhere is any tool's work.

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use watchfire_catalog::Catalog as DocumentCatalog;
use watchfire_logstore::LogStore;
use watchfire_store::{DirStorage, Storage};
use watchfire_tsdb::Tsdb;

/// Backups kept beside the data; each keeps alive what the stores have let go since.
pub(crate) const BACKUPS_MAX: usize = 32;
/// What a backup says of itself.
const CATALOG: &str = "backup.json";
/// Bytes that a catalog may have: about 10 million objects.
const CATALOG_BYTES_MAX: u64 = 1 << 30;

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backup {
    pub(crate) name: String,
    /// Milliseconds since 1970.
    pub(crate) created: i64,
    /// Bytes of all objects.
    pub(crate) bytes: u64,
    pub(crate) objects: usize,
    /// The transaction of each store that it holds.
    pub(crate) logs_manifest: u64,
    pub(crate) metrics_manifest: u64,
    /// That of the documents; backups of the first versions have none.
    #[serde(default)]
    pub(crate) catalog_manifest: u64,
}

/// What a backup is taken of; all of it may go on working.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) logs: &'a LogStore,
    pub(crate) tsdb: &'a Tsdb,
    pub(crate) catalog: &'a DocumentCatalog,
}

/// A backup with the list that a restore is checked against.
#[derive(Debug, Serialize, Deserialize)]
struct Catalog {
    #[serde(flatten)]
    backup: Backup,
    /// Keys and bytes.
    contents: Vec<(String, u64)>,
}

/// Writes a backup of everything into the new directory `target/name`.
pub(crate) fn create(sources: Sources<'_>, target: &Path, name: &str, created_ms: i64) -> anyhow::Result<Backup> {
    let directory = target.join(name);
    ensure!(!directory.exists(), "{} exists already", directory.display());
    fs::create_dir_all(target).with_context(|| format!("cannot create {}", target.display()))?;
    // Under a name that says so until it is whole.
    let unfinished = target.join(format!("{name}.unfinished"));
    let result = fill(sources, &unfinished, name, created_ms);
    if result.is_err() {
        // What cannot be removed keeps the name that says that it is not whole.
        let _ = fs::remove_dir_all(&unfinished);
    }
    let backup = result?;
    fs::rename(&unfinished, &directory).with_context(|| format!("cannot name {}", directory.display()))?;
    sync_directory(target)?;
    Ok(backup)
}

fn fill(sources: Sources<'_>, directory: &Path, name: &str, created_ms: i64) -> anyhow::Result<Backup> {
    let (logs, metrics, documents) = (sources.logs.pin()?, sources.tsdb.pin()?, sources.catalog.snapshot()?);
    let storage = DirStorage::open(directory).context("cannot create the backup's directory")?;
    let mut contents = Vec::new();
    for object in logs.objects().iter().chain(metrics.objects()) {
        link(&sources.directory.join(&object.key), &directory.join(&object.key))
            .with_context(|| format!("cannot bring `{}` into the backup", object.key))?;
        contents.push((object.key.clone(), object.size));
    }
    let snapshot = metrics.snapshot();
    let manifests = [
        (logs.manifest_key(), logs.manifest_bytes()),
        (&snapshot.key, &snapshot.bytes),
        (&documents.key, &documents.bytes),
    ];
    for (key, bytes) in manifests {
        storage.create(key, bytes)?;
        contents.push((key.to_owned(), bytes.len() as u64));
    }
    sync_tree(directory)?;
    let backup = Backup {
        name: name.to_owned(),
        created: created_ms,
        bytes: contents.iter().map(|(_, size)| size).sum(),
        objects: contents.len(),
        logs_manifest: logs.number(),
        metrics_manifest: metrics.number(),
        catalog_manifest: documents.number,
    };
    // Last: whoever finds it has the whole backup.
    storage.create(CATALOG, &serde_json::to_vec(&Catalog { backup: backup.clone(), contents })?)?;
    Ok(backup)
}

/// The finished backups in a directory, oldest first.
pub(crate) fn list(target: &Path) -> Vec<Backup> {
    let entries = fs::read_dir(target).into_iter().flatten().flatten();
    let mut backups: Vec<Backup> = entries.filter_map(|entry| Some(catalog(&entry.path()).ok()?.backup)).collect();
    backups.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    backups
}

/// Deletes a backup; the data stays.
pub(crate) fn delete(target: &Path, name: &str) -> anyhow::Result<()> {
    ensure!(is_name(name) && target.join(name).join(CATALOG).exists(), "there is no backup `{name}`");
    let directory = target.join(name);
    // Without its catalog it is no backup any more, should the rest stay behind.
    fs::remove_file(directory.join(CATALOG))?;
    fs::remove_dir_all(&directory).with_context(|| format!("cannot delete {}", directory.display()))
}

/// Whether a text can be a backup's name: letters, digits, `.`, `_` and `-`, not beginning with a dot.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(plain)
}

/// Copies a backup into a data directory that does not exist or is empty.
pub(crate) fn restore(backup: &Path, directory: &Path) -> anyhow::Result<Backup> {
    let Catalog { backup: found, contents } = catalog(backup)?;
    let is_empty = match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", directory.display())),
    };
    ensure!(is_empty, "{} is not empty: restore into a new directory", directory.display());
    for (key, size) in &contents {
        let len = fs::metadata(backup.join(key)).with_context(|| format!("the backup lacks `{key}`"))?.len();
        ensure!(len == *size, "`{key}` of the backup has {len} bytes, it was taken with {size}");
    }
    let storage = DirStorage::open(directory).context("cannot create the data directory")?;
    drop(storage);
    for (key, _) in &contents {
        let target = directory.join(key);
        let copied = parent(&target).and_then(|()| copy(&backup.join(key), &target));
        copied.with_context(|| format!("cannot restore `{key}`"))?;
    }
    sync_tree(directory)?;
    Ok(found)
}

fn catalog(backup: &Path) -> anyhow::Result<Catalog> {
    let path = backup.join(CATALOG);
    let len = fs::metadata(&path).with_context(|| format!("{} is no finished backup", backup.display()))?.len();
    if len > CATALOG_BYTES_MAX {
        bail!("{} has {len} bytes", path.display());
    }
    let catalog: Catalog =
        serde_json::from_slice(&fs::read(&path)?).with_context(|| format!("{} is damaged", path.display()))?;
    let is_key = |key: &str| key.split('/').all(is_name);
    ensure!(catalog.contents.iter().all(|(key, _)| is_key(key)), "{} names files that no backup has", path.display());
    Ok(catalog)
}

/// A hard link where the file system can, else a copy.
fn link(source: &Path, target: &Path) -> io::Result<()> {
    parent(target)?;
    match fs::hard_link(source, target) {
        Err(error) if error.kind() != ErrorKind::NotFound && error.kind() != ErrorKind::AlreadyExists => {
            copy(source, target)
        }
        linked => linked,
    }
}

fn copy(source: &Path, target: &Path) -> io::Result<()> {
    let mut to = File::create_new(target)?;
    io::copy(&mut File::open(source)?, &mut to)?;
    to.sync_all()
}

fn parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Makes the names in a directory and in all below it durable.
fn sync_tree(directory: &Path) -> anyhow::Result<()> {
    let mut left: Vec<PathBuf> = vec![directory.to_path_buf()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                left.push(entry.path());
            }
        }
        sync_directory(&directory)?;
    }
    Ok(())
}

fn sync_directory(directory: &Path) -> anyhow::Result<()> {
    let synced = File::open(directory).and_then(|file| file.sync_all());
    synced.with_context(|| format!("cannot make the names in {} durable", directory.display()))
}

#[cfg(test)]
mod tests;

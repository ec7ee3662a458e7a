//! Directories of released formats, merged and mended by today's store.

use super::*;
use std::fs;
use std::path::Path;
use watchfire_store::DirStorage;

/// Version 1 of blocks, some eighty, and version 2, of one minute each.
const FORMATS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/formats");

#[test]
fn blocks_of_earlier_versions_are_read_merged_and_scrubbed() {
    check("1", 50);
    check("2", 5);
}

#[track_caller]
fn check(format: &str, n_blocks_min: usize) {
    let copy_of = tempfile::tempdir().expect("a directory");
    copy(&Path::new(FORMATS).join(format), copy_of.path());
    let open = || {
        let storage = DirStorage::open(copy_of.path()).expect("the directory opens");
        let options = TsdbOptions { block_span: DurationMs(60_000), ..TsdbOptions::default() };
        let clock = ManualClock::new(TimeNs(i64::MAX / 2));
        let tsdb = Tsdb::open(Arc::new(storage), Arc::new(clock), options).expect("the store opens");
        tsdb.wait_ready().expect("the log can be read");
        tsdb
    };
    let tsdb = open();
    let before = query(&tsdb, &[], TimeRange::ALL);
    assert_eq!(before.len(), 7);
    let report = tsdb.scrub(u64::MAX).expect("the directory can be read");
    assert!(report.round_complete && report.damaged.is_empty(), "{report:?}");
    let n_blocks = tsdb.status().blocks.len();
    assert!(n_blocks >= n_blocks_min, "{n_blocks} blocks");
    assert!(tsdb.compact().expect("the directory takes it") > 0);
    assert!(tsdb.status().blocks.len() < n_blocks);
    assert_eq!(query(&tsdb, &[], TimeRange::ALL), before);
    drop(tsdb);
    assert_eq!(query(&open(), &[], TimeRange::ALL), before);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("the directory is part of the tree") {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).expect("a copy");
        }
    }
}

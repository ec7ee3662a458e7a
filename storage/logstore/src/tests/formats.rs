//! Directories that released versions wrote are read, merged and scrubbed for ever.

use super::{options, search_all};
use crate::LogStore;
use std::path::Path;
use std::sync::Arc;
use watchfire_model::{LogFilter, TimeNs, TimeRangeNs};
use watchfire_store::{DirStorage, ManualClock, Storage};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

#[test]
fn the_first_format_is_read_merged_and_scrubbed() {
    let released = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/formats/1"));
    let directory = tempfile::tempdir().unwrap();
    copy(released, directory.path());
    let storage: Arc<dyn Storage> = Arc::new(DirStorage::open(directory.path()).unwrap());
    let open = || {
        let clock = Arc::new(ManualClock::new(TimeNs(1_795_300_000_000_000_000)));
        let store = LogStore::open(Arc::clone(&storage), clock, options()).unwrap();
        store.wait_ready().unwrap();
        store
    };
    let store = open();
    let before = search_all(&store, &LogFilter::All, TimeRangeNs::ALL);
    assert!(before.len() > 100 && store.status().memtable_records > 0, "{} records", before.len());
    let report = store.scrub(u64::MAX);
    assert_eq!((report.found, report.is_round_over), (Vec::new(), true));
    store.inner.merge_all().unwrap();
    store.flush().unwrap();
    assert_eq!(search_all(&store, &LogFilter::All, TimeRangeNs::ALL), before);
    drop(store);
    assert_eq!(search_all(&open(), &LogFilter::All, TimeRangeNs::ALL), before);
}

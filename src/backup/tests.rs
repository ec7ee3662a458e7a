use super::*;
use std::sync::Arc;
use watchfire_catalog::Kind;
use watchfire_logstore::{LogStoreOptions, SearchRequest};
use watchfire_model::{LogFilter, LogRecord, QueryBudget, TimeNs, TimeRangeNs};
use watchfire_store::{Clock, ManualClock};
use watchfire_tsdb::TsdbOptions;

const NOW: i64 = 1_700_000_000_000_000_000;

fn stores(directory: &Path) -> (LogStore, Tsdb, DocumentCatalog) {
    let storage: Arc<dyn Storage> = Arc::new(DirStorage::open(directory).unwrap());
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(TimeNs(NOW)));
    let tsdb = Tsdb::open(Arc::clone(&storage), Arc::clone(&clock), TsdbOptions::default()).unwrap();
    let catalog = DocumentCatalog::open(Arc::clone(&storage), Arc::clone(&clock)).unwrap();
    let logs = LogStore::open(storage, clock, LogStoreOptions::default()).unwrap();
    logs.wait_ready().unwrap();
    tsdb.wait_ready().unwrap();
    (logs, tsdb, catalog)
}

fn append(logs: &LogStore, messages: std::ops::Range<i64>) {
    let record = |n: i64| LogRecord {
        time: TimeNs(NOW + n),
        received: TimeNs(NOW + n),
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: "h".into(),
        message: format!("message {n}").into(),
        level: None,
        fields: Vec::new(),
    };
    let position = logs.append(messages.map(record).collect()).unwrap();
    logs.commit(position).unwrap();
}

fn count(logs: &LogStore) -> usize {
    let request = SearchRequest {
        filter: LogFilter::All,
        range: TimeRangeNs::ALL,
        limit: 1000,
        cursor: None,
        order: watchfire_model::ScanOrder::NewestFirst,
        fields: watchfire_model::FieldSelection::All,
    };
    let result = logs.search(&request, &QueryBudget::unlimited()).unwrap();
    assert_eq!(result.partial, Vec::<String>::new());
    result.records.len()
}

#[test]
fn a_backup_holds_what_was_there_when_it_was_taken() {
    let home = tempfile::tempdir().unwrap();
    let (data, backups, restored) = (home.path().join("data"), home.path().join("backups"), home.path().join("again"));
    let (logs, tsdb, catalog) = stores(&data);
    append(&logs, 0..10);
    catalog.put(Kind::SAVED_SEARCH, "a", &1, None).unwrap();
    let sources = Sources { directory: &data, logs: &logs, tsdb: &tsdb, catalog: &catalog };
    let backup = create(sources, &backups, "first", 7).unwrap();
    catalog.put(Kind::SAVED_SEARCH, "a", &2, None).unwrap();
    assert_eq!((backup.name.as_str(), backup.created), ("first", 7));
    append(&logs, 10..20);
    assert!(create(sources, &backups, "first", 8).is_err(), "a name is used once");
    assert_eq!(list(&backups), std::slice::from_ref(&backup));
    assert_eq!(restore(&backups.join("first"), &restored).unwrap(), backup);
    drop((logs, tsdb, catalog));
    let (logs, _tsdb, catalog) = stores(&restored);
    assert_eq!(count(&logs), 10);
    assert_eq!(catalog.get(Kind::SAVED_SEARCH, "a").map(|found| found.version), Some(1));
    append(&logs, 20..25);
    assert_eq!(count(&logs), 15);
    drop((logs, catalog));
    let (logs, _tsdb, _catalog) = stores(&data);
    assert_eq!(count(&logs), 20);
}

#[test]
fn a_backup_that_lacks_something_is_not_restored() {
    let home = tempfile::tempdir().unwrap();
    let (data, backups) = (home.path().join("data"), home.path().join("backups"));
    let (logs, tsdb, documents) = stores(&data);
    append(&logs, 0..10);
    let sources = Sources { directory: &data, logs: &logs, tsdb: &tsdb, catalog: &documents };
    create(sources, &backups, "b", 1).unwrap();
    let broken = backups.join("b");
    let Catalog { contents, .. } = catalog(&broken).unwrap();
    let error = restore(&broken, &data).unwrap_err().to_string();
    assert!(error.contains("is not empty"), "{error}");
    let (key, _) = &contents[0];
    fs::write(broken.join(key), b"short").unwrap();
    let error = restore(&broken, &home.path().join("x")).unwrap_err().to_string();
    assert!(error.contains(key.as_str()), "{error}");
    fs::remove_file(broken.join(key)).unwrap();
    let error = restore(&broken, &home.path().join("x")).unwrap_err().to_string();
    assert!(error.contains("lacks"), "{error}");
    assert!(!home.path().join("x").exists(), "nothing was begun");
    delete(&backups, "b").unwrap();
    assert_eq!(list(&backups), []);
    assert!(delete(&backups, "b").is_err());
    assert!(delete(&backups, "../data").is_err());
    assert!(restore(&broken, &home.path().join("x")).unwrap_err().to_string().contains("no finished backup"));
}

#[test]
fn a_catalog_cannot_lead_out_of_its_directory() {
    let home = tempfile::tempdir().unwrap();
    for key in ["../outside", "/etc/passwd", "a//b", ".hidden", ""] {
        let backup = Backup {
            name: "b".to_owned(),
            created: 0,
            bytes: 0,
            objects: 1,
            logs_manifest: 0,
            metrics_manifest: 0,
            catalog_manifest: 0,
        };
        let bytes = serde_json::to_vec(&Catalog { backup, contents: vec![(key.to_owned(), 1)] }).unwrap();
        fs::write(home.path().join(CATALOG), bytes).unwrap();
        let error = restore(home.path(), &home.path().join("x")).unwrap_err().to_string();
        assert!(error.contains("no backup has"), "{key}: {error}");
    }
}

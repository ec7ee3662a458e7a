use super::*;
use crate::testing::record;
use std::sync::mpsc;
use watchfire_logstore::LogStoreOptions;
use watchfire_model::{DurationMs, TimeNs};
use watchfire_store::{Fault, ManualClock, MemStorage, OperationKind};

/// How long a test waits for what should happen soon.
const PATIENCE: Duration = Duration::from_secs(20);

fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

fn open_store(storage: &MemStorage) -> Arc<LogStore> {
    let clock = Arc::new(ManualClock::new(TimeNs(1)));
    Arc::new(LogStore::open(Arc::new(storage.clone()), clock, LogStoreOptions::default()).unwrap())
}

fn start(storage: &MemStorage, options: &PipelineOptions) -> Pipeline {
    Pipeline::start(open_store(storage), options).unwrap()
}

fn records(count: usize) -> Vec<LogRecord> {
    (0..count).map(|n| record(&format!("message {n}"))).collect()
}

/// Records that a power cut now would leave.
fn durable_records(storage: &MemStorage) -> u64 {
    open_store(&storage.crash()).status().records
}

#[track_caller]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = deadline();
    while !condition() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// Holds the first fsync up until the sender is dropped or says go on.
fn hold_first_sync(storage: &MemStorage) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (reached, at_sync) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let hold = Mutex::new(Some((reached, released)));
    storage.on_operation(move |operation| {
        if operation.kind == OperationKind::Sync
            && let Some((reached, released)) = hold.lock().take()
        {
            let _ = reached.send(());
            let _ = released.recv_timeout(PATIENCE);
        }
    });
    (at_sync, release)
}

#[test]
fn stored_records_are_durable_on_return() {
    let storage = MemStorage::new(1);
    let pipeline = start(&storage, &PipelineOptions::default());
    pipeline.store(records(3)).unwrap();
    assert_eq!(durable_records(&storage), 3);
    pipeline.store(Vec::new()).unwrap();
    assert_eq!(pipeline.last_error(), None);
}

#[test]
fn offered_records_become_durable_by_themselves() {
    let storage = MemStorage::new(1);
    let pipeline = start(&storage, &PipelineOptions::default());
    assert_eq!(pipeline.offer(records(5)), 0);
    assert_eq!(pipeline.offer(Vec::new()), 0);
    wait_until("5 records are durable", || durable_records(&storage) == 5);
    assert_eq!(pipeline.shared.metrics.stored_records.get(), 5);
}

#[test]
fn stopping_stores_what_waits_and_refuses_what_comes() {
    let storage = MemStorage::new(1);
    let pipeline = start(&storage, &PipelineOptions::default());
    assert_eq!(pipeline.offer(records(20_000)), 0);
    assert_eq!(pipeline.stop(deadline()), 0);
    assert_eq!(durable_records(&storage), 20_000);
    assert_eq!(pipeline.offer(records(2)), 2);
    assert_eq!(pipeline.store(records(2)), Err(Refused::Stopping));
    assert_eq!(pipeline.stop(deadline()), 0);
}

#[test]
fn a_full_queue_drops_and_counts() {
    let storage = MemStorage::new(1);
    let options =
        PipelineOptions { queue_records_max: 10, commit_interval: DurationMs(0), ..PipelineOptions::default() };
    let (at_sync, release) = hold_first_sync(&storage);
    let pipeline = start(&storage, &options);
    assert_eq!(pipeline.offer(records(1)), 0);
    at_sync.recv_timeout(PATIENCE).unwrap();
    assert_eq!(pipeline.offer(records(8)), 0);
    assert_eq!(pipeline.offer(records(5)), 3);
    assert_eq!(pipeline.stop(Instant::now()), 10, "given up while the disk hangs");
    drop(release);
    let dropped = |reason| pipeline.shared.metrics.dropped_records.get_or_create(&[("reason", reason)]).get();
    assert_eq!((dropped("queue_full"), dropped("stopping")), (3, 10));
}

#[test]
fn a_failing_disk_is_told_and_forgotten_when_it_works_again() {
    let storage = MemStorage::new(1);
    let pipeline = start(&storage, &PipelineOptions::default());
    storage.unplug_at(storage.operations() + 1);
    let refused = pipeline.store(records(2)).unwrap_err();
    assert!(matches!(&refused, Refused::Storage(text) if text.contains("planned fault")), "{refused}");
    assert!(pipeline.last_error().unwrap().contains("planned fault"));
    storage.repair();
    pipeline.store(records(1)).unwrap();
    assert_eq!(pipeline.last_error(), None);
    assert_eq!(pipeline.shared.metrics.refused_records.get(), 2);
}

#[test]
fn offered_records_that_could_not_be_made_durable_are_counted() {
    let storage = MemStorage::new(1);
    let pipeline = start(&storage, &PipelineOptions::default());
    storage.fail_at(storage.operations() + 1, Fault::Io);
    pipeline.offer(records(2));
    wait_until("the failure is known", || pipeline.last_error().is_some());
    assert_eq!(pipeline.shared.metrics.undurable_records.get(), 2);
    pipeline.offer(records(1));
    wait_until("the next record is durable", || pipeline.last_error().is_none());
}

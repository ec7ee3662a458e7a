use super::*;
use crate::queue::BatchSize;
use crate::testing::{Fates, record};
use proptest::prelude::*;
use std::sync::mpsc;
use std::time::Duration;
use watchfire_logstore::LogStoreOptions;
use watchfire_model::{ByteSize, DurationMs, TimeNs};

use watchfire_store::{Fault, ManualClock, MemStorage, OperationKind};

/// How long a test waits for what should happen soon.
const PATIENCE: Duration = Duration::from_secs(20);

fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

fn open_store(storage: &MemStorage) -> Arc<LogStore> {
    let clock = Arc::new(ManualClock::new(TimeNs(1)));
    let store = LogStore::open(Arc::new(storage.clone()), clock, LogStoreOptions::default()).unwrap();
    store.wait_ready().unwrap();
    Arc::new(store)
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

/// Offers so many records.
fn offer(pipeline: &Pipeline, fates: &Fates, count: usize) {
    pipeline.offer(records(count), fates.receipt(count));
}

#[track_caller]
fn check(fates: &Fates, want: &[(Fate, usize)]) {
    wait_until("every fate is known", || fates.n_unknown() == 0);
    assert_eq!(fates.count(), want.iter().copied().collect());
}

#[test]
fn offered_records_become_durable_by_themselves() {
    let storage = MemStorage::new(1);
    let pipeline = start(&storage, &PipelineOptions::default());
    let fates = Fates::default();
    offer(&pipeline, &fates, 5);
    offer(&pipeline, &fates, 0);
    check(&fates, &[(Fate::Stored, 5)]);
    assert_eq!(durable_records(&storage), 5);
    assert_eq!(pipeline.shared.metrics.stored_records.get(), 5);
    assert_eq!(pipeline.shared.queue.held(), BatchSize::default());
}

#[test]
fn stopping_stores_what_waits_and_refuses_what_comes() {
    let storage = MemStorage::new(1);
    let pipeline = start(&storage, &PipelineOptions::default());
    let fates = Fates::default();
    offer(&pipeline, &fates, 20_000);
    assert_eq!(pipeline.stop(deadline()), 0);
    assert_eq!(durable_records(&storage), 20_000);
    offer(&pipeline, &fates, 2);
    assert_eq!(pipeline.store(records(2)), Err(Refused::Stopping));
    assert_eq!(pipeline.stop(deadline()), 0);
    check(&fates, &[(Fate::Stored, 20_000), (Fate::Stopping, 2)]);
}

#[test]
fn a_full_queue_drops_and_counts() {
    let storage = MemStorage::new(1);
    let options =
        PipelineOptions { queue_records_max: 10, commit_interval: DurationMs(0), ..PipelineOptions::default() };
    let (at_sync, release) = hold_first_sync(&storage);
    let pipeline = start(&storage, &options);
    let fates = Fates::default();
    offer(&pipeline, &fates, 1);
    at_sync.recv_timeout(PATIENCE).unwrap();
    offer(&pipeline, &fates, 7);
    offer(&pipeline, &fates, 5);
    assert_eq!(fates.count(), [(Fate::PipelineFull, 3)].into());
    assert_eq!(pipeline.stop(Instant::now()), 9, "given up while the disk hangs");
    drop(release);
    check(&fates, &[(Fate::PipelineFull, 3), (Fate::Stopping, 9), (Fate::Stored, 1)]);
    let dropped = |reason| pipeline.shared.metrics.dropped_records.get_or_create(&[("reason", reason)]).get();
    assert_eq!((dropped("pipeline_full"), dropped("stopping")), (3, 9));
}

#[test]
fn senders_that_wait_are_bounded_in_memory() {
    let storage = MemStorage::new(1);
    let options = PipelineOptions { storing_bytes_max: ByteSize(1), ..PipelineOptions::default() };
    let (at_sync, release) = hold_first_sync(&storage);
    let pipeline = Arc::new(start(&storage, &options));
    let first = Arc::clone(&pipeline);
    let first = thread::spawn(move || first.store(records(100)));
    at_sync.recv_timeout(PATIENCE).unwrap();
    assert_eq!(pipeline.store(records(1)), Err(Refused::Busy));
    drop(release);
    assert_eq!(first.join().unwrap(), Ok(()));
    assert_eq!(pipeline.store(records(1)), Ok(()));
    assert_eq!(pipeline.shared.storing.load(Ordering::Relaxed), 0);
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
fn a_batch_that_a_fault_kept_from_the_disk_is_stored_once_more() {
    let mut n_undurable = 0;
    for fault in 1..6 {
        let storage = MemStorage::new(1);
        let pipeline = start(&storage, &PipelineOptions::default());
        let fates = Fates::default();
        storage.fail_at(storage.operations() + fault, Fault::Io);
        offer(&pipeline, &fates, 2);
        check(&fates, &[(Fate::Stored, 2)]);
        assert_eq!(pipeline.last_error(), None);
        assert_eq!((durable_records(&storage), pipeline.shared.store.status().records), (2, 2));
        n_undurable += pipeline.shared.metrics.undurable_records.get();
    }
    assert!(n_undurable >= 2, "one of the faults hits the commit");
}

#[test]
fn a_full_disk_is_waited_for_and_then_said() {
    let storage = MemStorage::new(1);
    let options = PipelineOptions { queue_records_max: 10, ..PipelineOptions::default() };
    let pipeline = start(&storage, &options);
    let fates = Fates::default();
    storage.set_has_room(false);
    offer(&pipeline, &fates, 8);
    wait_until("the store has refused", || pipeline.last_error().is_some());
    assert!(matches!(pipeline.store(records(1)), Err(Refused::DiskFull(_))));
    offer(&pipeline, &fates, 5);
    assert_eq!(fates.count(), [(Fate::DiskFull, 3)].into());
    storage.set_has_room(true);
    check(&fates, &[(Fate::DiskFull, 3), (Fate::Stored, 10)]);
    assert_eq!((durable_records(&storage), pipeline.last_error()), (10, None));
}

#[test]
fn a_disk_that_stays_away_costs_the_records_after_a_while() {
    let storage = MemStorage::new(1);
    let options = PipelineOptions { patience: DurationMs(100), ..PipelineOptions::default() };
    let pipeline = start(&storage, &options);
    let fates = Fates::default();
    storage.unplug_at(storage.operations() + 1);
    offer(&pipeline, &fates, 3);
    wait_until("the records are given up", || fates.n_unknown() == 0);
    assert_eq!(fates.of(Fate::CommitFailed) + fates.of(Fate::StoreFailed), 3);
    assert!(pipeline.last_error().unwrap().contains("planned fault"));
    storage.repair();
    offer(&pipeline, &fates, 4);
    wait_until("the next records are durable", || fates.of(Fate::Stored) == 4);
    assert_eq!((durable_records(&storage), pipeline.last_error()), (4, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_record_has_one_fate_and_what_is_stored_is_durable(
        offers in proptest::collection::vec(0..40_usize, 1..12),
        faults in proptest::collection::vec(1..60_u64, 0..4),
        records_max in 20..200_u64,
    ) {
        let storage = MemStorage::new(1);
        let options = PipelineOptions {
            queue_records_max: records_max,
            commit_interval: DurationMs(1),
            patience: DurationMs(20),
            ..PipelineOptions::default()
        };
        let pipeline = start(&storage, &options);
        let opened = storage.operations();
        for fault in faults {
            storage.fail_at(opened + fault, Fault::Io);
        }
        let fates = Fates::default();
        for count in &offers {
            offer(&pipeline, &fates, *count);
        }
        pipeline.stop(deadline());
        prop_assert_eq!(fates.n_unknown(), 0);
        prop_assert_eq!(fates.count().values().sum::<usize>(), offers.iter().sum::<usize>());
        prop_assert_eq!(pipeline.shared.queue.held(), BatchSize::default());
        prop_assert_eq!(durable_records(&storage), fates.of(Fate::Stored) as u64);
    }
}

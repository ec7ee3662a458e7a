//! Two stores on one faulty disk, driven step by step, with a judge for each.

use crate::data::{record, series, value};
use crate::log_judge::LogJudge;
use crate::metric_judge::MetricJudge;
use crate::script::Step;
use crate::stores::{LOG_RETENTION, LOG_RETENTION_SHORT, METRIC_RETENTION, METRIC_SPAN, START, Stores, chain};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use watchfire_logstore::LogStore;
use watchfire_model::{DurationMs, LogRecord, Sample, Timestamp};
use watchfire_store::{Clock, ManualClock, MemStorage, Operation, Storage};
use watchfire_tsdb::Tsdb;
use watchfire_wal::Position;

const HOUR_MS: i64 = 3_600_000;

/// The log store's own thread that writes full memtables out.
const FLUSH_THREAD: &str = "logstore-flush";

/// The machine, what runs on it, and what was promised.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) storage: MemStorage,
    clock: Arc<ManualClock>,
    /// How far the clock has jumped away.
    jumped_ms: i64,
    stores: Option<Stores>,
    log_judge: LogJudge,
    metric_judge: MetricJudge,
    /// Senders that wait for their answer: numbers of records, and where they are in the log.
    waiting: Vec<(Vec<u64>, Position)>,
    next_record: u64,
    next_write: u64,
    /// A fault was planned since the last repair.
    is_faulty: bool,
    pub(crate) events: Events,
    is_traced: bool,
    raced: Arc<AtomicBool>,
}

/// What a run amounted to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) records_acknowledged: u64,
    pub(crate) records_refused: u64,
    pub(crate) records_back: u64,
    pub(crate) samples_acknowledged: u64,
    pub(crate) samples_refused: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, other: Totals) {
        self.records_acknowledged += other.records_acknowledged;
        self.records_refused += other.records_refused;
        self.records_back += other.records_back;
        self.samples_acknowledged += other.samples_acknowledged;
        self.samples_refused += other.samples_refused;
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        let world = World {
            storage: MemStorage::new(seed),
            clock: Arc::new(ManualClock::new(START.to_ns())),
            jumped_ms: 0,
            stores: None,
            log_judge: LogJudge::new(),
            metric_judge: MetricJudge::new(METRIC_RETENTION, METRIC_SPAN),
            waiting: Vec::new(),
            next_record: 0,
            next_write: 0,
            is_faulty: false,
            events: Events::default(),
            is_traced: false,
            raced: Arc::default(),
        };
        world.watch();
        world
    }

    /// Looks at every operation and the thread that asks for it.
    fn watch(&self) {
        let (is_traced, raced) = (self.is_traced, Arc::clone(&self.raced));
        self.storage.on_operation(move |operation| {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or_default();
            if name == FLUSH_THREAD {
                raced.store(true, Ordering::Relaxed);
            }
            if is_traced {
                let Operation { number, kind, key } = operation;
                eprintln!("  {number} {kind:?} {key} ({name})");
            }
        });
    }

    /// Prints every operation from now on.
    pub(crate) fn trace(&mut self) {
        self.is_traced = true;
        self.watch();
    }

    /// Whether the order of operations was left to chance: a thread of the log store took over a flush that a step had
    /// asked for. Everything else happens in the steps' own thread, or while it waits.
    pub(crate) fn has_raced(&self) -> bool {
        self.raced.load(Ordering::Relaxed)
    }

    /// Carries out a step, and says what went against a promise.
    pub(crate) fn step(&mut self, step: Step) -> Result<(), String> {
        self.open()?;
        match step {
            Step::AppendLogs { records } => self.append_logs(records)?,
            Step::CommitLogs => self.commit_logs(),
            Step::AppendSamples { series, late_ms } => self.append_samples(series, late_ms)?,
            Step::CommitSamples => self.commit_samples(),
            Step::FlushLogs => self.on_logs("flush", LogStore::flush)?,
            Step::CompactLogs => self.on_logs("compact", LogStore::compact)?,
            Step::CompactMetrics => self.on_metrics("compact", |tsdb| tsdb.compact().map(drop))?,
            Step::Scrub => self.scrub()?,
            Step::Repair => {
                self.on_logs("repair", |logs| logs.repair().map(drop))?;
                self.on_metrics("repair", |tsdb| tsdb.repair().map(drop))?;
            }
            Step::Pin => {
                self.on_logs("pin", |logs| logs.pin().map(drop))?;
                self.on_metrics("pin", |tsdb| tsdb.pin().map(drop))?;
            }
            Step::MaintainLogs => self.maintain_logs()?,
            Step::MaintainMetrics => self.maintain_metrics()?,
            Step::Advance { ms } => self.clock.advance_ms(ms),
            Step::Jump { ms } => {
                self.jumped_ms += ms;
                self.clock.advance_ms(ms);
            }
            Step::JumpBack => self.clock.advance_ms(-std::mem::take(&mut self.jumped_ms)),
            Step::Check => self.check(false)?,
            Step::Restart => {
                self.stop();
                self.open()?;
                self.check(false)?;
            }
            Step::PowerCut => self.power_cut()?,
            Step::Fail { ahead, fault } => {
                self.plan_fault();
                self.storage.fail_at(self.storage.operations() + ahead, fault);
            }
            Step::Unplug { ahead } => {
                self.plan_fault();
                self.storage.unplug_at(self.storage.operations() + ahead);
            }
            Step::Fill { bytes } => {
                self.plan_fault();
                let used: u64 = self.objects().iter().map(|object| object.size).sum();
                self.storage.set_capacity(Some(used + bytes));
                self.storage.set_has_room(false);
            }
            Step::Mend => self.mend(),
        }
        self.events.add(&format!("{step:?} {}", self.storage.operations()));
        Ok(())
    }

    /// The end of every run: the disk works again, something fresh flows, the power fails, everything promised is there.
    pub(crate) fn finish(&mut self) -> Result<Totals, String> {
        self.mend();
        self.open()?;
        self.clock.advance_ms(61_000 - std::mem::take(&mut self.jumped_ms));
        self.check(false)?;
        for step in [
            Step::AppendLogs { records: 3 },
            Step::CommitLogs,
            Step::AppendSamples { series: 3, late_ms: 0 },
            Step::CommitSamples,
            Step::FlushLogs,
            Step::MaintainLogs,
            Step::MaintainMetrics,
            Step::PowerCut,
            Step::AppendLogs { records: 3 },
            Step::CommitLogs,
            Step::FlushLogs,
            Step::PowerCut,
        ] {
            self.step(step).map_err(|violation| format!("at the end, {step:?}: {violation}"))?;
        }
        Ok(Totals {
            records_acknowledged: self.log_judge.acknowledged,
            records_refused: self.log_judge.refused,
            records_back: self.log_judge.came_back,
            samples_acknowledged: self.metric_judge.acknowledged,
            samples_refused: self.metric_judge.refused,
        })
    }

    /// What the power's failing now leaves, in a machine that works.
    pub(crate) fn power_cut(&mut self) -> Result<(), String> {
        self.stop();
        self.storage = self.storage.crash();
        self.storage.set_capacity(None);
        self.watch();
        self.is_faulty = false;
        self.open()?;
        self.check(true)
    }

    /// Opens the stores if they are not. It may fail where the disk does, and never otherwise.
    fn open(&mut self) -> Result<(), String> {
        if self.stores.is_some() {
            return Ok(());
        }
        for _ in 0..2 {
            match Stores::open(&self.storage, &self.clock) {
                Ok(stores) => {
                    self.stores = Some(stores);
                    return Ok(());
                }
                Err(error) if self.is_faulty => {
                    self.events.add(&error);
                    self.mend();
                }
                Err(error) => return Err(format!("the stores do not open: {error}")),
            }
        }
        Err("the stores do not open on a disk that works again".to_owned())
    }

    fn stop(&mut self) {
        self.stores = None;
        self.waiting.clear();
        self.log_judge.restarted();
        self.metric_judge.restarted();
    }

    fn plan_fault(&mut self) {
        self.is_faulty = true;
        self.log_judge.fault();
    }

    fn mend(&mut self) {
        self.storage.repair();
        self.storage.set_capacity(None);
        self.storage.set_has_room(true);
        self.is_faulty = false;
    }

    fn append_logs(&mut self, count: u64) -> Result<(), String> {
        let now = self.clock.now();
        let ids: Vec<u64> = (self.next_record..self.next_record + count).collect();
        self.next_record += count;
        let records: Vec<LogRecord> = ids.iter().map(|id| record(*id, now)).collect();
        let appended = self.stores().logs.append(records.clone());
        for (id, record) in ids.iter().zip(records) {
            self.log_judge.appended(*id, record);
        }
        match appended {
            Ok(position) => self.waiting.push((ids, position)),
            Err(error) => {
                self.log_judge.refused(&ids);
                self.failed("append logs", &chain(&error))?;
            }
        }
        if self.is_faulty {
            self.log_judge.fault();
        }
        Ok(())
    }

    fn commit_logs(&mut self) {
        for (ids, position) in std::mem::take(&mut self.waiting) {
            match self.stores().logs.commit(position) {
                Ok(()) => self.log_judge.acknowledged(&ids),
                Err(error) => {
                    // Right even on a disk that works again: a fault may have sealed the session before.
                    self.log_judge.refused(&ids);
                    self.events.add(&chain(&error));
                }
            }
        }
    }

    fn append_samples(&mut self, count: u64, late_ms: i64) -> Result<(), String> {
        let time = self.clock.now().to_ms().plus_ms(-late_ms);
        let writes: Vec<(u64, f64)> = (0..count).map(|number| (number, value(self.next_write + number))).collect();
        self.next_write += count;
        let tsdb = &self.stores().tsdb;
        let mut batch = Vec::new();
        for (number, value) in &writes {
            let id = tsdb.register(&series(*number)).map_err(|error| chain(&error))?;
            batch.push((id, Sample { time, value: *value }));
        }
        match tsdb.append(&batch) {
            Ok(appended) if appended.stored == batch.len() => {
                for (number, value) in writes {
                    self.metric_judge.appended(series(number), time.0, value);
                }
                Ok(())
            }
            // Too old or too far ahead for a clock that has jumped: all of them, as they have one time.
            Ok(appended) if appended.stored == 0 => {
                self.metric_judge.refused += count;
                Ok(())
            }
            Ok(appended) => Err(format!("of samples of one time a part is taken: {appended:?}")),
            Err(error) => {
                self.metric_judge.refused += count;
                self.failed("append samples", &chain(&error))
            }
        }
    }

    fn commit_samples(&mut self) {
        match self.stores().tsdb.commit() {
            Ok(()) => self.metric_judge.committed(),
            Err(error) => self.events.add(&chain(&error)),
        }
    }

    fn maintain_logs(&mut self) -> Result<(), String> {
        // The store knows arrivals by the hour: while the clock is far ahead it takes the hour for over.
        let steady = Timestamp((self.steady_now().0.div_euclid(HOUR_MS) + 1) * HOUR_MS);
        self.on_logs("maintain", LogStore::maintain)?;
        let before = |retention: DurationMs| steady.plus_ms(-(retention.0 as i64)).to_ns();
        self.log_judge.expired(before(LOG_RETENTION), before(LOG_RETENTION_SHORT));
        Ok(())
    }

    fn scrub(&mut self) -> Result<(), String> {
        let _ = self.stores().logs.scrub(1 << 20);
        self.on_metrics("scrub", |tsdb| tsdb.scrub(1 << 20).map(drop))?;
        match self.stores().logs.status().damaged.first() {
            Some(damaged) => self.failed("scrub", &format!("{damaged:?}")),
            None => Ok(()),
        }
    }

    fn on_metrics<E: std::error::Error>(
        &mut self,
        what: &str,
        call: impl FnOnce(&Tsdb) -> Result<(), E>,
    ) -> Result<(), String> {
        call(&self.stores().tsdb).or_else(|error| self.failed(what, &chain(&error)))
    }

    fn maintain_metrics(&mut self) -> Result<(), String> {
        let maintained = self.stores().tsdb.maintain().map_err(|error| chain(&error));
        self.metric_judge.expired(self.clock.now().to_ms().0);
        maintained.or_else(|error| self.failed("maintain metrics", &error))
    }

    fn on_logs<E: std::error::Error>(
        &mut self,
        what: &str,
        call: impl FnOnce(&LogStore) -> Result<(), E>,
    ) -> Result<(), String> {
        call(&self.stores().logs).or_else(|error| self.failed(what, &chain(&error)))
    }

    /// An error is right where a fault was planned.
    fn failed(&mut self, what: &str, error: &str) -> Result<(), String> {
        self.events.add(error);
        if self.is_faulty { Ok(()) } else { Err(format!("{what} fails on a disk that works: {error}")) }
    }

    fn check(&mut self, is_settled: bool) -> Result<(), String> {
        let answers = match self.stores().ask() {
            Ok(answers) if answers.missing.is_empty() => answers,
            Ok(answers) => return self.failed("a query", &format!("{:?} is missing from it", answers.missing)),
            Err(error) => return self.failed("a query", &error),
        };
        let samples: usize = answers.samples.values().map(BTreeMap::len).sum();
        self.events.add(&format!("{} {samples}", answers.records.len()));
        self.log_judge.check(answers.records, is_settled)?;
        self.metric_judge.check(&answers.samples, is_settled)
    }

    fn objects(&self) -> Vec<watchfire_store::Object> {
        self.storage.list("").unwrap_or_default()
    }

    /// What the clock would show had it never jumped.
    fn steady_now(&self) -> Timestamp {
        self.clock.now().to_ms().plus_ms(-self.jumped_ms)
    }

    fn stores(&self) -> &Stores {
        self.stores.as_ref().expect("a step opens the stores first")
    }
}

/// Everything that happened, in order: what a run with the same seed has to repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Events(Vec<String>);

impl Events {
    pub(crate) fn add(&mut self, event: &str) {
        self.0.push(event.to_owned());
    }

    /// FNV-1a over the texts.
    pub(crate) fn hash(&self) -> u64 {
        let bytes = self.0.iter().flat_map(|event| event.bytes().chain([0xff]));
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// Where two runs part: the place and both events.
    pub(crate) fn difference<'a>(&'a self, other: &'a Events) -> Option<(usize, &'a str, &'a str)> {
        let at = (0..self.0.len().max(other.0.len())).find(|at| self.0.get(*at) != other.0.get(*at))?;
        let event = |events: &'a Events| events.0.get(at).map_or("nothing", String::as_str);
        Some((at, event(self), event(other)))
    }
}

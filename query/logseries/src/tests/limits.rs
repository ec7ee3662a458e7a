//! Queries of log-derived series end where their limits are.

use super::*;
use std::ops::ControlFlow;
use watchfire_model::{
    AggregateRequest, ByteSize, Exhausted, Groups, LogAnswer, LogSourceError, METRIC_NAME, MemoryPool, Samples,
    ScanRequest,
};

fn many() -> Arc<dyn LogSource> {
    let records: Vec<LogRecord> =
        (0..10_000).map(|n| record(n * 1_000_000, &format!("s{}", n % 50), Some(3), "x", &[])).collect();
    store(&records)
}

fn read_all(logs: &LogSeries, budget: &QueryBudget) -> Result<usize, SelectError> {
    let mut samples = Samples::default();
    for series in logs.select(&[Matcher::equal(METRIC_NAME, "logs_total")], TimeRange::ALL, budget)? {
        series.read(TimeRange::ALL, budget, &mut samples)?;
    }
    Ok(samples.len())
}

#[test]
fn series_samples_memory_and_time_are_bounded() {
    let source = many();
    let logs = LogSeries::new(Arc::clone(&source), LogSeriesConfig::default());
    // A step up is two samples.
    assert_eq!(read_all(&logs, &QueryBudget::unlimited()), Ok(20_000));
    assert_eq!(read_all(&logs, &QueryBudget::new(500)), Err(SelectError::Budget(Exhausted::Samples { max: 500 })));
    let pool = MemoryPool::new("queries", ByteSize(1 << 30));
    let narrow = QueryBudget::unlimited().with_memory(&pool, 200_000);
    assert_eq!(read_all(&logs, &narrow), Err(SelectError::Budget(Exhausted::Memory { max: 200_000 })));
    let cancelled = QueryBudget::unlimited();
    cancelled.cancel();
    assert_eq!(read_all(&logs, &cancelled), Err(SelectError::Budget(Exhausted::Cancelled)));
    let few = LogSeries::new(source, LogSeriesConfig { series_max: 49, ..LogSeriesConfig::default() });
    let too_many = "the log records make more than 49 series: name fewer fields in log_by, or select fewer records";
    assert_eq!(read_all(&few, &QueryBudget::unlimited()), Err(SelectError::Refused(too_many.to_owned())));
}

#[test]
fn a_configuration_is_checked() {
    let check = |config: LogSeriesConfig, want: &str| {
        assert_eq!(config.validate().map_err(|error| error.to_string()), Err(want.to_owned()));
    };
    let default = LogSeriesConfig::default();
    assert_eq!(default.validate(), Ok(()));
    check(LogSeriesConfig { series_max: 0, ..default.clone() }, "series_max: must be at least 1");
    check(LogSeriesConfig { labels: vec!["".into()], ..default.clone() }, "labels: a field needs a name");
    let many = vec!["a".into(); 17];
    check(LogSeriesConfig { labels: many, ..default }, "labels: at most 16 fields can be labels, here are 17");
}

/// Answers nothing, and says that there is more.
struct Damaged;

impl LogSource for Damaged {
    fn scan(
        &self,
        _: &ScanRequest,
        _: &QueryBudget,
        _: &mut dyn FnMut(u64, &LogRecord) -> ControlFlow<()>,
    ) -> Result<LogAnswer, LogSourceError> {
        Err(LogSourceError::Failed("the disk is gone".to_owned()))
    }

    fn aggregate(&self, request: &AggregateRequest, _: &QueryBudget) -> Result<(Groups, LogAnswer), LogSourceError> {
        let groups = Groups::new(Arc::new(request.spec.clone()));
        Ok((groups, LogAnswer { partial: vec!["block 7 is damaged".to_owned()], ..LogAnswer::default() }))
    }
}

#[test]
fn what_is_missing_is_said_to_the_query_that_met_it() {
    let logs = LogSeries::new(Arc::new(Damaged), LogSeriesConfig::default());
    let (first, second) = (logs.for_query(), logs.for_query());
    assert_eq!(ask(&first, "logs_count", START_MS), Vec::<String>::new());
    assert_eq!(first.missing(TimeRange::ALL), ["block 7 is damaged"]);
    assert!(second.missing(TimeRange::ALL).is_empty());
    // One group of all records is there even when no record passes.
    assert_eq!(ask(&second, "logs_count{log_by=\"\"}", START_MS), Vec::<String>::new());
}

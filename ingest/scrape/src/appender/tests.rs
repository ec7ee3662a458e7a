//! Pages go in, series come out.

use super::*;
use crate::config::{GlobalConfig, ScrapeConfig, ScrapeSettings};
use crate::testing::{dump, store};
use watchfire_model::{MetricKind, MetricMetadata, TimeNs};
use watchfire_store::{Clock, ManualClock};
use watchfire_tsdb::TsdbOptions;

/// Scrapes happen at these milliseconds plus a few.
pub(super) const START: i64 = 1_000_000_000_000;
const SERIES_MAX: u64 = 100;

pub(super) struct Fixture {
    clock: Arc<ManualClock>,
    pub(super) tsdb: Arc<Tsdb>,
    pub(super) appender: TargetAppender,
}

impl Fixture {
    pub(super) fn new(config: &str) -> Fixture {
        let config: ScrapeConfig = serde_saphyr::from_str(config).expect(config);
        let settings = ScrapeSettings::new(&config, &GlobalConfig::default());
        let rules = Arc::new(SampleRules::new(&config, &settings).unwrap());
        let clock = Arc::new(ManualClock::new(TimeNs((START + 60_000) * 1_000_000)));
        let tsdb = store(Arc::clone(&clock) as Arc<dyn Clock>, TsdbOptions::default());
        let target = Labels::from_pairs([("job", "j"), ("instance", "i")]);
        let metrics = ScrapeMetrics::default();
        let limits = (SERIES_MAX, Duration::from_secs(10));
        let appender = TargetAppender::new(Arc::clone(&tsdb), metrics, rules, target, Vec::new(), limits);
        Fixture { clock, tsdb, appender }
    }

    /// Scrapes a text page at `START + ms`; the text is empty or says why the scrape failed.
    pub(super) fn scrape(&mut self, ms: i64, page: &str) -> String {
        let page = Ok(Page::of(page, "text/plain"));
        let result = self.appender.append_scrape(page, Timestamp(START + ms), || Duration::from_millis(5));
        result.map_or_else(|(failure, _)| failure.to_string(), |_| String::new())
    }

    /// The series of a metric, with times relative to [`START`].
    #[track_caller]
    pub(super) fn check(&self, metric: &str, want: &[&str]) {
        let got: Vec<String> = dump(&self.tsdb, metric).iter().map(|line| line.replace("@1000000000", "@")).collect();
        assert_eq!(got, want);
    }
}

#[test]
fn samples_get_the_target_labels_and_the_scrape_reports_itself() {
    let mut fixture = Fixture::new("{job_name: j}");
    assert_eq!(fixture.scrape(100, "a{x=\"1\"} 1\na{x=\"2\"} 2\n"), "");
    assert_eq!(fixture.scrape(200, "a{x=\"1\"} 3\na{x=\"2\"} 4\n"), "");
    fixture.check(
        "a",
        &[r#"a{instance="i", job="j", x="1"}: 1@100 3@200"#, r#"a{instance="i", job="j", x="2"}: 2@100 4@200"#],
    );
    fixture.check("up", &[r#"up{instance="i", job="j"}: 1@100 1@200"#]);
    fixture
        .check("scrape_duration_seconds", &[r#"scrape_duration_seconds{instance="i", job="j"}: 0.005@100 0.005@200"#]);
    fixture.check("scrape_samples_scraped", &[r#"scrape_samples_scraped{instance="i", job="j"}: 2@100 2@200"#]);
    fixture.check("scrape_series_added", &[r#"scrape_series_added{instance="i", job="j"}: 2@100 0@200"#]);
}

#[test]
fn vanished_series_and_failed_scrapes_get_staleness_markers() {
    let mut fixture = Fixture::new("{job_name: j}");
    fixture.scrape(100, "a 1\nb 1\nt 1 1000000000050\n");
    fixture.scrape(200, "a 2\n");
    assert_eq!(
        fixture.scrape(300, "a 3\nb{ 1\n"),
        "the page cannot be read: line 2: a label name is missing or has a character that is not allowed"
    );
    fixture.scrape(400, "a 4\n");
    fixture.appender.append_end(Timestamp(START + 500)).unwrap();
    fixture.check("a", &[r#"a{instance="i", job="j"}: 1@100 2@200 stale@300 4@400 stale@500"#]);
    fixture.check("b", &[r#"b{instance="i", job="j"}: 1@100 stale@200"#]);
    fixture.check("t", &[r#"t{instance="i", job="j"}: 1@050"#]); // its own times: no marker
    fixture.check("up", &[r#"up{instance="i", job="j"}: 1@100 1@200 0@300 1@400 stale@500"#]);
}

#[test]
fn times_of_the_page_are_honored_and_tracked_as_told() {
    let mut fixture = Fixture::new("{job_name: j, honor_timestamps: false}");
    fixture.scrape(100, "a 1 7\n");
    fixture.check("a", &[r#"a{instance="i", job="j"}: 1@100"#]);
    let mut fixture = Fixture::new("{job_name: j, track_timestamps_staleness: true}");
    fixture.scrape(100, "a 1 1000000000050\n");
    fixture.scrape(200, "");
    fixture.check("a", &[r#"a{instance="i", job="j"}: 1@050 stale@200"#]);
}

#[test]
fn conflicting_labels_move_or_win() {
    let page = "a{job=\"own\",exported_job=\"x\",instance=\"\"} 1\n";
    let mut fixture = Fixture::new("{job_name: j}");
    fixture.scrape(100, page);
    fixture.check("a", &[r#"a{exported_exported_job="own", exported_job="x", instance="i", job="j"}: 1@100"#]);
    let mut fixture = Fixture::new("{job_name: j, honor_labels: true}");
    fixture.scrape(100, page);
    fixture.check("a", &[r#"a{exported_job="x", instance="i", job="own"}: 1@100"#]);
}

#[test]
fn metric_relabeling_drops_and_renames() {
    let mut fixture = Fixture::new(
        "{job_name: j, metric_relabel_configs: [\
         {source_labels: [__name__], regex: 'b', action: drop}, {regex: 'x|instance', action: labeldrop}]}",
    );
    fixture.scrape(100, "a{x=\"1\"} 1\nb 1\n");
    fixture.scrape(200, "a{x=\"1\"} 2\nb 1\n");
    fixture.check("a", &[r#"a{job="j"}: 1@100 2@200"#]);
    fixture.check("b", &[]);
    fixture.check(
        "scrape_samples_post_metric_relabeling",
        &[r#"scrape_samples_post_metric_relabeling{instance="i", job="j"}: 1@100 1@200"#],
    );
    let mut fixture = Fixture::new("{job_name: j, metric_relabel_configs: [{regex: __name__, action: labeldrop}]}");
    assert_eq!(fixture.scrape(100, "a 1"), "a sample has no metric name after relabeling");
}

#[track_caller]
fn check_limit(config: &str, page: &str, want: &str) {
    let mut fixture = Fixture::new(config);
    assert_eq!(fixture.scrape(100, page), want);
    fixture.check("a", &[]);
    fixture.check("up", &[r#"up{instance="i", job="j"}: 0@100"#]);
}

#[test]
fn a_page_over_a_limit_is_refused_whole() {
    check_limit("{job_name: j, sample_limit: 1}", "a 1\nb 1\n", "sample_limit exceeded: 2, the limit is 1");
    check_limit("{job_name: j, label_limit: 3}", "a{x=\"1\"} 1\n", "label_limit exceeded: 4, the limit is 3");
    check_limit(
        "{job_name: j, label_name_length_limit: 9}",
        "a{abcdefghij=\"1\"} 1\n",
        "label_name_length_limit exceeded: 10, the limit is 9",
    );
    check_limit(
        "{job_name: j, label_value_length_limit: 2}",
        "a{x=\"123\"} 1\n",
        "label_value_length_limit exceeded: 3, the limit is 2",
    );
    check_limit("{job_name: j, metric_name_validation_scheme: legacy}", "{\"a.b\"} 1\n", "`a.b` is not a valid name");
}

#[test]
fn a_series_over_a_built_in_limit_is_left_out() {
    let mut fixture = Fixture::new("{job_name: j}");
    let labels = |count| (0..count).map(|index| format!("l{index}=\"x\",")).collect::<Vec<_>>().concat();
    let many = labels(127);
    let absurd = labels(10_000);
    let (name, value) = ("n".repeat(1025), "v".repeat(8193));
    let page = format!("a{{{many}}} 1\na{{{absurd}}} 1\na{{{name}=\"x\"}} 1\na{{x=\"{value}\"}} 1\na 1\n");
    for ms in [100, 200] {
        assert_eq!(fixture.scrape(ms, &page), "");
    }
    fixture.check("a", &[r#"a{instance="i", job="j"}: 1@100 1@200"#]);
    fixture.check(
        "scrape_samples_post_metric_relabeling",
        &[r#"scrape_samples_post_metric_relabeling{instance="i", job="j"}: 1@100 1@200"#],
    );
    assert!(fixture.appender.cache.ids().count() == 1);
}

#[test]
fn a_set_limit_takes_the_place_of_the_built_in_one() {
    let mut fixture = Fixture::new("{job_name: j, label_value_length_limit: 10000}");
    assert_eq!(fixture.scrape(100, &format!("a{{x=\"{}\"}} 1\n", "v".repeat(9000))), "");
    assert_eq!(dump(&fixture.tsdb, "a").len(), 1);
}

#[test]
fn a_target_with_ever_new_series_costs_only_itself() {
    let mut fixture = Fixture::new("{job_name: j}");
    let page = |scrape: i64| {
        let churn: Vec<String> = (0..20).map(|index| format!("churn{{id=\"{scrape}-{index}\"}} 1\n")).collect();
        format!("steady 1\n{}", churn.concat())
    };
    for scrape in 0..30 {
        assert_eq!(fixture.scrape(100 + scrape, &page(scrape)), "");
    }
    assert_eq!(dump(&fixture.tsdb, "churn").len() as u64, SERIES_MAX - 1);
    assert!(dump(&fixture.tsdb, "steady")[0].ends_with("1@1000000000129"), "what was known goes on");
    let page = Ok(Page::of(page(30), "text/plain"));
    let result = fixture.appender.append_scrape(page, Timestamp(START + 130), || Duration::ZERO);
    assert_eq!(result.expect("a good page").beyond_quota, 20);
    // Hours later there is room again.
    fixture.clock.advance_ms(4 * 3_600_000);
    assert_eq!(fixture.scrape(4 * 3_600_000, "late 1\n"), "");
    assert_eq!(dump(&fixture.tsdb, "late").len(), 1);
}

#[test]
fn a_page_after_a_heavy_one_waits_among_its_like() {
    let mut fixture = Fixture::new("{job_name: j, sample_limit: 3}");
    let small = || Ok(Page::of("a 1\n", "text/plain"));
    assert!(!fixture.appender.is_heavy(&small()));
    fixture.scrape(100, "a 1\nb 1\nc 1\nd 1\n");
    assert!(fixture.appender.is_heavy(&small()), "it met a limit");
    fixture.scrape(200, "a 1\n");
    assert!(!fixture.appender.is_heavy(&small()));
    assert!(fixture.appender.is_heavy(&Ok(Page::of("#\n".repeat(1_100_000), "text/plain"))));
}

#[test]
fn the_first_of_two_equal_series_counts() {
    let mut fixture = Fixture::new("{job_name: j}");
    fixture.scrape(100, "a 1\na 2\nt 1 1000000000010\nt 2 1000000000020\n");
    fixture.check("a", &[r#"a{instance="i", job="j"}: 1@100"#]);
    fixture.check("t", &[r#"t{instance="i", job="j"}: 1@010 2@020"#]);
}

#[test]
fn metadata_reaches_the_store() {
    let mut fixture = Fixture::new("{job_name: j}");
    fixture.scrape(100, "# HELP a About a.\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n");
    let metadata = fixture.tsdb.metadata();
    let of = |kind, help: &str| vec![MetricMetadata { kind, help: help.to_owned(), unit: String::new() }];
    assert_eq!(
        metadata,
        [("a".to_owned(), of(MetricKind::Counter, "About a.")), ("b".to_owned(), of(MetricKind::Gauge, "")),]
    );
}

#[test]
fn series_that_the_store_forgot_are_registered_again() {
    let hours = |hours: i64| hours * 3_600_000;
    let mut fixture = Fixture::new("{job_name: j}");
    fixture.scrape(100, "a{x=\"1\"} 1\nb 1\n");
    for hour in 1..=12 {
        fixture.clock.advance_ms(hours(1));
        let other = fixture.tsdb.register(&Labels::from_pairs([("__name__", "other")])).unwrap();
        let sample = Sample { time: Timestamp(START + hours(hour)), value: 1.0 };
        fixture.tsdb.append(&[(other, sample)]).unwrap();
        fixture.tsdb.maintain().unwrap();
    }
    let known_before = fixture.tsdb.status().series;
    assert_eq!(known_before, 1, "the store still knows the idle series");
    assert_eq!(fixture.scrape(hours(12), "a{x=\"1\"} 2\nb 2\n"), "");
    let first = r#"a{instance="i", job="j", x="1"}: 1@1000000000100 2@1000043200000"#;
    assert_eq!(dump(&fixture.tsdb, "a"), [first]);
    assert_eq!(dump(&fixture.tsdb, "up"), [r#"up{instance="i", job="j"}: 1@1000000000100 1@1000043200000"#]);
    assert_eq!(fixture.scrape(hours(12) + 100, ""), "");
    assert!(dump(&fixture.tsdb, "a")[0].ends_with("stale@1000043200100"));
}

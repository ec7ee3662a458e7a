//! Histograms, start times, exemplars, and pages that look like the one before.

use super::tests::{Fixture, START};
use crate::fetch::Page;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use watchfire_model::{Matcher, QueryBudget, SeriesSource, TimeRange, Timestamp};

const PROTOBUF: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0";

/// The histogram `h` with the classic bucket to 1 and two native buckets of schema 3 beside the zero bucket; created at 7 s.
const HISTOGRAM: &[u8] = b"\x33\x0a\x01h\x18\x04\x22\x2c\x3a\x2a\x08\x03\x11\0\0\0\0\0\0\xf0\x3f\
                           \x1a\x0b\x08\x01\x11\0\0\0\0\0\0\xf0\x3f\x28\x06\x38\x01\x62\x04\x08\x04\x10\x02\x6a\x02\x02\x00\x7a\x02\x08\x07";

impl Fixture {
    /// Scrapes a page of any format; the text is empty or says why the scrape failed.
    fn scrape_as(&mut self, ms: i64, page: impl Into<Vec<u8>>, content_type: &str) -> String {
        let page = Ok(Page::of(page, content_type));
        let result = self.appender.append_scrape(page, Timestamp(START + ms), || Duration::from_millis(5));
        result.map_or_else(|(failure, _)| failure.to_string(), |_| String::new())
    }
}

#[test]
fn native_histograms_are_stored_as_told() {
    let mut fixture = Fixture::new("{job_name: j, scrape_native_histograms: true, scrape_start_timestamps: true}");
    assert_eq!(fixture.scrape_as(100, HISTOGRAM, PROTOBUF), "");
    assert_eq!(fixture.scrape_as(200, [], PROTOBUF), "");
    fixture.check("h", &[r#"h{instance="i", job="j"}: [3 3 2]@100<7000 stale@200"#]);
    fixture.check("h_bucket", &[]);
    let mut fixture =
        Fixture::new("{job_name: j, scrape_native_histograms: true, always_scrape_classic_histograms: true}");
    assert_eq!(fixture.scrape_as(100, HISTOGRAM, PROTOBUF), "");
    fixture.check("h", &[r#"h{instance="i", job="j"}: [3 3 2]@100"#]);
    fixture.check("h_count", &[r#"h_count{instance="i", job="j"}: 3@100"#]);
    fixture.check("scrape_samples_scraped", &[r#"scrape_samples_scraped{instance="i", job="j"}: 5@100"#]);
    let mut fixture = Fixture::new("{job_name: j}");
    assert_eq!(fixture.scrape_as(100, HISTOGRAM, PROTOBUF), "");
    fixture.check("h", &[]);
    fixture.check(
        "h_bucket",
        &[
            r#"h_bucket{instance="i", job="j", le="+Inf"}: 3@100"#,
            r#"h_bucket{instance="i", job="j", le="1.0"}: 1@100"#,
        ],
    );
}

#[test]
fn native_histograms_get_wider_buckets_or_fail_the_page() {
    let with = |limit: &str| Fixture::new(&format!("{{job_name: j, scrape_native_histograms: true, {limit}}}"));
    let mut fixture = with("native_histogram_min_bucket_factor: 2");
    assert_eq!(fixture.scrape_as(100, HISTOGRAM, PROTOBUF), "");
    fixture.check("h", &[r#"h{instance="i", job="j"}: [0 3 1]@100"#]);
    let mut fixture = with("native_histogram_bucket_limit: 1");
    assert_eq!(fixture.scrape_as(100, HISTOGRAM, PROTOBUF), "");
    fixture.check("h", &[r#"h{instance="i", job="j"}: [1 3 1]@100"#]);
}

#[test]
fn classic_histograms_are_converted() {
    let page = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 5\nh_count 3\na_count 1\n";
    let mut fixture = Fixture::new("{job_name: j, convert_classic_histograms_to_nhcb: true}");
    assert_eq!(fixture.scrape(100, page), "");
    assert_eq!(fixture.scrape(200, page), "");
    fixture.check("h", &[r#"h{instance="i", job="j"}: [-53 3 2]@100 [-53 3 2]@200"#]);
    fixture.check("h_count", &[]);
    fixture.check("a_count", &[r#"a_count{instance="i", job="j"}: 1@100 1@200"#]);
    let mut fixture = Fixture::new(
        "{job_name: j, convert_classic_histograms_to_nhcb: true, always_scrape_classic_histograms: true, \
         native_histogram_bucket_limit: 1}",
    );
    assert_eq!(fixture.scrape(100, page), "native_histogram_bucket_limit exceeded: 2, the limit is 1");
    fixture.check("up", &[r#"up{instance="i", job="j"}: 0@100"#]);
}

#[test]
fn converted_histograms_know_their_start() {
    let histogram = |x: &str, lines: [&str; 2]| {
        let part = |line: &str| match line {
            "created" => format!("h_created{{x=\"{x}\"}} {x}\n"),
            _ => format!("h_bucket{{x=\"{x}\",le=\"+Inf\"}} 3\nh_count{{x=\"{x}\"}} 3\nh_sum{{x=\"{x}\"}} 1\n"),
        };
        lines.map(part).concat()
    };
    let first = histogram("1", ["created", "values"]);
    let second = histogram("2", ["values", "created"]);
    let third = histogram("3", ["created", "values"]);
    let page = format!(
        "# TYPE a counter\na_total 1\n# TYPE h histogram\n{first}{second}{third}# TYPE b counter\nb_total 1\n# EOF\n"
    );
    let mut fixture =
        Fixture::new("{job_name: j, scrape_start_timestamps: true, convert_classic_histograms_to_nhcb: true}");
    assert_eq!(fixture.scrape_as(100, page, OPENMETRICS), "");
    let line = |x: u64| format!("h{{instance=\"i\", job=\"j\", x=\"{x}\"}}: [-53 3 1]@100<{x}000");
    fixture.check("h", &[&line(1), &line(2), &line(3)]);
    fixture.check("a_total", &[r#"a_total{instance="i", job="j"}: 1@100"#]);
    fixture.check("b_total", &[r#"b_total{instance="i", job="j"}: 1@100"#]);
}

#[test]
fn bounds_have_one_spelling() {
    let mut fixture = Fixture::new("{job_name: j, honor_labels: true}");
    fixture.scrape(
        100,
        "# TYPE h histogram\nh_bucket{le=\"1\",quantile=\"1\"} 1\n# TYPE s summary\ns{quantile=\"0.50\"} 1\n# TYPE g gauge\ng{le=\"1\"} 1\n",
    );
    fixture.check("h_bucket", &[r#"h_bucket{instance="i", job="j", le="1.0", quantile="1"}: 1@100"#]);
    fixture.check("s", &[r#"s{instance="i", job="j", quantile="0.5"}: 1@100"#]);
    fixture.check("g", &[r#"g{instance="i", job="j", le="1"}: 1@100"#]);
}

#[test]
fn created_samples_are_series_or_start_times() {
    let page = "# TYPE a counter\na_total{x=\"1\"} 1\na_created{x=\"1\"} 999999999.5\na_total{x=\"2\"} 2\n# EOF\n";
    let mut fixture = Fixture::new("{job_name: j}");
    assert_eq!(fixture.scrape_as(100, page, OPENMETRICS), "");
    fixture.check("a_created", &[r#"a_created{instance="i", job="j", x="1"}: 999999999.5@100"#]);
    let mut fixture = Fixture::new("{job_name: j, scrape_start_timestamps: true}");
    assert_eq!(fixture.scrape_as(100, page, OPENMETRICS), "");
    fixture.check("a_created", &[]);
    fixture.check(
        "a_total",
        &[
            r#"a_total{instance="i", job="j", x="1"}: 1@100<999999999500"#,
            r#"a_total{instance="i", job="j", x="2"}: 2@100"#,
        ],
    );
}

#[test]
fn exemplars_reach_the_store() {
    let page = |id: &str, time: &str| format!("# TYPE a counter\na_total 1 # {{id=\"{id}\"}} 0.5{time}\n# EOF\n");
    let mut fixture = Fixture::new("{job_name: j}");
    assert_eq!(fixture.scrape_as(100, page("1", ""), OPENMETRICS), "");
    assert_eq!(fixture.scrape_as(200, page("1", ""), OPENMETRICS), ""); // the same one, still shown
    assert_eq!(fixture.scrape_as(300, page("2", ""), OPENMETRICS), "");
    assert_eq!(fixture.scrape_as(400, page("3", " 1000000000.35"), OPENMETRICS), "");
    let selector = vec![Matcher::equal("__name__", "a_total")];
    let found = fixture.tsdb.exemplars(&[selector], TimeRange::ALL, &QueryBudget::unlimited()).unwrap();
    let print = |it: &watchfire_model::Exemplar| format!("{} {}@{}", it.labels, it.value, it.time.0 - START);
    let got: Vec<String> = found.iter().flat_map(|series| &series.exemplars).map(print).collect();
    assert_eq!(got, [r#"{id="1"} 0.5@100"#, r#"{id="2"} 0.5@300"#, r#"{id="3"} 0.5@350"#]);
    assert_eq!(found[0].labels.to_string(), r#"a_total{instance="i", job="j"}"#);
}

#[test]
fn extra_metrics_are_written_where_asked_for() {
    let mut fixture = Fixture::new("{job_name: j, extra_scrape_metrics: true, sample_limit: 7, body_size_limit: 10B}");
    assert_eq!(fixture.scrape(100, "a 1\n"), "");
    fixture.check("scrape_timeout_seconds", &[r#"scrape_timeout_seconds{instance="i", job="j"}: 10@100"#]);
    fixture.check("scrape_sample_limit", &[r#"scrape_sample_limit{instance="i", job="j"}: 7@100"#]);
    fixture.check("scrape_body_size_bytes", &[r#"scrape_body_size_bytes{instance="i", job="j"}: 4@100"#]);
}

#[test]
fn a_page_like_the_one_before_is_known() {
    let mut fixture = Fixture::new("{job_name: j}");
    let page = |value: i64| {
        format!("# TYPE a counter\na{{x=\"1\"}} {value}\na{{x=\"2\"}} {value} 1000000000005\n# HELP b h\nb NaN\n")
    };
    let mut known = Vec::new();
    for ms in [100, 200, 300] {
        let page = Ok(Page::of(page(ms), "text/plain"));
        let report = fixture.appender.append_scrape(page, Timestamp(START + ms), || Duration::ZERO).unwrap();
        known.push((fixture.appender.known_samples, report.scraped, report.added));
    }
    assert_eq!(known, [(0, 3, 3), (3, 3, 0), (3, 3, 0)]);
    fixture.check(
        "a",
        &[r#"a{instance="i", job="j", x="1"}: 100@100 200@200 300@300"#, r#"a{instance="i", job="j", x="2"}: 300@005"#],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// What is stored does not depend on which lines were known: against a map of series to samples.
    #[test]
    fn any_sequence_of_pages_is_stored_as_written(
        pages in prop::collection::vec(prop::collection::vec((0usize..8, 0i64..100, 0usize..3), 0..8), 1..6),
    ) {
        const COMMENTS: [&str; 3] = ["", "# TYPE x gauge\n", "# HELP x y\n\n"];
        let mut fixture = Fixture::new("{job_name: j}");
        let mut want: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut live: Vec<usize> = Vec::new();
        for (number, page) in (1..).zip(&pages) {
            let ms = number * 100;
            let lines = page.iter().map(|(series, value, comment)| format!("{}m{{n=\"{series}\"}} {value}\n", COMMENTS[*comment]));
            let text: String = lines.collect();
            prop_assert_eq!(fixture.scrape(ms, &text), "");
            let mut now: Vec<usize> = Vec::new();
            for (series, value, _) in page {
                if !now.contains(series) {
                    now.push(*series);
                    want.entry(*series).or_default().push(format!("{value}@{ms}"));
                }
            }
            for ended in live.iter().filter(|series| !now.contains(series)) {
                want.entry(*ended).or_default().push(format!("stale@{ms}"));
            }
            live = now;
        }
        let want: Vec<String> = want.iter().map(|(series, points)| format!("m{{instance=\"i\", job=\"j\", n=\"{series}\"}}: {}", points.join(" "))).collect();
        fixture.check("m", &want.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

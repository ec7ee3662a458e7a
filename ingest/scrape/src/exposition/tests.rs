//! Pages in both formats, the conformance vectors, and bytes at random.

use super::*;
use crate::testing::shared;
use proptest::prelude::*;

/// Everything asked for.
pub(super) const ALL: ReadOptions =
    ReadOptions { native_histograms: true, classic_too: true, start_times: true, tolerant: true };

/// Reads a whole page into lines of `series-as-understood value [time] [start] [exemplars]` and metadata.
pub(super) fn read_with(page: &[u8], format: Format, options: ReadOptions) -> Result<Vec<String>, ExpositionError> {
    let mut exposition = Exposition::new(page, format, options)?;
    let mut lines = Vec::new();
    while let Some(entry) = exposition.next_entry()? {
        lines.push(match entry {
            Entry::Metadata(MetadataLine { metric, fact }) => match fact {
                MetadataFact::Kind(kind) => format!("TYPE {} {kind:?}", metric.unescape()),
                MetadataFact::Help(help) => format!("HELP {} {:?}", metric.unescape(), help.unescape()),
                MetadataFact::Unit(unit) => format!("UNIT {} {unit}", metric.unescape()),
            },
            Entry::Created(line) => format!("CREATED {}", line.start.0),
            Entry::Sample(sample) => print(&sample),
        });
    }
    Ok(lines)
}

fn print(sample: &SampleLine<'_>) -> String {
    let mut labels = Vec::new();
    let name = read_series(sample.series, &mut labels).unwrap();
    let label = |label: &RawLabel<'_>| format!("{}={:?}", label.name.unescape(), label.value.unescape());
    let labels: Vec<String> = labels.iter().map(label).collect();
    let value = match &sample.value {
        SampleValue::Float(value) => value.to_string(),
        SampleValue::Histogram(it) => format!(
            "[{} {} {} {:?} {:?} {:?} {:?}]",
            it.schema,
            it.count,
            it.sum,
            it.hint,
            (it.zero_threshold, it.zero_count),
            it.positive,
            it.negative
        ),
    };
    let time = sample.time.map_or(String::new(), |time| format!(" @{}", time.0));
    let start = sample.start.map_or(String::new(), |start| format!(" since {}", start.0));
    let exemplar = |it: &ExemplarLine| format!(" # {} {} {:?}", it.labels, it.value, it.time.map(|time| time.0));
    let exemplars: String = sample.exemplars.iter().map(exemplar).collect();
    format!("{} {{{}}} {value}{time}{start}{exemplars}", name.unescape(), labels.join(","))
}

fn read(page: &[u8], format: Format) -> Result<Vec<String>, ExpositionError> {
    read_with(page, format, ReadOptions::default())
}

#[track_caller]
fn check(page: &str, format: Format, want: Result<&[&str], &str>) {
    match (read(page.as_bytes(), format), want) {
        (Ok(got), Ok(want)) => assert_eq!(got, want, "{page}"),
        (Err(got), Err(want)) => assert_eq!(got.to_string(), want, "{page}"),
        (got, want) => panic!("{page}: {got:?}, want {want:?}"),
    }
}

#[test]
fn text_is_read_generously() {
    check("", Format::Text, Ok(&[]));
    check("a 1", Format::Text, Ok(&["a {} 1"]));
    check("\n  # a comment\n#\n\ta\t1.5   1395066363000 \n", Format::Text, Ok(&["a {} 1.5 @1395066363000"]));
    check("a { x = \"1\" , y=\"2\", } -Inf\r\n", Format::Text, Ok(&[r#"a {x="1",y="2"} -inf"#]));
    check(r#"a{x="q\"\\\n\z,}= #"} NaN"#, Format::Text, Ok(&[r#"a {x="q\"\\\n\\z,}= #"} NaN"#]));
    check("{\"a.b\",\"c d\"=\"1\"} 3\n", Format::Text, Ok(&[r#"a.b {c d="1"} 3"#]));
    check(
        "# HELP a  two\\nlines \\\\\n# TYPE a untyped\n# TYPE b counter \n",
        Format::Text,
        Ok(&[r#"HELP a "two\nlines \\""#, "TYPE a Unknown", "TYPE b Counter"]),
    );
}

#[test]
fn text_errors_name_line_and_cause() {
    check("a 1\n\nb", Format::Text, Err("line 3: `` is not a number"));
    check("a{x=\"1\"} 1 2 3", Format::Text, Err("line 1: unexpected text `3` at the end"));
    check("a 1 1.5", Format::Text, Err("line 1: `1.5` is not a time"));
    check("a{x=\"1} 1", Format::Text, Err("line 1: a quoted text is missing or does not end"));
    check("a{x=\"1\",x=\"2\"} 1", Format::Text, Err("line 1: the label `x` is given twice"));
    check("# TYPE a meter", Format::Text, Err("line 1: `meter` is not a metric type"));
    check("0a 1", Format::Text, Err("line 1: a metric name is missing or has a character that is not allowed"));
    check("{x=\"1\"} 1", Format::Text, Err("line 1: a metric name is missing or has a character that is not allowed"));
    assert_eq!(read(b"a 1\nb{x=\"\xff\"} 1", Format::Text).unwrap_err().place, Place::Line(2));
}

#[test]
fn openmetrics_is_read_strictly() {
    let page = "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds h\\\"\n\
                a_seconds_total{x=\"1\"} 1 1.5 # {id=\"7\"} 0.5 1\n# EOF\n";
    check(
        page,
        Format::OpenMetrics,
        Ok(&[
            "TYPE a_seconds Counter",
            "UNIT a_seconds seconds",
            "HELP a_seconds \"h\\\"\"",
            "a_seconds_total {x=\"1\"} 1 @1500 # {id=\"7\"} 0.5 Some(1000)",
        ]),
    );
    check(
        "# TYPE \"a.b\" gauge\n{\"a.b\",\"c d\"=\"1\"} 3\n# EOF",
        Format::OpenMetrics,
        Ok(&["TYPE a.b Gauge", r#"a.b {c d="1"} 3"#]),
    );
    check("a 1\n", Format::OpenMetrics, Err("line 2: the page does not end with `# EOF`"));
    check("a 1\n# EOF\nb 1\n", Format::OpenMetrics, Err("line 2: text after `# EOF`"));
    check(
        "# TYPE a counter\na_total -1\n# EOF\n",
        Format::OpenMetrics,
        Err("line 2: metric `a`: a counter, count or sum is negative"),
    );
}

#[test]
fn openmetrics_tells_when_counting_began() {
    let page = "# TYPE a counter\na_created{x=\"1\"} 1.5\na_total{x=\"1\"} 1\na_total{x=\"2\"} 1\na_created{x=\"2\"} 2\n\
                # TYPE b_created gauge\nb_created 3\n# EOF\n";
    let options = ReadOptions { start_times: true, ..ReadOptions::default() };
    assert_eq!(
        read_with(page.as_bytes(), Format::OpenMetrics, options).unwrap(),
        [
            "TYPE a Counter",
            "CREATED 1500",
            "a_total {x=\"1\"} 1",
            "a_total {x=\"2\"} 1",
            "CREATED 2000",
            "TYPE b_created Gauge",
            "b_created {} 3",
        ]
    );
    assert!(read(page.as_bytes(), Format::OpenMetrics).unwrap().contains(&"a_created {x=\"1\"} 1.5".to_owned()));
}

/// A page that breaks a rule: refused, or read on with the rule named.
#[track_caller]
fn check_tolerated(page: &str, want: &[&str], rule: &str) {
    let options = ReadOptions { tolerant: true, start_times: true, ..ReadOptions::default() };
    assert_eq!(read_with(page.as_bytes(), Format::OpenMetrics, options).unwrap(), want, "{page}");
    assert_eq!(read(page.as_bytes(), Format::OpenMetrics).unwrap_err().to_string(), rule);
    let mut parser = OpenMetricsParser::new(page, options);
    while parser.next_entry().unwrap().is_some() {}
    assert_eq!(parser.broken_rule().unwrap().to_string(), rule);
}

#[test]
fn broken_rules_of_families_can_be_tolerated() {
    // Go's runtime metrics, in every client of that language.
    check_tolerated(
        "# TYPE m_bytes gauge\nm_bytes 1\n# TYPE m_bytes counter\nm_bytes_total 2\nm_bytes_created 3\n# EOF\n",
        &["TYPE m_bytes Gauge", "m_bytes {} 1", "TYPE m_bytes Counter", "m_bytes_total {} 2", "CREATED 3000"],
        "line 3: metric `m_bytes`: metadata stands after the metric's samples",
    );
    check_tolerated(
        "# TYPE a counter\na_total -1\na_total NaN\nb 1\na_total 2\n# EOF\n",
        &["TYPE a Counter", "a_total {} -1", "a_total {} NaN", "b {} 1", "a_total {} 2"],
        "line 2: metric `a`: a counter, count or sum is negative",
    );
    check_tolerated(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n# EOF\n",
        &["TYPE h Histogram", "h_bucket {le=\"1\"} 1"],
        "line 3: metric `h`: the bucket le=\"+Inf\" is missing",
    );
    let options = ReadOptions { tolerant: true, ..ReadOptions::default() };
    let page = b"# TYPE a counter\na_total  1\n# EOF\n";
    assert_eq!(read_with(page, Format::OpenMetrics, options).unwrap_err().place, Place::Line(2));
}

/// Takes from a page what an earlier page showed first; `true` where it was taken.
#[track_caller]
fn check_known(first: &str, then: &str, want: Option<(f64, Option<i64>)>) {
    let mut parser = TextParser::new(first);
    let (passage, lines) = loop {
        if let Some(Entry::Sample(sample)) = parser.next_entry().unwrap() {
            break (sample.passage.to_owned(), sample.lines);
        }
    };
    let mut parser = TextParser::new(then);
    let got = parser.take_known(&passage, lines);
    assert_eq!(
        got.map(|(value, time)| (value.to_bits(), time.map(|time| time.0))),
        want.map(|(value, time)| (value.to_bits(), time)),
        "{then}"
    );
    if want.is_some() {
        assert_eq!(parser.place(), Place::Line(lines));
        assert_eq!(parser.next_entry().map(|entry| entry.is_some()), Ok(then.lines().count() > lines), "{then}");
    }
}

#[test]
fn what_was_good_is_known_again() {
    let first = "# HELP a h\n# TYPE a counter\n  a{x=\"1\"} 1\n";
    check_known(first, first, Some((1.0, None)));
    check_known(first, "# HELP a h\n# TYPE a counter\n  a{x=\"1\"} -2.5e+3", Some((-2500.0, None)));
    check_known(first, "# HELP a h\n# TYPE a counter\n  a{x=\"1\"} +Inf 77\nb 1\n", Some((f64::INFINITY, Some(77))));
    check_known(first, "# HELP a h\n# TYPE a counter\n  a{x=\"1\"}  1\n", None); // two blanks
    check_known(first, "# HELP a h\n# TYPE a counter\n  a{x=\"1\"} 1 \n", None);
    check_known(first, "# HELP a h\n# TYPE a counter\n  a{x=\"1\"} 1 2 3\n", None);
    check_known(first, "# HELP a h\n# TYPE a counter\n  a{x=\"1\"} x\n", None);
    check_known(first, "# HELP a i\n# TYPE a counter\n  a{x=\"1\"} 1\n", None);
    check_known(first, "a{x=\"1\"} 1\n", None);
    check_known("a 1\n", "a_b 1\n", None);
    check_known("a 1\n", "a 1\r\n", None);
    check_known("a 1\n", "a ", None);
}

#[test]
fn the_oracle_reads_the_same_of_a_plain_page() {
    let page = include_str!("../../tests/data/node_exporter.txt");
    let mut got: Vec<String> = Vec::new();
    let mut parser = TextParser::new(page);
    let mut labels = Vec::new();
    while let Some(entry) = parser.next_entry().unwrap() {
        let Entry::Sample(sample) = entry else { continue };
        let mut labels_here = std::mem::take(&mut labels);
        let name = read_series(sample.series, &mut labels_here).unwrap().unescape();
        let is_odd = |label: &RawLabel<'_>| label.value.raw.contains([',', '=', '}', '\\', '#']);
        let SampleValue::Float(value) = sample.value else { continue };
        // What the oracle gathers into one sample, or cuts, is left out.
        let is_part = labels_here.iter().any(|label| matches!(label.name.raw, "le" | "quantile"));
        if is_part || labels_here.iter().any(is_odd) || name.ends_with("_sum") || name.ends_with("_count") {
            continue;
        }
        let mut pairs: Vec<String> =
            labels_here.iter().map(|label| format!("{}={}", label.name.raw, label.value.raw)).collect();
        pairs.sort();
        got.push(format!("{name} {pairs:?} {value}"));
    }
    let lines = page.lines().map(|line| Ok(line.to_owned()));
    let scrape = prometheus_parse::Scrape::parse(lines).unwrap();
    let oracle: std::collections::HashSet<String> = scrape
        .samples
        .iter()
        .filter_map(|sample| {
            use prometheus_parse::Value;
            let (Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value)) = sample.value else {
                return None;
            };
            let mut pairs: Vec<String> = sample.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            pairs.sort();
            Some(format!("{} {pairs:?} {value}", sample.metric))
        })
        .collect();
    let missing: Vec<&String> = got.iter().filter(|line| !oracle.contains(*line)).collect();
    assert!(got.len() > 400 && missing.is_empty(), "{} compared, not so in the oracle: {missing:#?}", got.len());
}

#[test]
fn conformance_vectors_are_judged_right() {
    let other = std::env::var_os("WATCHFIRE_OPENMETRICS_VECTORS").map(std::path::PathBuf::from);
    let Some(folder) = other.or_else(|| shared("conformance/openmetrics")) else { return };
    let mut wrong = Vec::new();
    let (mut accepted, mut refused) = (0, 0);
    for entry in folder.read_dir().unwrap() {
        let case = entry.unwrap().path();
        let Ok(description) = std::fs::read_to_string(case.join("test.json")) else { continue };
        let description: serde_json::Value = serde_json::from_str(&description).unwrap();
        let page = std::fs::read(case.join(description["file"].as_str().unwrap())).unwrap();
        let result = read(&page, Format::OpenMetrics);
        if result.is_ok() {
            accepted += 1;
        } else {
            refused += 1;
        }
        if result.is_ok() != description["shouldParse"].as_bool().unwrap() {
            wrong.push(format!("{}: {result:?}", case.display()));
        }
    }
    let count = accepted + refused;
    println!(
        "openmetrics: {} of {count} vectors judged right ({accepted} accepted, {refused} refused)",
        count - wrong.len()
    );
    assert!(count > 0, "no vectors in {}", folder.display());
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_or_refused(page: Vec<u8>) {
        for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
            let _ = read_with(&page, format, ALL);
        }
    }

    /// Text from the alphabet of the formats reaches further into the parsers than bytes at random.
    #[test]
    fn any_tokens_are_read_or_refused(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "a", "a_bucket", "a_sum", "{", "}", "le", "=", "\"", "\\", ",", " ", "\n", "#", "# TYPE a histogram\n", "# EOF", "1", "é", "+Inf",
            "_created", "{\"a.b\"",
        ]), 0..40),
    ) {
        let page = tokens.concat();
        let _ = read_with(page.as_bytes(), Format::Text, ALL);
        let _ = read_with(page.as_bytes(), Format::OpenMetrics, ALL);
    }
}

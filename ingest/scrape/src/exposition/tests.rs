//! Pages in both formats, the conformance vectors, and bytes at random.

use super::*;
use crate::testing::shared;
use proptest::prelude::*;

/// Reads a whole page into lines of `series-as-understood value [time]` and metadata.
fn read(page: &[u8], format: Format) -> Result<Vec<String>, ExpositionError> {
    let mut exposition = Exposition::new(page, format)?;
    let mut lines = Vec::new();
    while let Some(entry) = exposition.next_entry()? {
        lines.push(match entry {
            Entry::Metadata(MetadataLine { metric, fact }) => match fact {
                MetadataFact::Kind(kind) => format!("TYPE {} {kind:?}", metric.unescape()),
                MetadataFact::Help(help) => format!("HELP {} {:?}", metric.unescape(), help.unescape()),
                MetadataFact::Unit(unit) => format!("UNIT {} {unit}", metric.unescape()),
            },
            Entry::Sample(sample) => {
                let label = |label: &RawLabel<'_>| format!("{}={:?}", label.name.unescape(), label.value.unescape());
                let labels: Vec<String> = sample.labels.iter().map(label).collect();
                let time = sample.time.map_or(String::new(), |time| format!(" @{}", time.0));
                format!("{} {{{}}} {}{time}", sample.name.unescape(), labels.join(","), sample.value)
            }
        });
    }
    Ok(lines)
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
    assert_eq!(read(b"a 1\nb{x=\"\xff\"} 1", Format::Text).unwrap_err().line, 2);
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
            "a_seconds_total {x=\"1\"} 1 @1500",
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
        let _ = read(&page, Format::Text);
        let _ = read(&page, Format::OpenMetrics);
    }

    /// Text from the alphabet of the formats reaches further into the parsers than bytes at random.
    #[test]
    fn any_tokens_are_read_or_refused(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "a", "a_bucket", "a_sum", "{", "}", "le", "=", "\"", "\\", ",", " ", "\n", "#", "# TYPE a histogram\n", "# EOF", "1", "é", "+Inf",
        ]), 0..40),
    ) {
        let page = tokens.concat();
        let _ = read(page.as_bytes(), Format::Text);
        let _ = read(page.as_bytes(), Format::OpenMetrics);
    }
}

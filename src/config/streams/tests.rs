use crate::config::Config;
use watchfire_model::{ByteSize, DurationMs, LogRecord, TimeNs};

/// `logs.streams` with these entries, in YAML's flow style.
fn parse(entries: &str) -> Result<Config, String> {
    Config::parse(&format!("logs: {{streams: [{entries}]}}"))
}

#[track_caller]
fn check_refused(entries: &str, want: &str) {
    match parse(entries) {
        Ok(_) => panic!("accepted, though `{want}` was expected: {entries}"),
        Err(message) => assert!(message.contains(want), "no `{want}` in `{message}`"),
    }
}

#[test]
fn a_bad_rule_is_named_with_its_place() {
    let unclosed = "{name: ok, match: '*'}, {name: audit, match: 'user:root AND (sudo su'}";
    check_refused(unclosed, "`match` of stream `audit`, at byte 14 of `user:root AND (sudo su`");
    check_refused(
        "{name: a, match: 'x | stats count() by y'}",
        "at byte 2 of `x | stats count() by y`: a stream is chosen",
    );
    check_refused("{name: a, match: '\"a|b\" | limit 5'}", "at byte 6 of");
    check_refused("{name: a, match: 'time:>now-1h'}", "`match` of stream `a`");
    check_refused("{name: a, match: ' '}", "write * for all records");
    check_refused("{name: a}", "missing field `match`");
    check_refused("{name: Audit, match: '*'}", "`Audit` is no name of a stream");
    check_refused("{name: default, match: '*'}", "`default` is the stream of all records");
    check_refused("{name: a, match: x}, {name: a, match: y}", "two streams `a`");
    check_refused("{name: a, match: x, retain: 1d}", "unknown key `retain`, did you mean `retention`?");
    check_refused("{name: a, match: x, retention: {age: 0s}}", "`retention.age` of `a` is 0");
    check_refused("{name: a, match: x, retention: {bytes: 0B}}", "`retention.bytes` of `a` is 0");
    let many: Vec<String> = (0..101).map(|n| format!("{{name: s{n}, match: x}}")).collect();
    check_refused(&many.join(","), "there are 101 streams, at most 100");
}

#[test]
fn retention_reaches_the_store_beside_what_is_there() {
    let text = "logs: {store: {stream_retention: {default: 7d}}, streams: [\
        {name: audit, description: who did what, match: 'tag:audit', retention: {age: 365d, bytes: 10GiB}},\
        {name: noise, match: heartbeat, remove_from_default: true, retention: {bytes: 1GiB}},\
        {name: plain, match: x, retention: }]}";
    let options = Config::parse(text).expect("valid").logs.store_options();
    let ages: Vec<_> = options.stream_retention.iter().map(|(name, age)| (name.as_str(), *age)).collect();
    let day = 24 * 3600;
    assert_eq!(ages, [("audit", DurationMs::from_secs(365 * day)), ("default", DurationMs::from_secs(7 * day))]);
    let bytes: Vec<_> = options.stream_bytes_max.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    assert_eq!(bytes, [("audit", ByteSize::from_mib(10 << 10)), ("noise", ByteSize::from_mib(1 << 10))]);
}

#[test]
fn one_retention_is_said_once() {
    let text = "logs: {store: {stream_retention: {a: 7d}}, streams: [{name: a, match: x, retention: {age: 7d}}]}";
    let message = Config::parse(text).expect_err("said twice");
    assert!(message.contains("`logs.streams` and in `logs.store.stream_retention`"), "{message}");
    // By age there and by bytes here is no contradiction, and a stream without a rule keeps its own.
    let text =
        "logs: {store: {stream_retention: {a: 7d, b: 1d}}, streams: [{name: a, match: x, retention: {bytes: 1GiB}}]}";
    assert!(Config::parse(text).is_ok());
}

#[track_caller]
fn check_warning(store: &str, entry: &str, want: Option<&str>) {
    let text = format!("logs: {{store: {{{store}}}, streams: [{{name: a, match: x, {entry}}}]}}");
    let warnings = Config::parse(&text).expect("valid").warnings();
    match want {
        Some(part) => assert!(warnings.len() == 1 && warnings[0].contains(part), "no `{part}` in {warnings:?}"),
        None => assert_eq!(warnings, Vec::<String>::new(), "{text}"),
    }
}

#[test]
fn a_retention_without_effect_is_told() {
    check_warning("", "retention: {age: 7d}", Some("`default` as well, which keeps them for 30d"));
    check_warning("stream_retention: {default: 8d}", "retention: {age: 7d}", Some("which keeps them for 8d"));
    check_warning("stream_retention: {default: 7d}", "retention: {age: 7d}", None);
    check_warning("", "retention: {age: 7d}, remove_from_default: true", None);
    check_warning("", "retention: {age: 31d}", None);
    check_warning("", "retention: {bytes: 1GiB}", Some("`retention.bytes` of stream `a` has no effect"));
    check_warning("stream_bytes_max: {default: 9GiB}", "retention: {bytes: 1GiB}", None);
    check_warning("", "retention: {bytes: 1GiB}, remove_from_default: true", None);
}

/// The examples in texts for operators are configurations.
#[test]
fn the_examples_that_operators_read_are_valid() {
    let readme = include_str!("../../../deploy/README.md");
    let in_readme = readme.split("```yaml\n").filter_map(|part| part.split("```").next());
    let example = in_readme.filter(|text| text.contains("streams:")).collect::<String>();
    let streams = Config::parse(&example).expect("a valid example").logs.streams;
    assert_eq!(streams.iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>(), ["audit", "debug"]);
    let reference = include_str!("../../../deploy/config/watchfire.yml");
    let from = reference.find("  #   - name: audit").expect("an example");
    let to = reference.find("  streams: []").expect("the key behind its example");
    let example = reference[from..to].replace("  # ", "");
    assert_eq!(Config::parse(&format!("logs:\n streams:\n{example}")).expect("a valid example").logs.streams.len(), 2);
}

fn record(message: &str) -> LogRecord {
    LogRecord {
        time: TimeNs(1),
        received: TimeNs(1),
        stream: LogRecord::DEFAULT_STREAM.into(),
        host: "node-1".into(),
        message: message.into(),
        level: None,
        fields: Vec::new(),
    }
}

#[test]
fn the_file_says_which_streams_a_record_gets() {
    let config = parse(
        "{name: pay, match: payment}, {name: noise, match: 'heartbeat OR source:node-2', remove_from_default: true}",
    );
    let rules = config.expect("valid").logs.stream_rules().expect("checked");
    let streams =
        ["a payment", "a heartbeat", "a heartbeat of a payment", "else"].map(|text| rules.streams_of(&record(text)));
    assert_eq!(streams, ["default,pay", "noise", "noise,pay", "default"]);
}

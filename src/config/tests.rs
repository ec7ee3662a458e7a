use super::Config;

#[track_caller]
fn check(text: &str, want: Result<(), &str>) {
    match (Config::parse(text), want) {
        (Ok(_), Ok(())) => {}
        (Err(message), Err(part)) => assert!(message.contains(part), "no `{part}` in `{message}`"),
        (Ok(_), Err(part)) => panic!("accepted, though `{part}` was expected: {text}"),
        (Err(message), Ok(())) => panic!("refused: {message}: {text}"),
    }
}

#[test]
fn a_prometheus_configuration_is_a_valid_one() {
    check("", Ok(()));
    check("global:\nscrape_configs:\nrule_files:\nalerting:\n", Ok(()));
    check("global:\n  scrape_interval: 15s\n  external_labels: {region: eu}\nrule_files: [a.yml]\n", Ok(()));
    check("remote_write:\n- url: http://elsewhere/\nalerting:\n  alertmanagers: []\n", Ok(()));
    check("storage: {tsdb: {out_of_order_time_window: 10m}}\n", Ok(()));
}

#[test]
fn mistakes_are_named_with_place_and_cure() {
    check("globl: {}", Err("did you mean `global`"));
    check("http:\n  lisen: 1\n", Err("line 2, column 3: unknown key `lisen`, did you mean `listen`?"));
    check("metrics: {retention: 0s}", Err("`metrics.retention` is 0"));
    check("memory_limit: 1MiB", Err("`memory_limit` is 1MiB, it must be 128MiB or more"));
    check("storage: {used_max_percent: 101}", Err("must be 10 to 100"));
    check("metrics: {retention: soon}", Err("`soon` is not a duration"));
}

#[test]
fn keys_without_a_function_are_told() {
    let config = Config::parse("remote_read: []\nalerting: {alertmanagers: [{static_configs: []}]}").expect("valid");
    let warnings = config.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("`remote_read`") && warnings[1].contains("`alerting.alertmanagers`"), "{warnings:?}");
}

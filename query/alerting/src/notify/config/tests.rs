use super::*;
use proptest::prelude::*;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");

fn parse(text: &str) -> Result<AlertmanagerConfig, String> {
    AlertmanagerConfig::parse(Path::new("/etc/am.yml"), text).map_err(|error| error.to_string())
}

#[track_caller]
fn check_error(text: &str, want: &str) {
    assert_eq!(parse(text).map(|config| config.warnings), Err(want.to_owned()), "{text}");
}

#[test]
fn routes_inherit_and_have_alertmanagers_keys() {
    let config = parse(
        "route:\n  receiver: all\n  group_by: [cluster]\n  group_wait: 1s\n  routes:\n  - matchers: [severity=page, 'team=~\"a|b\"']\n    \
         receiver: pager\n    continue: true\n    routes:\n    - match: {z: '1'}\n      match_re: {a: x.*}\n      group_by: ['...']\n  \
         - matchers: ['{severity=\"page\"}']\n    repeat_interval: 1h\n\
         receivers: [{name: all}, {name: pager, webhook_configs: [{url: 'http://localhost/'}]}]\n",
    )
    .unwrap();
    let keys: Vec<&str> = config.routes.all().iter().map(|route| route.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "{}",
            "{}/{severity=\"page\",team=~\"a|b\"}",
            "{}/{severity=\"page\",team=~\"a|b\"}/{a=~\"x.*\",z=\"1\"}",
            "{}/{severity=\"page\"}",
        ]
    );
    let deepest = &config.routes.all()[2];
    assert_eq!(
        (deepest.receiver.as_str(), &deepest.group_by, deepest.group_wait),
        ("pager", &super::super::GroupBy::All, DurationMs(1000))
    );
    let last = &config.routes.all()[3];
    assert_eq!((last.repeat_interval, last.group_interval), (DurationMs(3_600_000), DurationMs(300_000)));

    let matching =
        |pairs: &[(&str, &str)]| config.routes.matching(&watchfire_model::Labels::from_pairs(pairs.iter().copied()));
    assert_eq!(matching(&[]), [0]);
    assert_eq!(matching(&[("severity", "page")]), [3]);
    assert_eq!(matching(&[("severity", "page"), ("team", "a")]), [1, 3]);
    assert_eq!(matching(&[("severity", "page"), ("team", "a"), ("a", "xy"), ("z", "1")]), [2, 3]);
}

#[test]
fn webhooks_keep_their_secrets() {
    let text = "route: {receiver: r}\nglobal: {http_config: {bearer_token: sesame}}\nreceivers:\n- name: r\n  webhook_configs:\n  \
                - url: https://example.org/token\n    send_resolved: false\n    max_alerts: 3\n    timeout: 2s\n    \
                http_config: {basic_auth: {username: u, password_file: pw}, follow_redirects: false}\n  - url_file: url\n";
    let config = parse(text).unwrap();
    let webhooks = &config.receivers[0].webhooks;
    assert_eq!(webhooks[0].url, WebhookUrl::Given(Secret::new("https://example.org/token")));
    assert_eq!((webhooks[0].send_resolved, webhooks[0].max_alerts, webhooks[0].timeout), (false, 3, DurationMs(2000)));
    let password = Some(SecretSource::File(PathBuf::from("/etc/pw")));
    assert_eq!(webhooks[0].http.authorization, Authorization::Basic { username: "u".to_owned(), password });
    assert!(!webhooks[0].http.follow_redirects);
    assert_eq!(webhooks[1].url, WebhookUrl::File(PathBuf::from("/etc/url")));
    let credentials = SecretSource::Given(Secret::new("sesame"));
    assert_eq!(webhooks[1].http.authorization, Authorization::Credentials { scheme: "Bearer".to_owned(), credentials });
    let printed = format!("{config:?}");
    assert!(!printed.contains("sesame") && !printed.contains("token"), "{printed}");
}

#[test]
fn what_is_wrong_is_said() {
    check_error("receivers: []\n", "/etc/am.yml:1: `route` is missing, write at least route: {receiver: NAME}");
    check_error("route: {}\n", "/etc/am.yml:1: the root route needs a `receiver`");
    check_error("route: {receiver: x}\n", "/etc/am.yml:1: receiver `x` of this route is not among `receivers`");
    let receivers = "receivers: [{name: r}]\nroute:\n  receiver: r\n";
    check_error(
        &format!("{receivers}  matchers: [a=b]\n"),
        "/etc/am.yml:3: the root route takes every alert, remove its matchers",
    );
    check_error(
        &format!("{receivers}  group_by: [a, '...']\n"),
        "/etc/am.yml:3: group_by: `...` stands alone, remove the other labels",
    );
    check_error(&format!("{receivers}  group_by: [a, a]\n"), "/etc/am.yml:3: group_by: label `a` is there twice");
    check_error(&format!("{receivers}  group_interval: 0s\n"), "/etc/am.yml:3: group_interval cannot be zero");
    check_error(
        &format!("{receivers}  routes:\n  - matchers: [a]\n"),
        "/etc/am.yml:5: matchers: `a`: one of = != =~ !~ is missing behind `a`",
    );
    check_error(
        "route: {receiver: r}\nreceivers: [{name: r}, {name: r}]\n",
        "/etc/am.yml:2: receiver `r` is there twice, rename one",
    );
    check_error(
        "route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url: a, url_file: b}]}]\n",
        "/etc/am.yml:2: receiver `r`: webhook_configs: `url` and `url_file` exclude each other",
    );
    check_error(
        "route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url: 'ftp://x'}]}]\n",
        "/etc/am.yml:2: receiver `r`: webhook_configs.url is not an http or https address",
    );
    let intervals = "receivers: [{name: r}]\nroute: {receiver: r}\ntime_intervals:\n";
    check_error(
        &format!(
            "{intervals}- {{name: n, time_intervals: [{{times: [{{start_time: '22:00', end_time: '06:00'}}]}}]}}\n"
        ),
        "/etc/am.yml:4: time interval `n`: times: 06:00 is not later than 22:00; split a range at midnight",
    );
    check_error(
        &format!("{intervals}- {{name: n, time_intervals: [{{location: Moon/Sea}}]}}\n"),
        "/etc/am.yml:4: time interval `n`: location: `Moon/Sea` is no time zone, write for example Europe/Berlin",
    );
    check_error(
        &format!("{intervals}- {{name: n}}\n- {{name: n}}\n"),
        "/etc/am.yml:5: time interval `n` is there twice, rename one",
    );
    check_error(
        &format!("{receivers}  routes: [{{mute_time_intervals: [n]}}]\n"),
        "/etc/am.yml:4: mute_time_intervals: `n` is not among `time_intervals`",
    );
    check_error(
        &format!("{receivers}  mute_time_intervals: [n]\n"),
        "/etc/am.yml:3: the root route is always active, move its time intervals to a route below",
    );
    let unknown = parse("route: {receiver: r}\nreceivers:\n- name: r\n  slak_configs: []\n").unwrap_err();
    assert!(unknown.starts_with("/etc/am.yml:4: ") && unknown.contains("slak_configs"), "{unknown}");
}

#[test]
fn alertmanagers_own_files_load_with_warnings() {
    let root = std::env::var_os("WATCHFIRE_SHARED").map_or_else(|| PathBuf::from(SHARED), PathBuf::from);
    let folder = root.join("conformance/alertmanager");
    if !folder.is_dir() {
        println!("skipped: {} is absent", folder.display());
        return;
    }
    let mut right = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Files that are bad inside of receivers of other kinds are not judged yet: those receivers have no effect.
        let loaded = AlertmanagerConfig::load(&path);
        let routes_to_nobody = name == "conf.opsgenie-default-apikey-old-team.yml";
        assert_eq!(loaded.is_err(), name.starts_with("conf.nil-") || routes_to_nobody, "{name}: {loaded:?}");
        right += 1;
    }
    assert_eq!(right, 46);
    let good = AlertmanagerConfig::load(&folder.join("conf.good.yml")).unwrap();
    assert_eq!((good.receivers.len(), good.routes.all().len()), (9, 8));
    assert!(
        good.warnings
            .iter()
            .any(|warning| warning == "receiver `slack-receiver`: slack_configs: not supported yet, it has no effect")
    );
    assert_eq!(good.inhibit_rules.len(), 1);
    assert!(!good.warnings.iter().any(|warning| warning.contains("inhibit_rules")), "{:?}", good.warnings);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_refused_or_read(
        text in "(route:|receiver: r|receivers:|- name: r|matchers: \\[|a=~|\"|\\]|\\{|\\}|group_by: |'...'|\n|  |, |continue: true|webhook_configs:|x){0,24}"
    ) {
        let _ = parse(&text);
    }
}

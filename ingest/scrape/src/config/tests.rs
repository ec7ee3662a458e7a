//! Configuration files, good and bad: our own and Prometheus' collection.

use super::*;
use crate::testing::shared;

/// The part of a configuration file that this crate reads; other keys of the root are left alone.
#[derive(Debug, Deserialize)]
struct Root {
    #[serde(default, deserialize_with = "null_as_default")]
    global: GlobalConfig,
    #[serde(default, deserialize_with = "null_as_default")]
    scrape_configs: Vec<ScrapeConfig>,
}

fn read(yaml: &str) -> Result<Root, String> {
    let root: Root = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    root.global.validate().map_err(|error| error.to_string())?;
    validate_scrape_configs(&root.scrape_configs, &root.global).map_err(|error| error.to_string())?;
    Ok(root)
}

#[track_caller]
fn check_refused(yaml: &str, want: &str) {
    let error = read(yaml).expect_err(yaml);
    assert!(error.contains(want), "{yaml}: {error}");
}

#[test]
fn refusals_name_key_rule_and_value() {
    check_refused("scrape_configs: [{job_name: a}, {job_name: a}]", "scrape_configs.job_name: `a` names two");
    check_refused(
        "scrape_configs: [{job_name: a, scrape_interval: 5s, scrape_timeout: 6s}]",
        "scrape_configs[a].scrape_timeout: `6s` is longer than scrape_interval, `5s`",
    );
    check_refused(
        "scrape_configs: [{job_name: a, relabel_configs: [{regex: 'x(', target_label: y}]}]",
        "scrape_configs[a].relabel_configs[0]: regex: `x(`",
    );
    check_refused(
        "scrape_configs: [{job_name: a, basic_auth: {password: x, password_file: y}}]",
        "scrape_configs[a]: basic_auth: write password or password_file, not both",
    );
    check_refused("scrape_configs: [{job_name: a, body_size_limit: 100}]", "`100` has no unit");
    check_refused("scrape_configs: [{job_name: a, consult_sd_configs: []}]", "`consult_sd_configs` is not a key");
    check_refused("global: {scrape_interval: 1s, scrape_timeout: 2s}", "global.scrape_timeout: `2s`");
    check_refused("scrape_configs: [{job_name: a, scrape_interval: 10x}]", "10x");
    check_refused("scrape_configs: [{job_name: a, static_configs: [{targets: ['http://b']}]}]", "`http://b`");
}

#[test]
fn what_is_inherited_is_filled_in() {
    let root = read(
        "global: {scrape_interval: 5s, sample_limit: 7, body_size_limit: 1MB}\n\
         scrape_configs: [{job_name: a}, {job_name: b, scrape_interval: 30s, sample_limit: 9}]",
    )
    .unwrap();
    let settings: Vec<ScrapeSettings> =
        root.scrape_configs.iter().map(|config| ScrapeSettings::new(config, &root.global)).collect();
    assert_eq!((settings[0].interval.0, settings[0].timeout.0), (5_000, 5_000));
    assert_eq!((settings[1].interval.0, settings[1].timeout.0), (30_000, 5_000));
    assert_eq!((settings[0].limits.samples, settings[1].limits.samples), (7, 9));
    assert_eq!(settings[0].limits.body_bytes, 1 << 20);
}

#[test]
fn unsupported_keys_are_accepted_and_reported() {
    let root = read("scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pod}], oauth2: {client_id: x}}]");
    let warnings = root.unwrap().scrape_configs[0].warnings();
    assert_eq!(
        warnings,
        [
            "scrape_configs[a].kubernetes_sd_configs is not supported yet: its targets will not be scraped",
            "scrape_configs[a].oauth2 is not supported yet: targets are asked without a token",
        ]
    );
}

#[test]
fn secrets_are_not_printed() {
    let root = read("scrape_configs: [{job_name: a, bearer_token: hunter2}]").unwrap();
    assert!(!format!("{root:?}").contains("hunter2"));
}

/// Bad files whose fault lies in a part that this crate does not read, or in a discovery mechanism that it does not
/// have yet.
fn is_foreign(name: &str) -> bool {
    let foreign = [
        "azure_",
        "ec2_",
        "empty_alert",
        "empty_rr_",
        "empty_rw_",
        "eureka_",
        "hetzner_",
        "http_",
        "ionos_",
        "kubernetes_",
        "lightsail_",
        "marathon_",
        "oci_",
        "openstack_",
        "otlp_",
        "outscale_",
        "ovhcloud_",
        "puppetdb_",
        "remote_",
        "rules",
        "scaleway_",
        "scrape_config_files_",
        "stackit_",
        "static_config",
        "tracing_",
        "tsdb_",
        "uyuni_",
    ];
    let readable = ["scrape_config_files_fallback", "scrape_config_files_scrape_protocols"];
    foreign.iter().any(|prefix| name.starts_with(prefix)) && !readable.iter().any(|prefix| name.starts_with(prefix))
}

#[test]
fn prometheus_collection_of_files_is_judged_right() {
    let Some(folder) = shared("conformance/prometheus-config") else { return };
    let (mut good, mut good_right, mut bad, mut bad_right, mut wrong) = (0, 0, 0, 0, Vec::new());
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let result = read(&text);
        if name.contains(".good.") {
            good += 1;
            good_right += usize::from(result.is_ok());
            if let Err(error) = result {
                wrong.push(format!("{name} is refused: {error}"));
            }
        } else if name.contains(".bad.") {
            bad += 1;
            bad_right += usize::from(result.is_err());
            if result.is_ok() && !is_foreign(&name) {
                wrong.push(format!("{name} is accepted"));
            }
        }
    }
    println!("good files accepted: {good_right} of {good}; bad files refused: {bad_right} of {bad}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(good >= 50 && bad_right >= 65, "{good} good, {bad_right} of {bad} bad");
}

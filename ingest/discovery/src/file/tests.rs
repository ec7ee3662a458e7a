//! Files that appear, change, break and go.

use super::*;
use std::fs;
use std::time::Duration;

struct Fixture {
    folder: tempfile::TempDir,
    discoverer: FileDiscoverer,
    now: Instant,
}

impl Fixture {
    fn new(pattern: &str) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let mut config = FileSdConfig { files: vec![pattern.to_owned()], refresh_interval: DurationMs::from_secs(300) };
        config.resolve(folder.path());
        config.validate().unwrap();
        Fixture { folder, discoverer: FileDiscoverer::new(config), now: Instant::now() }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Polls after `seconds`; the addresses in order, or `None` where nothing changed.
    #[track_caller]
    fn check(&mut self, seconds: u64, want: Option<&[&str]>, errors: &[&str]) {
        self.now += Duration::from_secs(seconds);
        let addresses = self.discoverer.poll(self.now).map(|groups| {
            let targets = groups.iter().flat_map(|group| &group.targets);
            targets.map(|labels| labels.get_or_empty("__address__").to_owned()).collect::<Vec<_>>()
        });
        let want = want.map(|want| want.iter().map(|&address| address.to_owned()).collect::<Vec<_>>());
        assert_eq!(addresses, want);
        let found = self.discoverer.errors();
        assert_eq!(found.len(), errors.len(), "{found:?}");
        for (found, want) in found.iter().zip(errors) {
            assert!(found.contains(want), "{found}");
        }
    }
}

#[test]
fn files_are_followed() {
    let mut fixture = Fixture::new("*.json");
    fixture.check(0, Some(&[]), &[]);
    fixture.write("b.json", r#"[{"targets": ["b:1"]}]"#);
    fixture.write("a.json", r#"[{"targets": ["a:1", "a:2"], "labels": {"x": "y"}}]"#);
    fixture.check(1, Some(&["a:1", "a:2", "b:1"]), &[]);
    fixture.check(1, None, &[]);
    fixture.write("b.json", r#"[{"targets": ["b:11"]}]"#);
    fixture.check(1, Some(&["a:1", "a:2", "b:11"]), &[]);
    fs::remove_file(fixture.folder.path().join("a.json")).unwrap();
    fixture.check(1, Some(&["b:11"]), &[]);
}

#[test]
fn a_file_that_means_too_much_is_refused() {
    let mut fixture = Fixture::new("t.json");
    let labels: Vec<String> = (0..1_000).map(|index| format!("\"l{index}\": \"v\"")).collect();
    let targets = vec!["\"a:1\""; 2_000];
    fixture
        .write("t.json", &format!("[{{\"targets\": [{}], \"labels\": {{{}}}}}]", targets.join(","), labels.join(",")));
    fixture.check(0, Some(&[]), &["2004000 labels together, at most 2000000"]);
}

#[test]
fn a_broken_file_keeps_its_targets_and_is_named() {
    let mut fixture = Fixture::new("t.yml");
    fixture.write("t.yml", "- targets: [a:1]\n");
    fixture.check(0, Some(&["a:1"]), &[]);
    fixture.write("t.yml", "- targets: [a:1\n");
    fixture.check(1, None, &["t.yml"]);
    fixture.write("t.yml", "- targets: ['http://a:1']\n");
    fixture.check(1, None, &["group 1: targets: `http://a:1`"]);
    fixture.write("t.yml", "- targets: [a:1, a:2]\n");
    fixture.check(1, Some(&["a:1", "a:2"]), &[]);
}

#[test]
fn targets_carry_their_file() {
    let mut fixture = Fixture::new("t.yaml");
    fixture.write("t.yaml", "- targets: [a:1]\n");
    let groups = fixture.discoverer.poll(fixture.now).unwrap();
    let path = fixture.folder.path().join("t.yaml");
    assert_eq!(groups[0].targets[0].get_or_empty(FILEPATH_LABEL), path.to_string_lossy());
}

#[test]
fn an_equal_stamp_is_read_again_after_the_refresh_interval() {
    let mut fixture = Fixture::new("t.yml");
    fixture.write("t.yml", "- targets: [a:1]\n");
    let path = fixture.folder.path().join("t.yml");
    let stamp = path.metadata().unwrap().modified().unwrap();
    fixture.check(0, Some(&["a:1"]), &[]);
    fixture.write("t.yml", "- targets: [b:1]\n");
    File::options().write(true).open(&path).unwrap().set_modified(stamp).unwrap();
    fixture.check(1, None, &[]);
    fixture.check(300, Some(&["b:1"]), &[]);
}

#[track_caller]
fn check_config(files: &[&str], want: &Result<(), FileSdError>) {
    let files = files.iter().map(|&path| path.to_owned()).collect();
    assert_eq!(FileSdConfig { files, refresh_interval: default_refresh_interval() }.validate(), *want);
}

#[test]
fn paths_have_a_known_extension_and_patterns_only_at_the_end() {
    check_config(&["a.json", "b/*.yml", "/c/d*.yaml", "E.YML"], &Ok(()));
    check_config(&[], &Err(FileSdError::NoFiles));
    check_config(&["a.txt"], &Err(FileSdError::Extension("a.txt".to_owned())));
    check_config(&["*/a.json"], &Err(FileSdError::PatternInFolder("*/a.json".to_owned())));
}

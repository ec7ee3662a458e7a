//! Backups, restores and the check of everything stored, with the real binary.

use crate::harness::{Server, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Records become blocks within seconds.
const CONFIG: &str = "logs: {store: {flush_age: 1s, wal_keep_bytes: 0B}}\n";

#[track_caller]
fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn send(server: &Server, numbers: std::ops::Range<u32>) {
    for n in numbers {
        let body = format!(r#"{{"host":"h","short_message":"record {n}","_n":{n}}}"#);
        assert_eq!(server.post("/gelf", &[], body.as_bytes()).status, 202);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_backup_of_a_running_server_is_restored_elsewhere() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::with_config(dir.path(), CONFIG);
    send(&server, 0..30);
    let url = format!("http://{}", server.http);
    let printed = stdout(&run(&["backup", "--server", &url]));
    let backup = PathBuf::from(printed.split(": ").next().expect("a path"));
    assert!(backup.join("backup.json").exists(), "{printed}");
    send(&server, 30..40);
    let listed = server.get("/api/watchfire/v1/backups").json();
    assert_eq!(listed["backups"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(server.get("/api/watchfire/v1/storage").json()["backups"], listed["backups"]);

    let data = dir.path().join("restored");
    let printed = stdout(&run(&["restore", text(&backup), "--data-dir", text(&data)]));
    assert!(printed.contains("every byte as it was written"), "{printed}");
    let again = run(&["restore", text(&backup), "--data-dir", text(&data)]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty"), "{again:?}");
    let other = tempfile::tempdir().expect("a directory");
    let restored = Server::start(other.path(), &["--data-dir", text(&data)]);
    assert_eq!(restored.search("").len(), 30);
    send(&restored, 100..103);
    assert_eq!(restored.search("").len(), 33);
    assert_eq!(server.search("").len(), 40, "the backed-up server goes on");

    let name = backup.file_name().and_then(|name| name.to_str()).expect("a name");
    let path = format!("/api/watchfire/v1/backups/{name}");
    let deleted = crate::harness::request(server.http, "DELETE", &path, &[], b"").expect("an answer");
    assert_eq!(deleted.status, 204, "{deleted:?}");
    assert!(!backup.exists());
    let deleted = crate::harness::request(server.http, "DELETE", &path, &[], b"").expect("an answer");
    assert_eq!(deleted.status, 404, "{deleted:?}");
}

#[test]
fn damage_on_disk_is_named_and_repaired_as_far_as_it_goes() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::with_config(dir.path(), CONFIG);
    let data = dir.path().join("data");
    send(&server, 0..20);
    let columns = crate::harness::eventually("a block", || find(&data.join("logs"), "parquet"));
    assert!(server.stop().success());
    let checked = stdout(&run(&["check", "data", text(&data)]));
    assert!(checked.contains("everything is as it was written"), "{checked}");

    // As weeks later, when the write-ahead log does not hold these records any more.
    fs::remove_dir_all(data.join("wal/logs")).expect("the log's directory");
    let mut bytes = fs::read(&columns).expect("readable");
    // In the first column, behind the four bytes that every such file begins with.
    bytes[20] ^= 0x10;
    fs::write(&columns, bytes).expect("writable");
    let checked = run(&["check", "data", text(&data)]);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    assert!(String::from_utf8_lossy(&checked.stdout).contains("damaged: logs/"), "{checked:?}");

    // A server answers the rest and says what is missing, everywhere where one would look.
    let file = dir.path().join("watchfire.yml");
    let server = Server::start(dir.path(), &["--config", text(&file)]);
    send(&server, 20..25);
    let path = "/api/watchfire/v1/logs/search?start=0&end=4102444800&limit=100&query=";
    let answer = crate::harness::eventually("the damage is named", || {
        let answer = server.get(path).json();
        answer["partial"].to_string().contains("logs/").then_some(answer)
    });
    assert!(answer["records"].as_array().is_some_and(|records| records.len() >= 5), "{answer}");
    let status = server.get("/api/watchfire/v1/status").json();
    assert!(status["notices"].to_string().contains("check data --repair"), "{status}");
    let storage = server.get("/api/watchfire/v1/storage").json();
    assert_eq!(storage["logs"]["damaged"].as_array().map(Vec::len), Some(1), "{storage}");
    assert!(server.metric("watchfire_logstore_damaged_blocks_total", &[]) >= 1.0, "{}", server.get("/metrics").body);
    assert!(server.stop().success());

    let repaired = run(&["check", "data", text(&data), "--repair"]);
    let printed = String::from_utf8_lossy(&repaired.stdout);
    assert!(repaired.status.success() && printed.contains("lost: "), "{repaired:?}");
    assert!(data.join("damaged").is_dir(), "what was damaged is kept");
    stdout(&run(&["check", "data", text(&data)]));
}

#[test]
fn a_directory_in_use_and_one_that_is_none_are_told_apart() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let in_use = run(&["check", "data", text(&dir.path().join("data"))]);
    let message = String::from_utf8_lossy(&in_use.stderr).into_owned();
    assert!(message.contains(&format!("process {}", server.id())), "{message}");
    let none = run(&["check", "data", text(dir.path())]);
    assert!(String::from_utf8_lossy(&none.stderr).contains("is no data directory"), "{none:?}");
    let offline = run(&["backup", "--data-dir", "x"]);
    assert_eq!(offline.status.code(), Some(2), "{offline:?}");
}

/// A file below `directory` with this ending.
fn find(directory: &Path, ending: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?.flatten();
    entries.map(|entry| entry.path()).find_map(|path| {
        let fits = path.extension().is_some_and(|extension| extension == ending);
        if path.is_dir() { find(&path, ending) } else { fits.then_some(path) }
    })
}

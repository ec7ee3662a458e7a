//! The command line against a running server.

use crate::harness::{Server, run};
use std::process::Output;

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn logs_and_query_print_what_the_server_answers() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.post("/gelf", &[], br#"{"host":"h","short_message":"hello command line","_n":1}"#).status, 202);
    let url = format!("http://{}", server.http);
    let text = stdout(&run(&["logs", "hello", "--server", &url]));
    assert!(text.ends_with("h hello command line\n"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(stdout(&run(&["logs", "n:1", "--json", "--server", &url])).trim()).expect("JSON");
    assert_eq!(json["fields"]["n"], 1);
    assert_eq!(stdout(&run(&["query", "1 + 1", "--server", &url])), "2\n");
    assert_eq!(stdout(&run(&["query", "vector(3)", "--server", &url])), "{}\t3\n");

    let wrong = run(&["query", "sum(", "--server", &url]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("parse error"), "{wrong:?}");
}

#[test]
fn the_configuration_reference_is_the_committed_one() {
    let printed = stdout(&run(&["config-reference"]));
    let committed = include_str!("../../deploy/config/watchfire.yml");
    assert!(printed == committed, "run `cargo run -- config-reference > deploy/config/watchfire.yml`");
    let checked = run(&["check", "config", concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/config/watchfire.yml")]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn completions_and_version_are_printed() {
    assert!(stdout(&run(&["completions", "bash"])).contains("watchfire"));
    assert_eq!(stdout(&run(&["version"])), format!("watchfire {}\n", env!("CARGO_PKG_VERSION")));
}

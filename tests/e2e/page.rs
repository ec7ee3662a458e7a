//! The page: served, and shown by a real browser.

use crate::harness::{Server, installed};
use std::process::Command;

#[test]
fn the_page_and_its_files_are_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let page = server.get("/logs");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<title>Watchfire"), "{}", page.body);
    assert_eq!(server.get("/api/nothing").status, 404);
    let script = page.body.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a script");
    assert_eq!(server.get(&format!("/{}", script.trim_start_matches("./"))).status, 200, "{script}");
}

#[test]
fn a_browser_shows_the_records() {
    let Some(chromium) = installed(&["/usr/bin/chromium"], "the page in a real browser") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    let record = br#"{"host":"browser-host","short_message":"seen by a browser","level":4,"_service":"checkout"}"#;
    assert_eq!(server.post("/gelf", &[], record).status, 202);
    let output = Command::new("timeout")
        .arg("60")
        .arg(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", dir.path().join("browser").display()))
        .args(["--window-size=1440,900", "--virtual-time-budget=8000", "--dump-dom"])
        .arg(format!("http://{}/logs", server.http))
        .output()
        .expect("the browser starts");
    let shown = String::from_utf8_lossy(&output.stdout);
    for text in ["seen by a browser", "checkout"] {
        assert!(
            shown.contains(text),
            "no `{text}` on the page; the browser says: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

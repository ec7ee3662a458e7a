//! A clean stop and a new start change nothing that can be asked.

use crate::harness::{Server, eventually};

#[test]
fn a_restart_keeps_records_and_samples() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Server::start(dir.path(), &[]);
    for n in 0..50 {
        let body = format!(r#"{{"host":"h","short_message":"record {n}","_n":{n}}}"#);
        assert_eq!(server.post("/gelf", &[], body.as_bytes()).status, 202);
    }
    let before = server.search("");
    assert!(server.stop().success());

    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.search(""), before);
    assert!(server.stop().success());

    // A server that scrapes itself on a port known before it listens.
    let port = free_port();
    let config = format!(
        "scrape_configs: [{{job_name: self, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]"
    );
    let file = dir.path().join("self.yml");
    std::fs::write(&file, config).expect("written");
    let address = format!("127.0.0.1:{port}");
    let args = ["--config", file.to_str().expect("UTF-8"), "--http-listen", &address];
    let server = Server::start(dir.path(), &args);
    let samples = "count_over_time(up{job=\"self\"}[1h])";
    let count = |server: &Server| {
        server
            .query(samples)
            .first()
            .map(|sample| sample["value"][1].as_str().expect("text").parse::<u32>().expect("a number"))
    };
    let before = eventually("three scrapes", || count(&server).filter(|count| *count >= 3));
    assert!(server.stop().success());
    let server = Server::start(dir.path(), &args);
    server.wait_ready();
    assert!(count(&server).is_some_and(|after| after >= before), "samples from before the restart are there");
    assert_eq!(server.search("").len(), 50);
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

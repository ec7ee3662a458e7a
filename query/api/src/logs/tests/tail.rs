use crate::testing::{Server, address, record};
use crate::{PeerMetrics, ServerLimits, TAILS_MAX, serve};
use axum::body::Body;
use futures_util::StreamExt;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};

/// Serves over a real socket, which a `WebSocket` needs.
async fn listen(server: &Server) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = server.api.stopping.clone().cancelled_owned();
    tokio::spawn(serve(listener, server.router.clone(), ServerLimits::default(), PeerMetrics::default(), stop));
    address
}

fn web_socket(address: SocketAddr, query: &str) -> Request<()> {
    let path = crate::testing::address("tail/ws", &[("query", query)]);
    format!("ws://{address}{path}").into_client_request().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_and_losses_come_over_a_web_socket() {
    let server = Server::new();
    let address = listen(&server).await;
    let (mut socket, _) = tokio_tungstenite::connect_async(web_socket(address, "service:a")).await.unwrap();
    server.store(vec![record(1, "m1", &[("service", "a")]), record(1, "m2", &[("service", "b")])], false);
    let next = async |socket: &mut tokio_tungstenite::WebSocketStream<_>| loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => break serde_json::from_str::<Value>(&text).unwrap(),
            Some(Ok(Message::Ping(_))) => {}
            other => panic!("{other:?}"),
        }
    };
    let frame = next(&mut socket).await;
    assert_eq!(frame["records"].as_array().unwrap().len(), 1);
    assert_eq!(frame["records"][0]["message"], "m1");
    assert_eq!(server.api.tails.available_permits(), TAILS_MAX - 1);
    // Nobody reads while far more arrives than waits for a reader: the loss is told, with its size.
    let (batches, records) = (2_000, 50);
    for _ in 0..batches {
        let message = "x".repeat(1_000);
        server.store((0..records).map(|_| record(1, &message, &[("service", "a")])).collect(), false);
    }
    let (mut seen, mut lost) = (0, 0);
    while seen + lost < batches * records {
        let frame = next(&mut socket).await;
        seen += frame["records"].as_array().map_or(0, Vec::len);
        lost += frame["lost"].as_u64().unwrap_or(0) as usize;
    }
    assert!(lost > 0, "{seen} of {} records were taken", batches * records);
    assert_eq!(seen + lost, batches * records);
    server.api.stopping.cancel();
    while let Some(Ok(message)) = socket.next().await {
        assert!(matches!(message, Message::Close(_) | Message::Ping(_)), "{message:?}");
    }
    crate::testing::until(|| server.api.tails.available_permits() == TAILS_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_hosts_and_wrong_queries_get_no_web_socket() {
    let server = Server::new();
    let address = listen(&server).await;
    let status = async |request: Request<()>| match tokio_tungstenite::connect_async(request).await {
        Ok(_) => StatusCode::SWITCHING_PROTOCOLS,
        Err(tungstenite::Error::Http(response)) => response.status(),
        Err(error) => panic!("{error}"),
    };
    let from = |origin: String| {
        let mut request = web_socket(address, "");
        request.headers_mut().insert("Origin", origin.parse().unwrap());
        request
    };
    assert_eq!(status(from("http://evil.example".into())).await, StatusCode::FORBIDDEN);
    assert_eq!(status(from(format!("http://{address}"))).await, StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(status(web_socket(address, "(")).await, StatusCode::BAD_REQUEST);
    let plain = Request::get(crate::testing::address("tail/ws", &[])).body(Body::empty()).unwrap();
    assert_eq!(server.send(plain).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_sent_events_carry_the_same() {
    let server = Server::new();
    let request = || Request::get(address("tail", &[("query", "m1")])).body(Body::empty()).unwrap();
    let mut events = server.send(request()).await.into_body().into_data_stream();
    server.store(vec![record(1, "m1", &[]), record(1, "m2", &[])], false);
    let event = String::from_utf8(events.next().await.unwrap().unwrap().to_vec()).unwrap();
    let data = event.strip_prefix("event: records\ndata: ").unwrap();
    let records: Value = serde_json::from_str(data.trim()).unwrap();
    assert_eq!(records.as_array().unwrap().len(), 1);
    assert_eq!(records[0]["fields"], json!({}));
    server.api.stopping.cancel();
    assert!(events.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_a_query_apply_to_what_arrives_and_end_the_tail() {
    let server = Server::new();
    let query = "m | extract \"m <n>\" from message | filter n:>1 | limit 2";
    let request = Request::get(address("tail", &[("query", query)])).body(Body::empty()).unwrap();
    let mut events = server.send(request).await.into_body().into_data_stream();
    server.store((0..10).map(|n| record(1, &format!("m {n}"), &[])).collect(), false);
    let event = String::from_utf8(events.next().await.unwrap().unwrap().to_vec()).unwrap();
    let records: Value = serde_json::from_str(event.strip_prefix("event: records\ndata: ").unwrap().trim()).unwrap();
    let numbers: Vec<&Value> = records.as_array().unwrap().iter().map(|one| &one["fields"]["n"]).collect();
    assert_eq!(numbers, ["2", "3"]);
    assert!(events.next().await.is_none(), "nothing further can pass");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_bounded() {
    let server = Server::new();
    let request = || Request::get(address("tail", &[])).body(Body::empty()).unwrap();
    let mut readers = Vec::new();
    for _ in 0..TAILS_MAX {
        readers.push(server.send(request()).await);
    }
    assert_eq!(server.send(request()).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(server.api.workers.refusals().count(crate::refusal::Refusal::busy), 1);
    readers.pop();
    assert_eq!(server.send(request()).await.status(), StatusCode::OK);
}

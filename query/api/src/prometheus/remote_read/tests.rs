use super::message::Message;
use super::request::MESSAGE_BYTES_MAX;
use crate::testing::{NOW, Server, read};
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::Request;
use proptest::prelude::*;
use watchfire_model::protobuf::{Fields, Value};

fn server() -> Server {
    let server = Server::new();
    for host in ["a", "b"] {
        server.store_samples(&[("__name__", "up"), ("host", host)], &[((NOW - 15) * 1000, 1.0), (NOW * 1000, 2.0)]);
    }
    server
}

/// A request for the series of a name over the last ten minutes.
fn request(name: &str, region: &str, accepted: Option<u64>) -> Vec<u8> {
    let matcher = |name: &str, value: &str| {
        let mut matcher = Message::default();
        matcher.bytes(2, name.as_bytes());
        matcher.bytes(3, value.as_bytes());
        matcher.0
    };
    let mut query = Message::default();
    query.varint(1, (NOW as u64 - 600) * 1000);
    query.varint(2, NOW as u64 * 1000);
    query.bytes(3, &matcher("__name__", name));
    query.bytes(3, &matcher("region", region));
    query.bytes(4, b"\x08\x01"); // hints
    let mut request = Message::default();
    request.bytes(1, &query.0);
    if let Some(kind) = accepted {
        request.varint(2, kind);
    }
    request.0
}

async fn ask(server: &Server, body: Vec<u8>) -> Response {
    server.send(Request::post("/api/v1/read").body(Body::from(body)).unwrap()).await
}

fn compressed(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).unwrap()
}

/// The messages in a field of a message.
fn parts(message: &[u8], number: u32) -> Vec<&[u8]> {
    let (mut fields, mut found) = (Fields::new(message), Vec::new());
    while let Some((at, value)) = fields.next().unwrap() {
        if let (true, Value::Bytes(bytes)) = (at == number, value) {
            found.push(bytes);
        }
    }
    found
}

fn labels(series: &[u8]) -> String {
    let pair = |label: &&[u8]| {
        let text = |number| String::from_utf8(parts(label, number)[0].to_vec()).unwrap();
        format!("{}={}", text(1), text(2))
    };
    parts(series, 1).iter().map(pair).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn samples_are_answered() {
    let response = ask(&server(), compressed(&request("up", "north", None))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-encoding"], "snappy");
    assert_eq!(response.headers()["content-type"], "application/x-protobuf");
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let message = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let results = parts(&message, 1);
    let series = parts(results[0], 1);
    let got: Vec<(String, usize)> = series.iter().map(|one| (labels(one), parts(one, 2).len())).collect();
    let of = |host: &str| (format!("__name__=up host={host} region=north"), 2);
    assert_eq!(got, [of("a"), of("b")]);
}

#[tokio::test]
async fn chunks_are_streamed_in_frames() {
    let response = ask(&server(), compressed(&request("up", "north", Some(1)))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], super::STREAMED);
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let (mut rest, mut got) = (&body[..], Vec::new());
    while let [len, sum_0, sum_1, sum_2, sum_3, tail @ ..] = rest {
        let (frame, behind) = tail.split_at(usize::from(*len)); // short ones: a byte says the length
        assert_eq!(u32::from_be_bytes([*sum_0, *sum_1, *sum_2, *sum_3]), crc32c::crc32c(frame));
        let series = parts(frame, 1)[0];
        got.push((labels(series), parts(series, 2).len()));
        rest = behind;
    }
    let of = |host: &str| (format!("__name__=up host={host} region=north"), 1);
    assert_eq!((got, rest.len()), (vec![of("a"), of("b")], 0));
}

#[tokio::test]
async fn another_servers_label_finds_nothing() {
    let response = ask(&server(), compressed(&request("up", "south", None))).await;
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    assert_eq!(snap::raw::Decoder::new().decompress_vec(&body).unwrap(), [0x0a, 0]);
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let server = server();
    let check = async |body: Vec<u8>, want: &str| {
        let (status, body) = read(ask(&server, body).await).await;
        let error = body["error"].as_str().unwrap_or_default();
        assert!(status == 400 && body["errorType"] == "bad_data" && error.contains(want), "{want}: {status} {body}");
    };
    check(Vec::new(), "snappy").await;
    check(b"\xff\xff\xff\xff\x0f".to_vec(), "takes 4294967295 bytes when decompressed").await;
    check(compressed(&vec![0; MESSAGE_BYTES_MAX + 1]), "when decompressed").await;
    check(compressed(b"\x0a\x05x"), "ends inside a field").await;
    check(compressed(&request("up", "north", Some(7))), "does not support any of the requested").await;
    let bad_regex = b"\x0a\x0b\x1a\x09\x08\x02\x12\x01a\x1a\x02((";
    check(compressed(bad_regex), "").await;
    let many: Vec<u8> = b"\x0a\x00".repeat(1_001);
    check(compressed(&many), "more than 1000 queries").await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_message_is_read_or_refused(message: Vec<u8>) {
        let _ = super::ReadRequest::read(&compressed(&message));
        let _ = super::ReadRequest::read(&message);
    }
}

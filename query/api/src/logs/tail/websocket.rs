//! The live tail over a WebSocket. RFC 6455.

use super::reader::{Reader, TailPart};
use super::subscribe;
use crate::Api;
use crate::error::ApiError;
use crate::params::Params;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a message from the client, who has nothing to say.
const INCOMING_BYTES_MAX: usize = 4 << 10;
/// Bytes that may wait for the socket: one part of a batch.
const OUTGOING_BYTES_MAX: usize = 16 << 20;
/// A client that takes nothing for so long is given up.
const SEND_TIMEOUT: Duration = Duration::from_mins(1);
/// Between two signs of life, so that proxies keep the connection and we notice when the client is gone.
const PING_PERIOD: Duration = Duration::from_secs(15);

/// `GET …/logs/tail/ws?query=`: text frames `{"records":[…]}` or `{"lost":n}`. Ends when the server stops.
pub(in super::super) async fn tail_ws(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    params: Params,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| ApiError::new(rejection.status(), rejection.body_text()))?;
    // Browsers let any page open a WebSocket to any host, with the cookies for it; only the Origin tells.
    if let Some(origin) = headers.get(ORIGIN)
        && !is_same_host(origin.to_str().unwrap_or_default(), headers.get(HOST).and_then(|host| host.to_str().ok()))
    {
        let message = "a page of another host may not read this: a proxy must hand the Host header on";
        return Err(ApiError::new(StatusCode::FORBIDDEN, message));
    }
    let reader = subscribe(&api, params).await?;
    let upgrade = upgrade
        .max_message_size(INCOMING_BYTES_MAX)
        .max_frame_size(INCOMING_BYTES_MAX)
        .max_write_buffer_size(OUTGOING_BYTES_MAX);
    Ok(upgrade.on_upgrade(|socket| serve(socket, reader)))
}

/// Whether `http://host:port` is a page of ours. `localhost` and the loopback addresses are one host.
fn is_same_host(origin: &str, host: Option<&str>) -> bool {
    let Some((scheme, origin)) = origin.split_once("://") else { return false };
    let port = if scheme == "https" { "443" } else { "80" };
    host.is_some_and(|host| authority(origin, port) == authority(host, port))
}

/// Name and port, in one form for every way to write them.
fn authority(text: &str, default_port: &str) -> (String, String) {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
        _ => (text, default_port),
    };
    let name = name.to_ascii_lowercase();
    let name = if matches!(name.as_str(), "127.0.0.1" | "[::1]") { "localhost".to_owned() } else { name };
    (name, port.to_owned())
}

/// Sends until the client leaves, takes nothing any more, or there is nothing further.
async fn serve(mut socket: WebSocket, mut reader: Reader) {
    let mut pings = tokio::time::interval(PING_PERIOD);
    loop {
        let message = tokio::select! {
            part = reader.next() => match part {
                Some(TailPart::Records(records)) => Message::text(format!("{{\"records\":{records}}}")),
                Some(TailPart::Lost(records)) => Message::text(format!("{{\"lost\":{records}}}")),
                None => Message::Close(None),
            },
            // Answers to pings are sent beneath; what else the client says is not looked at.
            received = socket.recv() => match received {
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            _ = pings.tick() => Message::Ping(axum::body::Bytes::new()),
        };
        let is_end = matches!(message, Message::Close(_));
        let sent = tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await;
        if is_end || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(origin: &str, host: &str, want: bool) {
        assert_eq!(is_same_host(origin, Some(host)), want, "{origin} {host}");
    }

    #[test]
    fn only_pages_of_this_host_may_read() {
        check("http://localhost:9090", "localhost:9090", true);
        check("http://localhost:9090", "127.0.0.1:9090", true);
        check("http://[::1]:9090", "localhost:9090", true);
        check("https://logs.example", "logs.example", true);
        check("https://logs.example", "LOGS.example:443", true);
        check("http://logs.example", "logs.example:9090", false);
        check("https://evil.example", "logs.example", false);
        check("null", "logs.example", false);
        check("", "", false);
    }
}

//! Protection of a loopback listener without a login against foreign web pages: neither a host name that resolves to
//! 127.0.0.1 (DNS rebinding) nor a form on another site that posts here may reach us.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HOST, ORIGIN, UPGRADE};
use std::net::IpAddr;
use std::sync::Arc;

/// The names under which requests may ask for us.
#[derive(Debug, Clone, Default)]
pub struct HostGuard {
    /// Names beside `localhost` and literal addresses, in lower case.
    pub names: Vec<String>,
}

impl HostGuard {
    /// Whether a `Host` header passes: a literal IP address, `localhost`, or a configured name; any port.
    pub fn admits(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        literal.parse::<IpAddr>().is_ok() || name == "localhost" || self.names.contains(&name)
    }

    /// Middleware: refuses a request whose `Host` does not pass.
    pub async fn check(State(guard): State<Arc<HostGuard>>, request: Request, next: Next) -> Response {
        let header = request.headers().get(HOST).and_then(|value| value.to_str().ok());
        let host = header.or_else(|| request.uri().host()).unwrap_or_default().to_owned();
        if !guard.admits(&host) {
            let cure = "ask by address or as localhost, or add the name to `http.hosts`";
            return (StatusCode::MISDIRECTED_REQUEST, format!("host `{host}` is not served here: {cure}\n"))
                .into_response();
        }
        // Browsers say where a request comes from; other clients say nothing. A page may open a WebSocket to any host.
        let origin = request.headers().get(ORIGIN).map(|value| value.to_str().unwrap_or_default());
        let is_guarded = !request.method().is_safe() || request.headers().contains_key(UPGRADE);
        let foreign = origin.filter(|origin| is_guarded && !guard.admits_origin(origin));
        if let Some(origin) = foreign {
            let text = format!("a page of `{origin}` may not send this: add its host to `http.hosts` if it is yours\n");
            return (StatusCode::FORBIDDEN, text).into_response();
        }
        next.run(request).await
    }

    /// Whether an `Origin` header (`http://host:port`) names a host that passes.
    fn admits_origin(&self, origin: &str) -> bool {
        origin.split_once("://").is_some_and(|(_, host)| self.admits(host))
    }
}

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') && (host.starts_with('[') || host.matches(':').count() == 1) => {
            &host[..colon]
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::any;
    use tower::ServiceExt;

    #[track_caller]
    fn check(host: &str, want: bool) {
        let guard = HostGuard { names: vec!["logs.example".into()] };
        assert_eq!(guard.admits(host), want, "{host:?}");
    }

    #[test]
    fn pages_of_known_hosts_may_post() {
        let guard = HostGuard { names: vec!["logs.example".into()] };
        assert!(guard.admits_origin("http://localhost:9090"));
        assert!(guard.admits_origin("https://logs.example"));
        assert!(!guard.admits_origin("https://evil.example"));
        assert!(!guard.admits_origin("null"));
    }

    #[tokio::test]
    async fn foreign_pages_may_look_but_neither_post_nor_open_a_web_socket() {
        let guard = Arc::new(HostGuard::default());
        let router = Router::new()
            .route("/", any(async || ()))
            .layer(axum::middleware::from_fn_with_state(guard, HostGuard::check));
        let status = async |method: &str, origin: &str, upgrade: Option<&str>| {
            let request = http::Request::builder().method(method).header(HOST, "localhost").header(ORIGIN, origin);
            let request = match upgrade {
                Some(protocol) => request.header(UPGRADE, protocol),
                None => request,
            };
            router.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap().status()
        };
        let (own, foreign) = ("http://localhost:9090", "http://evil.example");
        assert_eq!(status("GET", foreign, None).await, StatusCode::OK);
        assert_eq!(status("POST", foreign, None).await, StatusCode::FORBIDDEN);
        assert_eq!(status("GET", foreign, Some("websocket")).await, StatusCode::FORBIDDEN);
        assert_eq!(status("GET", own, Some("websocket")).await, StatusCode::OK);
    }

    #[test]
    fn addresses_and_known_names_pass() {
        check("127.0.0.1:9090", true);
        check("[::1]:9090", true);
        check("::1", true);
        check("LOCALHOST", true);
        check("localhost:1", true);
        check("logs.example:9090", true);
        check("evil.example", false);
        check("localhost.evil.example:9090", false);
        check("", false);
    }
}

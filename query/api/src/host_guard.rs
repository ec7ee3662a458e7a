//! Protection of a loopback listener without a login against DNS rebinding: a foreign page's host name that resolves
//! to 127.0.0.1 must not reach us.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::HOST;
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
        if guard.admits(&host) {
            return next.run(request).await;
        }
        let text = format!(
            "host `{host}` is not served here: ask by address or as localhost, or add the name to `http.hosts`\n"
        );
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
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

    #[track_caller]
    fn check(host: &str, want: bool) {
        let guard = HostGuard { names: vec!["logs.example".into()] };
        assert_eq!(guard.admits(host), want, "{host:?}");
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

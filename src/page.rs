//! Serves the web page that `watchfire-ui` embeds.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use http::header::{HeaderName, HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{Method, StatusCode};

/// Paths of APIs: an unknown one below them is an error, never the page.
const API_PREFIXES: [&str; 6] = ["/api/", "/-/", "/loki/", "/metrics", "/gelf", "/v1/"];

/// Answers every path that no API has: an asset, or the page itself, whose views have paths of their own.
pub(crate) async fn page(request: Request) -> Response {
    let path = request.uri().path();
    if API_PREFIXES.iter().any(|prefix| path.starts_with(prefix)) {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let name = path.trim_start_matches('/');
    let asset = match watchfire_ui::asset(name) {
        Some(asset) => asset,
        // The page's own views have one segment; it names its files relative to itself.
        None if !name.contains('/') => watchfire_ui::index(),
        None => return (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
    };
    let header =
        |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header(IF_NONE_MATCH).split(',').any(|tag| tag.trim() == asset.etag) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let takes_gzip = header(ACCEPT_ENCODING).split(',').any(|coding| coding.trim().starts_with("gzip"));
    let (body, encoding) = match asset.gzip.filter(|_| takes_gzip) {
        Some(gzip) => (gzip, Some(HeaderValue::from_static("gzip"))),
        None => (asset.bytes, None),
    };
    let caching = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(ETAG, HeaderValue::from_static(asset.etag));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(watchfire_ui::CONTENT_SECURITY_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, encoding);
    }
    response
}

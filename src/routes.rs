//! Everything that answers on the HTTP port: the API, what brings data in, administration, the page.

use crate::admin::{self, Admin};
use crate::config::HttpConfig;
use crate::gelf_http::{self, GelfHttp};
use crate::page;
use crate::reload::Reloader;
use crate::remote_write::{self, RemoteWrite};
use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::post;
use http::StatusCode;
use std::sync::Arc;
use watchfire_api::{Api, HostGuard};

/// What the routes beside the API's own hand requests to.
pub(crate) struct Routes {
    /// None where the input is off.
    pub(crate) gelf: Option<GelfHttp>,
    pub(crate) write: RemoteWrite,
    pub(crate) admin: Arc<Admin>,
    pub(crate) reloader: Arc<Reloader>,
}

impl Routes {
    /// All routes; on loopback behind the guard of host names.
    pub(crate) fn router(self, api: Arc<Api>, http: &HttpConfig) -> Router {
        let Routes { gelf, write, admin, reloader } = self;
        let reload = Router::new().route("/-/reload", post(reload).put(reload)).with_state(reloader);
        let mut router =
            watchfire_api::router(api).merge(remote_write::routes(write)).merge(admin::routes(admin)).merge(reload);
        if let Some(gelf) = gelf {
            router = router.merge(gelf_http::routes(gelf));
        }
        router = router.fallback(page::page);
        if http.listen.ip().is_loopback() {
            let guard =
                Arc::new(HostGuard { names: http.hosts.iter().map(|name| name.to_ascii_lowercase()).collect() });
            router = router.layer(middleware::from_fn_with_state(guard, HostGuard::check));
        }
        router
    }
}

/// `POST|PUT /-/reload`, answered as Prometheus does.
async fn reload(State(reloader): State<Arc<Reloader>>) -> impl IntoResponse {
    match reloader.reload().await {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {error}\n")),
    }
}

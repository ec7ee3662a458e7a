//! The accept loop: HTTP/1.1 with every time-out that `axum::serve` lacks.

mod hang_up;
mod pace;
mod peers;

pub use hang_up::Hold;
pub use peers::PeerMetrics;

use self::hang_up::{Connection, State};
use self::peers::{Peers, Place};
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tracing::{debug, warn};

/// What one listener allows.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Connections open at once; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// Connections of one address open at once; further ones are closed. Behind a proxy all clients have one address.
    pub connections_per_peer_max: usize,
    /// Bytes of a connection's read buffer, and so of a request's head.
    pub buffer_bytes_max: usize,
    /// From the first byte of a request to the end of its headers.
    pub header_timeout: Duration,
    /// The longest silence within a request's body.
    pub body_timeout: Duration,
    /// What a stop waits for requests in flight.
    pub drain_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> ServerLimits {
        ServerLimits {
            connections_max: 1024,
            connections_per_peer_max: 256,
            buffer_bytes_max: 64 << 10,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// A listener that pauses after an error such as "too many open files", so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` until `stop` resolves, then lets requests in flight end within the drain time-out.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    metrics: PeerMetrics,
    stop: impl Future<Output = ()>,
) {
    let connections = Arc::new(Semaphore::new(limits.connections_max));
    let peers = Peers::new(limits.connections_per_peer_max, metrics);
    let (running, draining) = (TaskTracker::new(), CancellationToken::new());
    let router = router.layer(RequestBodyTimeoutLayer::new(limits.body_timeout));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(limits.buffer_bytes_max);
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, peer, permit): (TcpStream, SocketAddr, OwnedSemaphorePermit) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &connections) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        let Some(place) = peers.enter(peer.ip()) else {
            debug!(%peer, "http connection closed: its address has as many as it may");
            continue;
        };
        let state: Arc<State> = Arc::default();
        let stream = Connection::new(stream, Arc::clone(&state));
        let router = router.clone();
        // The closure runs as soon as the head of a request is read, the future that it returns only later: hyper may have
        // looked for the connection's end by then.
        let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(state.hold());
            router.clone().oneshot(request.map(pace::paced))
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let draining = draining.clone();
        running.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = draining.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                debug!(%peer, %error, "http connection ended early");
            }
            drop::<(OwnedSemaphorePermit, Place)>((permit, place));
        });
    }
    drop(listener);
    running.close();
    draining.cancel();
    if tokio::time::timeout(limits.drain_timeout, running.wait()).await.is_err() {
        warn!(timeout = ?limits.drain_timeout, "http requests were still running at the end of the drain time");
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            if let Err(error) = stream.set_nodelay(true) {
                debug!(%peer, %error, "cannot set TCP_NODELAY");
            }
            Some((stream, peer, permit))
        }
        Err(error) => {
            warn!(%error, "cannot accept an http connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

//! Bodies have to come at a certain pace: a client that sends a byte now and then does not hold its place for hours.

use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};
use hyper::body::{Body as _, Incoming};
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What every body has at first.
const GRACE: Duration = Duration::from_secs(30);
/// Bytes per second that it has to keep up from then on.
const PACE: u32 = 16 << 10;

/// The body, which fails when it falls behind.
pub(super) fn paced(body: Incoming) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    keep_pace(Body::new(body), GRACE, PACE)
}

fn keep_pace(body: Body, grace: Duration, pace: u32) -> Body {
    let begin = Instant::now();
    let frames = body.into_data_stream();
    Body::from_stream(stream::unfold((frames, 0_u64), move |(mut frames, received)| async move {
        let deadline = begin + grace + Duration::from_millis(received * 1000 / u64::from(pace));
        let frame: Result<Bytes, axum::Error> = match timeout_at(deadline, frames.next()).await {
            Ok(frame) => frame?,
            Err(_) => Err(axum::Error::new(io::Error::new(io::ErrorKind::TimedOut, "the body came too slowly"))),
        };
        let received = received + frame.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Some((frame, (frames, received)))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of single bytes, one every 10 ms.
    fn slow(bytes: usize) -> Body {
        Body::from_stream(stream::unfold(0, move |sent| async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            (sent < bytes).then_some((Ok::<_, io::Error>("x"), sent + 1))
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_falls_behind_fails() {
        let read = |body| axum::body::to_bytes(body, 1000);
        let enough = Duration::from_secs(2);
        assert_eq!(read(keep_pace(slow(100), enough, 1)).await.unwrap().len(), 100);
        let error = read(keep_pace(slow(300), Duration::from_millis(500), 200)).await.unwrap_err();
        assert!(error.to_string().contains("too slowly"), "{error}");
        assert_eq!(read(keep_pace(slow(300), Duration::from_millis(500), 90)).await.unwrap().len(), 300);
    }
}

//! Answers written down where the query ran, so that their text takes its place in the query's memory.

use crate::error::ApiError;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use std::io;
use watchfire_model::{Exhausted, QueryBudget};

/// A JSON text.
#[derive(Debug)]
pub(super) struct Answer(Vec<u8>);

impl Answer {
    /// Writes `body` down.
    ///
    /// # Errors
    /// The text would take more memory than the query may, or the query was called off.
    pub(super) fn write(body: &impl Serialize, budget: &QueryBudget) -> Result<Answer, ApiError> {
        let mut text = Text { bytes: Vec::with_capacity(1024), taken: 0, exhausted: None, budget };
        match serde_json::to_writer(&mut text, body) {
            Ok(()) => Ok(Answer(text.bytes)),
            Err(error) => Err(text.exhausted.map_or_else(
                || ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the answer is no JSON: {error}")),
                ApiError::from,
            )),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// The text and what it takes of the query's memory.
struct Text<'b> {
    bytes: Vec<u8>,
    taken: usize,
    exhausted: Option<Exhausted>,
    budget: &'b QueryBudget,
}

impl io::Write for Text<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.reserve(bytes.len());
        let more = self.bytes.capacity() - self.taken;
        if more > 0 {
            self.budget.take_memory(more as u64).map_err(|exhausted| {
                self.exhausted = Some(exhausted);
                io::Error::other(exhausted)
            })?;
            self.taken += more;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_model::{ByteSize, MemoryPool};

    #[test]
    fn the_text_counts_as_the_query_s_memory() {
        let pool = MemoryPool::new("queries", ByteSize(1 << 20));
        let budget = QueryBudget::unlimited().with_memory(&pool, 10_000);
        let answer = Answer::write(&"x".repeat(3_000), &budget).unwrap();
        assert_eq!(answer.0.len(), 3_002);
        assert!((3_002..10_000).contains(&pool.used()), "{}", pool.used());
        let error = Answer::write(&vec!["x"; 10_000], &budget).unwrap_err();
        assert_eq!(error.into_response().status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
}

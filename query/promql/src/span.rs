//! Where a piece of an expression stands in its text.

/// A piece of the query text. Two spans are compared by all four numbers; expressions are compared without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Span {
    /// Byte offset of the first byte.
    pub start: u32,
    /// Byte offset behind the last byte.
    pub end: u32,
    /// Line of `start`, from 1.
    pub line: u32,
    /// Byte position of `start` within its line, from 1: what Prometheus prints.
    pub column: u32,
}

impl Span {
    /// From the start of this span to the end of `last`.
    #[must_use]
    pub fn to(self, last: Span) -> Span {
        Span { end: last.end.max(self.end), ..self }
    }
}

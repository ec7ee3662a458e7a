//! The search language of the search bar: text in, a [`watchfire_model::LogFilter`] out. Pure, total, without any I/O.
//!
//! It is the dialect that Graylog's and Kibana's users know (Lucene's query syntax), with these differences:
//! - the default operator is AND, and `NOT` binds tighter than `AND`, which binds tighter than `OR`;
//! - leading wildcards are allowed;
//! - `source` is another name of `host`;
//! - words of severity stand for numbers: `level:error` is `level:3`. A smaller number is more severe, so *errors and
//!   worse* is `level:<=error`, the same as `level:<=3`.
//!
//! ```text
//! query      = or | "*" | ""                    nothing and `*` find every record
//! or         = and { ("OR" | "||") and }
//! and        = unary { ["AND" | "&&"] unary }
//! unary      = ("NOT" | "!" | "-" | "+") unary | primary
//! primary    = "(" or ")" | [field ":"] value
//! field      = word | phrase                    `_exists_` asks whether its value names a field of the record
//! value      = word | phrase | "(" or ")" | comparison | range      `field:*` is `_exists_:field`
//! comparison = (">" | ">=" | "<" | "<=") number
//! range      = ("[" | "{") (number | "*") "TO" (number | "*") ("]" | "}")
//! phrase     = '"' characters, `\"` and `\\` among them '"'
//! word       = characters but white space, `(`, `)`, `"`, `:`; `*` and `?` are wildcards, `\` takes their meaning away
//! ```
//!
//! Operators are upper case, as in Lucene: `not found` searches for two words.
//!
//! Invariants
//! - [`parse`] returns for any text, in time linear in its length, and never panics.
//! - An error says where (a byte range of the text) and what to change.
//! - Printing is exact: parsing what [`Expr`] prints gives the same [`Expr`].

mod error;
mod expr;
mod parser;

pub use error::{Problem, QueryError};
pub use expr::{Expr, Pattern};

use watchfire_model::LogFilter;

/// Bytes that a query may have.
pub const TEXT_LEN_MAX: usize = 64 << 10;
/// Groups and negations inside each other.
pub const DEPTH_MAX: usize = 64;
/// Terms, ranges and other conditions of one query.
pub const TERMS_MAX: usize = 1024;
/// Characters of all wildcard terms of one query, `*` and `?` among them: a record may be as long as a message can be, and
/// each of these may look at all of it.
pub const WILDCARD_LEN_MAX: usize = 2048;

/// A parsed search.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What the text says; prints as an equal query.
    pub expr: Expr,
    /// What stores evaluate.
    pub filter: LogFilter,
}

/// Parses a search as typed.
///
/// # Errors
/// [`QueryError`] with the place and what to change.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    let expr = parser::parse(text)?;
    let filter = expr.to_filter().map_err(|problem| QueryError { span: 0..text.len(), problem })?;
    Ok(Query { expr, filter })
}

#[cfg(test)]
mod tests;

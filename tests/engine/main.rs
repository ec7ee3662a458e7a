//! Whatever a record looks like it is taken, and whatever a query asks its answer is that of a plain scan.
//!
//! - `shapes`: no record is refused for the type, count, depth, name or length of its fields.
//! - `meanings`: what a filter means (`LogFilter::matches`), built in code or parsed from a text in any of the language's
//!   forms, is what a second, plain definition says.
//! - `seeds`: records and questions from a seed, over everything that a store does with records: memory, small blocks,
//!   merged blocks, restarts, several streams, blocks of several granules.
//!
//! An [`ask::Ask`] is a question with its plain meaning; `text` writes it as a query.

mod answers;
mod ask;
mod meanings;
mod messages;
mod pipes;
mod plain;
#[path = "../sim/random.rs"]
mod random;
mod seeds;
mod shapes;
mod stats;
mod text;
mod world;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

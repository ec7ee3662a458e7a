//! The stores on a disk and a clock that fail on request: what was promised must hold on the worst day.
//!
//! - `seeds`: random scripts of work, faults and crashes.
//! - `every_operation`: one script, with trouble at each of its operations in turn.
//! - `power_cuts`: the power fails anywhere in any script.
//! - `flips`: single bits flip in every kind of file.
//! - `truncations`: a write-ahead log is cut at any byte of its end.
//!
//! A [`world::World`] has both stores on one `MemStorage` and a `ManualClock`; two judges know what each sender was told. All
//! work is asked for in one thread, so equal seeds give equal events.

mod data;
mod every_operation;
mod flips;
mod log_judge;
mod metric_judge;
mod power_cuts;
mod random;
mod script;
mod seeds;
mod shelf;
mod stores;
mod truncations;
mod world;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

//! Finds scrape targets: lists written in the configuration, and lists in files that other programs keep.
//!
//! Invariants
//! - A source that cannot be read keeps the targets that it last gave, and says in words what is wrong with it.
//! - Every target has the label `__address__`; those from a file also have `__meta_filepath`.
//! - Nothing here waits, sleeps or opens a socket: the owner calls [`Discoverer::poll`] every few seconds, on a
//!   thread that may block on a disk.

mod discoverer;
mod file;
mod group;

pub use discoverer::{Discoverer, StaticTargets};
pub use file::{FileDiscoverer, FileSdConfig, FileSdError};
pub use group::{ADDRESS_LABEL, FILEPATH_LABEL, META_PREFIX, StaticConfig, StaticConfigError, TargetGroup};

//! The functions of PromQL, a group per file, and their signatures.

mod signature;

pub use signature::Signature;
pub(crate) use signature::signature;

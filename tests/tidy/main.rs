//! The tree keeps its shape: arrows between crates, the fixed top level, where libraries may be used, file sizes.

mod arrows;
mod tree;

//! What the parts of a block take on disk.

use super::reader::{Block, ReadError, Reads};

/// A part of a block's files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A Parquet column.
    Column(String),
    /// Messages by their templates: words, and which row has which template.
    Messages,
    /// Of the index: what it calls the section.
    Index(&'static str),
    /// Parquet metadata, in both places.
    Metadata,
}

impl Block {
    /// The parts of the block with their bytes.
    pub fn parts(&self) -> Result<Vec<(Part, u64)>, ReadError> {
        let opened = self.open(&Reads::passing())?;
        let mut parts: Vec<(Part, u64)> = Vec::new();
        for group in opened.parquet.metadata().row_groups() {
            for (leaf, column) in group.columns().iter().enumerate() {
                if leaf == parts.len() {
                    parts.push((Part::Column(column.column_path().string()), 0));
                }
                parts[leaf].1 += column.byte_range().1;
            }
        }
        let messages =
            opened.layout.granules.iter().filter_map(|granule| granule.messages).map(|place| place.len as u64);
        parts.push((Part::Messages, messages.sum()));
        parts.extend(opened.contents.sections_by_name().map(|(name, len)| (Part::Index(name), len)));
        parts.push((Part::Metadata, 2 * opened.layout.footer.len as u64));
        Ok(parts)
    }
}

//! Where the parts of a block are: the fixed bytes at its front, and from version 2 on at its end.

use super::{MAGIC, VERSION, VERSION_WITH_FRONT};
use crate::codec::{Cursor, Damage};
use crate::merge::ReadError;
use watchfire_store::{Storage, StorageError};

/// From version 2 on: magic, version, and the checksum of both.
const FRONT_LEN: usize = 4 + 4 + 4;

/// Version 1: magic, version, two times, the number of samples, three sections and the checksum.
const HEADER_LEN: usize = 4 + 4 + 3 * 8 + 3 * SECTION_LEN + 4;

/// Version 2: two times, the number of samples, where the pages end, three sections and the checksum.
const FOOTER_LEN: usize = 4 * 8 + 3 * SECTION_LEN + 4;

/// Length and checksum of a section.
const SECTION_LEN: usize = 8 + 4;

/// Places in a block, in bytes from its first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) pages_offset: u64,
    pub(super) sections_offset: u64,
    pub(super) sections: Sections,
}

/// Lengths and checksums of the sections, in order: symbols, series, postings.
pub(super) type Sections = [(usize, u32); 3];

impl Layout {
    /// Reads and checks the fixed parts of a block of `bytes` bytes.
    pub(super) fn read(storage: &dyn Storage, key: &str, bytes: u64) -> Result<Layout, ReadError> {
        let front = storage.read_range(key, 0, HEADER_LEN)?;
        let mut cursor = Cursor::new(&front);
        if cursor.take(MAGIC.len())? != MAGIC {
            return Err(Damage("this is no block").into());
        }
        let version = cursor.u32()?;
        let checksum = cursor.u32()?;
        if crc32c::crc32c(&front[..FRONT_LEN - 4]) != checksum {
            // Version 1 has its checksum at the end of its header; whatever has none is damaged.
            return Ok(Layout::decode_header(&front, bytes)?);
        }
        if !(VERSION_WITH_FRONT..=VERSION).contains(&version) {
            return Err(StorageError::Newer { key: key.to_owned(), found: version, known: VERSION }.into());
        }
        let footer_offset = bytes.checked_sub(FOOTER_LEN as u64).ok_or(Damage("the block is too short"))?;
        let footer = storage.read_range(key, footer_offset, FOOTER_LEN)?;
        Ok(Layout::decode_footer(&footer, footer_offset)?)
    }

    fn decode_header(header: &[u8], bytes: u64) -> Result<Layout, Damage> {
        let mut cursor = checked(header, HEADER_LEN)?;
        cursor.take(MAGIC.len())?;
        if cursor.u32()? != 1 {
            return Err(Damage("the checksum of the first bytes does not match"));
        }
        // Times and number of samples, which the manifest says too.
        cursor.take(3 * 8)?;
        let sections = decode_sections(&mut cursor, bytes)?;
        let sections_offset = HEADER_LEN as u64;
        Ok(Layout { pages_offset: sections_offset + total(&sections), sections_offset, sections })
    }

    fn decode_footer(footer: &[u8], footer_offset: u64) -> Result<Layout, Damage> {
        let mut cursor = checked(footer, FOOTER_LEN)?;
        cursor.take(3 * 8)?;
        let sections_offset = cursor.u64()?;
        let sections = decode_sections(&mut cursor, footer_offset)?;
        if sections_offset.checked_add(total(&sections)) != Some(footer_offset) {
            return Err(Damage("the sections do not end at the footer"));
        }
        Ok(Layout { pages_offset: FRONT_LEN as u64, sections_offset, sections })
    }

    /// Bytes of all sections.
    pub(super) fn sections_len(&self) -> usize {
        total(&self.sections) as usize
    }
}

/// A cursor over `bytes` without the checksum at their end.
fn checked(bytes: &[u8], len: usize) -> Result<Cursor<'_>, Damage> {
    let (checked, checksum) =
        bytes.split_at_checked(len - 4).filter(|_| bytes.len() == len).ok_or(Damage("the block is too short"))?;
    if Cursor::new(checksum).u32()? == crc32c::crc32c(checked) {
        Ok(Cursor::new(checked))
    } else {
        Err(Damage("the checksum of the header or footer does not match"))
    }
}

fn decode_sections(cursor: &mut Cursor<'_>, bytes: u64) -> Result<Sections, Damage> {
    let mut sections = [(0, 0); 3];
    for section in &mut sections {
        let len = usize::try_from(cursor.u64()?).ok().filter(|len| *len as u64 <= bytes);
        *section = (len.ok_or(Damage("a section is longer than the block"))?, cursor.u32()?);
    }
    Ok(sections)
}

/// Cannot overflow: each is at most the length of the block.
fn total(sections: &Sections) -> u64 {
    sections.iter().map(|(len, _)| *len as u64).sum()
}

//! Reads a block through, every byte that has a checksum: for finding damage before somebody asks.

use super::index::{CONTENTS_LEN, Contents, Span, TokenIndex, decode_digest, decode_layout};
use super::parquet_stream::PARQUET_TAIL_LEN;
use super::reader::{Block, Opened, ReadError, Reads, check_crc, guarded};
use bytes::Bytes;

const PARQUET_MAGIC: [u8; 4] = *b"PAR1";

impl Block {
    /// Reads both objects through, past the cache: that they are there, have their sizes, agree with each other, and that
    /// every checksum holds, those of second copies included. The number of bytes read.
    pub fn verify(&self) -> Result<u64, ReadError> {
        let reads = Reads::passing();
        for (key, wanted) in
            [(self.meta.parquet_key(), self.meta.parquet_bytes), (self.meta.idx_key(), self.meta.idx_bytes)]
        {
            let found = self.object_len(&key)?;
            if found != wanted {
                return Err(ReadError::Damaged(format!("a file has {found} bytes instead of {wanted}")));
            }
        }
        guarded(|| {
            let opened = self.read_opened(&reads)?;
            self.verify_index(&opened, &reads)?;
            self.verify_columns(&opened, &reads)
        })?;
        Ok(reads.bytes())
    }

    fn verify_index(&self, opened: &Opened, reads: &Reads) -> Result<(), ReadError> {
        let key = self.meta.idx_key();
        let read = |span| self.read(&key, span, reads);
        let contents = Contents::decode(&key, &read(Span { offset: 0, len: CONTENTS_LEN })?)?;
        if contents != opened.contents || contents.file_len() != self.meta.idx_bytes {
            return Err(ReadError::Damaged("its table of contents does not fit the file".to_owned()));
        }
        decode_layout(&key, &read(contents.layout())?)?;
        TokenIndex::decode(&key, &contents, opened.layout.granules.len(), &read(contents.tokens())?)?;
        if let Some(digest) = contents.digest() {
            decode_digest(&key, &contents, &opened.layout, &read(digest)?)?;
        }
        if let (Some(copy), Some(metadata)) = (contents.layout_copy_in(self.meta.idx_bytes), contents.metadata()) {
            decode_layout(&key, &read(copy)?)?;
            self.read_metadata_copy(metadata, reads)?;
            Contents::decode(&key, &read(Contents::copy_in(self.meta.idx_bytes))?)?;
        }
        Ok(())
    }

    fn verify_columns(&self, opened: &Opened, reads: &Reads) -> Result<(), ReadError> {
        let key = self.meta.parquet_key();
        let read = |offset, len| self.read(&key, Span { offset, len }, reads);
        for (granule, group) in opened.layout.granules.iter().zip(opened.parquet.metadata().row_groups()) {
            for (column, checksum) in group.columns().iter().zip(&granule.checksums) {
                let (offset, len) = column.byte_range();
                check_crc(&read(offset, len as usize)?, *checksum, "column")?;
            }
            if let Some(place) = granule.messages {
                self.read_messages(place, reads)?;
            }
        }
        let footer = opened.layout.footer;
        check_crc(&read(footer.offset, footer.len)?, footer.checksum, "footer")?;
        let head = read(0, PARQUET_MAGIC.len())?;
        let tail = read(footer.offset + footer.len as u64, PARQUET_TAIL_LEN)?;
        let wanted: Bytes = [(footer.len as u32).to_le_bytes(), PARQUET_MAGIC].concat().into();
        if head != PARQUET_MAGIC[..] || tail != wanted {
            return Err(ReadError::Damaged("the frame of the Parquet file is not what was written".to_owned()));
        }
        Ok(())
    }
}

//! What a block holds, without its samples.

use super::LIST_MAX;
use crate::codec::{Cursor, Damage};
use crate::index::{Pair, Posting, Postings, SymbolTable, Texts, hash_pairs, same_labels, to_labels};
use roaring::RoaringBitmap;
use smol_str::SmolStr;
use std::cmp::Ordering;
use watchfire_model::Labels;

/// The index sections of a block, checked and decoded.
#[derive(Debug)]
pub(crate) struct BlockIndex {
    pub(crate) symbols: SymbolTable,
    /// Over the places of series in the block.
    pub(crate) postings: Postings,
    series: Vec<SeriesEntry>,
    /// Labels of all series, one after the other.
    pairs: Vec<Pair>,
    pages: Vec<Page>,
    /// Memory, approximately.
    size: usize,
}

/// Where a series' labels and units are.
#[derive(Debug)]
struct SeriesEntry {
    hash: u64,
    /// Where its labels end in `pairs`; they begin where those of the series before end.
    pairs_end: u32,
    extent: Extent,
}

/// Units of one series within a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) page: u32,
    pub(super) start: u32,
    pub(super) len: u32,
}

/// Whole series that are read and checked together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// From the block's first byte.
    pub(super) offset: u64,
    pub(super) len: u32,
    pub(super) checksum: u32,
}

impl BlockIndex {
    /// Decodes the three sections; the first page begins at `pages_offset`.
    pub(super) fn decode(
        symbols: &[u8],
        series: &[u8],
        postings: &[u8],
        pages_offset: u64,
    ) -> Result<BlockIndex, Damage> {
        let symbols = decode_symbols(&mut Cursor::new(symbols))?;
        let mut index = BlockIndex {
            symbols,
            postings: Postings::default(),
            series: Vec::new(),
            pairs: Vec::new(),
            pages: Vec::new(),
            size: 0,
        };
        let mut cursor = Cursor::new(series);
        index.decode_pages(&mut cursor, pages_offset)?;
        index.decode_series(&mut cursor)?;
        index.decode_postings(&mut Cursor::new(postings))?;
        let arrays = index.series.len() * size_of::<SeriesEntry>() + index.pairs.len() * size_of::<Pair>();
        index.size = arrays + index.pages.len() * size_of::<Page>() + index.symbols.size() + index.postings.size();
        Ok(index)
    }

    pub(crate) fn labels(&self, number: u32) -> Labels {
        to_labels(self.pairs(number), &self.symbols)
    }

    /// The hash of a series' labels, as `hash_labels` gives it.
    pub(crate) fn hash(&self, number: u32) -> u64 {
        self.series[number as usize].hash
    }

    pub(crate) fn has_labels(&self, number: u32, labels: &Labels) -> bool {
        same_labels(labels, self.pairs(number), &self.symbols)
    }

    /// The place of the series with these labels.
    pub(crate) fn find(&self, labels: &Labels) -> Option<u32> {
        let (mut low, mut high) = (0, self.series.len() as u32);
        while low < high {
            let middle = low.midpoint(high);
            match self.compare(middle, labels) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    pub(super) fn extent(&self, number: u32) -> Extent {
        self.series[number as usize].extent
    }

    pub(super) fn page(&self, page: u32) -> Page {
        self.pages[page as usize]
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> u32 {
        self.series.len() as u32
    }

    /// How many pages there are.
    pub(crate) fn n_pages(&self) -> u32 {
        self.pages.len() as u32
    }

    /// Memory, approximately.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn pairs(&self, number: u32) -> &[Pair] {
        let start = number.checked_sub(1).map_or(0, |before| self.series[before as usize].pairs_end);
        &self.pairs[start as usize..self.series[number as usize].pairs_end as usize]
    }

    fn compare(&self, number: u32, labels: &Labels) -> Ordering {
        let text = |symbol| self.symbols.text(symbol).as_str();
        let ours = self.pairs(number).iter().map(|pair| (text(pair.name), text(pair.value)));
        ours.cmp(labels.iter().map(|label| (label.name.as_str(), label.value.as_str())))
    }

    fn decode_pages(&mut self, cursor: &mut Cursor<'_>, pages_offset: u64) -> Result<(), Damage> {
        let mut offset = pages_offset;
        for _ in 0..cursor.count()? {
            let len = cursor.varint_u32()?;
            self.pages.push(Page { offset, len, checksum: cursor.u32()? });
            offset += u64::from(len);
        }
        Ok(())
    }

    fn decode_series(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Damage> {
        let count = cursor.count()?;
        self.series.reserve(count);
        let (mut page, mut start) = (0, 0);
        for _ in 0..count {
            let pairs_start = self.pairs.len();
            for _ in 0..cursor.count()? {
                let pair = self.decode_pair(cursor)?;
                self.pairs.push(pair);
            }
            if cursor.u8()? != 0 {
                (page, start) = (page + 1, 0);
            }
            let extent = Extent { page, start, len: cursor.varint_u32()? };
            let page_len = self.pages.get(page as usize).ok_or(Damage("a series lies in no page"))?.len;
            start = start
                .checked_add(extent.len)
                .filter(|end| *end <= page_len)
                .ok_or(Damage("a series leaves its page"))?;
            let hash = hash_pairs(&self.pairs[pairs_start..], &self.symbols);
            self.series.push(SeriesEntry { hash, pairs_end: self.pairs.len() as u32, extent });
        }
        Ok(())
    }

    fn decode_postings(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Damage> {
        let count = self.series.len() as u32;
        self.postings.load_all(count);
        while !cursor.is_empty() {
            let pair = self.decode_pair(cursor)?;
            let len = cursor.varint()?;
            let bitmap = if len <= LIST_MAX as u64 {
                let mut last = 0u32;
                let mut bitmap = RoaringBitmap::new();
                for _ in 0..len {
                    last = last.checked_add(cursor.varint_u32()?).ok_or(Damage("a posting exceeds 32 bits"))?;
                    bitmap.insert(last);
                }
                bitmap
            } else {
                let len = cursor.count()?;
                RoaringBitmap::deserialize_from(cursor.take(len)?).map_err(|_| Damage("a posting is no bitmap"))?
            };
            if bitmap.max().is_none_or(|max| max >= count) {
                return Err(Damage("a posting names no series of the block"));
            }
            self.postings.load(pair, Posting::from_bitmap(bitmap));
        }
        Ok(())
    }

    fn decode_pair(&self, cursor: &mut Cursor<'_>) -> Result<Pair, Damage> {
        let pair = Pair { name: cursor.varint_u32()?, value: cursor.varint_u32()? };
        let known = |symbol: u32| (symbol as usize) < self.symbols.len();
        if known(pair.name) && known(pair.value) { Ok(pair) } else { Err(Damage("a label names no symbol")) }
    }
}

fn decode_symbols(cursor: &mut Cursor<'_>) -> Result<SymbolTable, Damage> {
    let count = cursor.count()?;
    let mut texts: Vec<SmolStr> = Vec::with_capacity(count);
    for _ in 0..count {
        texts.push(cursor.text()?.into());
    }
    Ok(SymbolTable::new(texts))
}

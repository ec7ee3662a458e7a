//! Decodes a column of one granule past the Parquet library, whose readers take longer to be made than a granule takes to be
//! read. Knows the forms that blocks mostly have: one data page of the first version, plain or delta-coded numbers, texts
//! with a dictionary or with their lengths. Whatever looks different is left to the library.
//! Spec: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use crate::codec::{Reader, decompress};
use crate::message::read_bits;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt64Type};
use arrow_array::{ArrayRef, DictionaryArray, PrimitiveArray, StringArray, new_null_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, TimeUnit};
use std::sync::Arc;

const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;

const PLAIN: i64 = 0;
const DELTA_BINARY_PACKED: i64 = 5;
const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const RLE_DICTIONARY: i64 = 8;

/// Longer pages are left to the library.
const PAGE_LEN_MAX: usize = 64 << 20;
/// Values of a block of differences; the library writes 128 or 256.
const DELTA_BLOCK_MAX: usize = 1 << 16;
/// Structures in structures: a header has two.
const HEADER_DEPTH_MAX: usize = 4;

/// The column in the bytes of its chunk; `None` where it has to be left to the library, be it because it makes no sense.
pub(super) fn decode(chunk: &[u8], rows: usize, data_type: &DataType, is_optional: bool) -> Option<ArrayRef> {
    let mut reader = Reader::new(chunk);
    let mut page = Page::read(&mut reader)?;
    let mut dictionary = None;
    if page.kind == DICTIONARY_PAGE {
        dictionary = Some(page);
        page = Page::read(&mut reader)?;
    }
    if page.kind != DATA_PAGE || page.count != rows || !reader.is_empty() {
        return None;
    }
    let mut body = Reader::new(&page.body);
    let nulls = if is_optional { Some(read_nulls(&mut body, rows)?) } else { None };
    let present = rows - nulls.as_ref().map_or(0, NullBuffer::null_count);
    if present == 0 {
        return Some(new_null_array(data_type, rows));
    }
    match (data_type, page.encoding) {
        (DataType::Float64, PLAIN) => {
            let (numbers, _) = body.take(present.checked_mul(8)?)?.as_chunks::<8>();
            let numbers = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            Some(Arc::new(numbers_of::<Float64Type>(numbers, nulls, rows)))
        }
        (DataType::Int64, DELTA_BINARY_PACKED) => {
            Some(Arc::new(numbers_of::<Int64Type>(read_deltas(&mut body, present)?, nulls, rows)))
        }
        (DataType::UInt64, DELTA_BINARY_PACKED) => {
            let numbers = read_deltas(&mut body, present)?.into_iter().map(i64::cast_unsigned).collect();
            Some(Arc::new(numbers_of::<UInt64Type>(numbers, nulls, rows)))
        }
        (DataType::Timestamp(TimeUnit::Nanosecond, _), DELTA_BINARY_PACKED) => {
            let times = numbers_of::<TimestampNanosecondType>(read_deltas(&mut body, present)?, nulls, rows);
            Some(Arc::new(times.with_data_type(data_type.clone())))
        }
        (DataType::Utf8, DELTA_LENGTH_BYTE_ARRAY) => {
            let lens = read_deltas(&mut body, present)?;
            let bytes = body.take(body.len())?;
            let lens = spread(lens, nulls.as_ref(), rows).into_iter().map(usize::try_from);
            Some(Arc::new(texts(lens.collect::<Result<_, _>>().ok()?, Buffer::from(bytes), nulls)?))
        }
        (DataType::Dictionary(key, value), RLE_DICTIONARY)
            if **key == Int32Type::DATA_TYPE && **value == DataType::Utf8 =>
        {
            let values = dictionary?.plain_texts()?;
            let width = u32::from(body.u8()?);
            let keys = read_hybrid(body.take(body.len())?, width, present)?;
            let keys = numbers_of::<Int32Type>(keys, nulls, rows);
            Some(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values)).ok()?))
        }
        _ => None,
    }
}

/// A page, decompressed.
#[derive(Debug)]
struct Page {
    kind: i64,
    count: usize,
    encoding: i64,
    body: Vec<u8>,
}

impl Page {
    fn read(reader: &mut Reader<'_>) -> Option<Page> {
        let (mut kind, mut raw_len, mut packed_len, mut count, mut encoding) = (-1, 0, 0, 0, -1);
        read_struct(reader, HEADER_DEPTH_MAX, &mut |path, value| match path {
            [1] => kind = value,
            [2] => raw_len = value,
            [3] => packed_len = value,
            // Of a data page, or of a dictionary.
            [5 | 7, 1] => count = value,
            [5 | 7, 2] => encoding = value,
            _ => {}
        })?;
        let raw_len = usize::try_from(raw_len).ok().filter(|len| *len <= PAGE_LEN_MAX)?;
        let packed = reader.take(usize::try_from(packed_len).ok()?)?;
        Some(Page { kind, count: usize::try_from(count).ok()?, encoding, body: decompress(packed, raw_len)? })
    }

    /// The texts of a dictionary: each behind its length.
    fn plain_texts(&self) -> Option<StringArray> {
        let mut reader = Reader::new(&self.body);
        let (mut lens, mut bytes) = (Vec::new(), Vec::with_capacity(self.body.len()));
        for _ in 0..self.count {
            let text = reader.u32().and_then(|len| reader.take(len as usize))?;
            lens.push(text.len());
            bytes.extend_from_slice(text);
        }
        texts(lens, Buffer::from(bytes), None)
    }
}

/// Reads a structure of Thrift's compact protocol; hands every integer to `visit` with the numbers of the fields that lead
/// to it.
fn read_struct(reader: &mut Reader<'_>, depth: usize, visit: &mut dyn FnMut(&[i64], i64)) -> Option<()> {
    let mut field = 0;
    loop {
        let head = reader.u8()?;
        if head == 0 {
            return Some(());
        }
        let difference = i64::from(head >> 4);
        field = if difference > 0 { field + difference } else { reader.signed()? };
        match head & 15 {
            // Flags have no bytes of their own.
            1 | 2 => {}
            3 => {
                reader.u8()?;
            }
            4..=6 => visit(&[field], reader.signed()?),
            7 => {
                reader.take(8)?;
            }
            8 => {
                reader.bytes()?;
            }
            12 if depth > 0 => {
                read_struct(reader, depth - 1, &mut |path, value| {
                    if let [inner] = path {
                        visit(&[field, *inner], value);
                    }
                })?;
            }
            _ => return None,
        }
    }
}

/// Which rows have a value: levels of one bit, behind their length.
fn read_nulls(body: &mut Reader<'_>, rows: usize) -> Option<NullBuffer> {
    let len = body.u32()?;
    let levels = read_hybrid(body.take(len as usize)?, 1, rows)?;
    Some(NullBuffer::new(BooleanBuffer::collect_bool(rows, |row| levels[row] != 0)))
}

/// So many numbers of `width` bits, in runs: of equal ones, or of eight times so many side by side.
fn read_hybrid(bytes: &[u8], width: u32, count: usize) -> Option<Vec<i32>> {
    if width >= i32::BITS {
        return None;
    }
    let mut reader = Reader::new(bytes);
    let mut numbers: Vec<i32> = Vec::with_capacity(count);
    while numbers.len() < count {
        let head = reader.varint()?;
        let len = usize::try_from(head >> 1).ok()?;
        let left = count - numbers.len();
        if head & 1 == 0 {
            let bytes = reader.take(width.div_ceil(8) as usize)?;
            let number = bytes.iter().rev().fold(0, |number, byte| number << 8 | i32::from(*byte));
            numbers.extend(std::iter::repeat_n(number, len.min(left)));
        } else {
            let packed = reader.take(len.checked_mul(width as usize)?)?;
            let len = len.checked_mul(8)?.min(left);
            numbers.extend((0..len).map(|at| read_bits(packed, at * width as usize, width) as i32));
        }
    }
    Some(numbers)
}

/// So many numbers as differences, in blocks of smaller blocks, each with a width of its own.
fn read_deltas(body: &mut Reader<'_>, count: usize) -> Option<Vec<i64>> {
    let mut number = || body.varint().and_then(|number| usize::try_from(number).ok());
    let (block, pieces, total) = (number()?, number()?, number()?);
    if total != count || count == 0 || pieces == 0 || block > DELTA_BLOCK_MAX || !block.is_multiple_of(pieces * 8) {
        return None;
    }
    let of_piece = block / pieces;
    let mut last = body.signed()?;
    let mut numbers = Vec::with_capacity(count);
    numbers.push(last);
    while numbers.len() < count {
        let smallest = body.signed()?;
        for width in body.take(pieces)? {
            let len = of_piece.min(count - numbers.len());
            if len == 0 {
                break;
            }
            let width = u32::from(*width);
            let packed = body.take(of_piece.checked_mul(width as usize)? / 8)?;
            if width > u64::BITS {
                return None;
            }
            numbers.extend((0..len).map(|at| {
                let difference = read_bits(packed, at * width as usize, width).cast_signed();
                last = last.wrapping_add(smallest).wrapping_add(difference);
                last
            }));
        }
    }
    Some(numbers)
}

/// The values in the rows that have one.
fn spread<T: Copy + Default>(values: Vec<T>, nulls: Option<&NullBuffer>, rows: usize) -> Vec<T> {
    let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else { return values };
    let mut spread = vec![T::default(); rows];
    for (row, value) in nulls.valid_indices().zip(values) {
        spread[row] = value;
    }
    spread
}

fn numbers_of<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    nulls: Option<NullBuffer>,
    rows: usize,
) -> PrimitiveArray<T> {
    PrimitiveArray::new(ScalarBuffer::from(spread(values, nulls.as_ref(), rows)), nulls)
}

/// Texts of these lengths, one behind the other; `None` where they are none.
fn texts(lens: Vec<usize>, bytes: Buffer, nulls: Option<NullBuffer>) -> Option<StringArray> {
    let sum = lens.iter().try_fold(0usize, |sum, len| sum.checked_add(*len))?;
    if sum != bytes.len() || i32::try_from(sum).is_err() {
        return None;
    }
    StringArray::try_new(OffsetBuffer::from_lengths(lens), bytes, nulls).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Array as _, RecordBatch};
    use arrow_schema::{Field, Schema};
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;
    use parquet::basic::{Compression, Encoding, ZstdLevel};
    use parquet::file::metadata::ParquetMetaDataReader;
    use parquet::file::properties::WriterProperties;
    use proptest::prelude::*;

    /// The bytes of a column as the library writes it.
    fn written(array: &ArrayRef, is_optional: bool, encoding: Option<Encoding>) -> Vec<u8> {
        let field = Field::new("x", array.data_type().clone(), is_optional);
        let schema = Arc::new(Schema::new(vec![field]));
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap()))
            .set_data_page_row_count_limit(usize::MAX)
            .set_dictionary_enabled(encoding.is_none());
        if let Some(encoding) = encoding {
            properties = properties.set_encoding(encoding);
        }
        let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties.build())).unwrap();
        writer.write(&RecordBatch::try_new(schema, vec![Arc::clone(array)]).unwrap()).unwrap();
        let file = Bytes::from(writer.into_inner().unwrap());
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
        let (start, len) = metadata.row_group(0).column(0).byte_range();
        file[start as usize..(start + len) as usize].to_vec()
    }

    #[track_caller]
    fn check(array: &ArrayRef, encoding: Option<Encoding>) {
        for is_optional in [true, false] {
            if is_optional || array.null_count() == 0 {
                let chunk = written(array, is_optional, encoding);
                let got = decode(&chunk, array.len(), array.data_type(), is_optional).expect("a form that is known");
                assert_eq!(got.as_ref(), array.as_ref());
                for cut in [0, 1, chunk.len() / 2, chunk.len() - 1] {
                    assert!(decode(&chunk[..cut], array.len(), array.data_type(), is_optional).is_none());
                }
            }
        }
    }

    fn check_all(values: &[Option<i64>]) {
        let delta = Some(Encoding::DELTA_BINARY_PACKED);
        let numbers = || values.iter().copied();
        let floats = numbers().map(|value| value.map(|value| f64::from_bits(value.cast_unsigned() >> 2)));
        let floats: ArrayRef = Arc::new(floats.collect::<PrimitiveArray<Float64Type>>());
        check(&floats, Some(Encoding::PLAIN));
        let signed: ArrayRef = Arc::new(numbers().collect::<PrimitiveArray<Int64Type>>());
        check(&signed, delta);
        let unsigned = numbers().map(|value| value.map(i64::cast_unsigned));
        let unsigned: ArrayRef = Arc::new(unsigned.collect::<PrimitiveArray<UInt64Type>>());
        check(&unsigned, delta);
        let times = numbers().collect::<PrimitiveArray<TimestampNanosecondType>>();
        let times: ArrayRef = Arc::new(times.with_timezone("UTC"));
        check(&times, delta);
        let texts: Vec<Option<String>> = numbers().map(|value| value.map(|value| format!("é{}", value % 70))).collect();
        let plain: ArrayRef = Arc::new(texts.iter().collect::<StringArray>());
        check(&plain, Some(Encoding::DELTA_LENGTH_BYTE_ARRAY));
        let dictionary = texts.iter().map(Option::as_deref).collect::<DictionaryArray<Int32Type>>();
        let dictionary: ArrayRef = Arc::new(dictionary);
        check(&dictionary, None);
    }

    fn value() -> impl Strategy<Value = Option<i64>> {
        prop_oneof![Just(None), (0i64..5).prop_map(Some), any::<i64>().prop_map(Some)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn columns_are_read_as_they_were_written(
            values in prop::collection::vec(value(), 1..300),
            runs in 1usize..60,
        ) {
            check_all(&values);
            // Long runs of equal values, and of rows without one.
            let long: Vec<Option<i64>> = values.iter().flat_map(|value| std::iter::repeat_n(*value, runs)).collect();
            check_all(&long);
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>, rows in 1usize..100) {
            for data_type in [DataType::Float64, DataType::Int64, DataType::Utf8] {
                decode(&bytes, rows, &data_type, true);
            }
            let mut body = Reader::new(&bytes);
            read_deltas(&mut body, rows);
            read_nulls(&mut Reader::new(&bytes), rows);
            read_hybrid(&bytes, u32::from(bytes.first().copied().unwrap_or(0)), rows);
        }
    }
}

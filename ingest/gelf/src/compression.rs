//! Compression of GELF payloads: found by their first bytes, inflated within a limit of size and ratio.
//!
//! gzip: RFC 1952, zlib: RFC 1950, zstd: RFC 8878 (no GELF sender is known to use it; it costs nothing to take).

use crate::chunk;
use crate::fault::FaultReason;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use parking_lot::{Condvar, Mutex};
use std::num::NonZero;
use std::sync::LazyLock;
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

/// Bytes out for each byte in, beyond which a payload is an attack. Real logs reach 30, deflate can reach 1032.
const RATIO_MAX: usize = 200;
/// Outputs up to this size pass whatever their ratio. Beyond it the ratio counts for every beginning of a payload, so that an
/// attack costs this much work and not that of its whole output.
const RATIO_FREE: usize = 64 << 10;
/// An output that grew beyond this is given back once it is read.
const OUTPUT_KEPT: usize = 256 << 10;
/// Payloads that are inflated at once in the whole process, for each processor: each may take the limit of a message.
const INFLATING_PER_CPU: usize = 2;
/// Layers of compression: some senders compress the whole message and then each chunk.
const LAYERS_MAX: usize = 2;
/// Memory of a zstd window, as a power of two: 8 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// First room for an output.
const OUTPUT_USUAL: usize = 4 << 10;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What the first bytes of a payload say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Plain,
    Gzip,
    Zlib,
    Zstd,
    Chunk,
    Unknown,
}

/// Finds out the format of a payload. GELF names no content type: the first bytes decide.
pub(crate) fn sniff(payload: &[u8]) -> Format {
    match payload {
        [first, second, ..] if [*first, *second] == GZIP_MAGIC => Format::Gzip,
        [first, second, ..] if [*first, *second] == chunk::MAGIC => Format::Chunk,
        // The check bits of RFC 1950, 2.2, rather than one of the usual second bytes.
        [0x78, second, ..] if (0x7800 + u32::from(*second)).is_multiple_of(31) => Format::Zlib,
        [0x1f | 0x1e | 0x78, ..] => Format::Unknown,
        payload if payload.starts_with(&ZSTD_MAGIC) => Format::Zstd,
        _ => Format::Plain,
    }
}

/// Inflates payloads one after another, reusing its state and its output.
pub(crate) struct Inflater {
    /// Bytes of one payload after decompression.
    output_max: usize,
    deflate: Option<Decompress>,
    output: Vec<u8>,
    /// The output of a second layer.
    inner_output: Vec<u8>,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("output_max", &self.output_max).finish_non_exhaustive()
    }
}

impl Inflater {
    pub(crate) fn new(output_max: usize) -> Inflater {
        Inflater { output_max, deflate: None, output: Vec::new(), inner_output: Vec::new() }
    }

    /// The payload without its compression, up to [`LAYERS_MAX`] layers. A chunk is returned as it is. Waits while too many
    /// others inflate.
    pub(crate) fn inflate<'a>(&'a mut self, payload: &'a [u8]) -> Result<Inflated<'a>, FaultReason> {
        if !is_compressed(payload)? {
            return Ok(Inflated { bytes: payload, _permit: None });
        }
        let permit = Some(GATE.enter());
        let Inflater { output_max, deflate, output, inner_output } = self;
        let mut inflate_layer = |input: &[u8], output: &mut Vec<u8>| {
            output.clear();
            let mut output = Output { bytes: output, len_max: *output_max, input_len: payload.len() };
            match sniff(input) {
                Format::Zstd => inflate_zstd(input, &mut output),
                _ => inflate_members(deflate.get_or_insert_with(|| Decompress::new(false)), input, &mut output),
            }
        };
        inflate_layer(payload, output)?;
        if !is_compressed(output)? {
            return Ok(Inflated { bytes: output, _permit: permit });
        }
        inflate_layer(output, inner_output)?;
        debug_assert_eq!(LAYERS_MAX, 2, "each layer has its own output");
        let is_deeper = is_compressed(inner_output)?;
        if is_deeper {
            Err(FaultReason::UnknownCompression)
        } else {
            Ok(Inflated { bytes: inner_output, _permit: permit })
        }
    }

    /// Gives back the memory of a large payload.
    pub(crate) fn shrink(&mut self) {
        for output in [&mut self.output, &mut self.inner_output] {
            if output.capacity() > OUTPUT_KEPT {
                *output = Vec::new();
            }
        }
    }
}

/// A payload without its compression. Others may have to wait until it is dropped.
#[derive(Debug)]
pub(crate) struct Inflated<'a> {
    pub(crate) bytes: &'a [u8],
    _permit: Option<Permit>,
}

/// Lets a bounded number of threads inflate at once.
#[derive(Debug)]
struct Gate {
    inside: Mutex<usize>,
    left: Condvar,
}

static GATE: Gate = Gate { inside: Mutex::new(0), left: Condvar::new() };

/// Leave to inflate; given back when dropped.
#[derive(Debug)]
struct Permit;

impl Gate {
    fn enter(&self) -> Permit {
        static INSIDE_MAX: LazyLock<usize> =
            LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get) * INFLATING_PER_CPU);
        let mut inside = self.inside.lock();
        while *inside >= *INSIDE_MAX {
            self.left.wait(&mut inside);
        }
        *inside += 1;
        Permit
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *GATE.inside.lock() -= 1;
        GATE.left.notify_one();
    }
}

fn is_compressed(payload: &[u8]) -> Result<bool, FaultReason> {
    match sniff(payload) {
        Format::Plain | Format::Chunk => Ok(false),
        Format::Gzip | Format::Zlib | Format::Zstd => Ok(true),
        Format::Unknown => Err(FaultReason::UnknownCompression),
    }
}

/// Where a payload is inflated to, within its limits.
struct Output<'a> {
    bytes: &'a mut Vec<u8>,
    len_max: usize,
    /// Bytes of the payload as it came, for the ratio.
    input_len: usize,
}

impl Output<'_> {
    /// Whether the output so far is within the limits, `consumed` bytes of this layer's input having been read for it.
    fn check(&self, consumed: usize) -> Result<(), FaultReason> {
        let len = self.bytes.len();
        if len > self.len_max {
            return Err(FaultReason::TooLarge);
        }
        if len > RATIO_FREE && len / RATIO_MAX > consumed.min(self.input_len) {
            return Err(FaultReason::DecompressionBomb);
        }
        Ok(())
    }

    /// Makes room for more, twice what there is.
    fn grow(&mut self) {
        let more = self.bytes.len().max(OUTPUT_USUAL).min(self.len_max + 1);
        self.bytes.reserve(more);
    }
}

/// Inflates gzip members and zlib streams that follow each other: each chunk of a message may be compressed for itself.
/// Padding behind them is ignored.
fn inflate_members(state: &mut Decompress, input: &[u8], output: &mut Output<'_>) -> Result<(), FaultReason> {
    let mut rest = input;
    loop {
        let start = output.bytes.len();
        match sniff(rest) {
            Format::Gzip => {
                let body = gzip_body(rest).ok_or(FaultReason::CorruptCompression)?;
                state.reset(false);
                let trailer = inflate_stream(state, body, input.len() - body.len(), output)?;
                rest = check_gzip_trailer(trailer, &output.bytes[start..])?;
            }
            Format::Zlib => {
                state.reset(true);
                rest = inflate_stream(state, rest, input.len() - rest.len(), output)?;
            }
            _ => return Ok(()),
        }
        rest = rest.trim_ascii_start();
        let n_padding = rest.iter().take_while(|byte| **byte == 0).count();
        rest = &rest[n_padding..];
    }
}

/// Inflates one deflate stream, before which `consumed_before` bytes of the payload were read; returns the input behind it.
fn inflate_stream<'i>(
    state: &mut Decompress,
    input: &'i [u8],
    consumed_before: usize,
    output: &mut Output<'_>,
) -> Result<&'i [u8], FaultReason> {
    loop {
        if output.bytes.len() == output.bytes.capacity() {
            output.grow();
        }
        let rest = &input[state.total_in() as usize..];
        let before = (state.total_in(), state.total_out());
        let status = state
            .decompress_vec(rest, output.bytes, FlushDecompress::None)
            .map_err(|_| FaultReason::CorruptCompression)?;
        output.check(consumed_before + state.total_in() as usize)?;
        if status == Status::StreamEnd {
            return Ok(&input[state.total_in() as usize..]);
        }
        let has_room = output.bytes.len() < output.bytes.capacity();
        if has_room && before == (state.total_in(), state.total_out()) {
            return Err(FaultReason::CorruptCompression);
        }
    }
}

/// What follows the header of a gzip member. RFC 1952, 2.3.
fn gzip_body(member: &[u8]) -> Option<&[u8]> {
    const DEFLATE: u8 = 8;
    const HEADER_CRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let (&[_, _, method, flags, ..], mut body) = member.split_first_chunk::<10>()?;
    if method != DEFLATE {
        return None;
    }
    if flags & EXTRA != 0 {
        let (len, after) = body.split_first_chunk::<2>()?;
        body = after.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            body = &body[memchr::memchr(0, body)? + 1..];
        }
    }
    if flags & HEADER_CRC != 0 {
        body = body.get(2..)?;
    }
    Some(body)
}

/// Checks CRC and length behind a gzip member; returns what follows.
fn check_gzip_trailer<'i>(trailer: &'i [u8], output: &[u8]) -> Result<&'i [u8], FaultReason> {
    let Some((trailer, rest)) = trailer.split_first_chunk::<8>() else {
        return Err(FaultReason::CorruptCompression);
    };
    let mut crc = Crc::new();
    crc.update(output);
    let want = [crc.sum().to_le_bytes(), (output.len() as u32).to_le_bytes()].concat();
    if want == trailer { Ok(rest) } else { Err(FaultReason::CorruptCompression) }
}

/// Inflates zstd frames that follow each other.
fn inflate_zstd(input: &[u8], output: &mut Output<'_>) -> Result<(), FaultReason> {
    let corrupt = |_| FaultReason::CorruptCompression;
    let mut decoder = ZstdDecoder::new().map_err(corrupt)?;
    decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX)).map_err(corrupt)?;
    let mut input = InBuffer::around(input);
    let mut buffer = [0; 16 << 10];
    loop {
        let mut piece = OutBuffer::around(&mut buffer[..]);
        let wanted = decoder.run(&mut input, &mut piece).map_err(corrupt)?;
        output.bytes.extend_from_slice(piece.as_slice());
        let is_full = piece.pos() == piece.capacity();
        output.check(input.pos())?;
        let at_end = input.pos() == input.src.len();
        match (wanted, at_end) {
            (0, true) => return Ok(()),
            (0, false) => decoder.reinit().map_err(corrupt)?,
            (_, true) if !is_full => return Err(FaultReason::CorruptCompression),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;

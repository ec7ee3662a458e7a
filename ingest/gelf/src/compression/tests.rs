use super::*;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use std::io::Write as _;

#[track_caller]
fn check(payload: &[u8], want: Format) {
    assert_eq!(sniff(payload), want, "{payload:02x?}");
}

fn inflate(output_max: usize, payload: &[u8]) -> Result<Vec<u8>, FaultReason> {
    Inflater::new(output_max).inflate(payload).map(|plain| plain.bytes.to_vec())
}

#[test]
fn first_bytes_tell_the_format() {
    check(b"", Format::Plain);
    check(b"{", Format::Plain);
    check(b"\xef\xbb\xbf{", Format::Plain);
    check(b"\x1f\x8b", Format::Gzip);
    check(b"\x1f\x8c", Format::Unknown);
    check(b"\x1f", Format::Unknown);
    check(b"\x1e\x0f", Format::Chunk);
    check(b"\x1e\x10", Format::Unknown);
    for second in [0x01, 0x5e, 0x9c, 0xda] {
        check(&[0x78, second], Format::Zlib);
    }
    check(b"xy", Format::Unknown);
    // Text may look like zlib; its body will not.
    check(b"x ", Format::Zlib);
    check(b"\x28\xb5\x2f\xfd", Format::Zstd);
    check(b"\x28\xb5", Format::Plain);
}

#[test]
fn gzip_headers_with_all_parts() {
    let encoder = flate2::GzBuilder::new().filename("a").comment("b").extra(vec![1, 2, 3]);
    let mut encoder = encoder.write(Vec::new(), Compression::fast());
    encoder.write_all(b"{}").expect("writing to memory does not fail");
    let packed = encoder.finish().expect("writing to memory does not fail");
    assert_eq!(inflate(100, &packed), Ok(b"{}".to_vec()));
    for len in 2..packed.len() {
        assert_eq!(inflate(100, &packed[..len]), Err(FaultReason::CorruptCompression), "{len}");
    }
}

#[test]
fn a_bomb_is_known_by_its_beginning() {
    let packed = |len: usize| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![b'a'; len]).expect("writing to memory does not fail");
        encoder.finish().expect("writing to memory does not fail")
    };
    // One long line of equal characters is no attack.
    assert_eq!(inflate(8 << 20, &packed(RATIO_FREE)).map(|plain| plain.len()), Ok(RATIO_FREE));
    assert_eq!(inflate(1 << 10, &packed(RATIO_FREE)), Err(FaultReason::TooLarge));
    let mut inflater = Inflater::new(8 << 20);
    for bomb in [packed(4 << 20), packed(RATIO_FREE).repeat(20)] {
        assert_eq!(inflater.inflate(&bomb).err(), Some(FaultReason::DecompressionBomb));
        assert!(inflater.output.capacity() <= 4 * RATIO_FREE, "{} bytes", inflater.output.capacity());
    }
}

#[test]
fn large_outputs_are_given_back() {
    let text: Vec<u8> = (0..1_u32 << 18).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&text).expect("writing to memory does not fail");
    let packed = encoder.finish().expect("writing to memory does not fail");
    let mut inflater = Inflater::new(8 << 20);
    assert_eq!(inflater.inflate(&packed).expect("no bomb").bytes, text);
    inflater.shrink();
    assert_eq!(inflater.output.capacity(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn packed_comes_back(payload in proptest::collection::vec(0..0x70_u8, 1..20_000), level in 0..10_u32) {
        // No beginning of another format: that would be a second layer.
        let payload = [b"{".as_slice(), &payload].concat();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::new(level));
        gzip.write_all(&payload)?;
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::new(level));
        zlib.write_all(&payload)?;
        let zstd = zstd::encode_all(&payload[..], level as i32)?;
        let mut inflater = Inflater::new(1 << 20);
        for packed in [gzip.finish()?, zlib.finish()?, zstd] {
            prop_assert_eq!(inflater.inflate(&packed).map(|plain| plain.bytes), Ok(&payload[..]));
        }
    }

    #[test]
    fn any_bytes_are_inflated_or_refused(
        magic in proptest::sample::select(vec![&b"\x1f\x8b\x08\0\0\0\0\0\0\0"[..], b"x\x9c", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08\x1f", b""]),
        rest: Vec<u8>
    ) {
        let mut inflater = Inflater::new(1000);
        let payload = [magic, &rest].concat();
        if let Ok(plain) = inflater.inflate(&payload) {
            prop_assert!(plain.bytes.len() <= 1000.max(payload.len()));
        }
    }
}

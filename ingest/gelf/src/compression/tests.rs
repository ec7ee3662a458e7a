use super::*;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use std::io::Write as _;

#[track_caller]
fn check(payload: &[u8], want: Format) {
    assert_eq!(sniff(payload), want, "{payload:02x?}");
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
    assert_eq!(Inflater::new(100).inflate(&packed), Ok(&b"{}"[..]));
    for len in 2..packed.len() {
        assert_eq!(Inflater::new(100).inflate(&packed[..len]), Err(FaultReason::CorruptCompression), "{len}");
    }
}

#[test]
fn one_long_line_is_no_bomb() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b'a'; 1 << 20]).expect("writing to memory does not fail");
    let packed = encoder.finish().expect("writing to memory does not fail");
    assert_eq!(Inflater::new(8 << 20).inflate(&packed).map(<[u8]>::len), Ok(1 << 20));
    assert_eq!(Inflater::new(1 << 19).inflate(&packed), Err(FaultReason::TooLarge));
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
            prop_assert_eq!(inflater.inflate(&packed), Ok(&payload[..]));
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
            prop_assert!(plain.len() <= 1000.max(payload.len()));
        }
    }
}

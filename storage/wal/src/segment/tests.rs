use super::*;
use proptest::prelude::*;

fn encoded(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for payload in payloads {
        encode_record(payload, &mut bytes);
    }
    bytes
}

#[track_caller]
fn check(bytes: &[u8], want: &[Step<'_>]) {
    let got: Vec<Step<'_>> = Records::new(bytes).collect();
    assert_eq!(got, want, "bytes {bytes:02x?}");
}

#[test]
fn records() {
    check(b"", &[]);
    check(&encoded(&[b"one", b"", b"three"]), &[Step::Record(b"one"), Step::Record(b""), Step::Record(b"three")]);
    check(&[0; 64], &[Step::Lost { bytes: 64 }]); // what a crash leaves of a file whose length alone was written
    check(&encoded(&[b"one"])[..10], &[Step::Lost { bytes: 10 }]);
    check(&[255; 8], &[Step::Lost { bytes: 8 }]);
    let mut bytes = encoded(&[b"one", b"two", b"three"]);
    bytes[8] ^= 1;
    check(&bytes, &[Step::Damaged { records: 1 }, Step::Record(b"two"), Step::Record(b"three")]);
    bytes[8 + 11] ^= 1;
    check(&bytes, &[Step::Damaged { records: 2 }, Step::Record(b"three")]);
    bytes[8 + 22] ^= 1;
    check(&bytes, &[Step::Lost { bytes: 35 }]);
}

#[track_caller]
fn check_header(bytes: &[u8], want: Result<Header, HeaderError>) {
    assert_eq!(Header::decode(bytes), want, "bytes {bytes:02x?}");
}

#[test]
fn headers() {
    let header = Header { first: Position { session: 7, index: u64::MAX } };
    let bytes = header.encode();
    check_header(&bytes, Ok(header));
    check_header(&bytes[..HEADER_LEN - 1], Err(HeaderError::Torn));
    check_header(&[0; HEADER_LEN], Err(HeaderError::Damaged));
    for bit in 0..HEADER_LEN * 8 {
        let mut flipped = bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        check_header(&flipped, Err(HeaderError::Damaged));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(payloads: Vec<Vec<u8>>) {
        let borrowed: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let want: Vec<Step<'_>> = borrowed.iter().map(|payload| Step::Record(payload)).collect();
        let bytes = encoded(&borrowed);
        prop_assert_eq!(Records::new(&bytes).collect::<Vec<_>>(), want);
    }

    /// Arbitrary bytes, with sound records sprinkled in: the walk ends, and takes no byte twice.
    #[test]
    fn any_bytes_are_walked_over(pieces: Vec<(Vec<u8>, bool)>) {
        let mut bytes = Vec::new();
        for (piece, is_record) in &pieces {
            if *is_record { encode_record(piece, &mut bytes) } else { bytes.extend_from_slice(piece) }
        }
        let _ = Header::decode(&bytes);
        let mut taken = 0;
        for step in Records::new(&bytes) {
            taken += match step {
                Step::Record(payload) => {
                    prop_assert!(pieces.iter().any(|(piece, is_record)| *is_record && piece == payload));
                    RECORD_HEADER_LEN as u64 + payload.len() as u64
                }
                Step::Damaged { records } => records * RECORD_HEADER_LEN as u64,
                Step::Lost { bytes } => bytes,
            };
        }
        prop_assert!(taken <= bytes.len() as u64);
    }
}

use super::*;
use crate::Position;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const SALT: u64 = 7;

fn encoded(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for payload in payloads {
        encode_record(payload, &mut bytes);
    }
    bytes
}

fn mark(salt: u64, index: u64) -> Vec<u8> {
    Mark { salt, index }.encode().to_vec()
}

#[track_caller]
fn check(bytes: &[u8], want: &[Step<'_>]) {
    let got: Vec<Step<'_>> = Records::new(bytes, Some(Mark { salt: SALT, index: 0 })).collect();
    assert_eq!(got, want, "bytes {bytes:02x?}");
}

#[test]
fn records() {
    check(b"", &[]);
    check(&encoded(&[b"one", b"", b"three"]), &[Step::Record(b"one"), Step::Record(b""), Step::Record(b"three")]);
    check(&[0; 64], &[Step::Lost { bytes: 64 }]); // what a crash leaves of a file whose length alone was written
    check(&encoded(&[b"one"])[..10], &[Step::Lost { bytes: 10 }]);
    check(&[255; 8], &[Step::Lost { bytes: 8 }]);
    let batches = |salt| [encoded(&[b"one"]), mark(salt, 1), encoded(&[b"two"])].concat();
    check(&batches(SALT), &[Step::Record(b"one"), Step::Mark { index: 1 }, Step::Record(b"two")]);
    check(&batches(SALT + 1), &[Step::Record(b"one"), Step::Lost { bytes: 35 }]);
}

#[test]
fn damage_before_a_mark() {
    let batch = [encoded(&[b"one", b"two", b"three"]), mark(SALT, 3)].concat();
    let with = |at: usize, byte: u8| {
        let mut bytes = batch.clone();
        bytes[at] = byte;
        bytes
    };
    let marked = Step::Mark { index: 3 };
    check(&with(8, 0), &[Step::Damaged, Step::Record(b"two"), Step::Record(b"three"), marked]);
    let marked = Step::Mark { index: 3 };
    check(&with(8 + 11, 0), &[Step::Record(b"one"), Step::Damaged, Step::Record(b"three"), marked]);
    // A length that leads astray, and one that leads to the right place past a record.
    check(&with(0, 2), &[Step::Skipped, Step::Mark { index: 3 }]);
    check(&with(0, 3 + 11), &[Step::Skipped, Step::Mark { index: 3 }]);
    // The mark is what is damaged: nothing before it is lost, what is behind it hangs on the next one.
    let unmarked = with(35, 0);
    check(&unmarked, &[Step::Record(b"one"), Step::Record(b"two"), Step::Record(b"three"), Step::Lost { bytes: 24 }]);
    let followed = [unmarked, encoded(&[b"four"]), mark(SALT, 4)].concat();
    let got: Vec<Step<'_>> = Records::new(&followed, Some(Mark { salt: SALT, index: 0 })).skip(3).collect();
    assert_eq!(got, [Step::DamagedMark, Step::Record(b"four"), Step::Mark { index: 4 }]);
}

#[test]
fn without_a_header_the_first_mark_tells() {
    let bytes = [encoded(&[b"one"]), mark(9, 5), encoded(&[b"two", b"three"]), mark(9, 7)].concat();
    let mut damaged = bytes.clone();
    damaged[11 + MARK_LEN] = 77;
    let got: Vec<Step<'_>> = Records::new(&damaged, None).collect();
    assert_eq!(got, [Step::Record(b"one"), Step::Mark { index: 5 }, Step::Skipped, Step::Mark { index: 7 }]);
}

#[test]
fn marks() {
    for bit in 0..MARK_LEN * 8 {
        let mut flipped = mark(SALT, 1);
        assert_eq!(Mark::decode(&flipped), Some(Mark { salt: SALT, index: 1 }));
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Mark::decode(&flipped), None, "bit {bit}");
    }
}

#[track_caller]
fn check_header(bytes: &[u8], want: Result<Header, HeaderError>) {
    assert_eq!(Header::decode(bytes), want, "bytes {bytes:02x?}");
}

#[test]
fn headers() {
    let header = Header { first: Position { session: 7, index: u64::MAX }, salt: SALT };
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
        prop_assert_eq!(Records::new(&bytes, None).collect::<Vec<_>>(), want);
    }

    /// Arbitrary bytes, with sound records sprinkled in: the walk ends, and takes no byte twice.
    #[test]
    fn any_bytes_are_walked_over(pieces: Vec<(Vec<u8>, bool)>, marks in vec(0..9_u64, 0..9), header in option::of(0..3_u64)) {
        let mut bytes = Vec::new();
        let mut marks = marks.into_iter();
        for (piece, is_record) in &pieces {
            if *is_record { encode_record(piece, &mut bytes) } else { bytes.extend_from_slice(piece) }
            if piece.len() % 3 == 0 {
                bytes.extend(marks.next().map(|index| Mark { salt: SALT, index }.encode()).into_iter().flatten());
            }
        }
        let _ = Header::decode(&bytes);
        let mut taken = 0;
        for step in Records::new(&bytes, header.map(|index| Mark { salt: SALT, index })) {
            taken += match step {
                Step::Record(payload) => {
                    prop_assert!(pieces.iter().any(|(piece, is_record)| *is_record && piece == payload));
                    RECORD_HEADER_LEN as u64 + payload.len() as u64
                }
                Step::Mark { .. } | Step::DamagedMark => MARK_LEN as u64,
                Step::Skipped => 0,
                Step::Damaged => RECORD_HEADER_LEN as u64,
                Step::Lost { bytes } => bytes,
            };
        }
        prop_assert!(taken <= bytes.len() as u64);
    }
}

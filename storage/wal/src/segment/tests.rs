use super::*;
use crate::Position;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const SALT: u64 = 7;

/// Records whose indexes begin with `index`.
fn encoded_at(index: u64, payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (payload, index) in payloads.iter().zip(index..) {
        encode_record(Mark { salt: SALT, index }, payload, &mut bytes);
    }
    bytes
}

fn encoded(payloads: &[&[u8]]) -> Vec<u8> {
    encoded_at(0, payloads)
}

fn walk(index: u64) -> Walk {
    Walk::new(Some(Header { version: VERSION, first: Position { session: 7, index }, salt: SALT }))
}

fn mark(salt: u64, index: u64) -> Vec<u8> {
    Mark { salt, index }.encode().to_vec()
}

/// The steps through a whole segment; its header may tell the first index.
fn records(bytes: &[u8], index: Option<u64>) -> Records<'_> {
    Records::new(bytes, 0, index.map_or(Walk::new(None), walk))
}

#[track_caller]
fn check(bytes: &[u8], want: &[Step<'_>]) {
    let got: Vec<Step<'_>> = records(bytes, Some(0)).collect();
    assert_eq!(got, want, "bytes {bytes:02x?}");
}

#[test]
fn records_in_order() {
    check(b"", &[]);
    check(&encoded(&[b"one", b"", b"three"]), &[Step::Record(b"one"), Step::Record(b""), Step::Record(b"three")]);
    check(&[0; 64], &[Step::Lost { bytes: 64 }]); // what a crash leaves of a file whose length alone was written
    check(&encoded(&[b"one"])[..10], &[Step::Lost { bytes: 10 }]);
    check(&[255; 8], &[Step::Lost { bytes: 8 }]);
    let batches = |salt| [encoded(&[b"one"]), mark(salt, 1), encoded_at(1, &[b"two"])].concat();
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
    let followed = [unmarked, encoded_at(3, &[b"four"]), mark(SALT, 4)].concat();
    let got: Vec<Step<'_>> = records(&followed, Some(0)).skip(3).collect();
    assert_eq!(got, [Step::DamagedMark, Step::Record(b"four"), Step::Mark { index: 4 }]);
}

#[test]
fn without_a_header_the_first_mark_tells() {
    let bytes = [encoded_at(4, &[b"one"]), mark(SALT, 5), encoded_at(5, &[b"two", b"three"]), mark(SALT, 7)].concat();
    let mut damaged = bytes.clone();
    damaged[11 + MARK_LEN] = 77;
    let got: Vec<Step<'_>> = records(&damaged, None).collect();
    let begin = Step::Mark { index: 4 };
    assert_eq!(got, [begin, Step::Record(b"one"), Step::Mark { index: 5 }, Step::Skipped, Step::Mark { index: 7 }]);
    // A mark of a sender's inside the first payload is not where a record ends.
    let forged = [encoded_at(4, &[&mark(1, 99)]), mark(SALT, 5)].concat();
    let got: Vec<Step<'_>> = records(&forged, None).collect();
    assert_eq!(got, [Step::Mark { index: 4 }, Step::Record(&mark(1, 99)), Step::Mark { index: 5 }]);
    check_lost(&bytes[..11]);
    check_lost(&[encoded(&[b"one", b"two"]), mark(SALT, 1)].concat());
}

/// Nothing can be made of bytes without a header.
#[track_caller]
fn check_lost(bytes: &[u8]) {
    let got: Vec<Step<'_>> = records(bytes, None).collect();
    assert_eq!(got, [Step::Lost { bytes: bytes.len() as u64 }]);
}

/// What a disk may leave of a log: an older page over a newer one, or behind the end.
#[test]
fn copies_of_what_stands_before_are_no_records() {
    let first = [encoded(&[b"one"]), mark(SALT, 1)].concat();
    let second = [encoded_at(1, &[b"two", b"three"]), mark(SALT, 3)].concat();
    let read = [Step::Record(b"one"), Step::Mark { index: 1 }];
    let lost = |bytes: u64| Step::Lost { bytes };
    check(&[&first[..], &first].concat(), &[&read[..], &[Step::Skipped, Step::Mark { index: 1 }]].concat());
    check(&[&first[..], &first[..20]].concat(), &[&read[..], &[lost(20)]].concat());
    let older = [&first[..], &second, &first].concat();
    let want = [Step::Record(b"two"), Step::Record(b"three"), Step::Mark { index: 3 }, lost(35)];
    check(&older, &[&read[..], &want].concat());
    let cut = [&first[..], &second[..14], &first, &second[..30]].concat();
    check(&cut, &[&read[..], &[Step::Record(b"two"), lost(3 + 35 + 30)]].concat());
}

#[test]
fn records_of_version_1_are_read() {
    let mut bytes = Vec::new();
    for payload in [&b"one"[..], b"two"] {
        let len = (payload.len() as u32).to_le_bytes();
        bytes.extend_from_slice(&len);
        bytes.extend_from_slice(&crc32c::crc32c_append(crc32c::crc32c(&len), payload).to_le_bytes());
        bytes.extend_from_slice(payload);
    }
    bytes.extend_from_slice(&mark(SALT, 2));
    let header = Header { version: 1, first: Position { session: 7, index: 0 }, salt: SALT };
    for (header, begin) in [(Some(header), None), (None, Some(Step::Mark { index: 0 }))] {
        let got: Vec<Step<'_>> = Records::new(&bytes, 0, Walk::new(header)).collect();
        let want = [Step::Record(b"one"), Step::Record(b"two"), Step::Mark { index: 2 }];
        assert_eq!(got, begin.into_iter().chain(want).collect::<Vec<_>>());
    }
    let in_version_2: Vec<Step<'_>> = records(&bytes, Some(0)).collect();
    assert_eq!(in_version_2, [Step::Damaged, Step::Damaged, Step::Mark { index: 2 }]);
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

const HEADER: Header = Header { version: VERSION, first: Position { session: 7, index: 3 }, salt: SALT };

fn front_of(sealed: &[Sealed]) -> Vec<u8> {
    Front::encode(HEADER.first, HEADER.salt, sealed)
}

const SEALED: [Sealed; 2] = [
    Sealed { first_session: 3, last_session: 3, durable_index: 12 },
    Sealed { first_session: 4, last_session: 6, durable_index: 0 },
];

#[track_caller]
fn check_front(bytes: &[u8], header: Option<Header>, sealed: &[Sealed], len: usize) {
    assert_eq!(Front::decode(bytes), Ok(Front { header, sealed: sealed.to_vec(), len }), "bytes {bytes:02x?}");
}

#[test]
fn fronts() {
    let plain = front_of(&[]);
    check_front(&plain, Some(HEADER), &[], HEADER_LEN);
    assert_eq!(Front::decode(&plain[..HEADER_LEN - 1]), Err(FrontError::Torn));
    check_front(&[0; HEADER_LEN], None, &[], HEADER_LEN);
    for bit in 0..HEADER_LEN * 8 {
        let mut flipped = plain.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        check_front(&flipped, None, &[], HEADER_LEN);
    }
    let most = vec![SEALED[0]; SEALED_MAX];
    assert_eq!(front_of(&most).len(), FRONT_LEN_MAX);
    check_front(&front_of(&most), Some(HEADER), &most, FRONT_LEN_MAX - MARK_LEN);
}

/// A damaged list names nobody, a damaged header leaves the list; either way the mark behind the list says where the
/// first record stands.
#[test]
fn every_flipped_bit_before_the_first_record_costs_no_record() {
    let front = front_of(&SEALED);
    let records_at = front.len();
    let bytes = [front, encoded_at(3, &[b"one"]), mark(SALT, 4)].concat();
    for bit in 0..records_at * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let front = Front::decode(&flipped).unwrap();
        let is_in_header = bit < HEADER_LEN * 8;
        let is_in_list = !is_in_header && bit < (records_at - MARK_LEN) * 8;
        assert_eq!(front.header.is_none(), is_in_header, "bit {bit}");
        assert_eq!(front.sealed, if is_in_list { &[][..] } else { &SEALED }, "bit {bit}");
        let steps: Vec<Step<'_>> = Records::new(&flipped[front.len..], 0, Walk::new(front.header)).collect();
        assert!(steps.contains(&Step::Record(b"one")), "bit {bit}: {steps:?}");
        assert_eq!(steps.last(), Some(&Step::Mark { index: 4 }), "bit {bit}: {steps:?}");
    }
}

/// What a walk finds when the segment comes in pieces that end after each of `cuts` bytes.
fn in_pieces(bytes: &[u8], index: Option<u64>, cuts: &[usize]) -> Vec<String> {
    let mut walk = index.map_or(Walk::new(None), walk);
    let mut steps = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([bytes.len()]) {
        let end = end.clamp(start, bytes.len());
        let mut records = Records::new(&bytes[start..end], (bytes.len() - end) as u64, walk);
        steps.extend(records.by_ref().map(|step| format!("{step:?}")));
        if steps.last().is_some_and(|step| step.starts_with("Lost")) {
            break;
        }
        let (left, walk_on) = records.stop();
        walk = walk_on;
        start = end - left;
    }
    steps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(payloads: Vec<Vec<u8>>) {
        let borrowed: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let want: Vec<Step<'_>> = borrowed.iter().map(|payload| Step::Record(payload)).collect();
        let bytes = encoded(&borrowed);
        prop_assert_eq!(records(&bytes, Some(0)).collect::<Vec<_>>(), want);
    }

    /// Arbitrary bytes, with sound records sprinkled in: the walk ends, and takes no byte twice.
    #[test]
    fn any_bytes_are_walked_over(pieces: Vec<(Vec<u8>, bool)>, marks in vec(0..9_u64, 0..9), header in option::of(0..3_u64)) {
        let (mut bytes, mut index) = (Vec::new(), 0);
        let mut marks = marks.into_iter();
        for (piece, is_record) in &pieces {
            if *is_record { bytes.extend(encoded_at(index, &[piece])) } else { bytes.extend_from_slice(piece) }
            index += u64::from(*is_record);
            if piece.len() % 3 == 0 {
                bytes.extend(marks.next().map(|index| Mark { salt: SALT, index }.encode()).into_iter().flatten());
            }
        }
        let _ = Front::decode(&bytes);
        let mut taken = 0;
        for step in records(&bytes, header) {
            taken += match step {
                Step::Record(payload) => {
                    prop_assert!(pieces.iter().any(|(piece, is_record)| *is_record && piece == payload));
                    RECORD_HEADER_LEN as u64 + payload.len() as u64
                }
                // The first mark may only tell where records begin.
                Step::Mark { .. } | Step::Skipped => 0,
                Step::DamagedMark => MARK_LEN as u64,
                Step::Damaged => RECORD_HEADER_LEN as u64,
                Step::Lost { bytes } => bytes,
            };
        }
        prop_assert!(taken <= bytes.len() as u64);
    }

    /// Damage or not: a segment read in pieces gives what it gives as a whole.
    #[test]
    fn pieces_change_nothing(
        payloads in vec(vec(any::<u8>(), 0..40), 1..12),
        flips in vec(any::<proptest::sample::Index>(), 0..4),
        mut cuts in vec(any::<proptest::sample::Index>(), 0..6),
        header in option::weighted(0.8, 0..1_u64),
    ) {
        let mut bytes = Vec::new();
        for (index, payload) in payloads.iter().enumerate() {
            bytes.extend(encoded_at(index as u64, &[payload]));
            if payload.len() % 2 == 0 {
                bytes.extend_from_slice(&mark(SALT, index as u64 + 1));
            }
        }
        for flip in flips {
            let bit = flip.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let mut cuts: Vec<usize> = cuts.drain(..).map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        let whole: Vec<String> = records(&bytes, header).map(|step| format!("{step:?}")).collect();
        prop_assert_eq!(in_pieces(&bytes, header, &cuts), whole);
    }
}

//! Damaged messages of both versions, thousands of them: each is read to an end or refused, within its limits.
//!
//! `WATCHFIRE_FUZZ_SECONDS=3600 cargo test -p watchfire-push fuzz` goes on for an hour; the seed is printed, and
//! `WATCHFIRE_FUZZ_SEED` takes one.

use crate::testing::{Proto, histogram, message_v1, sample, series_v1};
use crate::{DecodeError, DecoderV1, DecoderV2, Limits, Series, decompress};
use std::time::{Duration, Instant};
use watchfire_model::ByteSize;

/// Messages where no time is given.
const CASES: u64 = 4_000;
const SAMPLES_MAX: usize = 100;
const MESSAGE_MAX: u64 = 1 << 16;

/// Xorshift, so that a seed gives the same messages again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

#[test]
fn fuzz_messages() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let until = number("WATCHFIRE_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = number("WATCHFIRE_FUZZ_SEED").unwrap_or(0x5eed_0001).max(1);
    let mut random = Random(seed);
    let seeds = [whole_v1(), whole_v2()];
    let (mut cases, mut read) = (0_u64, 0_u64);
    while until.map_or(cases < CASES, |until| Instant::now() < until) {
        let mut message = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(6) {
            damage(&mut message, &mut random);
        }
        read += u64::from(read_everything(&message, seed, cases));
        cases += 1;
    }
    println!("seed {seed}: {cases} messages, {read} of them read to their end");
    assert!(read > 0 && read < cases, "some damage is noticed, some is not");
}

/// Whether either version reads it to its end.
fn read_everything(message: &[u8], seed: u64, case: u64) -> bool {
    let limits =
        Limits { samples_max: SAMPLES_MAX, symbols_max: 100, message_max: ByteSize(MESSAGE_MAX), ..Limits::default() };
    let check = |series: &Series<'_>, n_read: &mut usize| {
        *n_read += series.n_points() + series.exemplars.len();
        assert!(*n_read <= SAMPLES_MAX, "seed {seed}, message {case}: {n_read} samples");
        let _ = series.labels(&limits);
        for exemplar in &series.exemplars {
            let _ = exemplar.read(&limits, None);
        }
    };
    let v1 = || -> Result<(), DecodeError> {
        let (mut decoder, mut series, mut n_read) = (DecoderV1::new(message, &limits), Series::default(), 0);
        while decoder.next(&mut series, &mut |_| ())? {
            check(&series, &mut n_read);
        }
        Ok(())
    };
    let v2 = || -> Result<(), DecodeError> {
        let (mut decoder, mut series, mut n_read) = (DecoderV2::new(message, &limits)?, Series::default(), 0);
        while decoder.next(&mut series)? {
            check(&series, &mut n_read);
        }
        Ok(())
    };
    // The same bytes as a body: whatever length they claim.
    let is_small = decompress(message, &limits).map_or(true, |message| message.len() as u64 <= MESSAGE_MAX);
    assert!(is_small, "seed {seed}, message {case}");
    let (v1, v2) = (v1(), v2());
    v1.is_ok() || v2.is_ok()
}

/// Changes, removes, repeats or adds some bytes.
fn damage(message: &mut Vec<u8>, random: &mut Random) {
    const TELLING: [&[u8]; 6] =
        [b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\xff\xff\xff\xff\x0f", b"\x80", b"\x00", b"\x0a", b"\x7f"];
    let at = random.below(message.len());
    let end = (at + random.below(12)).min(message.len());
    match random.below(6) {
        0 => message.truncate(at),
        1 => drop(message.drain(at..end)),
        2 => {
            let piece = message[at..end].to_vec();
            let to = random.below(message.len());
            message.splice(to..to, piece);
        }
        3 => {
            let piece = TELLING[random.below(TELLING.len())];
            message.splice(at..end, piece.iter().copied());
        }
        _ => {
            if let Some(byte) = message.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

fn whole_v1() -> Vec<u8> {
    let exemplar = Proto::default().message(1, &Proto::default().bytes(1, "trace_id").bytes(2, "abc")).double(2, 0.5);
    let series = series_v1(&[("__name__", "up"), ("a", "1")], &[(1.0, 1_000), (2.0, 2_000)])
        .message(3, &exemplar.varint(3, 1_500))
        .message(4, &histogram(1_000));
    let metadata = Proto::default().varint(1, 2).bytes(2, "up").bytes(4, "Help.").bytes(5, "s");
    message_v1(&[series]).message(3, &metadata).0
}

fn whole_v2() -> Vec<u8> {
    let symbols = ["", "__name__", "up", "trace_id", "abc", "Help."];
    let exemplar = Proto::default().packed(1, &[3, 4]).double(2, 0.5).varint(3, 1_500);
    let series = Proto::default()
        .packed(1, &[1, 2])
        .message(2, &sample(1.0, 1_000).varint(3, 500))
        .message(3, &histogram(1_000))
        .message(4, &exemplar)
        .message(5, &Proto::default().varint(1, 1).varint(3, 5));
    symbols.iter().fold(Proto::default(), |message, symbol| message.bytes(4, symbol)).message(5, &series).0
}

use super::*;
use proptest::prelude::*;
use watchfire_model::{ByteSize, DurationMs};

fn limits() -> ChunkLimits {
    ChunkLimits::default()
}

fn sender(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], port))
}

fn chunk(id: u8, index: u8, count: u8, payload: &[u8]) -> Chunk<'_> {
    Chunk { message_id: MessageId([id; 8]), index, count, payload }
}

fn ms(ms: i64) -> TimeNs {
    TimeNs(ms * 1_000_000)
}

#[test]
fn messages_expire_after_their_time_and_are_reported() {
    let mut reassembler = Reassembler::new(limits());
    assert_eq!(reassembler.insert(sender(1, 1), chunk(1, 0, 3, b"a"), ms(0)), Inserted::Waiting);
    assert_eq!(reassembler.insert(sender(1, 1), chunk(1, 2, 3, b"c"), ms(4000)), Inserted::Waiting);
    reassembler.expire(ms(4999), &mut Vec::new());
    assert_eq!(reassembler.take_lost(), []);
    reassembler.expire(ms(5000), &mut Vec::new());
    let lost = Lost { sender: sender(1, 1), reason: FaultReason::IncompleteMessage, n_received: 2, count: 3 };
    assert_eq!(reassembler.take_lost(), [lost]);
    assert_eq!(reassembler.memory(), 0);
    let late = reassembler.insert(sender(1, 1), chunk(1, 1, 3, b"b"), ms(6000));
    assert_eq!(late, Inserted::Dropped(FaultReason::LateChunk));
    let counts = reassembler.take_counts();
    assert_eq!((counts.chunks, counts.expired_messages, counts.expired_chunks, counts.late_chunks), (3, 1, 2, 1));
    assert_eq!(counts.waiting_messages, 0);
}

#[test]
fn a_clock_that_jumps_back_ends_what_waits() {
    let mut reassembler = Reassembler::new(limits());
    reassembler.insert(sender(1, 1), chunk(1, 0, 2, b"a"), ms(10_000));
    reassembler.expire(ms(0), &mut Vec::new());
    assert_eq!(reassembler.take_lost().len(), 1);
    reassembler.expire(TimeNs::MIN, &mut Vec::new());
    reassembler.expire(TimeNs::MAX, &mut Vec::new());
    assert_eq!(reassembler.insert(sender(1, 1), chunk(1, 0, 2, b"a"), ms(0)), Inserted::Waiting);
}

#[test]
fn split_senders_are_joined_only_when_quiet_and_whole() {
    let mut reassembler = Reassembler::new(limits());
    reassembler.insert(sender(1, 1), chunk(1, 0, 2, b"a"), ms(0));
    reassembler.insert(sender(1, 2), chunk(1, 1, 2, b"b"), ms(10));
    reassembler.insert(sender(2, 1), chunk(1, 1, 2, b"c"), ms(10));
    let mut complete = Vec::new();
    reassembler.expire(ms(100), &mut complete);
    assert_eq!(complete, []);
    reassembler.expire(ms(310), &mut complete);
    assert_eq!(complete, [(sender(1, 1), b"ab".to_vec())]);
    reassembler.insert(sender(1, 1), chunk(2, 0, 2, b"a"), ms(400));
    reassembler.insert(sender(1, 2), chunk(2, 0, 2, b"b"), ms(400));
    complete.clear();
    reassembler.expire(ms(5399), &mut complete);
    assert_eq!((complete.len(), reassembler.take_lost().len()), (0, 1));
}

#[test]
fn a_message_that_grows_too_large_is_dropped() {
    let limits = ChunkLimits { memory: ByteSize::from_mib(64), ..limits() };
    let mut reassembler = Reassembler::new(limits);
    let piece = vec![0; 100_000];
    let inserted: Vec<_> =
        (0..84).map(|index| reassembler.insert(sender(1, 1), chunk(1, index, 128, &piece), ms(0))).collect();
    assert!(inserted.iter().all(|inserted| *inserted == Inserted::Waiting));
    assert_eq!(reassembler.take_lost()[0].reason, FaultReason::TooLarge);
}

/// Floods for a fifth of a second with first chunks of messages without an end, from one address and as many ports as given; returns how
/// many of 180 honest messages of two chunks, which come 20 ms after each other, became whole.
fn honest_messages_in_a_flood(honest_host: u8, ports: u16, payload: &[u8], per_ms: u64) -> usize {
    let mut reassembler = Reassembler::new(limits());
    let mut n_whole = 0;
    let mut forged = 0_u64;
    for now in 0..200_i64 {
        for _ in 0..per_ms {
            forged += 1;
            let chunk = Chunk { message_id: MessageId(forged.to_be_bytes()), index: 0, count: 128, payload };
            reassembler.insert(sender(1, (forged % u64::from(ports)) as u16), chunk, ms(now));
        }
        // Half of the message comes in this millisecond, the other half twenty later.
        let id = |at: i64| MessageId((1_u64 << 63 | at as u64).to_be_bytes());
        let from = |at: i64| sender(honest_host, 60_000 + (at % 200) as u16);
        let piece = |at, index| Chunk { message_id: id(at), index, count: 2, payload: &[7; 1400] };
        reassembler.insert(from(now), piece(now, 0), ms(now));
        if now >= 20 {
            let done = reassembler.insert(from(now - 20), piece(now - 20, 1), ms(now));
            n_whole += usize::from(matches!(done, Inserted::Complete(_)));
        }
        assert!(reassembler.pending.len() <= 4096 && reassembler.memory() <= 32 << 20);
    }
    let counts = reassembler.take_counts();
    let lost = reassembler.take_lost().len() as u64;
    assert_eq!(counts.evicted_messages, lost, "every eviction is told");
    n_whole
}

#[track_caller]
fn check_flood(honest_host: u8, ports: u16, payload_len: usize) {
    let n_whole = honest_messages_in_a_flood(honest_host, ports, &vec![0; payload_len], 100);
    assert!(n_whole >= 180 * 95 / 100, "{n_whole} of 180");
}

#[test]
fn honest_messages_come_through_a_flood() {
    check_flood(2, 1, 1);
    check_flood(2, 60_000, 1);
    check_flood(2, 60_000, 8000);
    // From the flood's own address, as behind a NAT.
    check_flood(1, 1, 1);
    check_flood(1, 100, 1);
    check_flood(1, 60_000, 8000);
}

/// One step of the model test.
#[derive(Debug, Clone)]
enum Step {
    Insert { host: u8, port: u16, id: u8, index: u8, count: u8, payload: u8 },
    Wait { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..3_u8, 1..3_u16, 0..2_u8, 0..3_u8, 2..4_u8, 0..2_u8).prop_filter_map(
            "the index is below the count",
            |(host, port, id, index, count, payload)| {
                (index < count).then_some(Step::Insert { host, port, id, index, count, payload })
            }
        ),
        1 => (0..6000_i64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// The obvious way, without limits, joining or memory of what is over: all chunks of a key in a map.
#[derive(Default)]
struct Naive {
    pending: BTreeMap<(SocketAddr, MessageId), NaivePending>,
}

struct NaivePending {
    first_ms: i64,
    count: u8,
    pieces: BTreeMap<u8, Vec<u8>>,
}

impl Naive {
    fn insert(&mut self, sender: SocketAddr, chunk: Chunk<'_>, now: i64) -> Inserted {
        let key = (sender, chunk.message_id);
        let NaivePending { count, pieces, .. } = self.pending.entry(key).or_insert_with(|| NaivePending {
            first_ms: now,
            count: chunk.count,
            pieces: BTreeMap::new(),
        });
        if *count != chunk.count {
            return Inserted::Dropped(FaultReason::ChunkCountChanged);
        }
        if let Some(known) = pieces.get(&chunk.index) {
            let is_equal = known == chunk.payload;
            return Inserted::Dropped(if is_equal {
                FaultReason::DuplicateChunk
            } else {
                FaultReason::ConflictingChunk
            });
        }
        pieces.insert(chunk.index, chunk.payload.to_vec());
        if pieces.len() < usize::from(*count) {
            return Inserted::Waiting;
        }
        let whole = pieces.values().flatten().copied().collect();
        self.pending.remove(&key);
        Inserted::Complete(whole)
    }

    fn expire(&mut self, now: i64) -> usize {
        let before = self.pending.len();
        self.pending.retain(|_, pending| now - pending.first_ms < 5000);
        before - self.pending.len()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn as_the_naive_model_does(steps in proptest::collection::vec(step(), 0..60)) {
        let mut reassembler = Reassembler::new(limits());
        let mut naive = Naive::default();
        let mut now = 0;
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert { host, port, id, index, count, payload } => {
                    // Equal only within one step of the test: nothing looks like a straggler of an earlier message.
                    let payload = [payload, (at % 251) as u8];
                    // Ports of the two hosts have ids of their own: nothing is joined.
                    let chunk = chunk(id + 10 * port as u8, index, count, &payload);
                    let got = reassembler.insert(sender(host, port), chunk, ms(now));
                    if got == Inserted::Dropped(FaultReason::LateChunk) {
                        continue;
                    }
                    prop_assert_eq!(got, naive.insert(sender(host, port), chunk, now));
                }
                Step::Wait { ms: more } => {
                    now += more;
                    reassembler.expire(ms(now), &mut Vec::new());
                    prop_assert_eq!(reassembler.take_lost().len(), naive.expire(now));
                }
            }
        }
    }

    #[test]
    fn sums_and_bounds_hold(steps in proptest::collection::vec(step(), 0..200)) {
        let limits = ChunkLimits { messages_max: 3, memory: ByteSize(2500), sender_share_percent: 50, timeout: DurationMs(5000) };
        let mut reassembler = Reassembler::new(limits);
        let mut now = 0;
        let mut waiting = 0;
        for step in steps {
            match step {
                Step::Insert { host, port, id, index, count, payload } => {
                    reassembler.insert(sender(host, port), chunk(id, index, count, &[payload; 300]), ms(now));
                }
                Step::Wait { ms: more } => {
                    now += more;
                    reassembler.expire(ms(now), &mut Vec::new());
                }
            }
            let sum: usize = reassembler.pending.values().map(Pending::memory).sum();
            let shares: usize = reassembler.shares.values().map(|share| share.memory).sum();
            prop_assert_eq!((sum, shares), (reassembler.memory, reassembler.memory));
            prop_assert!(reassembler.memory <= 2500 && reassembler.pending.len() <= 3);
            prop_assert_eq!(reassembler.order.len(), reassembler.pending.len());
            prop_assert_eq!(reassembler.ended.len() <= ENDED_MAX, true);
            waiting += reassembler.take_counts().waiting_messages;
            prop_assert_eq!(waiting, reassembler.pending.len() as i64);
        }
    }
}

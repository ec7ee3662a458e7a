use super::unit::Summary;
use super::*;
use crate::tests::points::{any_histogram, bits_of};
use proptest::prelude::*;
use std::sync::Arc;
use watchfire_model::{Histogram, STALE_NAN_BITS, Samples};

/// Encodes and decodes; returns the unit's bytes.
#[track_caller]
fn check(times: &[i64], bits: &[u64]) -> usize {
    let values: Vec<f64> = bits.iter().copied().map(f64::from_bits).collect();
    let unit = Unit::encode(&Columns { times, values: &values, histograms: &[], starts: &[] });
    let mut got = Samples::default();
    unit.decode(&mut got);
    assert_eq!(got.times, times);
    assert_eq!(got.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), bits, "values {values:?}");
    assert_eq!(unit_times(unit.bytes()), Ok((times[0], times[times.len() - 1], times.len())));
    unit.bytes().len()
}

fn every_15s(count: usize) -> Vec<i64> {
    (0..count as i64).map(|index| 1_700_000_000_123 + index * 15_000).collect()
}

#[test]
fn units_are_bit_exact_and_small() {
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let signal = |f: &dyn Fn(usize) -> f64| bits(&(0..UNIT_SAMPLES_MAX).map(f).collect::<Vec<_>>());
    let times = every_15s(UNIT_SAMPLES_MAX);
    let constant = check(&times, &signal(&|_| 0.1));
    assert!(constant <= 56, "{constant} bytes for a constant");
    let line = check(&times, &signal(&|index| 1e9 + 7.0 * index as f64));
    assert!(line <= 60, "{line} bytes for a line");
    let decimals = check(&times, &signal(&|index| (index * 7919 % 1000) as f64 / 100.0));
    assert!(decimals <= 210, "{decimals} bytes for decimals below ten");
    let mut ended = signal(&|index| index as f64 * 0.25);
    ended[UNIT_SAMPLES_MAX - 1] = STALE_NAN_BITS;
    let ended = check(&times, &ended);
    assert!(ended <= 80, "{ended} bytes for a series that ends");
    check(&[i64::MIN, 0, i64::MAX], &bits(&[-0.0, 0.0, f64::INFINITY]));
    check(&[i64::MIN], &[STALE_NAN_BITS]);
    check(&[0, 1], &bits(&[f64::MIN_POSITIVE, f64::MAX]));
    check(&times, &signal(&|index| (index as f64).sin()));
    check(&times, &signal(&|index| if index % 9 == 0 { f64::NAN } else { index as f64 }));
}

#[test]
fn a_summary_ignores_staleness_markers() {
    let summary = Summary::of(&[2.0, f64::from_bits(STALE_NAN_BITS), -1.5]);
    assert_eq!((summary.min, summary.max, summary.sum), (-1.5, 2.0, 0.5));
    assert!(Summary::of(&[f64::NAN, 1.0]).sum.is_nan());
    assert!(Summary::of(&[]).min.is_nan());
}

/// Values of the kinds that the codec tells apart, and any bits.
fn any_bits() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (-1000i64..1000, 0u32..4).prop_map(|(int, digits)| (int as f64 / 10f64.powi(digits as i32)).to_bits()),
        1 => any::<u64>(),
        1 => any::<i64>().prop_map(|int| (int as f64).to_bits()),
        1 => prop_oneof![Just(STALE_NAN_BITS), Just((-0.0f64).to_bits()), Just(f64::INFINITY.to_bits())],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_samples_come_back(
        bits in proptest::collection::vec(any_bits(), 1..=UNIT_SAMPLES_MAX),
        times in proptest::collection::btree_set(prop_oneof![4 => 0i64..100_000, 1 => any::<i64>()], UNIT_SAMPLES_MAX),
    ) {
        let times: Vec<i64> = times.into_iter().take(bits.len()).collect();
        check(&times, &bits);
    }

    #[test]
    fn any_mix_comes_back(
        mix in proptest::collection::vec((proptest::option::weighted(0.7, any_histogram()), 0i64..3), 1..=UNIT_SAMPLES_MAX),
        cut in any::<proptest::sample::Index>(),
        flip in any::<proptest::sample::Index>(),
    ) {
        let mut samples = Samples::default();
        for (time, (histogram, start)) in (7..).zip(mix) {
            match histogram {
                Some(histogram) => samples.push_histogram(time, Arc::new(histogram)),
                None => samples.push(time, time as f64),
            }
            if start != 0 {
                samples.set_start(i64::MAX / start);
            }
        }
        let unit = Unit::encode(&Columns::of(&samples));
        prop_assert_eq!(unit.len(), samples.len());
        let mut got = Samples::default();
        unit.decode(&mut got);
        let bits = |samples: &Samples| (0..samples.len()).map_while(|at| samples.point(at)).map(|p| (p.time, bits_of(&p))).collect::<Vec<_>>();
        prop_assert_eq!(bits(&got), bits(&samples));
        let mut bytes = unit.bytes().to_vec();
        let mut into = Samples::default();
        prop_assert!(decode_unit(&bytes[..cut.index(bytes.len())], &mut into).is_err() && into.is_empty());
        // Blocks have checksums; here only nothing may panic.
        let at = flip.index(bytes.len() * 8);
        bytes[at / 8] ^= 1 << (at % 8);
        let _ = decode_unit(&bytes, &mut into);
    }

    #[test]
    fn scattered_buckets_do_not_blow_up(n_buckets in 1usize..60) {
        let mut samples = Samples::default();
        for time in 0..UNIT_SAMPLES_MAX as i64 {
            let positive = (0..n_buckets as i32).map(|bucket| (bucket * 200 + time as i32, 1.0)).collect();
            samples.push_histogram(time, Arc::new(Histogram { positive, ..Histogram::empty() }));
        }
        let unit = Unit::encode(&Columns::of(&samples));
        prop_assert!(unit.bytes().len() < UNIT_SAMPLES_MAX * (n_buckets * 12 + 80), "{} bytes", unit.bytes().len());
    }

    #[test]
    fn any_bytes_are_refused_or_in_bounds(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        count in 1u8..=128,
        mode in 0u8..5,
    ) {
        if let Some(first) = bytes.first_mut() {
            *first = count;
        }
        if let Some(at) = bytes.get_mut(27) {
            *at = mode;
        }
        let mut samples = Samples::default();
        let decoded = decode_unit(&bytes, &mut samples);
        prop_assert_eq!(samples.len(), if decoded.is_ok() { usize::from(count) } else { 0 });
    }

    #[test]
    fn a_cut_unit_is_refused(cut in 0usize..100) {
        let values: Vec<f64> = (0..64).map(|index| f64::from(index).sqrt()).collect();
        let unit = Unit::encode(&Columns { times: &every_15s(64), values: &values, histograms: &[], starts: &[] });
        let mut samples = Samples::default();
        prop_assert!(decode_unit(&unit.bytes()[..cut], &mut samples).is_err());
        prop_assert!(samples.is_empty());
    }
}

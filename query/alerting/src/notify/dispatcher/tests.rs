use super::*;
use crate::notify::{FailureReason, fingerprint};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

const MINUTE: i64 = 60_000;

/// A dispatcher on a clock that stands still, and a receiver that answers as it is told.
struct Bench {
    dispatcher: Dispatcher,
    now: Timestamp,
}

/// What reached a receiver: its name, the body's status, and the `alertname`s that fire and that resolved.
type Told = (String, &'static str, Vec<String>, Vec<String>);

impl Bench {
    fn new(config: &str) -> Bench {
        let config = AlertmanagerConfig::parse(Path::new("am.yml"), config).unwrap();
        let dispatcher = Dispatcher::new(config, "http://watchfire", Metrics::default());
        Bench { dispatcher, now: Timestamp(1_700_000_000_000) }
    }

    fn simple() -> Bench {
        Bench::new(
            "route: {receiver: r, group_by: [team], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}\n\
             receivers: [{name: r, webhook_configs: [{url: 'http://localhost/'}]}]\n",
        )
    }

    fn alert(&self, name: &str, team: &str) -> Incoming {
        Incoming {
            labels: Labels::from_pairs([("alertname", name), ("team", team)]),
            annotations: Labels::from_pairs([("summary", "it burns")]),
            starts_at: self.now,
            ends_at: self.now.plus_ms(24 * 60 * MINUTE),
            generator_url: "http://watchfire/graph".to_owned(),
        }
    }

    fn fire(&mut self, name: &str) -> Incoming {
        let alert = self.alert(name, "a");
        self.dispatcher.update(self.now, vec![alert.clone()]);
        alert
    }

    fn resolve(&mut self, alert: &Incoming) {
        self.dispatcher.update(self.now, vec![Incoming { ends_at: self.now, ..alert.clone() }]);
    }

    /// Lets time pass second by second; answers each notification with `outcome`, and lists them with their second.
    fn pass(&mut self, seconds: i64, outcome: Option<FailureReason>) -> Vec<(i64, Told)> {
        let mut told = Vec::new();
        for second in 1..=seconds {
            self.now = self.now.plus_ms(1000);
            for notification in self.dispatcher.due(self.now) {
                let names = |status| {
                    let alerts = notification.payload.alerts.iter().filter(|alert| alert.status == status);
                    alerts.map(|alert| alert.labels.get_or_empty("alertname").to_owned()).collect()
                };
                let status = notification.payload.status;
                told.push((second, (notification.receiver, status, names("firing"), names("resolved"))));
                let result = outcome.map_or(Ok(()), |reason| Err(DeliveryError::new(reason, "refused")));
                self.dispatcher.result(self.now, notification.id, result);
            }
        }
        told
    }
}

fn told(status: &'static str, firing: &[&str], resolved: &[&str]) -> Told {
    let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    ("r".to_owned(), status, texts(firing), texts(resolved))
}

#[test]
fn a_group_waits_then_tells_news_at_its_interval() {
    let mut bench = Bench::simple();
    bench.fire("A");
    assert_eq!(bench.pass(10, None), []);
    let b = bench.fire("B");
    assert_eq!(bench.pass(20, None), [(20, told("firing", &["A", "B"], &[]))]);
    assert_eq!(bench.pass(60, None), []);
    bench.fire("C");
    bench.resolve(&b);
    // Five minutes after the first notification, not sooner.
    assert_eq!(bench.pass(300, None), [(240, told("firing", &["A", "C"], &["B"]))]);
    assert_eq!(bench.dispatcher.counts(), (1, 2, 0));
}

#[test]
fn what_does_not_change_is_repeated_at_the_repeat_interval() {
    let mut bench = Bench::simple();
    bench.fire("A");
    let got: Vec<i64> = bench.pass(3 * 3600, None).into_iter().map(|(second, _)| second).collect();
    // The repeat interval counts from the last notification and is looked at every five minutes.
    assert_eq!(got, [30, 30 + 3900, 30 + 7800]);
}

#[test]
fn resolved_alerts_are_told_once_and_forgotten() {
    let mut bench = Bench::simple();
    let alert = bench.fire("A");
    assert_eq!(bench.pass(30, None).len(), 1);
    bench.resolve(&alert);
    assert_eq!(bench.pass(600, None), [(300, told("resolved", &[], &["A"]))]);
    assert_eq!(bench.dispatcher.counts(), (0, 0, 0));
    bench.resolve(&alert);
    assert_eq!(bench.pass(600, None), []);
}

#[test]
fn an_alert_that_resolves_before_it_was_told_is_never_told() {
    let mut bench = Bench::simple();
    let alert = bench.fire("A");
    bench.pass(10, None);
    bench.resolve(&alert);
    assert_eq!(bench.pass(600, None), []);
    assert_eq!(bench.dispatcher.counts(), (0, 0, 0));
}

#[test]
fn an_alert_that_is_not_renewed_resolves() {
    let mut bench = Bench::simple();
    let alert = Incoming { ends_at: bench.now.plus_ms(4 * MINUTE), ..bench.alert("A", "a") };
    bench.dispatcher.update(bench.now, vec![alert]);
    assert_eq!(bench.pass(600, None), [(30, told("firing", &["A"], &[])), (330, told("resolved", &[], &["A"]))]);
}

#[test]
fn failures_are_retried_with_growing_waits() {
    let mut bench = Bench::simple();
    bench.fire("A");
    let got: Vec<i64> =
        bench.pass(150, Some(FailureReason::ServerError)).into_iter().map(|(second, _)| second).collect();
    // 0.5, 1, 2, 4, 8, 16, 32 s, on a clock that ticks in seconds.
    assert_eq!(got, [30, 31, 32, 34, 38, 46, 62, 94]);
    let got = bench.pass(150, None);
    assert_eq!(got, [(4, told("firing", &["A"], &[]))]);
}

#[test]
fn refusals_wait_for_the_next_interval() {
    let mut bench = Bench::simple();
    bench.fire("A");
    let got: Vec<i64> =
        bench.pass(400, Some(FailureReason::ClientError)).into_iter().map(|(second, _)| second).collect();
    assert_eq!(got, [30, 330]);
}

#[test]
fn a_retry_that_outlives_the_interval_is_replaced_by_the_present_state() {
    let mut bench = Bench::simple();
    bench.fire("A");
    bench.pass(300, Some(FailureReason::Network));
    bench.fire("B");
    let got = bench.pass(60, None);
    assert!(got.iter().all(|(_, told)| told.1 == "firing"), "{got:?}");
    assert_eq!(got.last().map(|(second, told)| (*second, told.2.len())), Some((30, 2)));
}

#[test]
fn receivers_that_do_not_want_resolved_alerts_hear_only_of_fires() {
    let mut bench = Bench::new(
        "route: {receiver: r, group_wait: 1s, group_interval: 10s}\n\
         receivers: [{name: r, webhook_configs: [{url: 'http://localhost/', send_resolved: false}]}]\n",
    );
    let (a, b) = (bench.fire("A"), bench.fire("B"));
    assert_eq!(bench.pass(5, None), [(1, told("firing", &["A", "B"], &[]))]);
    bench.resolve(&a);
    assert_eq!(bench.pass(20, None), []);
    bench.resolve(&b);
    assert_eq!(bench.pass(20, None), []);
    bench.fire("B");
    assert_eq!(bench.pass(20, None), [(1, told("firing", &["B"], &[]))]);
}

#[test]
fn groups_are_by_label_and_continue_reaches_two_receivers() {
    let mut bench = Bench::new(
        "route:\n  receiver: r\n  group_by: [team]\n  group_wait: 1s\n  routes:\n  - {receiver: audit, matchers: [team=a], continue: true, group_by: ['...']}\n  \
         - {receiver: r, matchers: [team=~\"a|b\"]}\n\
         receivers: [{name: r, webhook_configs: [{url: 'http://localhost/'}]}, {name: audit, webhook_configs: [{url: 'http://localhost/'}]}]\n",
    );
    let alerts = vec![bench.alert("A", "a"), bench.alert("B", "b"), bench.alert("C", "a")];
    bench.dispatcher.update(bench.now, alerts);
    let mut got: Vec<(String, Vec<String>)> =
        bench.pass(5, None).into_iter().map(|(_, told)| (told.0, told.2)).collect();
    got.sort();
    let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        got,
        [
            ("audit".to_owned(), texts(&["A"])),
            ("audit".to_owned(), texts(&["C"])),
            ("r".to_owned(), texts(&["A", "C"])),
            ("r".to_owned(), texts(&["B"])),
        ]
    );
}

#[test]
fn a_reload_tells_nobody_twice() {
    let mut bench = Bench::simple();
    bench.fire("A");
    bench.pass(60, None);
    let config = bench.dispatcher.config.clone();
    bench.dispatcher.reconfigure(bench.now, config.clone(), "http://watchfire");
    assert_eq!(bench.pass(60, None), []);
    // Also not while the answer is under way.
    bench.fire("B");
    bench.pass(239, None);
    let mut under_way = Vec::new();
    for _ in 0..300 {
        bench.now = bench.now.plus_ms(1000);
        under_way.extend(bench.dispatcher.due(bench.now));
    }
    assert_eq!(under_way.len(), 1);
    bench.dispatcher.reconfigure(bench.now, config, "http://watchfire");
    assert_eq!(bench.dispatcher.due(bench.now).len(), 0);
    bench.dispatcher.result(bench.now, under_way[0].id, Ok(()));
    assert_eq!(bench.pass(300, None), []);
}

#[test]
fn attempts_in_flight_are_bounded() {
    let mut bench = Bench::new(
        "route: {receiver: r, group_by: ['...'], group_wait: 0s}\n\
         receivers: [{name: r, webhook_configs: [{url: 'http://localhost/'}]}]\n",
    );
    let alerts = (0..200).map(|n| bench.alert(&format!("A{n}"), "a")).collect();
    bench.dispatcher.update(bench.now, alerts);
    let first = bench.dispatcher.due(bench.now);
    assert_eq!((first.len(), bench.dispatcher.due(bench.now).len()), (IN_FLIGHT_MAX, 0));
    bench.dispatcher.result(bench.now, first[0].id, Ok(()));
    assert_eq!(bench.dispatcher.due(bench.now).len(), 1);
}

#[test]
fn the_body_is_alertmanagers() {
    let mut bench = Bench::new(
        "route: {receiver: 'team.x', group_by: [team], group_wait: 0s}\n\
         receivers: [{name: 'team.x', webhook_configs: [{url: 'http://localhost/', max_alerts: 1}]}]\n",
    );
    let alerts = vec![bench.alert("B", "a"), bench.alert("A", "a")];
    bench.dispatcher.update(bench.now, alerts);
    let notification = bench.dispatcher.due(bench.now).remove(0);
    let body = serde_json::to_string_pretty(&*notification.payload).unwrap();
    let fingerprint = fingerprint(&Labels::from_pairs([("alertname", "A"), ("team", "a")]));
    let want = format!(
        r#"{{
  "receiver": "team\\.x",
  "status": "firing",
  "alerts": [
    {{
      "status": "firing",
      "labels": {{
        "alertname": "A",
        "team": "a"
      }},
      "annotations": {{
        "summary": "it burns"
      }},
      "startsAt": "2023-11-14T22:13:20Z",
      "endsAt": "0001-01-01T00:00:00Z",
      "generatorURL": "http://watchfire/graph",
      "fingerprint": "{fingerprint:016x}"
    }}
  ],
  "groupLabels": {{
    "team": "a"
  }},
  "commonLabels": {{
    "team": "a"
  }},
  "commonAnnotations": {{
    "summary": "it burns"
  }},
  "externalURL": "http://watchfire",
  "version": "4",
  "groupKey": "{{}}:{{team=\"a\"}}",
  "truncatedAlerts": 1
}}"#
    );
    assert_eq!(body, want);
}

#[test]
fn fingerprints_are_prometheus() {
    // FNV-1a 64 of nothing, and of `a\xffb\xff`.
    assert_eq!(fingerprint(&Labels::empty()), 0xcbf2_9ce4_8422_2325);
    let by_hand = b"a\xffb\xff"
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!(fingerprint(&Labels::from_pairs([("a", "b")])), by_hand);
}

/// One event in the life of three alerts.
#[derive(Debug, Clone)]
enum Event {
    Fire(usize),
    Resolve(usize),
    Pass { seconds: i64, outcome: Option<FailureReason> },
    Reload,
}

fn event() -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![
        3 => Just(None),
        1 => Just(Some(FailureReason::ServerError)),
        1 => Just(Some(FailureReason::ClientError)),
    ];
    prop_oneof![
        3 => (0..3_usize).prop_map(Event::Fire),
        3 => (0..3_usize).prop_map(Event::Resolve),
        3 => (1..200_i64, outcome).prop_map(|(seconds, outcome)| Event::Pass { seconds, outcome }),
        1 => Just(Event::Reload),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn in_the_end_the_receiver_knows_what_fires(events in proptest::collection::vec(event(), 1..20)) {
        let mut bench = Bench::new(
            "route: {receiver: r, group_wait: 5s, group_interval: 30s, repeat_interval: 10m}\n\
             receivers: [{name: r, webhook_configs: [{url: 'http://localhost/'}]}]\n",
        );
        let config = bench.dispatcher.config.clone();
        let names = ["A", "B", "C"];
        let mut firing: BTreeMap<usize, Incoming> = BTreeMap::new();
        // What the receiver believes: the last body that got through.
        let mut believed = BTreeSet::new();
        let mut last = None;
        for event in events.into_iter().chain([Event::Pass { seconds: 120, outcome: None }]) {
            match event {
                Event::Fire(index) => {
                    firing.entry(index).or_insert_with(|| bench.fire(names[index]));
                }
                Event::Resolve(index) => {
                    if let Some(alert) = firing.remove(&index) {
                        bench.resolve(&alert);
                    }
                }
                Event::Pass { seconds, outcome } => {
                    for (_, (_, _, fires, _)) in bench.pass(seconds, outcome) {
                        if outcome.is_none() {
                            believed = fires.into_iter().collect();
                        }
                        last = Some(outcome);
                    }
                }
                Event::Reload => bench.dispatcher.reconfigure(bench.now, config.clone(), "http://watchfire"),
            }
        }
        let fires: BTreeSet<String> = firing.keys().map(|index| names[*index].to_owned()).collect();
        prop_assert_eq!(&believed, &fires, "last attempt {:?}", last);
        let (groups, alerts, deliveries) = bench.dispatcher.counts();
        prop_assert_eq!((groups, alerts, deliveries), (usize::from(!fires.is_empty()), fires.len(), 0));
    }
}

#[test]
fn inhibited_alerts_are_not_told_while_their_source_fires() {
    let mut bench = Bench::new(
        "route: {receiver: r, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}\n\
         receivers: [{name: r, webhook_configs: [{url: 'http://localhost/'}]}]\n\
         inhibit_rules: [{source_matchers: [alertname=Down], target_matchers: [alertname=Slow], equal: [team]}]\n",
    );
    let down = bench.fire("Down");
    let slow = bench.fire("Slow");
    assert_eq!(bench.pass(600, None), [(30, told("firing", &["Down"], &[]))]);
    bench.resolve(&down);
    // Told at the next interval of its group.
    let after = bench.pass(400, None);
    assert!(after.iter().any(|(_, told)| told.2 == ["Slow"]), "{after:?}");
    assert!(after.iter().any(|(_, told)| told.3 == ["Down"]), "{after:?}");
    bench.fire("Down");
    bench.resolve(&slow);
    // Who heard that it fires hears of its end once nothing hides it any more.
    let hidden = bench.pass(600, None);
    assert!(hidden.iter().all(|(_, told)| told.3.is_empty()), "{hidden:?}");
}

#[test]
fn muted_routes_tell_when_their_time_has_come() {
    // 1,700,000,000 s is 22:13:20 UTC.
    let mut bench = Bench::new(
        "route:\n  receiver: r\n  routes:\n  - {receiver: r, matchers: [team=a], group_wait: 30s, group_interval: 5m, mute_time_intervals: [night]}\n  \
         - {receiver: r, matchers: [team=b], group_wait: 30s, group_interval: 5m, active_time_intervals: [night]}\n\
         receivers: [{name: r, webhook_configs: [{url: 'http://localhost/'}]}]\n\
         time_intervals: [{name: night, time_intervals: [{times: [{start_time: '22:00', end_time: '22:30'}]}]}]\n",
    );
    bench.fire("A");
    let b = bench.alert("B", "b");
    bench.dispatcher.update(bench.now, vec![b]);
    assert_eq!(bench.pass(900, None), [(30, told("firing", &["B"], &[]))]);
    // The group of A is looked at every five minutes: at 22:33:50 the night is over.
    assert_eq!(bench.pass(400, None), [(330, told("firing", &["A"], &[]))]);
}

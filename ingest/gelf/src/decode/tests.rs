use super::*;
use proptest::prelude::*;
use watchfire_model::FieldValue;

const ARRIVAL: Arrival =
    Arrival { sender: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), received: TimeNs(1_795_046_400_000_000_000) };

fn decode(payload: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    Decoder::new(MessageLimits::default()).decode(payload, &ARRIVAL, &mut decoded);
    decoded
}

/// Messages and the indexes of broken ones.
#[track_caller]
fn check(text: &str, want_messages: &[&str], want_broken: &[usize]) {
    let decoded = decode(text.as_bytes());
    let messages: Vec<_> = decoded.records.iter().map(|record| record.message.as_str()).collect();
    let losses = decoded.faults.iter().filter(|fault| fault.reason.is_loss());
    let broken: Vec<_> = losses.map(|fault| fault.index).collect();
    assert_eq!((&messages[..], &broken[..]), (want_messages, want_broken), "{text}");
    assert_eq!(decoded.n_messages, messages.len() + broken.len(), "{text}");
}

fn message(text: &str) -> String {
    format!(r#"{{"host":"h","short_message":"{text}"}}"#)
}

#[test]
fn whole_messages_behind_broken_ones_are_found() {
    let (a, b) = (message("a"), message("b"));
    check(&format!("{a}\n{{\"host\":\n{b}"), &["a", "b"], &[1]);
    check(&format!("{{\"host\":\"h\n{a}\n{b}"), &["a", "b"], &[0]);
    check(&format!("[{a},\n  {{]\n, {b}]"), &["a", "b"], &[1]);
    check(&format!("log: {a}"), &["a"], &[0]);
    check(&format!("{a}}} {b}"), &["a", "b"], &[1]);
    check("no object", &[], &[0]);
    check("[]", &[], &[0]);
    check("[[[[", &[], &[0]);
    check(r#"{"host":'h'}"#, &[], &[0]);
    check(r#"{host:"h"}"#, &[], &[0]);
}

#[test]
fn nothing_of_a_message_gets_into_the_next() {
    let long = "k".repeat(100_000);
    let text = format!(
        "{{\"host\":\"a\",\"short_message\":\"a\",\"_x\":1,\"_{long}\":2,\"_y\":\n\
         {{\"host\":\"b\",\"short_message\":\"b\",\"_z\":3,\"_{long}\":\"t\\tt\"}}\n\
         {{\"_z\":4,\"short_message\":\"c\",\"host\":\"c\"}}"
    );
    let decoded = decode(text.as_bytes());
    let fields: Vec<_> = decoded.records.iter().map(|record| record.fields.clone()).collect();
    let rest = format!("{{\"{long}\":\"t\\u0009t\"}}");
    let want = [
        vec![("z".into(), FieldValue::I64(3)), ("gelf_rest".into(), FieldValue::Text(rest.into()))],
        vec![("z".into(), FieldValue::I64(4))],
    ];
    assert_eq!(fields, want);
}

#[test]
fn work_and_memory_of_one_payload_are_bounded() {
    let many = "{},".repeat(40_000);
    let decoded = decode(many.as_bytes());
    assert_eq!(decoded.records.len(), (4 << 23) / RECORD_COST, "four times what the message itself may take");
    assert_eq!(decoded.counts.get(FaultReason::AbandonedRest), 1);
    // Each line opens an array that only the end of the payload ends.
    let deep = "{\"a\":[\n".repeat(100_000);
    let decoded = decode(deep.as_bytes());
    assert_eq!(decoded.counts.get(FaultReason::AbandonedRest), 1);
    assert!(decoded.faults.len() <= FAULTS_MAX);
}

#[test]
fn blank_messages_are_dropped_on_request() {
    let mut decoded = Decoded::default();
    let limits = MessageLimits { drop_blank: true, ..MessageLimits::default() };
    Decoder::new(limits).decode(message(" ").as_bytes(), &ARRIVAL, &mut decoded);
    assert_eq!((decoded.records.len(), decoded.counts.get(FaultReason::BlankDropped)), (0, 1));
}

#[track_caller]
fn check_whole(text: &str, line_end: LineEnd, want: &str) {
    assert_eq!(&text[..whole_objects_len(text.as_bytes(), line_end)], want, "{text:?} {line_end:?}");
}

#[test]
fn whole_objects_are_known_without_a_nul() {
    check_whole("{\"a\":1}\n{\"b\"", LineEnd::NextObject, "{\"a\":1}\n");
    check_whole("{}\r\n{}\r\n{}\r\n", LineEnd::NextObject, "{}\r\n{}\r\n");
    check_whole("{}\r\n{}\r\n", LineEnd::Any, "{}\r\n{}\r\n");
    check_whole("{}{}", LineEnd::NextObject, "");
    check_whole("{}{}", LineEnd::Any, "{}{}");
    check_whole("{\"a\":\"}\n{\"", LineEnd::NextObject, "");
    check_whole("{\"a\":{}\n", LineEnd::Any, "");
    check_whole("x\n{}", LineEnd::Any, "");
    assert_eq!(whole_objects_len(b"{}\n{}\n\xff", LineEnd::NextObject), 3);
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        (-1e15..1e15_f64).prop_map(serde_json::Value::from),
        ".{0,12}".prop_map(serde_json::Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn fields_keep_their_values(fields in proptest::collection::btree_map("[a-z]{1,3}", value(), 0..40)) {
        let mut object = serde_json::Map::from_iter([("short_message".to_owned(), "m".into())]);
        object.extend(fields.iter().map(|(name, value)| (format!("_{name}"), value.clone())));
        let json = serde_json::to_string(&object).expect("a map of values is JSON");
        let decoded = decode(json.as_bytes());
        let record = &decoded.records[0];
        prop_assert_eq!(record.fields.len(), fields.len() + 1, "and gelf_fault for the missing host");
        for (name, value) in fields {
            let got = record.field(&name);
            let want = match value {
                serde_json::Value::Bool(value) => FieldValue::Bool(value),
                serde_json::Value::String(text) => FieldValue::Text(text.into()),
                number => number
                    .as_i64()
                    .map(FieldValue::I64)
                    .or(number.as_f64().map(FieldValue::F64))
                    .expect("numbers are of these two kinds"),
            };
            prop_assert_eq!(got, Some(&want), "{}", name);
        }
    }

    #[test]
    fn any_payload_is_records_or_counted(payload: Vec<u8>) {
        let decoded = decode(&payload);
        prop_assert!(!decoded.records.is_empty() || decoded.counts.n_refused() > 0);
    }

    #[test]
    fn anything_like_json_is_records_or_counted(
        text in r#"(\{"host":"h",|"short_message":|[{}\[\]",:0\\n \n]|"_a"|\{"a":1\}){0,30}"#
    ) {
        let decoded = decode(text.as_bytes());
        prop_assert!(!decoded.records.is_empty() || decoded.counts.n_refused() > 0);
        whole_objects_len(text.as_bytes(), LineEnd::Any);
    }
}

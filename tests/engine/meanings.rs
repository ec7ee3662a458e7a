//! A query's text, parsed, means what its author meant.

use crate::ask::Ask;
use crate::messages;
use crate::number;
use crate::random::Random;
use crate::text::text;
use watchfire_model::LogRecord;

const QUERIES_DEFAULT: u64 = 600;
const RECORDS: u64 = 40;

#[test]
fn parsed_queries_mean_what_the_plain_definition_says() {
    let mut random = Random::new(number("WATCHFIRE_ENGINE_SEED").unwrap_or(7));
    let records: Vec<LogRecord> = (0..RECORDS).map(|number| messages::record(&mut random, number)).collect();
    let (mut met, mut faults) = (0, Vec::new());
    for _ in 0..number("WATCHFIRE_ENGINE_QUERIES").unwrap_or(QUERIES_DEFAULT) {
        let ask = Ask::any(&mut random, 2);
        let text = text(&ask, &mut random);
        let built = ask.filter();
        for record in &records {
            assert_eq!(built.matches(record), ask.is_met(record), "{ask:?} on {record:?}");
        }
        let filter = match watchfire_logquery::parse(&text) {
            Ok(query) => query.filter,
            Err(error) => {
                faults.push(format!("{text}: {error}"));
                continue;
            }
        };
        for record in &records {
            let wanted = ask.is_met(record);
            met += u64::from(wanted);
            if filter.matches(record) != wanted {
                faults.push(shortened(&format!("{text}: {} on {record:?}", !wanted)));
                break;
            }
        }
    }
    assert!(met > 500, "{met} records met: the queries ask past the records");
    assert!(faults.is_empty(), "{} faults: {:#?}", faults.len(), &faults[..faults.len().min(12)]);
}

fn shortened(text: &str) -> String {
    text.chars().take(1000).collect()
}

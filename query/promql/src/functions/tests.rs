//! Every function of the table evaluates.

use super::signature::SIGNATURES;
use crate::ast::ValueType;
use crate::{Engine, parse};
use watchfire_model::{
    Labels, Matcher, QueryBudget, Samples, SelectError, SeriesReader, SeriesSource, TimeRange, Timestamp,
};

/// One series with a sample every 15 s, whatever is asked for.
struct One(Labels);

impl SeriesReader for One {
    fn labels(&self) -> &Labels {
        &self.0
    }

    fn read(&self, range: TimeRange, budget: &QueryBudget, into: &mut Samples) -> Result<(), SelectError> {
        for index in 0..40_i32 {
            let time = i64::from(index) * 15_000;
            if (range.start.0..=range.end.0).contains(&time) {
                into.push(time, f64::from(index % 7));
            }
        }
        Ok(budget.take_samples(into.weight_from(0))?)
    }
}

impl SeriesSource for One {
    fn select(&self, _: &[Matcher], _: TimeRange, _: &QueryBudget) -> Result<Vec<Box<dyn SeriesReader>>, SelectError> {
        Ok(vec![Box::new(One(self.0.clone()))])
    }
}

#[track_caller]
fn check(call: &str) {
    let source = One(Labels::from_pairs([("__name__", "a_total"), ("le", "+Inf"), ("job", "j"), ("instance", "i")]));
    let expr = parse(call).unwrap_or_else(|error| panic!("{call}: {error}"));
    let budget = QueryBudget::unlimited();
    let engine = Engine::default();
    engine.instant(&source, &expr, Timestamp(600_000), &budget).unwrap_or_else(|error| panic!("{call}: {error}"));
    let range = engine.range(&source, &expr, Timestamp(300_000), Timestamp(600_000), 15_000, &budget);
    range.unwrap_or_else(|error| panic!("{call}: {error}"));
    assert_eq!(budget.samples(), 0, "{call} gives back what it takes");
}

#[test]
fn every_function_of_the_table_evaluates() {
    for signature in &SIGNATURES {
        let arg = |(index, value_type): (usize, &ValueType)| match value_type {
            ValueType::Scalar => format!("0.{index}"),
            ValueType::String => "'x'".to_owned(),
            ValueType::Matrix => "a_total[5m]".to_owned(),
            ValueType::Vector => "a_total".to_owned(),
        };
        let mut args: Vec<String> = signature.args.iter().enumerate().map(arg).collect();
        if signature.name == "info" {
            args[1] = "{job=\"j\"}".to_owned();
        }
        check(&format!("{}({})", signature.name, args.join(", ")));
    }
}

//! What queries have counted in a chunk of fresh records, for queries that ask again: pages that refresh, and the further
//! pages of a search. A chunk that somebody reads does not change any more.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use watchfire_model::{GroupKey, KeyPart, LogFilter, TimeBuckets, TimeNs};

/// Groups of one answer that are remembered; of an answer with more nothing is.
pub(crate) const GROUPS_MAX: usize = 128;
/// Answers remembered of one chunk, and groups of all of them together: a twentieth of its bytes. The oldest go first.
const ANSWERS_MAX: usize = 16;
const GROUPS_SUM_MAX: usize = 256;

/// Every group with its records.
pub(crate) type Counts = Arc<Vec<(Vec<KeyPart>, u64)>>;

/// What is counted: the records that pass, by the parts of a key.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    filter: Arc<LogFilter>,
    by: Vec<GroupKey>,
}

/// The answers about one chunk.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    answers: Mutex<VecDeque<(Question, Counts)>>,
}

impl Question {
    pub(crate) fn new(filter: &Arc<LogFilter>, by: &[GroupKey]) -> Question {
        Question { filter: Arc::clone(filter), by: by.iter().map(usual).collect() }
    }
}

impl PartialEq for Question {
    fn eq(&self, other: &Question) -> bool {
        self.by == other.by && (Arc::ptr_eq(&self.filter, &other.filter) || self.filter == other.filter)
    }
}

/// Intervals are the same wherever they are counted from: the range of a refreshed page moves on.
fn usual(key: &GroupKey) -> GroupKey {
    match key {
        GroupKey::Time(TimeBuckets::Every { step_ns, origin }) => {
            let step_ns = (*step_ns).max(1);
            GroupKey::Time(TimeBuckets::Every { step_ns, origin: TimeNs(origin.0.rem_euclid(step_ns)) })
        }
        key => key.clone(),
    }
}

impl Remembered {
    pub(crate) fn get(&self, question: &Question) -> Option<Counts> {
        let answers = self.answers.lock();
        answers.iter().find(|(known, _)| known == question).map(|(_, counts)| Arc::clone(counts))
    }

    /// Keeps the counts of all records of the chunk that pass.
    pub(crate) fn put(&self, question: &Question, counts: Counts) {
        if counts.len() > GROUPS_MAX {
            return;
        }
        let mut answers = self.answers.lock();
        if answers.iter().any(|(known, _)| known == question) {
            return;
        }
        answers.push_back((question.clone(), counts));
        let groups = |answers: &VecDeque<(Question, Counts)>| answers.iter().map(|(_, it)| it.len()).sum::<usize>();
        while answers.len() > ANSWERS_MAX || groups(&answers) > GROUPS_SUM_MAX {
            answers.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_model::FieldPattern;

    fn question(word: &str, by: &[GroupKey]) -> Question {
        Question::new(&Arc::new(LogFilter::Any(FieldPattern::text(word))), by)
    }

    fn counts(groups: usize) -> Counts {
        Arc::new((0..groups).map(|n| (vec![KeyPart::Text(n.to_string().into())], 1)).collect())
    }

    fn every(step_ns: i64, origin: i64) -> GroupKey {
        GroupKey::Time(TimeBuckets::Every { step_ns, origin: TimeNs(origin) })
    }

    #[test]
    fn an_answer_is_that_of_its_question() {
        let remembered = Remembered::default();
        remembered.put(&question("a", &[every(60, 7)]), counts(3));
        assert_eq!(remembered.get(&question("a", &[every(60, 127)])), Some(counts(3)));
        assert_eq!(remembered.get(&question("a", &[every(60, -53)])), Some(counts(3)));
        assert_eq!(remembered.get(&question("a", &[every(60, 8)])), None);
        assert_eq!(remembered.get(&question("a", &[every(30, 7)])), None);
        assert_eq!(remembered.get(&question("b", &[every(60, 7)])), None);
        assert_eq!(remembered.get(&question("a", &[])), None);
    }

    #[test]
    fn answers_are_bounded() {
        let remembered = Remembered::default();
        for word in 0..3 * ANSWERS_MAX {
            remembered.put(&question(&word.to_string(), &[]), counts(1));
        }
        assert_eq!(remembered.answers.lock().len(), ANSWERS_MAX);
        remembered.put(&question("large", &[]), counts(GROUPS_MAX + 1));
        assert_eq!(remembered.get(&question("large", &[])), None);
        for word in ["x", "y", "z"] {
            remembered.put(&question(word, &[]), counts(GROUPS_MAX));
        }
        assert_eq!(remembered.get(&question("x", &[])), None);
        assert_eq!(remembered.answers.lock().len(), 2);
    }
}

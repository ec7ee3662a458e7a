//! A filter as it applies to one block: names have become columns, texts the granules that may hold them.

use crate::block::layout::{ColumnKind, FieldStats, GranuleStats, HOST, Layout};
use crate::block::token::TokenColumn;
use crate::block::{Block, GranuleSet, Opened, ReadError, Reads, Summary, TokenIndex};
use crate::message::{Automaton, MessageQuery, PairSet, Probe, Verdict};
use smol_str::SmolStr;
use std::ops::Bound;
use std::sync::Arc;
use watchfire_model::{
    FieldPattern, FieldValue, HOST_FIELD, LEVEL_FIELD, Level, LogFilter, MESSAGE_FIELD, NumberRange, QueryBudget,
    STREAM_FIELD, TextPattern, TimeRangeNs, ValueTest, is_prose,
};

/// Passes and fails exactly as the filter does, for the records of one block.
#[derive(Debug, Clone)]
pub enum Plan {
    Constant(bool),
    /// Cheapest first.
    And(Vec<Plan>),
    Or(Vec<Plan>),
    Not(Box<Plan>),
    /// The value in some of these places passes the pattern; it cannot in other granules than those given.
    Pattern {
        places: Vec<(Place, GranuleSet)>,
        pattern: FieldPattern,
        /// What is known of the messages and of the values that are counted.
        known: Arc<Known>,
    },
    /// The level is one of these, bit n for level n.
    Levels(u16),
    Range {
        place: Place,
        range: NumberRange,
    },
    NotEmpty(Place),
    /// The value, as it is, passes a test.
    Test {
        place: Place,
        test: ValueTest,
    },
    Time(TimeRangeNs),
}

/// What a pattern says of a block's texts without reading a row.
#[derive(Debug)]
pub struct Known {
    /// Of each template of the block; empty where the block has none.
    pub(crate) verdicts: Vec<Verdict>,
    /// Granules in which messages of open templates may pass.
    pub open: GranuleSet,
    /// Granules in which messages without a template may pass.
    pub untemplated: GranuleSet,
    /// What messages of open templates have in a slot where they pass.
    pub key: Option<KeyWord>,
    /// Of an expression.
    pub(crate) automaton: Option<Automaton>,
    /// For counted columns, by their leaf: whether each of the values passes.
    pub values: Vec<(usize, Vec<bool>)>,
}

/// A word that no open template holds in its text.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyWord {
    /// Folded.
    pub word: String,
    /// Whether having it is enough to pass.
    pub suffices: bool,
}

/// Where values stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Message,
    Host,
    /// The field column at this index.
    Field(usize),
    /// The shared column: fields of this name, or all.
    Rest(Option<SmolStr>),
}

/// Makes plans for one block.
struct Planner<'a> {
    block: &'a Block,
    opened: &'a Opened,
    reads: &'a Reads,
    /// Read when the first text is looked up.
    tokens: Option<Arc<TokenIndex>>,
    /// Templates and statistics, in blocks that have them.
    summary: Option<Arc<Summary>>,
    /// Asked before each pattern.
    budget: &'a QueryBudget,
}

impl Plan {
    /// Stops when the query is cancelled.
    pub fn new(
        filter: &LogFilter,
        block: &Block,
        opened: &Opened,
        reads: &Reads,
        budget: &QueryBudget,
    ) -> Result<Plan, ReadError> {
        let summary = block.summary(opened, reads)?;
        Planner { block, opened, reads, tokens: None, summary, budget }.plan(filter)
    }

    /// Granules outside hold no record that passes.
    pub fn granules(&self, layout: &Layout) -> GranuleSet {
        let count = layout.granules.len();
        let filter = |wanted: &dyn Fn(&GranuleStats) -> bool| {
            GranuleSet::filter(count, |granule| wanted(&layout.granules[granule]))
        };
        match self {
            Plan::Constant(true) | Plan::Not(_) => GranuleSet::all(count),
            Plan::Constant(false) => GranuleSet::none(count),
            Plan::And(parts) => parts.iter().fold(GranuleSet::all(count), |mut set, part| {
                set.intersect(&part.granules(layout));
                set
            }),
            Plan::Or(parts) => parts.iter().fold(GranuleSet::none(count), |mut set, part| {
                set.unite(&part.granules(layout));
                set
            }),
            Plan::Pattern { places, .. } => places.iter().fold(GranuleSet::none(count), |mut set, (_, granules)| {
                set.unite(granules);
                set
            }),
            Plan::Levels(levels) => filter(&|granule| granule.levels & levels != 0),
            Plan::Range { place: Place::Field(field), range } if layout.fields[*field].kind.is_number() => {
                filter(&|granule| may_hold(granule.fields[*field], *range))
            }
            Plan::Range { place, .. } | Plan::NotEmpty(place) | Plan::Test { place, .. } => occupied(place, layout),
            Plan::Time(range) => filter(&|granule| granule.times.0 < range.end && range.start <= granule.times.1),
        }
    }

    /// Rough order of what evaluating costs.
    fn cost(&self) -> u8 {
        let place_cost = |place: &Place| match place {
            Place::Host => 1,
            Place::Field(_) => 2,
            Place::Rest(_) => 4,
            Place::Message => 5,
        };
        match self {
            Plan::Constant(_) | Plan::Levels(_) | Plan::Time(_) => 0,
            Plan::Range { place, .. } | Plan::NotEmpty(place) | Plan::Test { place, .. } => place_cost(place),
            Plan::Pattern { places, .. } => {
                let dearest = places.iter().map(|(place, _)| place_cost(place)).max().unwrap_or(0);
                dearest + u8::from(places.len() > 1)
            }
            Plan::And(parts) | Plan::Or(parts) => parts.iter().map(Plan::cost).max().unwrap_or(0),
            Plan::Not(part) => part.cost(),
        }
    }
}

/// The granules in which the place has any value.
fn occupied(place: &Place, layout: &Layout) -> GranuleSet {
    let filter = |wanted: &dyn Fn(&GranuleStats) -> bool| {
        GranuleSet::filter(layout.granules.len(), |granule| wanted(&layout.granules[granule]))
    };
    match place {
        Place::Message | Place::Host => GranuleSet::all(layout.granules.len()),
        Place::Field(field) => filter(&|granule| granule.fields[*field].rows > 0),
        Place::Rest(_) => filter(&|granule| granule.rest_rows > 0),
    }
}

/// Whether the range overlaps the column's numbers.
fn may_hold(stats: FieldStats, range: NumberRange) -> bool {
    let (smallest, largest) = stats.numbers;
    let above = match range.low {
        Bound::Included(low) => largest >= low,
        Bound::Excluded(low) => largest > low,
        Bound::Unbounded => true,
    };
    let below = match range.high {
        Bound::Included(high) => smallest <= high,
        Bound::Excluded(high) => smallest < high,
        Bound::Unbounded => true,
    };
    stats.rows > 0 && smallest <= largest && above && below
}

impl Planner<'_> {
    fn plan(&mut self, filter: &LogFilter) -> Result<Plan, ReadError> {
        match filter {
            LogFilter::All => Ok(Plan::Constant(true)),
            LogFilter::And(parts) => {
                let mut parts = parts.iter().map(|part| self.plan(part)).collect::<Result<Vec<_>, _>>()?;
                parts.sort_by_key(Plan::cost);
                Ok(if parts.iter().any(|part| matches!(part, Plan::Constant(false))) {
                    Plan::Constant(false)
                } else {
                    Plan::And(parts)
                })
            }
            LogFilter::Or(parts) => {
                let mut parts = parts.iter().map(|part| self.plan(part)).collect::<Result<Vec<_>, _>>()?;
                parts.sort_by_key(Plan::cost);
                Ok(if parts.iter().any(|part| matches!(part, Plan::Constant(true))) {
                    Plan::Constant(true)
                } else {
                    Plan::Or(parts)
                })
            }
            LogFilter::Not(part) => Ok(match self.plan(part)? {
                Plan::Constant(passes) => Plan::Constant(!passes),
                part => Plan::Not(Box::new(part)),
            }),
            LogFilter::Any(pattern) => self.any(pattern),
            LogFilter::Field { name, pattern } => self.field(name, pattern),
            LogFilter::Range { name, range } => Ok(match name.as_str() {
                LEVEL_FIELD => levels(|level| range.contains(f64::from(level.number()))),
                MESSAGE_FIELD | HOST_FIELD | STREAM_FIELD => Plan::Constant(false),
                _ => match self.place(name) {
                    Some(Place::Field(field)) if self.layout().fields[field].kind == ColumnKind::Bool => {
                        Plan::Constant(false)
                    }
                    Some(place) => Plan::Range { place, range: *range },
                    None => Plan::Constant(false),
                },
            }),
            LogFilter::Exists { name } => Ok(match name.as_str() {
                LEVEL_FIELD => levels(|_| true),
                STREAM_FIELD => Plan::Constant(!self.block.meta.stream.is_empty()),
                MESSAGE_FIELD => Plan::NotEmpty(Place::Message),
                HOST_FIELD => Plan::NotEmpty(Place::Host),
                _ => self.place(name).map_or(Plan::Constant(false), Plan::NotEmpty),
            }),
            LogFilter::Test { name, test } => Ok(match name.as_str() {
                LEVEL_FIELD => levels(|level| test.passes(&FieldValue::I64(i64::from(level.number())))),
                STREAM_FIELD => Plan::Constant(test.passes(&FieldValue::Text(self.block.meta.stream.clone()))),
                MESSAGE_FIELD => Plan::Test { place: Place::Message, test: test.clone() },
                HOST_FIELD => Plan::Test { place: Place::Host, test: test.clone() },
                _ => match self.place(name) {
                    Some(place) => Plan::Test { place, test: test.clone() },
                    None => Plan::Constant(false),
                },
            }),
            LogFilter::Time(range) => Ok(Plan::Time(*range)),
        }
    }

    fn layout(&self) -> &Layout {
        &self.opened.layout
    }

    /// Where the values of a field stand, if the block has any.
    fn place(&self, name: &SmolStr) -> Option<Place> {
        let column = self.layout().field(name).map(Place::Field);
        column.or_else(|| self.layout().has_rest().then(|| Place::Rest(Some(name.clone()))))
    }

    fn field(&mut self, name: &SmolStr, pattern: &FieldPattern) -> Result<Plan, ReadError> {
        let place = match name.as_str() {
            LEVEL_FIELD => return Ok(levels(|level| pattern.matches_value(&level.number().to_string()))),
            STREAM_FIELD => return Ok(Plan::Constant(pattern.matches_streams(&self.block.meta.stream))),
            MESSAGE_FIELD => Some(Place::Message),
            HOST_FIELD => Some(Place::Host),
            _ => self.place(name),
        };
        self.pattern(place.into_iter().collect(), pattern)
    }

    fn any(&mut self, pattern: &FieldPattern) -> Result<Plan, ReadError> {
        if pattern.matches_streams(&self.block.meta.stream) {
            return Ok(Plan::Constant(true));
        }
        let mut places: Vec<Place> = (0..self.layout().fields.len()).map(Place::Field).collect();
        places.extend([Place::Host, Place::Message]);
        if self.layout().has_rest() {
            places.push(Place::Rest(None));
        }
        self.pattern(places, pattern)
    }

    fn pattern(&mut self, places: Vec<Place>, pattern: &FieldPattern) -> Result<Plan, ReadError> {
        self.budget.check()?;
        let mut possible = Vec::with_capacity(places.len());
        let none = || GranuleSet::none(self.layout().granules.len());
        let mut known = Known {
            verdicts: Vec::new(),
            open: none(),
            untemplated: none(),
            key: None,
            automaton: None,
            values: Vec::new(),
        };
        for place in places {
            let granules = self.pattern_granules(&place, pattern, &mut known)?;
            if !granules.is_empty() {
                possible.push((place, granules));
            }
        }
        if possible.is_empty() {
            return Ok(Plan::Constant(false));
        }
        Ok(Plan::Pattern { places: possible, pattern: pattern.clone(), known: Arc::new(known) })
    }

    /// The granules in which the value at the place may pass.
    fn pattern_granules(
        &mut self,
        place: &Place,
        pattern: &FieldPattern,
        known: &mut Known,
    ) -> Result<GranuleSet, ReadError> {
        let leaf = match place {
            Place::Host => Some(HOST),
            Place::Field(field) => Some(self.layout().fields[*field].leaf),
            Place::Message | Place::Rest(_) => None,
        };
        if let Some(summary) = self.summary.clone() {
            if *place == Place::Message {
                return self.message_granules(pattern, &summary, known);
            }
            if let Some(counts) = leaf.and_then(|leaf| summary.value_counts(leaf)) {
                let passes: Vec<bool> = counts.values.iter().map(|value| pattern.matches_value(value)).collect();
                let granules = GranuleSet::filter(counts.granules.len(), |granule| {
                    counts.granules[granule].iter().any(|(value, _)| passes[*value as usize])
                });
                known.values.push((counts.leaf, passes));
                return Ok(granules);
            }
        }
        match pattern {
            FieldPattern::Text(text) if !text.words().is_empty() => self.look_up(place, text),
            // The index knows words and whole values, neither parts of them nor signs between them.
            _ => Ok(occupied(place, self.layout())),
        }
    }

    /// The granules whose messages may pass: by their templates, and by what their variable words have to be.
    fn message_granules(
        &mut self,
        pattern: &FieldPattern,
        summary: &Summary,
        known: &mut Known,
    ) -> Result<GranuleSet, ReadError> {
        let pairs = match pattern {
            FieldPattern::Wildcard(_) | FieldPattern::Regex(_) => self.tokens()?.pairs(),
            FieldPattern::Text(_) | FieldPattern::Near(_) => PairSet::full(),
        };
        let query = MessageQuery::new(pattern, &pairs);
        let verdicts = query.verdicts(&summary.templates, &summary.words);
        let count = self.layout().granules.len();
        let mut undecided = GranuleSet::none(count);
        if verdicts.contains(&Verdict::Open) {
            undecided = GranuleSet::all(count);
            let Probe { words, parts } = query.probe(&verdicts, &summary.words);
            if !words.is_empty() || !parts.is_empty() {
                let tokens = self.tokens()?;
                for word in &words {
                    undecided.intersect(&tokens.granules(TokenColumn::MESSAGE, "", word)?);
                }
                undecided.intersect(&GranuleSet::filter(count, |granule| tokens.may_hold_parts(granule, &parts)));
            }
            let suffices = matches!(pattern, FieldPattern::Text(text) if text.words().len() == 1);
            let longest = words.into_iter().max_by_key(String::len);
            known.key = longest.map(|word| KeyWord { word, suffices });
        }
        let mut untemplated = GranuleSet::filter(count, |granule| summary.granules[granule].untemplated > 0);
        if let FieldPattern::Text(text) = pattern
            && !untemplated.is_empty()
        {
            let tokens = self.tokens()?;
            for word in text.words() {
                untemplated.intersect(&tokens.granules(TokenColumn::MESSAGE, "", word)?);
            }
        }
        let some_pass = verdicts.contains(&Verdict::Yes);
        let granules = GranuleSet::filter(count, |granule| {
            let may_be_open = undecided.contains(granule);
            untemplated.contains(granule)
                || (some_pass || may_be_open)
                    && summary.granules[granule].templates.iter().any(|(number, _)| match verdicts[*number as usize] {
                        Verdict::Yes => true,
                        Verdict::Open => may_be_open,
                        Verdict::No => false,
                    })
        });
        known.automaton = query.into_automaton();
        (known.verdicts, known.open, known.untemplated) = (verdicts, undecided, untemplated);
        Ok(granules)
    }

    fn tokens(&mut self) -> Result<Arc<TokenIndex>, ReadError> {
        if let Some(tokens) = &self.tokens {
            return Ok(Arc::clone(tokens));
        }
        Ok(Arc::clone(self.tokens.insert(self.block.tokens(self.opened, self.reads)?)))
    }

    /// The granules in which prose at this place may hold all the words, or an identifier may be the whole text.
    fn look_up(&mut self, place: &Place, text: &TextPattern) -> Result<GranuleSet, ReadError> {
        let column = match place {
            Place::Message => TokenColumn::MESSAGE,
            Place::Host => TokenColumn::HOST,
            Place::Field(field) => TokenColumn::field(*field),
            Place::Rest(_) => TokenColumn::REST,
        };
        let layout = self.layout();
        let granules = layout.granules.len();
        let has_prose = match place {
            Place::Field(field) => matches!(layout.fields[*field].kind, ColumnKind::Text | ColumnKind::Mixed),
            _ => true,
        };
        let name =
            if let Place::Field(field) = place { layout.fields[*field].name.clone() } else { SmolStr::default() };
        if let Place::Field(field) = place
            && layout.fields[*field].kind == ColumnKind::F64
            && self.summary.is_some()
        {
            return Ok(self.equal_numbers(*field, text));
        }
        let tokens = self.tokens()?;
        let mut found = GranuleSet::none(granules);
        if *place != Place::Message && !is_prose(text.whole()) {
            found.unite(&tokens.granules(column, &name, text.whole())?);
        }
        if has_prose {
            let mut prose = GranuleSet::all(granules);
            for word in text.words() {
                prose.intersect(&tokens.granules(column, &name, word)?);
            }
            found.unite(&prose);
        }
        Ok(found)
    }
}

impl Planner<'_> {
    /// The granules whose smallest and largest number leave room for the one that the text is. Numbers with a fraction are
    /// not in the index.
    fn equal_numbers(&self, field: usize, text: &TextPattern) -> GranuleSet {
        let layout = self.layout();
        let Ok(number) = text.whole().parse::<f64>() else { return GranuleSet::none(layout.granules.len()) };
        let range = NumberRange { low: Bound::Included(number), high: Bound::Included(number) };
        GranuleSet::filter(layout.granules.len(), |granule| {
            let stats = layout.granules[granule].fields[field];
            // Statistics know nothing of what is not a number.
            stats.rows > 0 && (number.is_nan() || may_hold(stats, range))
        })
    }
}

fn levels(wanted: impl Fn(Level) -> bool) -> Plan {
    let bits = (0..8).filter_map(Level::new).filter(|level| wanted(*level));
    match bits.fold(0u16, |bits, level| bits | 1 << level.number()) {
        0 => Plan::Constant(false),
        bits => Plan::Levels(bits),
    }
}

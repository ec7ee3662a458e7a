//! The pipes behind a search.

use super::Parser;
use super::value::nearest;
use crate::pipe::HITS;
use crate::{CONTEXT_MAX, Pipe, Problem, QueryError, ROWS_LIMIT_MAX, SortKey, Template, TemplatePart};
use smol_str::SmolStr;
use watchfire_model::{MESSAGE_FIELD, PatternError, TextRegex};

/// Every pipe and its other names.
const PIPES: [(&str, Keyword); 40] = [
    ("stats", Keyword::Stats),
    ("fields", Keyword::Fields),
    ("keep", Keyword::Fields),
    ("table", Keyword::Fields),
    ("drop", Keyword::Drop),
    ("delete", Keyword::Drop),
    ("del", Keyword::Drop),
    ("remove", Keyword::Drop),
    ("rm", Keyword::Drop),
    ("rename", Keyword::Rename),
    ("mv", Keyword::Rename),
    ("sort", Keyword::Sort),
    ("order", Keyword::Sort),
    ("limit", Keyword::Limit),
    ("head", Keyword::Limit),
    ("offset", Keyword::Offset),
    ("skip", Keyword::Offset),
    ("top", Keyword::Top),
    ("uniq", Keyword::Uniq),
    ("unique", Keyword::Uniq),
    ("distinct", Keyword::Uniq),
    ("filter", Keyword::Filter),
    ("where", Keyword::Filter),
    ("extract", Keyword::Extract),
    ("extract_regexp", Keyword::ExtractRegexp),
    ("extract_regex", Keyword::ExtractRegexp),
    ("unpack_json", Keyword::UnpackJson),
    ("json", Keyword::UnpackJson),
    ("unpack_logfmt", Keyword::UnpackLogfmt),
    ("logfmt", Keyword::UnpackLogfmt),
    ("replace", Keyword::Replace),
    ("replace_regexp", Keyword::ReplaceRegexp),
    ("replace_regex", Keyword::ReplaceRegexp),
    ("format", Keyword::Format),
    ("math", Keyword::Math),
    ("eval", Keyword::Math),
    ("context", Keyword::Context),
    ("stream_context", Keyword::Context),
    ("collapse_nums", Keyword::CollapseNums),
    ("sample", Keyword::Sample),
];

/// Rows that `top` and `limit` give where the query says no number.
const LIMIT_DEFAULT: usize = 10;

#[derive(Debug, Clone, Copy)]
enum Keyword {
    Stats,
    Fields,
    Drop,
    Rename,
    Sort,
    Limit,
    Offset,
    Top,
    Uniq,
    Filter,
    Extract,
    ExtractRegexp,
    UnpackJson,
    UnpackLogfmt,
    Replace,
    ReplaceRegexp,
    Format,
    Math,
    Context,
    CollapseNums,
    Sample,
}

impl Parser<'_> {
    /// One pipe, the cursor at its `|`.
    pub(super) fn pipe(&mut self, is_first: bool) -> Result<Pipe, QueryError> {
        let bar = self.at;
        self.at += 1;
        self.skip_space();
        let start = self.at;
        let word = self.bare().to_ascii_lowercase();
        if word.is_empty() {
            return Err(match self.peek() {
                None | Some('|') => self.error(bar..bar + 1, Problem::NoPipe),
                Some(_) => self.expected("the name of a pipe, such as stats or limit,"),
            });
        }
        self.at += word.len();
        let Some((_, keyword)) = PIPES.into_iter().find(|(name, _)| *name == word) else {
            let nearest = nearest(&word, PIPES.into_iter().map(|(name, _)| name));
            let word = word.chars().take(64).collect();
            return Err(self.error(self.span_from(start), Problem::UnknownPipe { word, nearest }));
        };
        self.count_term(start)?;
        Ok(match keyword {
            Keyword::Stats => Pipe::Stats(self.stats()?),
            Keyword::Fields => Pipe::Fields(self.names()?),
            Keyword::Drop => Pipe::Drop(self.names()?),
            Keyword::Rename => Pipe::Rename(self.list(Parser::renaming)?),
            Keyword::Sort => self.sort()?,
            Keyword::Limit => Pipe::Limit(if self.at_pipe_end() { LIMIT_DEFAULT } else { self.rows()? }),
            Keyword::Offset => Pipe::Offset(self.rows()?),
            Keyword::Top => {
                let limit = if self.at_count() { self.rows()? } else { LIMIT_DEFAULT };
                self.eat_word("by");
                let by = self.names()?;
                if by.iter().any(|name| name == HITS) {
                    let problem = Problem::DuplicateColumn { name: HITS.to_owned() };
                    return Err(self.error(self.span_from(start), problem));
                }
                Pipe::Top { limit, by }
            }
            Keyword::Uniq => {
                self.eat_word("by");
                let by = self.names()?;
                Pipe::Uniq { by, limit: self.limit()? }
            }
            Keyword::Filter => {
                self.skip_space();
                if self.at_pipe_end() {
                    return Err(self.expected("a condition"));
                }
                Pipe::Filter(self.or(None)?)
            }
            Keyword::Extract => {
                let template = self.template("a pattern in quotes, such as \"user=<user> \",")?;
                let span = start..self.at;
                if template.fields().next().is_none() {
                    return Err(self.error(span, Problem::NoTemplateField));
                }
                if template.is_ambiguous() {
                    return Err(self.error(span, Problem::AdjacentFields));
                }
                Pipe::Extract { template, from: self.field_after("from")? }
            }
            Keyword::ExtractRegexp => {
                let (expression, regex) = self.expression()?;
                if regex.regex().capture_names().flatten().next().is_none() {
                    return Err(self.error(self.span_from(start), Problem::NoNamedGroup));
                }
                Pipe::ExtractRegexp { expression, from: self.field_after("from")? }
            }
            Keyword::UnpackJson => {
                let (from, prefix) = self.unpack()?;
                Pipe::UnpackJson { from, prefix }
            }
            Keyword::UnpackLogfmt => {
                let (from, prefix) = self.unpack()?;
                Pipe::UnpackLogfmt { from, prefix }
            }
            Keyword::Replace => {
                self.want('(', "`(\"old\", \"new\")`")?;
                let old = self.quoted("the text to replace, in quotes,")?;
                if old.is_empty() {
                    return Err(self.error(self.span_from(start), Problem::NothingToReplace));
                }
                let new = self.replacement()?;
                Pipe::Replace { old, new, at: self.target()? }
            }
            Keyword::ReplaceRegexp => {
                self.want('(', "`(\"expression\", \"new\")`")?;
                let (expression, _) = self.expression()?;
                let new = self.replacement()?;
                Pipe::ReplaceRegexp { expression, new, at: self.target()? }
            }
            Keyword::Format => {
                let template = self.template("a text in quotes, such as \"<host>: <message>\",")?;
                let to = if self.eat_word("as") { self.new_name()? } else { SmolStr::new_static(MESSAGE_FIELD) };
                Pipe::Format { template, to }
            }
            Keyword::Math => {
                let expr = self.math()?;
                if !self.eat_word("as") {
                    return Err(self.expected("an operator, or `as` and the name of the result,"));
                }
                Pipe::Math { expr, to: self.new_name()? }
            }
            Keyword::Context => {
                let context = self.context()?;
                if !is_first {
                    return Err(self.error(self.span_from(start), Problem::ContextNotFirst));
                }
                context
            }
            Keyword::CollapseNums => Pipe::CollapseNums { at: self.target()? },
            Keyword::Sample => Pipe::Sample(self.count(1, ROWS_LIMIT_MAX)? as u64),
        })
    }

    pub(super) fn at_pipe_end(&mut self) -> bool {
        self.skip_space();
        self.at_search_end()
    }

    /// A number of rows.
    pub(super) fn rows(&mut self) -> Result<usize, QueryError> {
        self.count(0, ROWS_LIMIT_MAX)
    }

    /// `limit N`, or nothing.
    pub(super) fn limit(&mut self) -> Result<Option<usize>, QueryError> {
        if self.eat_word("limit") { self.rows().map(Some) } else { Ok(None) }
    }

    fn renaming(&mut self) -> Result<(SmolStr, SmolStr), QueryError> {
        let from = self.name()?;
        if !self.eat_word("as") {
            return Err(self.expected("`as` and the new name"));
        }
        Ok((from, self.new_name()?))
    }

    fn sort(&mut self) -> Result<Pipe, QueryError> {
        self.eat_word("by");
        let by = self.list(|parser| {
            let field = parser.name()?;
            let is_descending = parser.eat_word("desc");
            if !is_descending {
                parser.eat_word("asc");
            }
            Ok(SortKey { field, is_descending })
        })?;
        // `desc` behind the whole list turns all of it, as in LogsQL.
        let mut by = by;
        if self.eat_word("desc") {
            for key in &mut by {
                key.is_descending = !key.is_descending;
            }
        }
        Ok(Pipe::Sort { by, limit: self.limit()? })
    }

    /// `N`, or `before N after M` in any order, one of them at least.
    fn context(&mut self) -> Result<Pipe, QueryError> {
        if self.at_count() {
            let lines = self.count(0, CONTEXT_MAX)?;
            return Ok(Pipe::Context { before: lines, after: lines });
        }
        let (mut before, mut after) = (None, None);
        loop {
            let side = if before.is_none() && self.eat_word("before") {
                &mut before
            } else if after.is_none() && self.eat_word("after") {
                &mut after
            } else {
                break;
            };
            *side = Some(self.count(0, CONTEXT_MAX)?);
        }
        match (before, after) {
            (None, None) => Err(self.expected("a number of lines, or `before 5 after 10`,")),
            (before, after) => Ok(Pipe::Context { before: before.unwrap_or(0), after: after.unwrap_or(0) }),
        }
    }

    /// `from field`, or the message.
    fn field_after(&mut self, keyword: &str) -> Result<SmolStr, QueryError> {
        if self.eat_word(keyword) { self.name() } else { Ok(SmolStr::new_static(MESSAGE_FIELD)) }
    }

    /// `at field`, or the message: a field that is changed.
    fn target(&mut self) -> Result<SmolStr, QueryError> {
        if self.eat_word("at") { self.new_name() } else { Ok(SmolStr::new_static(MESSAGE_FIELD)) }
    }

    /// `[from field] [prefix p]`.
    fn unpack(&mut self) -> Result<(SmolStr, SmolStr), QueryError> {
        let from = self.field_after("from")?;
        let prefix = if self.eat_word("prefix") || self.eat_word("result_prefix") {
            self.skip_space();
            if self.peek() == Some('"') {
                self.phrase()?.into()
            } else {
                let prefix = SmolStr::new(self.bare());
                self.at += prefix.len();
                prefix
            }
        } else {
            SmolStr::default()
        };
        Ok((from, prefix))
    }

    /// `, "new")`, the cursor behind what is replaced.
    fn replacement(&mut self) -> Result<String, QueryError> {
        self.want(',', "`,` and the new text")?;
        let new = self.quoted("the new text, in quotes,")?;
        self.want(')', "`)`")?;
        Ok(new)
    }

    /// Text with `<field>`s.
    fn template(&mut self, wanted: &'static str) -> Result<Template, QueryError> {
        self.skip_space();
        let start = self.at;
        let mut template = Template::parse(&self.quoted(wanted)?);
        for part in &mut template.parts {
            if let TemplatePart::Field(name) = part {
                *name = crate::fields::canonical(name);
                self.count_term(start)?;
            }
        }
        Ok(template)
    }

    /// A regular expression in quotes.
    fn expression(&mut self) -> Result<(String, TextRegex), QueryError> {
        self.skip_space();
        let start = self.at;
        let expression = self.quoted("a regular expression in quotes")?;
        self.count_regex(start, &expression)?;
        match TextRegex::new(&expression, false) {
            Ok(regex) => Ok((expression, regex)),
            Err(error @ (PatternError::BadRegex(_) | PatternError::TooLong { .. })) => {
                Err(self.error(self.span_from(start), error.into()))
            }
        }
    }
}

//! Rows of an export, on their way into pieces.

use super::super::record::{FieldsBody, RecordBody};
use super::super::stats::CellBody;
use super::csv::CsvRow;
use crate::error::ApiError;
use crate::time_text::rfc3339_ns;
use crate::workers::{Interrupted, Outlet};
use bytes::Bytes;
use serde::{Serialize, Serializer};
use smol_str::SmolStr;
use std::borrow::Cow;
use watchfire_logquery::Cell;
use watchfire_logstore::RecordId;
use watchfire_model::{FieldSelection, FieldValue, HOST_FIELD, LEVEL_FIELD, LogRecord, MESSAGE_FIELD, STREAM_FIELD};

/// Bytes from which on a piece is handed on; a row more may be in it.
const PIECE_BYTES: usize = 64 << 10;
/// Columns of a CSV file when none are named; `fields` is a JSON object of the rest.
const COLUMNS: [&str; 8] = ["id", "time", "received", STREAM_FIELD, HOST_FIELD, LEVEL_FIELD, MESSAGE_FIELD, "fields"];

/// What the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One JSON object a line. <https://github.com/ndjson/ndjson-spec>.
    Ndjson,
    Csv,
}

/// The file as it grows.
#[derive(Debug)]
pub(super) struct Sheet<'o> {
    format: Format,
    columns: Vec<SmolStr>,
    fields: FieldSelection,
    buffer: Vec<u8>,
    /// Whether a part of it is on its way already.
    has_begun: bool,
    is_interrupted: bool,
    outlet: &'o mut Outlet<ApiError>,
}

impl Format {
    pub(super) fn read(name: Option<&str>) -> Result<Format, ApiError> {
        match name {
            None | Some("ndjson") => Ok(Format::Ndjson),
            Some("csv") => Ok(Format::Csv),
            Some(other) => Err(ApiError::parameter(format!("`format` is `{other}`, it must be ndjson or csv"))),
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8",
        }
    }

    pub(super) fn disposition(self) -> &'static str {
        match self {
            Format::Ndjson => "attachment; filename=\"logs.ndjson\"",
            Format::Csv => "attachment; filename=\"logs.csv\"",
        }
    }
}

impl<'o> Sheet<'o> {
    /// An empty file. `columns` are those that were named, `fields` the same as a set.
    pub(super) fn new(
        format: Format,
        columns: Vec<SmolStr>,
        fields: FieldSelection,
        outlet: &'o mut Outlet<ApiError>,
    ) -> Sheet<'o> {
        let buffer = Vec::with_capacity(PIECE_BYTES * 5 / 4);
        Sheet { format, columns, fields, buffer, has_begun: false, is_interrupted: false, outlet }
    }

    /// What of the records is shown.
    pub(super) fn needed(&self) -> FieldSelection {
        let shows_all = self.format == Format::Csv && self.columns.iter().any(|name| name == "fields");
        if shows_all { FieldSelection::All } else { self.fields.clone() }
    }

    /// The head of a file of records.
    pub(super) fn begin_records(&mut self) {
        if self.columns.is_empty() {
            self.columns = COLUMNS.map(SmolStr::new_static).to_vec();
        }
        self.head();
    }

    /// The head of a file of rows with these columns.
    pub(super) fn begin_table(&mut self, columns: &[SmolStr]) {
        if self.columns.is_empty() {
            self.columns = columns.to_vec();
        }
        self.head();
    }

    fn head(&mut self) {
        if self.format == Format::Csv {
            let mut row = CsvRow::new(&mut self.buffer);
            self.columns.iter().for_each(|name| row.cell(name));
            row.end();
        }
    }

    /// A row of a table with these columns.
    ///
    /// # Errors
    /// Nobody takes the file any more.
    pub(super) fn row(&mut self, columns: &[SmolStr], cells: &[Option<Cell>]) -> Result<(), Interrupted> {
        let of = |name: &SmolStr| {
            let index = columns.iter().position(|column| column == name)?;
            cells.get(index)?.as_ref()
        };
        match self.format {
            Format::Ndjson => {
                let shown = self.columns.iter().filter_map(|name| Some((name, CellBody(of(name)?))));
                write_line(&mut self.buffer, &shown.collect::<Object<'_>>());
            }
            Format::Csv => {
                let mut row = CsvRow::new(&mut self.buffer);
                self.columns.iter().for_each(|name| row.cell(&of(name).map_or_else(String::new, Cell::to_string)));
                row.end();
            }
        }
        self.settle()
    }

    /// # Errors
    /// Nobody takes the file any more.
    pub(super) fn record(&mut self, id: RecordId, record: &LogRecord) -> Result<(), Interrupted> {
        match self.format {
            Format::Ndjson => write_line(&mut self.buffer, &RecordBody { id, record, fields: &self.fields }),
            Format::Csv => {
                let mut row = CsvRow::new(&mut self.buffer);
                for column in &self.columns {
                    row.cell(&cell(column, id, record));
                }
                row.end();
            }
        }
        self.settle()
    }

    /// The end. What turned out to be missing on the way is told in a last line of NDJSON; a CSV file has no place for it
    /// and is cut, so that nobody takes it for whole.
    pub(super) fn finish(mut self, known: &[String], further: &[String]) {
        if self.is_interrupted {
            return;
        }
        let missing: Vec<&String> = known.iter().chain(further).collect();
        match self.format {
            Format::Ndjson if !missing.is_empty() => {
                #[derive(Serialize)]
                struct Partial<'a> {
                    partial: Vec<&'a String>,
                }
                write_line(&mut self.buffer, &Partial { partial: missing });
            }
            Format::Csv if !further.is_empty() => {
                let error = ApiError::new(http::StatusCode::INTERNAL_SERVER_ERROR, further.join("; "));
                return self.fail(error);
            }
            _ => {}
        }
        // An empty file is a file too: the first piece lets the answer begin.
        if !self.buffer.is_empty() || !self.has_begun {
            let _ = self.hand_on();
        }
    }

    /// The end before the end.
    pub(super) fn fail(mut self, error: ApiError) {
        if self.is_interrupted {
            return;
        }
        if self.format == Format::Ndjson && self.has_begun {
            self.buffer.extend_from_slice(error.to_json().as_bytes());
            self.buffer.push(b'\n');
            let _ = self.hand_on();
        } else {
            let _ = self.outlet.put(Err(error));
        }
    }

    fn settle(&mut self) -> Result<(), Interrupted> {
        if self.buffer.len() < PIECE_BYTES { Ok(()) } else { self.hand_on() }
    }

    fn hand_on(&mut self) -> Result<(), Interrupted> {
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES * 5 / 4));
        self.has_begun = true;
        self.outlet.put(Ok(Bytes::from(piece))).inspect_err(|Interrupted| self.is_interrupted = true)
    }
}

/// Cells by the names of their columns; a row without a value has no such name.
struct Object<'a>(Vec<(&'a SmolStr, CellBody<'a>)>);

impl<'a> FromIterator<(&'a SmolStr, CellBody<'a>)> for Object<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a SmolStr, CellBody<'a>)>>(cells: I) -> Object<'a> {
        Object(cells.into_iter().collect())
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, cell)| (name, cell)))
    }
}

fn write_line(buffer: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(&mut *buffer, value).expect("rows have string keys and a vector takes all bytes");
    buffer.push(b'\n');
}

/// One column of a record; empty where the record has nothing there.
fn cell<'r>(column: &str, id: RecordId, record: &'r LogRecord) -> Cow<'r, str> {
    match column {
        "id" => id.to_string().into(),
        "time" => rfc3339_ns(record.time).into(),
        "received" => rfc3339_ns(record.received).into(),
        STREAM_FIELD => record.stream.as_str().into(),
        HOST_FIELD => record.host.as_str().into(),
        MESSAGE_FIELD => record.message.as_str().into(),
        LEVEL_FIELD => record.level.map_or(Cow::Borrowed(""), |level| level.number().to_string().into()),
        "fields" => {
            let fields = FieldsBody { record, fields: &FieldSelection::All };
            serde_json::to_string(&fields).expect("fields have string keys").into()
        }
        name => match record.field(name) {
            Some(FieldValue::Text(text)) => text.as_str().into(),
            Some(value) => value.to_string().into(),
            None => "".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Server, record};
    use watchfire_model::TimeNs;

    /// What leaves of a file of `records` that then ends as told: the pieces, and whether the last one was an error.
    async fn written(format: Format, records: u64, end: impl FnOnce(Sheet<'_>) + Send + 'static) -> (String, bool) {
        let server = Server::new();
        let stream = server.api.workers.stream(move |_, outlet| {
            let mut sheet = Sheet::new(format, Vec::new(), FieldSelection::All, outlet);
            sheet.begin_records();
            for sequence in 0..records {
                let id = RecordId { time: TimeNs(0), sequence };
                sheet.record(id, &record(0, &"x".repeat(1_000), &[])).unwrap();
            }
            end(sheet);
        });
        let (mut pieces, mut text) = (stream.unwrap(), String::new());
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else { return (text, true) };
            assert!(piece.len() < PIECE_BYTES + 2_000);
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
        (text, false)
    }

    fn broken() -> ApiError {
        ApiError::new(http::StatusCode::INTERNAL_SERVER_ERROR, "the disk is gone")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failure_in_the_midst_is_told_and_one_before_it_is_the_answer() {
        let (text, is_error) = written(Format::Ndjson, 200, |sheet| sheet.fail(broken())).await;
        assert_eq!((text.lines().count(), is_error), (201, false));
        assert_eq!(text.lines().last().unwrap(), "{\"error\":{\"message\":\"the disk is gone\"}}");
        let (_, is_error) = written(Format::Csv, 200, |sheet| sheet.fail(broken())).await;
        assert!(is_error, "the connection is cut");
        let (text, is_error) = written(Format::Ndjson, 1, |sheet| sheet.fail(broken())).await;
        assert_eq!((text.as_str(), is_error), ("", true), "nothing has left yet: there is a status to say it");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_missing_is_told() {
        let (known, further) = (vec!["block a".to_owned()], vec!["block b".to_owned()]);
        let (text, _) = written(Format::Ndjson, 1, move |sheet| sheet.finish(&known, &further)).await;
        assert_eq!(text.lines().last().unwrap(), "{\"partial\":[\"block a\",\"block b\"]}");
        let known = vec!["block a".to_owned()];
        let (text, is_error) = written(Format::Csv, 1, move |sheet| sheet.finish(&known, &[])).await;
        assert_eq!((text.lines().count(), is_error), (2, false), "the header has told it");
        let further = vec!["block b".to_owned()];
        let (_, is_error) = written(Format::Csv, 200, move |sheet| sheet.finish(&[], &further)).await;
        assert!(is_error);
    }
}

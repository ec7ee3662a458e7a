//! Bodies of `POST /gelf`: one message, lines of them, or an array. The HTTP server itself stands elsewhere.

use crate::config::HttpConfig;
use crate::counters::InputCounters;
use crate::decode::{Arrival, Decoded, Decoder};
use crate::fault::{Fault, FaultReason};
use crate::receipt::BatchReceipt;
use parking_lot::Mutex;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use watchfire_model::status::InputStatus;
use watchfire_model::{Fate, RecordSink, Refused, TimeNs};

/// Decoders that are kept while no body needs them.
const SPARE_DECODERS_MAX: usize = 8;

/// What became of a body.
#[derive(Debug, Clone)]
pub struct HttpOutcome {
    /// Records in the body.
    pub n_records: usize,
    /// What was wrong, in order of the messages; at most the first 1024.
    pub faults: Vec<Fault>,
    /// Whether all of the records are durable, or none.
    pub result: Result<(), Refused>,
}

impl HttpOutcome {
    /// Why nothing of the body is a record, for a 400; `None` when something is.
    pub fn rejection(&self) -> Option<FaultReason> {
        let mut losses = self.faults.iter().map(|fault| fault.reason).filter(|reason| reason.is_loss());
        if self.n_records == 0 { losses.next() } else { None }
    }
}

/// The HTTP input's limits and numbers.
#[derive(Debug)]
pub struct HttpInput {
    config: HttpConfig,
    counters: Arc<InputCounters>,
    /// Decoders that no body needs at the moment, with what they remember of earlier ones.
    decoders: Mutex<Vec<Decoder>>,
}

impl HttpInput {
    /// `address` is where the HTTP server listens.
    pub fn new(address: &str, config: HttpConfig) -> HttpInput {
        let counters = Arc::new(InputCounters::new("gelf-http", address.to_owned()));
        HttpInput { config, counters, decoders: Mutex::default() }
    }

    /// Longest body to read, in bytes as sent.
    pub fn body_max(&self) -> usize {
        usize::try_from(self.config.body_max.0).unwrap_or(usize::MAX)
    }

    /// Decodes a body and stores what it holds; everything is counted, by sender and by container too. Blocks until the
    /// records are durable.
    pub fn receive(
        &self,
        sink: &dyn RecordSink,
        content_encoding: Option<&str>,
        body: &[u8],
        sender: IpAddr,
        now: TimeNs,
    ) -> HttpOutcome {
        let sender = sender.to_canonical();
        let decoded = self.decode_counted(content_encoding, body, sender, now);
        let n_records = decoded.records.len();
        let senders = std::iter::repeat_n(SocketAddr::new(sender, 0), n_records);
        let receipt = BatchReceipt::receive(&self.counters, sink.ledger(), senders.zip(&decoded.records), now);
        let result = if n_records > 0 { sink.store(decoded.records) } else { Ok(()) };
        receipt.settle_all(if result.is_ok() { Fate::Stored } else { Fate::Refused });
        HttpOutcome { n_records, faults: decoded.faults, result }
    }

    /// Decodes a body. Its compression is found by its first bytes whatever the header says, because common clients send
    /// zlib under `gzip,deflate`; only `identity` is believed.
    fn decode(&self, encoding: Option<&str>, body: &[u8], arrival: &Arrival) -> Decoded {
        let spare = self.decoders.lock().pop();
        let mut decoder = spare.unwrap_or_else(|| Decoder::new(self.config.messages));
        let mut decoded = Decoded::default();
        if encoding.is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case("identity")) {
            decoder.decode_plain(body, arrival, &mut decoded);
        } else {
            decoder.decode(body, arrival, &mut decoded);
        }
        let mut decoders = self.decoders.lock();
        if decoders.len() < SPARE_DECODERS_MAX {
            decoders.push(decoder);
        }
        decoded
    }

    /// Decodes a body, and counts what of it is no record.
    fn decode_counted(&self, encoding: Option<&str>, body: &[u8], sender: IpAddr, now: TimeNs) -> Decoded {
        let decoded = self.decode(encoding, body, &Arrival { sender, received: now });
        self.counters.add_received(1, body.len() as u64, now);
        for (reason, count) in decoded.counts.iter() {
            self.counters.add_faults(reason, u64::from(count));
            if reason.is_loss() {
                self.counters.set_error(format!("{sender}: {}", reason.text()));
            }
        }
        // The client is told of these: they are no part of any log's losses.
        self.counters.add_lost_of(sender, decoded.counts.n_refused(), decoded.counts.n_dropped(), now);
        decoded
    }

    pub fn counters(&self) -> Arc<InputCounters> {
        Arc::clone(&self.counters)
    }

    pub fn status(&self) -> InputStatus {
        self.counters.status()
    }
}

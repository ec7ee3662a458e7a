//! What an operator can set, with defaults that need no change.

use crate::GelfError;
use serde::{Deserialize, Serialize};
use std::net::{Ipv6Addr, SocketAddr};
use watchfire_model::{ByteSize, DurationMs};

/// GELF's registered port.
const PORT: u16 = 12201;

/// All GELF inputs (`logs.gelf`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GelfConfig {
    pub udp: UdpConfig,
    pub tcp: TcpConfig,
    pub http: HttpConfig,
}

/// GELF over UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UdpConfig {
    /// Default true: log ports only take data in.
    pub enabled: bool,
    /// Default `[::]:12201`, which takes IPv4 as well.
    pub listen: SocketAddr,
    /// Receive buffer to ask of the kernel; default 8 MiB, about a tenth of a second of 100,000 datagrams per second.
    pub receive_buffer: ByteSize,
    /// Sockets, each with a receiving and a decoding thread, 1 to 16; default 1, which decodes more than 100,000
    /// messages per second. The kernel gives all datagrams of one sender to the same socket.
    pub threads: usize,
    /// Datagrams waiting to be decoded, per thread; default 32 MiB.
    pub queue: ByteSize,
    pub chunks: ChunkLimits,
    pub messages: MessageLimits,
}

/// Bounds of the reassembly of chunked messages, per thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChunkLimits {
    /// How long all chunks of a message may take; default 5s, as the specification says.
    pub timeout: DurationMs,
    /// Memory of all incomplete messages; default 32 MiB. Beyond it the oldest message of the address that holds most goes.
    pub memory: ByteSize,
    /// Incomplete messages; default 4096, with the same consequence.
    pub messages_max: usize,
    /// The part of `memory` and `messages_max` that one sender may fill, in percent, 1 to 100; default 25.
    pub sender_share_percent: u8,
}

/// Bounds of single messages and how odd ones are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MessageLimits {
    /// Size of a message after decompression; default 8 MiB.
    pub decompressed_max: ByteSize,
    /// How far a timestamp may lie ahead of its arrival before the time of arrival takes its place; default 10m.
    pub future_max: DurationMs,
    /// Whether messages of nothing but white space are dropped; default false.
    pub drop_blank: bool,
}

/// GELF over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TcpConfig {
    /// Default true: log ports only take data in.
    pub enabled: bool,
    /// Default `[::]:12201`, which takes IPv4 as well.
    pub listen: SocketAddr,
    /// Longest frame; default 2 MiB, as in Graylog.
    pub frame_max: ByteSize,
    /// Connections at a time, each with a thread of its own; default 1024. When there are so many, a new one takes the place
    /// of the one that has been silent longest of those that never sent a message.
    pub connections_max: usize,
    /// What all connections together may hold of unfinished frames and frames not yet stored; default 64 MiB.
    pub memory: ByteSize,
    /// How long a frame that was begun may take; default 60s. Connections may be quiet for as long as they like.
    pub frame_timeout: DurationMs,
    pub messages: MessageLimits,
}

/// GELF over HTTP: `POST /gelf` on the server's HTTP port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Default true.
    pub enabled: bool,
    /// Longest body as sent; default 16 MiB.
    pub body_max: ByteSize,
    /// `decompressed_max` counts for the whole body here; default 64 MiB.
    pub messages: MessageLimits,
}

impl Default for UdpConfig {
    fn default() -> UdpConfig {
        UdpConfig {
            enabled: true,
            listen: SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)),
            receive_buffer: ByteSize::from_mib(8),
            threads: 1,
            queue: ByteSize::from_mib(32),
            chunks: ChunkLimits::default(),
            messages: MessageLimits::default(),
        }
    }
}

impl Default for ChunkLimits {
    fn default() -> ChunkLimits {
        ChunkLimits {
            timeout: DurationMs::from_secs(5),
            memory: ByteSize::from_mib(32),
            messages_max: 4096,
            sender_share_percent: 25,
        }
    }
}

impl Default for MessageLimits {
    fn default() -> MessageLimits {
        MessageLimits {
            decompressed_max: ByteSize::from_mib(8),
            future_max: DurationMs::from_secs(600),
            drop_blank: false,
        }
    }
}

impl Default for TcpConfig {
    fn default() -> TcpConfig {
        TcpConfig {
            enabled: true,
            listen: SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)),
            frame_max: ByteSize::from_mib(2),
            connections_max: 1024,
            memory: ByteSize::from_mib(64),
            frame_timeout: DurationMs::from_secs(60),
            messages: MessageLimits::default(),
        }
    }
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig {
            enabled: true,
            body_max: ByteSize::from_mib(16),
            messages: MessageLimits { decompressed_max: ByteSize::from_mib(64), ..MessageLimits::default() },
        }
    }
}

impl GelfConfig {
    /// # Errors
    /// [`GelfError::Config`] with the full key and what it may be.
    pub fn validate(&self) -> Result<(), GelfError> {
        self.udp.validate()?;
        self.tcp.validate()
    }
}

impl UdpConfig {
    pub(crate) fn validate(&self) -> Result<(), GelfError> {
        let share = self.chunks.sender_share_percent;
        check((1..=16).contains(&self.threads), "logs.gelf.udp.threads", "must be 1 to 16")?;
        check(self.queue.0 >= 1 << 20, "logs.gelf.udp.queue", "must be at least 1MiB")?;
        check((1..=100).contains(&share), "logs.gelf.udp.chunks.sender_share_percent", "must be 1 to 100")?;
        check(self.chunks.messages_max > 0, "logs.gelf.udp.chunks.messages_max", "must be at least 1")?;
        check(self.chunks.memory.0 >= 1 << 20, "logs.gelf.udp.chunks.memory", "must be at least 1MiB")
    }
}

impl TcpConfig {
    pub(crate) fn validate(&self) -> Result<(), GelfError> {
        check(self.frame_max.0 >= 1 << 10, "logs.gelf.tcp.frame_max", "must be at least 1KiB")?;
        check(self.memory.0 >= self.frame_max.0, "logs.gelf.tcp.memory", "must be at least frame_max")?;
        check(self.connections_max > 0, "logs.gelf.tcp.connections_max", "must be at least 1")
    }
}

fn check(holds: bool, key: &'static str, reason: &'static str) -> Result<(), GelfError> {
    if holds { Ok(()) } else { Err(GelfError::Config { key, reason }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_unknown_keys_are_refused() {
        GelfConfig::default().validate().expect("defaults are valid");
        let read = |text: &str| serde_json::from_str::<GelfConfig>(text);
        assert_eq!(read("{}").expect("all keys have defaults"), GelfConfig::default());
        let config = read(r#"{"udp":{"listen":"127.0.0.1:0","queue":"64MiB","chunks":{"timeout":"10s"}}}"#);
        assert_eq!(config.expect("known keys").udp.chunks.timeout, DurationMs::from_secs(10));
        assert!(read(r#"{"udp":{"port":12201}}"#).is_err());
    }

    #[test]
    fn bad_values_are_named_by_their_key() {
        let mut config = GelfConfig::default();
        config.udp.threads = 0;
        let error = config.validate().expect_err("no thread");
        assert_eq!(error.to_string(), "`logs.gelf.udp.threads`: must be 1 to 16");
    }
}

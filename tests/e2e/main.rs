//! The real binary, driven as its users drive it: real datagrams, real clients, real exporters, kill -9.
//!
//! Each test starts its own server on free ports in a fresh directory. Waiting is always for a condition with a deadline.

mod ack_honesty;
mod attacks;
mod backup;
mod bad_input;
mod big_wal;
mod cli;
mod crash;
mod disk_full;
mod docker;
mod federation;
mod gelf;
mod grafana;
mod harness;
mod hostile;
mod journey;
mod log_api;
mod log_series;
mod page;
mod promql;
mod promtool;
mod reload;
mod remote_write;
mod restart;
mod streams;

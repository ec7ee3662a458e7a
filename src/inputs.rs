//! The ways in for logs, started and stopped together.

use anyhow::Context;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use tracing::warn;
use watchfire_gelf::{GelfConfig, HttpInput, Metrics, Now, TcpInput, UdpInput};
use watchfire_model::RecordSink;
use watchfire_model::status::InputStatus;

/// Every input that is enabled.
#[derive(Debug)]
pub(crate) struct Inputs {
    udp: Option<Mutex<UdpInput>>,
    tcp: Option<Mutex<TcpInput>>,
    http: Option<Arc<HttpInput>>,
}

impl Inputs {
    /// Binds the sockets and starts the threads; `http` is the address of the HTTP server.
    pub(crate) fn start(
        config: &GelfConfig,
        http: SocketAddr,
        sink: &Arc<dyn RecordSink>,
        now: &Now,
    ) -> anyhow::Result<Inputs> {
        let udp =
            config.udp.enabled.then(|| UdpInput::start(config.udp, Arc::clone(sink), Arc::clone(now))).transpose();
        let udp = udp.context("--gelf-udp-listen, `logs.gelf.udp.listen`")?;
        let tcp =
            config.tcp.enabled.then(|| TcpInput::start(config.tcp, Arc::clone(sink), Arc::clone(now))).transpose();
        let tcp = tcp.context("--gelf-tcp-listen, `logs.gelf.tcp.listen`")?;
        let http = config.http.enabled.then(|| Arc::new(HttpInput::new(&http.to_string(), config.http)));
        for warning in udp.iter().flat_map(UdpInput::warnings) {
            warn!("{warning}");
        }
        Ok(Inputs { udp: udp.map(Mutex::new), tcp: tcp.map(Mutex::new), http })
    }

    pub(crate) fn http(&self) -> Option<Arc<HttpInput>> {
        self.http.clone()
    }

    pub(crate) fn udp_address(&self) -> Option<SocketAddr> {
        self.udp.as_ref().map(|input| input.lock().local_addr())
    }

    pub(crate) fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().map(|input| input.lock().local_addr())
    }

    pub(crate) fn status(&self) -> Vec<InputStatus> {
        let udp = self.udp.as_ref().map(|input| input.lock().status());
        let tcp = self.tcp.as_ref().map(|input| input.lock().status());
        let http = self.http.as_ref().map(|input| input.status());
        [udp, tcp, http].into_iter().flatten().collect()
    }

    /// What an operator should change, in words.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.udp.as_ref().map(|input| input.lock().warnings().to_vec()).unwrap_or_default()
    }

    pub(crate) fn register_metrics(&self, registry: &mut Registry) {
        let udp = self.udp.as_ref().map(|input| input.lock().counters());
        let tcp = self.tcp.as_ref().map(|input| input.lock().counters());
        let http = self.http.as_ref().map(|input| input.counters());
        Metrics::new([udp, tcp, http].into_iter().flatten()).register(registry);
    }

    /// Ends the threads; what has arrived is decoded and handed over first.
    pub(crate) fn stop(&self) {
        if let Some(input) = &self.udp {
            input.lock().stop();
        }
        if let Some(input) = &self.tcp {
            input.lock().stop();
        }
    }
}

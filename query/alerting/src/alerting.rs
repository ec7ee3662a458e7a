//! The running whole: groups on their schedules, samples into the store, alerts to the dispatcher, notifications out.

mod deliver;
mod member;
mod store;
#[cfg(test)]
mod tests;

use crate::alert::{Alert, RESEND_DELAY_MS};
use crate::group::{Group, Sent};
use crate::metrics::Metrics;
use crate::notify::{AlertmanagerConfig, Dispatcher, Incoming};
use crate::rule::RuleGroup;
use crate::rulefile::{RuleFileErrors, RuleFiles};
use crate::snapshot::{AlertSnapshot, GroupSnapshot};
use crate::state_memory::STATE_BYTES_MAX;
use crate::template::query_escape;
use member::Member;
use parking_lot::{Mutex, RwLock};
use prometheus_client::registry::Registry;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use watchfire_model::{DurationMs, Labels, MemoryPool, SeriesSource, TimeNs, Timestamp};
use watchfire_promql::Engine;
use watchfire_tsdb::Tsdb;

/// Rule groups that are evaluated at once.
pub const EVALUATIONS_MAX: usize = 4;
/// A firing alert that is not told anew for this many intervals counts as resolved.
const EXPIRY_INTERVALS: i64 = 4;
/// The longest sleep of a timer: how late a clock that was set is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// What to evaluate and whom to tell.
#[derive(Debug, Clone)]
pub struct AlertingOptions {
    /// `global.evaluation_interval`, for groups that name none. Default 1 m.
    pub evaluation_interval: DurationMs,
    /// `global.rule_query_offset`, for groups that name none. Default 0.
    pub query_offset: DurationMs,
    /// `global.external_labels`: added to every alert that leaves.
    pub external_labels: Labels,
    /// Where users reach Watchfire, for links in notifications.
    pub external_url: String,
    /// `rule_files`: paths whose last component may hold wildcards.
    pub rule_files: Vec<String>,
    /// Where relative paths of `rule_files` start: the directory of the configuration file.
    pub directory: PathBuf,
    /// Routes and receivers; without them alerts are shown, but nobody is told.
    pub config: Option<AlertmanagerConfig>,
    /// Samples that one rule's query may hold. Default 50 million, as in Prometheus.
    pub samples_max: u64,
    /// Time that one rule's query may take. Default 2 m, as in Prometheus.
    pub query_timeout: DurationMs,
    /// The memory that rules share with other queries, and how many bytes of it one rule's query may hold; not bounded
    /// by default.
    pub memory: Option<(Arc<MemoryPool>, u64)>,
}

impl Default for AlertingOptions {
    fn default() -> AlertingOptions {
        AlertingOptions {
            evaluation_interval: DurationMs::from_secs(60),
            query_offset: DurationMs(0),
            external_labels: Labels::empty(),
            external_url: "http://localhost:9090".to_owned(),
            rule_files: Vec::new(),
            directory: PathBuf::from("."),
            config: None,
            samples_max: 50_000_000,
            query_timeout: DurationMs::from_secs(120),
            memory: None,
        }
    }
}

/// Rule groups, their alerts and the dispatcher.
pub struct Alerting {
    options: RwLock<Arc<AlertingOptions>>,
    members: RwLock<Vec<Arc<Member>>>,
    /// Held while groups are exchanged, so that two reloads do not mix.
    reloading: Mutex<()>,
    dispatcher: Mutex<Option<Dispatcher>>,
    tsdb: Arc<Tsdb>,
    series: Arc<dyn SeriesSource>,
    engine: Arc<Engine>,
    now: Arc<dyn Fn() -> TimeNs + Send + Sync>,
    metrics: Metrics,
    /// What rules hold from one evaluation to the next.
    memory: Arc<MemoryPool>,
    /// Wakes the evaluating loop after a reload.
    groups_changed: Notify,
    /// Wakes the delivering loop after an evaluation or a reload.
    alerts_changed: Notify,
}

impl std::fmt::Debug for Alerting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alerting").field("groups", &self.members.read().len()).finish_non_exhaustive()
    }
}

impl Alerting {
    /// Reads the rule files; nothing is evaluated before [`Alerting::run`].
    ///
    /// `tsdb` takes what rules produce, `series` is what they read, `now` tells the time of day.
    pub fn new(
        mut options: AlertingOptions,
        tsdb: Arc<Tsdb>,
        series: Arc<dyn SeriesSource>,
        engine: Arc<Engine>,
        now: Arc<dyn Fn() -> TimeNs + Send + Sync>,
    ) -> Result<Alerting, RuleFileErrors> {
        trim_slash(&mut options.external_url);
        let files = RuleFiles::load(&options.rule_files, &options.directory)?;
        let metrics = Metrics::default();
        let now_ms = now().to_ms();
        let member = |spec| Arc::new(Member::new(new_group(spec, &options, true), now_ms));
        let members: Vec<_> = files.groups.into_iter().map(member).collect();
        metrics.groups.set(members.len() as i64);
        let dispatcher = options.config.clone().map(|config| new_dispatcher(config, &options, &metrics));
        Ok(Alerting {
            members: RwLock::new(members),
            options: RwLock::new(Arc::new(options)),
            reloading: Mutex::new(()),
            dispatcher: Mutex::new(dispatcher),
            tsdb,
            series,
            engine,
            now,
            metrics,
            memory: MemoryPool::new("alerts and series of rules", STATE_BYTES_MAX),
            groups_changed: Notify::new(),
            alerts_changed: Notify::new(),
        })
    }

    /// Puts other rules, routes and options in force. Groups that did not change go on as if nothing had happened, rules
    /// that did not change keep their alerts, receivers do not hear again what they know. Blocks while a changed group
    /// finishes its evaluation.
    ///
    /// # Errors
    /// Nothing has changed then.
    pub fn reload(&self, mut options: AlertingOptions) -> Result<(), RuleFileErrors> {
        let _one_at_a_time = self.reloading.lock();
        trim_slash(&mut options.external_url);
        let files = RuleFiles::load(&options.rule_files, &options.directory)?;
        let now = self.now_ms();
        let mut old = self.members.read().clone();
        let mut members = Vec::with_capacity(files.groups.len());
        for spec in files.groups {
            let index = old.iter().position(|member| member.is_named(&spec));
            let known = index.map(|index| old.remove(index));
            let group = new_group(spec, &options, false);
            members.push(match known {
                Some(member) if member.is_like(&group) => member,
                Some(member) => Arc::new(member.succeeded_by(group, now)),
                None => Arc::new(Member::new(group, now)),
            });
        }
        self.metrics.groups.set(members.len() as i64);
        *self.members.write() = members;
        self.end_series(old.iter().filter_map(|member| member.retire()), now);
        self.reconfigure(&options, now);
        *self.options.write() = Arc::new(options);
        self.groups_changed.notify_one();
        self.alerts_changed.notify_one();
        Ok(())
    }

    fn reconfigure(&self, options: &AlertingOptions, now: Timestamp) {
        let mut dispatcher = self.dispatcher.lock();
        match (dispatcher.as_mut(), options.config.clone()) {
            (Some(running), Some(config)) => running.reconfigure(now, config, &options.external_url),
            (None, Some(config)) => *dispatcher = Some(new_dispatcher(config, options, &self.metrics)),
            (_, None) => *dispatcher = None,
        }
    }

    pub fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Every group as of its last evaluation, in order of the files.
    pub fn groups(&self) -> Vec<GroupSnapshot> {
        self.members.read().iter().map(|member| member.snapshot()).collect()
    }

    /// Every pending or firing alert.
    pub fn alerts(&self) -> Vec<AlertSnapshot> {
        self.groups().iter().flat_map(GroupSnapshot::alerts).cloned().collect()
    }

    /// Evaluates and delivers until `shutdown`; running evaluations are called off then.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        tokio::join!(self.evaluate_on_schedule(&shutdown), self.deliver_until(&shutdown));
    }

    async fn evaluate_on_schedule(self: &Arc<Self>, shutdown: &CancellationToken) {
        let permits = Arc::new(Semaphore::new(EVALUATIONS_MAX));
        let mut running = JoinSet::new();
        while !shutdown.is_cancelled() {
            let now = self.now_ms();
            let timeout = self.options.read().query_timeout;
            let members = self.members.read().clone();
            for member in &members {
                member.cancel_overdue(now, timeout);
                // At most one task per group: it gives the claim back when it is through.
                if let Some(due) = member.claim(now) {
                    self.metrics.iterations_missed.inc_by(due.missed);
                    let (alerting, member, permits) = (Arc::clone(self), Arc::clone(member), Arc::clone(&permits));
                    running.spawn(async move {
                        let _permit = permits.acquire_owned().await;
                        let evaluation = tokio::task::spawn_blocking(move || alerting.evaluate(&member, due.at));
                        if let Err(error) = evaluation.await {
                            tracing::error!(%error, "rule group evaluation died");
                        }
                    });
                }
            }
            let next = members.iter().filter_map(|member| member.next()).min();
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = self.groups_changed.notified() => {}
                () = tokio::time::sleep(wait(now, next)) => {}
                Some(_) = running.join_next() => {}
            }
        }
        for member in self.members.read().iter() {
            member.cancel();
        }
        while running.join_next().await.is_some() {}
    }

    /// Evaluates one group at `at` and passes its alerts on.
    fn evaluate(&self, member: &Member, at: Timestamp) {
        let options = Arc::clone(&self.options.read());
        let Some((sent, interval)) = member.evaluate(at, self, &options) else { return };
        if let Err(error) = self.tsdb.commit() {
            tracing::error!(%error, "samples of rules are not durable");
        }
        if let Some(dispatcher) = self.dispatcher.lock().as_mut() {
            let alerts = sent.iter().map(|sent| incoming(sent, at, interval, &options)).collect();
            dispatcher.update(self.now_ms(), alerts);
        }
        self.alerts_changed.notify_one();
    }

    fn now_ms(&self) -> Timestamp {
        (self.now)().to_ms()
    }
}

/// Links are put together with a slash of their own.
fn trim_slash(url: &mut String) {
    url.truncate(url.trim_end_matches('/').len());
}

/// How long to sleep until `next`.
fn wait(now: Timestamp, next: Option<Timestamp>) -> Duration {
    let until_ms = next.map_or(i64::MAX, |next| next.0.saturating_sub(now.0)).max(1);
    Duration::from_millis(until_ms as u64).min(SLEEP_MAX)
}

fn new_group(spec: RuleGroup, options: &AlertingOptions, restores: bool) -> Group {
    Group::new(spec, options.evaluation_interval, options.query_offset, restores)
}

fn new_dispatcher(config: AlertmanagerConfig, options: &AlertingOptions, metrics: &Metrics) -> Dispatcher {
    Dispatcher::new(config, &options.external_url, metrics.clone())
}

/// An alert as it leaves: with the external labels, and an end that comes unless it is told again.
fn incoming(sent: &Sent, at: Timestamp, interval: DurationMs, options: &AlertingOptions) -> Incoming {
    let Alert { labels, annotations, fired_at, resolved_at, active_at, .. } = &sent.alert;
    let mut labels = labels.to_builder();
    for label in &options.external_labels {
        if labels.get(&label.name).is_none() {
            labels.set(label.name.clone(), label.value.clone());
        }
    }
    let expiry_ms = EXPIRY_INTERVALS.saturating_mul(RESEND_DELAY_MS.max(interval.0 as i64));
    Incoming {
        labels: labels.build(),
        annotations: annotations.clone(),
        starts_at: fired_at.unwrap_or(*active_at),
        ends_at: resolved_at.unwrap_or(at.plus_ms(expiry_ms)),
        generator_url: format!("{}/graph?g0.expr={}&g0.tab=1", options.external_url, query_escape(&sent.query)),
    }
}

//! From the file as written to the checked configuration. Checks: Alertmanager `config/config.go`.

use super::super::inhibit::InhibitRule;
use super::super::matchers;
use super::super::route::{GroupBy, Route, Routes, key, sort};
use super::http::{Authorization, HttpOptions, Secret, SecretSource};
use super::{AlertmanagerConfig, Problem, Receiver, Webhook, WebhookUrl, intervals, raw};
use serde_saphyr::Spanned;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use watchfire_model::{DurationMs, MatchOp, Matcher};

const RESOLVE_TIMEOUT: DurationMs = DurationMs(5 * 60_000);
const GROUP_WAIT: DurationMs = DurationMs(30_000);
const GROUP_INTERVAL: DurationMs = DurationMs(5 * 60_000);
const REPEAT_INTERVAL: DurationMs = DurationMs(4 * 3_600_000);
const WEBHOOK_TIMEOUT: DurationMs = DurationMs(10_000);
/// How deep routes may nest.
const ROUTE_DEPTH_MAX: usize = 64;

pub(super) fn config(raw: raw::Config, directory: &Path) -> Result<AlertmanagerConfig, Problem> {
    let mut builder = Builder { directory, warnings: Vec::new() };
    builder.warn("", &raw.unsupported());
    let global = raw.global.unwrap_or_default();
    builder.warn("global.", &global.unsupported());
    let http = builder.http("global.http_config", global.http_config.unwrap_or_default(), 1)?;
    let mut names = BTreeSet::new();
    let mut receivers = Vec::new();
    for receiver in raw.receivers.unwrap_or_default() {
        let line = receiver.referenced.line();
        let receiver = builder.receiver(receiver, &http)?;
        if !names.insert(receiver.name.clone()) {
            return Err(Problem::new(line, format_args!("receiver `{}` is there twice, rename one", receiver.name)));
        }
        receivers.push(receiver);
    }
    let inhibit_rules =
        raw.inhibit_rules.unwrap_or_default().into_iter().map(inhibit_rule).collect::<Result<_, _>>()?;
    let old = raw.mute_time_intervals.unwrap_or_default();
    let time_intervals = intervals::read(old.into_iter().chain(raw.time_intervals.unwrap_or_default()))?;
    let Some(root) = raw.route else {
        return Err(Problem::new(1, "`route` is missing, write at least route: {receiver: NAME}"));
    };
    let intervals = time_intervals.iter().map(|intervals| intervals.name.as_str()).collect();
    let routes = builder.routes(root, &Names { receivers: &names, intervals })?;
    Ok(AlertmanagerConfig {
        routes,
        receivers,
        inhibit_rules,
        time_intervals,
        resolve_timeout: global.resolve_timeout.unwrap_or(RESOLVE_TIMEOUT),
        warnings: builder.warnings,
    })
}

/// What routes can name.
struct Names<'a> {
    receivers: &'a BTreeSet<String>,
    intervals: BTreeSet<&'a str>,
}

impl Names<'_> {
    /// Names of time intervals; all have to be there.
    fn known_intervals(&self, names: Option<Vec<String>>, key: &str, line: u64) -> Result<Vec<String>, Problem> {
        let names = names.unwrap_or_default();
        match names.iter().find(|name| !self.intervals.contains(name.as_str())) {
            Some(name) => Err(Problem::new(line, format_args!("{key}: `{name}` is not among `time_intervals`"))),
            None => Ok(names),
        }
    }
}

struct Builder<'a> {
    directory: &'a Path,
    warnings: Vec<String>,
}

impl Builder<'_> {
    fn warn(&mut self, prefix: &str, keys: &[&str]) {
        self.warnings.extend(keys.iter().map(|key| format!("{prefix}{key}: not supported yet, it has no effect")));
    }

    fn receiver(&mut self, raw: Spanned<raw::Receiver>, http: &HttpOptions) -> Result<Receiver, Problem> {
        let line = raw.referenced.line();
        let raw = raw.value;
        let unsupported = raw.unsupported();
        let name = raw.name.filter(|name| !name.is_empty());
        let Some(name) = name else { return Err(Problem::new(line, "a receiver has no `name`")) };
        self.warn(&format!("receiver `{name}`: "), &unsupported);
        let mut webhooks = Vec::new();
        for webhook in raw.webhook_configs.unwrap_or_default() {
            webhooks.push(self.webhook(&name, webhook, http)?);
        }
        if webhooks.is_empty() && !unsupported.is_empty() {
            self.warnings.push(format!("receiver `{name}` tells nobody: only webhook_configs are supported yet"));
        }
        Ok(Receiver { name, webhooks })
    }

    fn webhook(
        &mut self,
        receiver: &str,
        raw: Spanned<raw::WebhookConfig>,
        global_http: &HttpOptions,
    ) -> Result<Webhook, Problem> {
        let line = raw.referenced.line();
        let raw = raw.value;
        let place = format!("receiver `{receiver}`: webhook_configs");
        self.warn(&format!("{place}."), &raw.unsupported());
        let url = match (raw.url, raw.url_file) {
            (Some(url), None) => {
                let parsed = reqwest::Url::parse(&url);
                let scheme = parsed.as_ref().map(reqwest::Url::scheme);
                if !matches!(scheme, Ok("http" | "https")) {
                    return Err(Problem::new(line, format_args!("{place}.url is not an http or https address")));
                }
                WebhookUrl::Given(Secret::new(url))
            }
            (None, Some(file)) => WebhookUrl::File(self.directory.join(file)),
            (Some(_), Some(_)) => {
                return Err(Problem::new(line, format_args!("{place}: `url` and `url_file` exclude each other")));
            }
            (None, None) => {
                return Err(Problem::new(line, format_args!("{place}: one of `url` and `url_file` is needed")));
            }
        };
        let http = match raw.http_config {
            Some(http) => self.http(&format!("{place}.http_config"), http, line)?,
            None => global_http.clone(),
        };
        Ok(Webhook {
            url,
            send_resolved: raw.send_resolved.unwrap_or(true),
            max_alerts: usize::try_from(raw.max_alerts.unwrap_or(0)).unwrap_or(usize::MAX),
            timeout: raw.timeout.filter(|timeout| timeout.0 > 0).unwrap_or(WEBHOOK_TIMEOUT),
            http,
        })
    }

    fn http(&mut self, place: &str, raw: raw::HttpConfig, line: u64) -> Result<HttpOptions, Problem> {
        self.warn(&format!("{place}."), &raw.unsupported());
        let mut ways = Vec::new();
        if let Some(basic) = raw.basic_auth {
            self.warn(&format!("{place}.basic_auth."), &basic.unsupported());
            let password =
                self.secret(&format!("{place}.basic_auth"), "password", basic.password, basic.password_file, line)?;
            ways.push(Authorization::Basic { username: basic.username.unwrap_or_default(), password });
        }
        if let Some(raw) = raw.authorization {
            let place = format!("{place}.authorization");
            self.warn(&format!("{place}."), &raw.unsupported());
            let scheme = raw.scheme.unwrap_or_else(|| "Bearer".to_owned());
            if scheme.eq_ignore_ascii_case("basic") {
                return Err(Problem::new(line, format_args!("{place}: for `Basic` use `basic_auth`")));
            }
            if let Some(credentials) =
                self.secret(&place, "credentials", raw.credentials, raw.credentials_file, line)?
            {
                ways.push(Authorization::Credentials { scheme, credentials });
            }
        }
        if let Some(credentials) = self.secret(place, "bearer_token", raw.bearer_token, raw.bearer_token_file, line)? {
            ways.push(Authorization::Credentials { scheme: "Bearer".to_owned(), credentials });
        }
        if ways.len() > 1 {
            let text =
                format_args!("{place}: at most one of `basic_auth`, `authorization` and `bearer_token` may be set")
                    .to_string();
            return Err(Problem::new(line, text));
        }
        Ok(HttpOptions {
            authorization: ways.pop().unwrap_or(Authorization::None),
            follow_redirects: raw.follow_redirects.unwrap_or(true),
        })
    }

    fn secret(
        &self,
        place: &str,
        key: &str,
        given: Option<String>,
        file: Option<String>,
        line: u64,
    ) -> Result<Option<SecretSource>, Problem> {
        match (given, file) {
            (None, None) => Ok(None),
            (Some(text), None) => Ok(Some(SecretSource::Given(Secret::new(text)))),
            (None, Some(file)) => Ok(Some(SecretSource::File(self.directory.join(file)))),
            (Some(_), Some(_)) => {
                Err(Problem::new(line, format_args!("{place}: `{key}` and `{key}_file` exclude each other")))
            }
        }
    }

    fn routes(&mut self, root: Spanned<raw::Route>, names: &Names<'_>) -> Result<Routes, Problem> {
        let line = root.referenced.line();
        let raw = &root.value;
        if raw.receiver.as_ref().is_none_or(String::is_empty) {
            return Err(Problem::new(line, "the root route needs a `receiver`"));
        }
        if raw.match_equal.is_some()
            || raw.match_re.is_some()
            || raw.matchers.as_ref().is_some_and(|list| !list.is_empty())
        {
            return Err(Problem::new(line, "the root route takes every alert, remove its matchers"));
        }
        if raw.continues == Some(true) {
            return Err(Problem::new(line, "the root route has no siblings, remove `continue`"));
        }
        if raw.mute_time_intervals.as_ref().or(raw.active_time_intervals.as_ref()).is_some_and(|list| !list.is_empty())
        {
            return Err(Problem::new(
                line,
                "the root route is always active, move its time intervals to a route below",
            ));
        }
        let mut routes = Vec::new();
        self.route(root, None, names, &mut routes, 0)?;
        Ok(Routes { routes })
    }

    /// Adds a route and those below it; returns its index.
    fn route(
        &mut self,
        raw: Spanned<raw::Route>,
        parent: Option<usize>,
        names: &Names<'_>,
        routes: &mut Vec<Route>,
        depth: usize,
    ) -> Result<usize, Problem> {
        let line = raw.referenced.line();
        let raw = raw.value;
        if depth > ROUTE_DEPTH_MAX {
            return Err(Problem::new(line, "routes nest deeper than 64"));
        }
        self.warn("route.", &raw.unsupported());
        let above = parent.map(|parent| routes[parent].clone());
        let inherited = above.as_ref();
        let receiver = raw.receiver.filter(|name| !name.is_empty());
        let receiver = receiver.or_else(|| inherited.map(|route| route.receiver.clone())).unwrap_or_default();
        if !names.receivers.contains(&receiver) {
            return Err(Problem::new(
                line,
                format_args!("receiver `{receiver}` of this route is not among `receivers`"),
            ));
        }
        let group_by = match raw.group_by.filter(|names| !names.is_empty()) {
            Some(names) => read_group_by(names, line)?,
            None => inherited.map_or(GroupBy::Labels(Vec::new()), |route| route.group_by.clone()),
        };
        for (key, value) in [("group_interval", raw.group_interval), ("repeat_interval", raw.repeat_interval)] {
            if value.is_some_and(|value| value.0 == 0) {
                return Err(Problem::new(line, format_args!("{key} cannot be zero")));
            }
        }
        let matchers = read_matchers(raw.match_equal, raw.match_re, raw.matchers, line)?;
        let mute_intervals = names.known_intervals(raw.mute_time_intervals, "mute_time_intervals", line)?;
        let active_intervals = names.known_intervals(raw.active_time_intervals, "active_time_intervals", line)?;
        let or_inherited = |own: Option<DurationMs>, of: fn(&Route) -> DurationMs, default| {
            own.unwrap_or_else(|| inherited.map_or(default, of))
        };
        let index = routes.len();
        routes.push(Route {
            receiver,
            group_by,
            group_wait: or_inherited(raw.group_wait, |route| route.group_wait, GROUP_WAIT),
            group_interval: or_inherited(raw.group_interval, |route| route.group_interval, GROUP_INTERVAL),
            repeat_interval: or_inherited(raw.repeat_interval, |route| route.repeat_interval, REPEAT_INTERVAL),
            key: key(inherited.map(|route| route.key.as_str()), &matchers),
            matchers,
            continues: raw.continues.unwrap_or(false),
            mute_intervals,
            active_intervals,
            children: Vec::new(),
        });
        for child in raw.routes.unwrap_or_default() {
            let child = self.route(child, Some(index), names, routes, depth + 1)?;
            routes[index].children.push(child);
        }
        Ok(index)
    }
}

fn inhibit_rule(raw: Spanned<raw::InhibitRule>) -> Result<InhibitRule, Problem> {
    let line = raw.referenced.line();
    let raw = raw.value;
    let equal = raw.equal.unwrap_or_default();
    if equal.iter().any(String::is_empty) {
        return Err(Problem::new(line, "inhibit_rules: a label of `equal` has no name"));
    }
    Ok(InhibitRule {
        name: raw.name.unwrap_or_default(),
        source: read_matchers(raw.source_match, raw.source_match_re, raw.source_matchers, line)?,
        target: read_matchers(raw.target_match, raw.target_match_re, raw.target_matchers, line)?,
        equal: equal.into_iter().map(SmolStr::from).collect(),
    })
}

fn read_group_by(names: Vec<String>, line: u64) -> Result<GroupBy, Problem> {
    if names.iter().any(|name| name == "...") {
        return match names.len() {
            1 => Ok(GroupBy::All),
            _ => Err(Problem::new(line, "group_by: `...` stands alone, remove the other labels")),
        };
    }
    let mut seen = BTreeSet::new();
    for name in &names {
        if name.is_empty() {
            return Err(Problem::new(line, "group_by: a label has no name"));
        }
        if !seen.insert(name) {
            return Err(Problem::new(line, format_args!("group_by: label `{name}` is there twice")));
        }
    }
    Ok(GroupBy::Labels(names.into_iter().map(SmolStr::from).collect()))
}

type Pairs = Option<BTreeMap<String, Option<String>>>;

/// The matchers of the old (`match`, `match_re`) and the present notation together, sorted.
fn read_matchers(equal: Pairs, regex: Pairs, texts: Option<Vec<String>>, line: u64) -> Result<Vec<Matcher>, Problem> {
    let mut found = Vec::new();
    for (name, value) in equal.unwrap_or_default() {
        found.push(Matcher::equal(name, value.unwrap_or_default()));
    }
    for (name, value) in regex.unwrap_or_default() {
        let Some(value) = value else {
            return Err(Problem::new(line, format_args!("the expression for `{name}` is missing")));
        };
        found.push(Matcher::new(name, MatchOp::Regex, value).map_err(|error| Problem::new(line, error))?);
    }
    for text in texts.unwrap_or_default() {
        found
            .extend(matchers::parse(&text).map_err(|problem| Problem::new(line, format_args!("matchers: {problem}")))?);
    }
    sort(&mut found);
    Ok(found)
}

//! `alertmanager.yml` as written. Every key of Alertmanager 0.34 is listed; those under `later` have no effect yet.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use watchfire_model::DurationMs;

/// A mapping of the file: the keys that are read, then those that are only known, if any.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $name {
            $($(#[$attribute])* pub(super) $field: Option<$type>,)*
        }
    };
    ($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* } later { $($later:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $name {
            $($(#[$attribute])* pub(super) $field: Option<$type>,)*
            $($later: Option<IgnoredAny>,)*
        }

        impl $name {
            /// The keys that are set and have no effect yet.
            pub(super) fn unsupported(&self) -> Vec<&'static str> {
                let set: &[(&'static str, bool)] = &[$((stringify!($later), self.$later.is_some()),)*];
                set.iter().filter(|(_, is_set)| *is_set).map(|(key, _)| *key).collect()
            }
        }
    };
}

section! {
    /// The whole file.
    Config {
        global: Global,
        route: Spanned<Route>,
        receivers: Vec<Spanned<Receiver>>,
        inhibit_rules: Vec<Spanned<InhibitRule>>,
        /// The old name of `time_intervals`.
        mute_time_intervals: Vec<Spanned<TimeIntervals>>,
        time_intervals: Vec<Spanned<TimeIntervals>>,
    }
    later { templates, tracing, event_recorder, }
}

section! {
    Global {
        resolve_timeout: DurationMs,
        http_config: HttpConfig,
    }
    later {
        smtp_from, smtp_hello, smtp_smarthost, smtp_auth_username, smtp_auth_password, smtp_auth_password_file,
        smtp_auth_secret, smtp_auth_secret_file, smtp_auth_identity, smtp_require_tls, smtp_tls_config,
        smtp_force_implicit_tls, slack_api_url, slack_api_url_file, slack_app_token, slack_app_token_file, slack_app_url,
        pagerduty_url, opsgenie_api_url, opsgenie_api_key, opsgenie_api_key_file, wechat_api_url, wechat_api_secret,
        wechat_api_secret_file, wechat_api_corp_id, victorops_api_url, victorops_api_key, victorops_api_key_file,
        telegram_api_url, telegram_bot_token, telegram_bot_token_file, webex_api_url, jira_api_url, rocketchat_api_url,
        rocketchat_token, rocketchat_token_file, rocketchat_token_id, rocketchat_token_id_file, mattermost_webhook_url,
        mattermost_webhook_url_file, hipchat_api_url, hipchat_auth_token,
    }
}

section! {
    Route {
        receiver: String,
        group_by: Vec<String>,
        group_wait: DurationMs,
        group_interval: DurationMs,
        repeat_interval: DurationMs,
        #[serde(rename = "match")]
        match_equal: BTreeMap<String, Option<String>>,
        match_re: BTreeMap<String, Option<String>>,
        matchers: Vec<String>,
        #[serde(rename = "continue")]
        continues: bool,
        routes: Vec<Spanned<Route>>,
        mute_time_intervals: Vec<String>,
        active_time_intervals: Vec<String>,
    }
    later { labels, }
}

section! {
    Receiver {
        name: String,
        webhook_configs: Vec<Spanned<WebhookConfig>>,
    }
    later {
        discord_configs, email_configs, incidentio_configs, jira_configs, mattermost_configs, msteams_configs,
        msteamsv2_configs, opsgenie_configs, pagerduty_configs, pushover_configs, rocketchat_configs, slack_configs,
        sns_configs, telegram_configs, victorops_configs, webex_configs, wechat_configs,
    }
}

section! {
    WebhookConfig {
        send_resolved: bool,
        url: String,
        url_file: String,
        max_alerts: u64,
        timeout: DurationMs,
        http_config: HttpConfig,
    }
    later { payload, }
}

section! {
    HttpConfig {
        basic_auth: BasicAuth,
        authorization: AuthorizationConfig,
        bearer_token: String,
        bearer_token_file: String,
        follow_redirects: bool,
    }
    later {
        oauth2, enable_http2, proxy_url, no_proxy, proxy_from_environment, proxy_connect_header, tls_config, http_headers,
    }
}

section! {
    BasicAuth {
        username: String,
        password: String,
        password_file: String,
    }
    later { username_file, username_ref, password_ref, }
}

section! {
    AuthorizationConfig {
        #[serde(rename = "type")]
        scheme: String,
        credentials: String,
        credentials_file: String,
    }
    later { credentials_ref, }
}

section! {
    InhibitRule {
        name: String,
        source_match: BTreeMap<String, Option<String>>,
        source_match_re: BTreeMap<String, Option<String>>,
        source_matchers: Vec<String>,
        target_match: BTreeMap<String, Option<String>>,
        target_match_re: BTreeMap<String, Option<String>>,
        target_matchers: Vec<String>,
        equal: Vec<String>,
    }
}

section! {
    TimeIntervals {
        name: String,
        time_intervals: Vec<TimeInterval>,
    }
}

section! {
    TimeInterval {
        times: Vec<TimeRange>,
        weekdays: Vec<String>,
        days_of_month: Vec<String>,
        months: Vec<String>,
        years: Vec<String>,
        location: String,
    }
}

section! {
    TimeRange {
        start_time: String,
        end_time: String,
    }
}

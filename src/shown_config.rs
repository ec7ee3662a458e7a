//! The configuration as the API shows it: as written, every secret hidden.

use serde_json::Value;

/// Stands where a secret does, as in Prometheus.
const HIDDEN: &str = "<secret>";
/// Keys of the file whose values are secrets, whatever is below them.
const SECRET_KEYS: &[&str] = &[
    "access_key",
    "api_key",
    "api_token",
    "application_key",
    "application_secret",
    "authkey",
    "bearer_token",
    "client_secret",
    "consumer_key",
    "credentials",
    "key",
    "password",
    "proxy_connect_header",
    "secret",
    "secret_key",
    "secrets",
    "service_key",
    "token",
];

/// The text of a configuration file, without its comments. Empty where it is no YAML.
pub(crate) fn without_secrets(text: &str) -> String {
    let Ok(mut value) = serde_saphyr::from_str::<Value>(text) else { return String::new() };
    hide(&mut value);
    if value.is_null() { String::new() } else { serde_saphyr::to_string(&value).unwrap_or_default() }
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if SECRET_KEYS.contains(&key.as_str()) && !value.is_null() {
                    *value = Value::String(HIDDEN.to_owned());
                } else {
                    hide(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::String(text) => *text = without_password(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// An address with `user:password@` in it loses the password.
fn without_password(text: &str) -> String {
    let shown = || {
        let (scheme, rest) = text.split_once("://")?;
        let (user, host) = rest.rsplit_once('@')?;
        let (user, _) = user.split_once(':')?;
        Some(format!("{scheme}://{user}:{HIDDEN}@{host}"))
    };
    shown().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let text = "
global: {scrape_interval: 15s} # often
scrape_configs:
- job_name: a
  basic_auth: {username: u, password: canary-1}
  authorization: {credentials: canary-2, credentials_file: kept}
  bearer_token: canary-3
  tls_config: {key: canary-4, key_file: kept}
  http_headers: {X: {secrets: [canary-5], values: [kept]}}
  proxy_url: http://me:canary-6@proxy:3128
  oauth2: {client_id: kept, client_secret: canary-7}
remote_write:
- url: https://x:canary-8@host/write
";
        let shown = without_secrets(text);
        assert!(!shown.contains("canary"), "{shown}");
        assert_eq!(shown.matches("<secret>").count(), 8, "{shown}");
        assert_eq!(shown.matches("kept").count(), 4, "{shown}");
        assert!(shown.contains("scrape_interval: 15s") && shown.contains("http://me:<secret>@proxy:3128"), "{shown}");
    }

    #[test]
    fn an_empty_file_stays_empty() {
        assert_eq!(without_secrets(""), "");
        assert_eq!(without_secrets("a: [1"), "");
    }
}

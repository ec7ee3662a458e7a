//! Posts notifications over HTTP.

use super::config::{Authorization, SecretSource, WebhookUrl};
use super::dispatcher::Notification;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use std::path::Path;

/// Bytes of a file that holds an address or a secret.
const SECRET_FILE_BYTES_MAX: u64 = 64 << 10;
/// Redirects followed in one attempt.
const REDIRECTS_MAX: usize = 10;

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DeliveryError {
    pub reason: FailureReason,
    /// Without the address, which may hold a secret.
    pub message: String,
}

/// The kinds of failures, as they stand in metric labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// 4xx but 429, and anything that is neither an error of the server nor a success.
    ClientError,
    /// 5xx.
    ServerError,
    /// 429.
    RateLimited,
    Timeout,
    /// No connection, or it broke.
    Network,
    /// The address or a secret cannot be read or used.
    Configuration,
}

impl FailureReason {
    pub fn as_str(self) -> &'static str {
        match self {
            FailureReason::ClientError => "client_error",
            FailureReason::ServerError => "server_error",
            FailureReason::RateLimited => "rate_limited",
            FailureReason::Timeout => "timeout",
            FailureReason::Network => "network",
            FailureReason::Configuration => "configuration",
        }
    }
}

impl DeliveryError {
    pub fn new(reason: FailureReason, message: impl Into<String>) -> DeliveryError {
        DeliveryError { reason, message: message.into() }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        !matches!(self.reason, FailureReason::ClientError | FailureReason::Configuration)
    }
}

/// Posts to webhooks; clones share connections.
#[derive(Debug, Clone)]
pub struct Sender {
    follows: Client,
    stays: Client,
}

impl Sender {
    /// A process-wide rustls crypto provider must have been installed before.
    pub fn new() -> Result<Sender, reqwest::Error> {
        let client = |policy| {
            Client::builder().user_agent(concat!("Watchfire/", env!("CARGO_PKG_VERSION"))).redirect(policy).build()
        };
        Ok(Sender { follows: client(Policy::limited(REDIRECTS_MAX))?, stays: client(Policy::none())? })
    }

    /// Makes one attempt. A 2xx answer is success; the answer's body is not read.
    pub async fn deliver(&self, notification: &Notification) -> Result<(), DeliveryError> {
        let webhook = &notification.webhook;
        let configuration = |message| DeliveryError::new(FailureReason::Configuration, message);
        let url = match &webhook.url {
            WebhookUrl::Given(url) => url.reveal().to_owned(),
            WebhookUrl::File(file) => read_secret(file).await.map_err(configuration)?,
        };
        let body = serde_json::to_vec(&notification.payload).map_err(|error| configuration(error.to_string()))?;
        let client = if webhook.http.follow_redirects { &self.follows } else { &self.stays };
        let request = client.post(url).timeout(webhook.timeout.as_duration()).header(CONTENT_TYPE, "application/json");
        let request = authorize(request, &webhook.http.authorization).await.map_err(configuration)?;
        let answer = request.body(body).send().await.map_err(|error| network_error(&error))?;
        judge(answer.status())
    }
}

async fn authorize(request: RequestBuilder, authorization: &Authorization) -> Result<RequestBuilder, String> {
    match authorization {
        Authorization::None => Ok(request),
        Authorization::Basic { username, password } => {
            let password = match password {
                Some(source) => Some(reveal(source).await?),
                None => None,
            };
            Ok(request.basic_auth(username, password))
        }
        Authorization::Credentials { scheme, credentials } => {
            let text = format!("{scheme} {}", reveal(credentials).await?);
            let mut value =
                HeaderValue::from_str(&text).map_err(|_| "credentials hold characters that no header may hold")?;
            value.set_sensitive(true);
            Ok(request.header(AUTHORIZATION, value))
        }
    }
}

async fn reveal(source: &SecretSource) -> Result<String, String> {
    match source {
        SecretSource::Given(secret) => Ok(secret.reveal().to_owned()),
        SecretSource::File(file) => read_secret(file).await,
    }
}

/// The file's text without white space around it.
async fn read_secret(file: &Path) -> Result<String, String> {
    let file = file.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let cannot = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", file.display());
        let metadata = std::fs::metadata(&file).map_err(|error| cannot(&error))?;
        if metadata.len() > SECRET_FILE_BYTES_MAX {
            return Err(cannot(&"longer than 64 KiB"));
        }
        let text = std::fs::read_to_string(&file).map_err(|error| cannot(&error))?;
        Ok(text.trim().to_owned())
    });
    read.await.map_err(|error| error.to_string())?
}

fn network_error(error: &reqwest::Error) -> DeliveryError {
    if error.is_timeout() {
        DeliveryError::new(FailureReason::Timeout, "no answer in time")
    } else if error.is_builder() || error.is_redirect() {
        DeliveryError::new(FailureReason::Configuration, "the address is not usable or redirects in a circle")
    } else if error.is_connect() {
        DeliveryError::new(FailureReason::Network, "cannot connect")
    } else {
        DeliveryError::new(FailureReason::Network, "the connection broke before the answer")
    }
}

fn judge(status: StatusCode) -> Result<(), DeliveryError> {
    let reason = match status {
        status if status.is_success() => return Ok(()),
        StatusCode::TOO_MANY_REQUESTS => FailureReason::RateLimited,
        status if status.is_server_error() => FailureReason::ServerError,
        _ => FailureReason::ClientError,
    };
    Err(DeliveryError::new(reason, format!("the receiver answered {status}")))
}

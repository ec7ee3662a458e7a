//! The HTTP client of a scrape configuration: trust, proxy, redirects, and who the scraper says it is.

use crate::config::{Authorization, BasicAuth, ScrapeConfig, Secret, TlsConfig, TlsVersion};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Identity, Proxy, RequestBuilder, redirect, tls};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const USER_AGENT: &str = concat!("Watchfire/", env!("CARGO_PKG_VERSION"));
/// Redirects that are followed before a scrape fails.
const REDIRECTS_MAX: usize = 10;
/// Idle connections close after this long; longer than the usual scrape interval.
const IDLE_TIMEOUT: Duration = Duration::from_mins(5);

/// Why no client can be made from a configuration, or a credential cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("the {what} is not valid: {source}")]
    Tls { what: &'static str, source: reqwest::Error },
    #[error("`{url}` is not a proxy: {source}")]
    Proxy { url: String, source: reqwest::Error },
    #[error("`{name}` is not a header with a valid value")]
    Header { name: String },
    #[error("cannot set up the HTTP client: {0}")]
    Build(reqwest::Error),
}

/// Sends the requests of one scrape configuration.
#[derive(Debug)]
pub(crate) struct ScrapeClient {
    http: Client,
    auth: Auth,
    headers: HeaderMap,
}

/// Credentials; files are read for every request, so that a changed one needs no reload.
#[derive(Debug)]
enum Auth {
    None,
    Basic(BasicAuth),
    Header(Authorization),
}

impl ScrapeClient {
    pub(crate) fn new(config: &ScrapeConfig, accept: &str) -> Result<ScrapeClient, ClientError> {
        let redirects =
            if config.follow_redirects { redirect::Policy::limited(REDIRECTS_MAX) } else { redirect::Policy::none() };
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirects)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .no_proxy();
        if let Some(url) = &config.proxy_url {
            let proxy = Proxy::all(url).map_err(|source| ClientError::Proxy { url: url.clone(), source })?;
            builder = builder.proxy(proxy);
        }
        builder = with_tls(builder, &config.tls_config)?;
        Ok(ScrapeClient {
            http: builder.build().map_err(ClientError::Build)?,
            auth: Auth::of(config),
            headers: headers(config, accept)?,
        })
    }

    /// A request for `url` with everything in it but the timeout.
    pub(crate) fn get(&self, url: &reqwest::Url) -> Result<RequestBuilder, ClientError> {
        let request = self.http.get(url.clone()).headers(self.headers.clone());
        let text = |given: &Option<Secret>, file: &Option<PathBuf>| match (given, file) {
            (Some(secret), _) => Ok(Some(secret.expose().to_owned())),
            (None, Some(path)) => read_trimmed(path).map(Some),
            (None, None) => Ok(None),
        };
        Ok(match &self.auth {
            Auth::None => request,
            Auth::Basic(auth) => {
                let username = match (&auth.username, &auth.username_file) {
                    (Some(name), _) => name.clone(),
                    (None, Some(path)) => read_trimmed(path)?,
                    (None, None) => String::new(),
                };
                request.basic_auth(username, text(&auth.password, &auth.password_file)?)
            }
            Auth::Header(auth) => {
                let kind = auth.kind.as_deref().map_or("Bearer", str::trim);
                let credentials = text(&auth.credentials, &auth.credentials_file)?.unwrap_or_default();
                let value = HeaderValue::from_str(format!("{kind} {credentials}").trim());
                let mut value = value.map_err(|_| ClientError::Header { name: "Authorization".to_owned() })?;
                value.set_sensitive(true);
                request.header(reqwest::header::AUTHORIZATION, value)
            }
        })
    }
}

impl Auth {
    fn of(config: &ScrapeConfig) -> Auth {
        if let Some(auth) = &config.basic_auth {
            return Auth::Basic(auth.clone());
        }
        if let Some(auth) = &config.authorization {
            return Auth::Header(auth.clone());
        }
        if config.bearer_token.is_some() || config.bearer_token_file.is_some() {
            return Auth::Header(Authorization {
                kind: None,
                credentials: config.bearer_token.clone(),
                credentials_file: config.bearer_token_file.clone(),
            });
        }
        Auth::None
    }
}

/// `Accept`, `Accept-Encoding` and the headers of the configuration.
fn headers(config: &ScrapeConfig, accept: &str) -> Result<HeaderMap, ClientError> {
    let value =
        |name: &str, text: &str| HeaderValue::from_str(text).map_err(|_| ClientError::Header { name: name.to_owned() });
    let mut headers = HeaderMap::new();
    headers.insert(reqwest::header::ACCEPT, value("Accept", accept)?);
    let encoding = if config.enable_compression { "gzip" } else { "identity" };
    headers.insert(reqwest::header::ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    for (name, header) in &config.http_headers {
        let parsed: HeaderName = name.parse().map_err(|_| ClientError::Header { name: name.clone() })?;
        for text in header.values.iter().map(String::as_str).chain(header.secrets.iter().map(Secret::expose)) {
            headers.append(parsed.clone(), value(name, text)?);
        }
        for path in &header.files {
            headers.append(parsed.clone(), value(name, &read_trimmed(path)?)?);
        }
    }
    Ok(headers)
}

fn with_tls(mut builder: reqwest::ClientBuilder, config: &TlsConfig) -> Result<reqwest::ClientBuilder, ClientError> {
    let pem = |text: Option<&str>, path: &Option<PathBuf>| match (text, path) {
        (Some(text), _) => Ok(Some(text.to_owned())),
        (None, Some(path)) => read(path).map(Some),
        (None, None) => Ok(None),
    };
    if let Some(ca) = pem(config.ca.as_deref(), &config.ca_file)? {
        let certificates = Certificate::from_pem_bundle(ca.as_bytes())
            .map_err(|source| ClientError::Tls { what: "CA certificate", source })?;
        builder = builder.tls_certs_only(certificates);
    }
    let certificate = pem(config.cert.as_deref(), &config.cert_file)?;
    let key = pem(config.key.as_ref().map(Secret::expose), &config.key_file)?;
    if let (Some(certificate), Some(key)) = (certificate, key) {
        let identity = Identity::from_pem(format!("{certificate}\n{key}").as_bytes())
            .map_err(|source| ClientError::Tls { what: "client certificate or its key", source })?;
        builder = builder.identity(identity);
    }
    if config.insecure_skip_verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    if config.min_version == Some(TlsVersion::Tls13) {
        builder = builder.tls_version_min(tls::Version::TLS_1_3);
    }
    if config.max_version == Some(TlsVersion::Tls12) {
        builder = builder.tls_version_max(tls::Version::TLS_1_2);
    }
    Ok(builder)
}

fn read(path: &Path) -> Result<String, ClientError> {
    fs::read_to_string(path).map_err(|source| ClientError::File { path: path.to_owned(), source })
}

/// A file with one secret; the line break at its end does not belong to it.
fn read_trimmed(path: &Path) -> Result<String, ClientError> {
    Ok(read(path)?.trim().to_owned())
}

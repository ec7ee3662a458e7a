//! How a scrape proves who it is, and how it trusts the target.

use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// A password or token; never printed.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// User name and password (RFC 7617). Files are read at each scrape, so that a new password needs no reload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BasicAuth {
    pub username: Option<String>,
    pub username_file: Option<PathBuf>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
}

/// An `Authorization` header of any type but `Basic`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authorization {
    /// Default: `Bearer`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub credentials: Option<Secret>,
    /// Read at each scrape.
    pub credentials_file: Option<PathBuf>,
}

/// Values of one request header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpHeader {
    pub values: Vec<String>,
    pub secrets: Vec<Secret>,
    /// Each file holds one value; read when the configuration is applied.
    pub files: Vec<PathBuf>,
}

/// A TLS version, by Go's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TlsVersion {
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

/// Certificates to trust and to show. PEM, in the configuration itself or in files read when it is applied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    pub ca: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub cert: Option<String>,
    pub cert_file: Option<PathBuf>,
    pub key: Option<Secret>,
    pub key_file: Option<PathBuf>,
    /// Accepted, not supported yet: the certificate is checked against the target's address.
    pub server_name: Option<String>,
    /// Trusts any certificate. Default: false.
    pub insecure_skip_verify: bool,
    /// Versions below TLS 1.2 are not spoken, whatever is allowed here.
    pub min_version: Option<TlsVersion>,
    pub max_version: Option<TlsVersion>,
}

impl BasicAuth {
    /// Checks that name and password each come from one place; the error names the key.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.username.is_some() && self.username_file.is_some() {
            return Err("basic_auth: write username or username_file, not both");
        }
        if self.password.is_some() && self.password_file.is_some() {
            return Err("basic_auth: write password or password_file, not both");
        }
        Ok(())
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.username_file.iter_mut().chain(self.password_file.iter_mut())
    }
}

impl Authorization {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.credentials.is_some() && self.credentials_file.is_some() {
            return Err("authorization: write credentials or credentials_file, not both");
        }
        if self.kind.as_deref().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("basic")) {
            return Err("authorization: for type `basic` write basic_auth instead");
        }
        Ok(())
    }
}

impl TlsConfig {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let both = |text: bool, file: bool| text && file;
        if both(self.ca.is_some(), self.ca_file.is_some()) {
            return Err("tls_config: write ca or ca_file, not both");
        }
        if both(self.cert.is_some(), self.cert_file.is_some()) {
            return Err("tls_config: write cert or cert_file, not both");
        }
        if both(self.key.is_some(), self.key_file.is_some()) {
            return Err("tls_config: write key or key_file, not both");
        }
        let has_cert = self.cert.is_some() || self.cert_file.is_some();
        let has_key = self.key.is_some() || self.key_file.is_some();
        if has_cert != has_key {
            return Err("tls_config: a certificate needs its key and a key its certificate");
        }
        if self.max_version.is_some_and(|max| self.min_version.is_some_and(|min| min > max)) {
            return Err("tls_config: min_version is above max_version");
        }
        Ok(())
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.ca_file.iter_mut().chain(self.cert_file.iter_mut()).chain(self.key_file.iter_mut())
    }
}

/// Makes a relative path start at `folder`.
pub(super) fn resolve(path: &mut PathBuf, folder: &Path) {
    *path = folder.join(&*path);
}

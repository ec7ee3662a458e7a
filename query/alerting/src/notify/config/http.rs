//! How a webhook is called: credentials and redirects.

use std::fmt;
use std::path::PathBuf;

/// A text that never shows up in logs or on pages.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the request that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A secret in the configuration or in a file beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    Given(Secret),
    /// Read before each attempt.
    File(PathBuf),
}

/// The supported part of `http_config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    pub authorization: Authorization,
    /// Default yes.
    pub follow_redirects: bool,
}

impl Default for HttpOptions {
    fn default() -> HttpOptions {
        HttpOptions { authorization: Authorization::None, follow_redirects: true }
    }
}

/// What the `Authorization` header holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    None,
    Basic {
        username: String,
        password: Option<SecretSource>,
    },
    /// `scheme credentials`, the scheme being `Bearer` unless said otherwise.
    Credentials {
        scheme: String,
        credentials: SecretSource,
    },
}

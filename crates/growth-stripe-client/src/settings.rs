//! What a client is made with.

use std::time::Duration;

use hyper::Uri;

use crate::secret::SecretKey;

/// How a client asks, and whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The key, which also decides between live and test data.
    pub secret: SecretKey,
    /// Another server in the place of `https://api.stripe.com/`: an `http` or `https` URL under which `v1/…` is.
    pub api_base: Option<String>,
    /// Requests that begin within a second, all callers together. Stripe allows 100 in live and 25 in test mode.
    pub requests_per_second: u32,
    /// How long one try may take, its answer included.
    pub timeout: Duration,
    /// How often and when a request is tried again.
    pub retries: Retries,
}

/// How often and when a request is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often a request is tried at most, the first time included.
    pub tries: u32,
    /// The pause after the first try; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest of those pauses. Where Stripe asks for a longer one still, the caller is told instead.
    pub longest_pause: Duration,
}

/// A setting that no client can be made with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The address is not one of an API.
    #[error(
        "the Stripe API's address {given:?} {problem}: it is like https://api.stripe.com/ or http://127.0.0.1:8420/"
    )]
    ApiBase {
        /// The address without a login.
        given: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// TLS does not work in this program.
    #[error("TLS cannot be set up: {problem}")]
    Tls {
        /// Why.
        problem: String,
    },
}

impl Settings {
    /// Settings for this key and Stripe's own server.
    pub fn new(secret: SecretKey) -> Self {
        // Four fifths of what Stripe allows, since others use the account too.
        let requests_per_second = if secret.livemode() { 80 } else { 20 };
        Self {
            secret,
            api_base: None,
            requests_per_second,
            timeout: Duration::from_secs(30),
            retries: Retries::default(),
        }
    }

    /// The address with its slash at the end.
    pub(crate) fn base(&self) -> Result<String, SettingsError> {
        self.api_base.as_deref().map_or_else(|| Ok(STRIPE.to_owned()), |given| base(given, &self.secret))
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self { tries: 5, first_pause: Duration::from_millis(500), longest_pause: Duration::from_secs(30) }
    }
}

const STRIPE: &str = "https://api.stripe.com/";

fn base(given: &str, secret: &SecretKey) -> Result<String, SettingsError> {
    let given = given.trim();
    let error = |problem| {
        // What else it holds may be a secret that stands in the wrong place.
        let shown = given.split(['?', '#']).next().unwrap_or_default();
        let shown = shown.rsplit_once('@').map_or(shown, |(_, place)| place);
        let shown = if shown.parse::<SecretKey>().is_ok() { "(a secret key)" } else { shown };
        Err(SettingsError::ApiBase { given: secret.redact(shown), problem })
    };
    let Ok(uri) = given.parse::<Uri>() else { return error("is no URL") };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return error("does not begin with http:// or https://");
    }
    let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
        return error("names no server");
    };
    if authority.as_str().contains('@') {
        return error("has a login, which is not sent");
    }
    if uri.query().is_some() {
        return error("has a query");
    }
    if uri.path().trim_end_matches('/').ends_with("/v1") {
        return error("ends with v1, which is added to it");
    }
    Ok(if given.ends_with('/') { given.to_owned() } else { format!("{given}/") })
}

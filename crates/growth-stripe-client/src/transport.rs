//! One request over HTTP, and its answer as it came.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, DATE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{HeaderMap, Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use stripe_client_core::{RequestBuilder, StripeMethod, VERSION};
use tokio::time::timeout;

use crate::settings::{Settings, SettingsError};

/// Connections to Stripe, and what every request carries.
pub(crate) struct Transport {
    http: Http<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    base: String,
    authorization: HeaderValue,
    version: HeaderValue,
    timeout: Duration,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// How long Stripe asks to wait.
    pub(crate) retry_after: Option<Duration>,
    /// Whether Stripe says that trying again is of use, or of none.
    pub(crate) should_retry: Option<bool>,
    /// The server's time, in whole seconds.
    pub(crate) date: Option<DateTime<Utc>>,
    pub(crate) body: Bytes,
}

/// Nothing came back.
pub(crate) enum Failure {
    /// The request is none that can be sent.
    Request(String),
    /// Nobody answered, not in time, or not to the end.
    Network(String),
}

/// No answer that is asked for is nearly as large: a list of 100 invoices with all their lines is some 2 MB.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
const IDLE: Duration = Duration::from_mins(1);
const AGENT: &str = concat!("growthctl/", env!("CARGO_PKG_VERSION"));
const SHOULD_RETRY: &str = "stripe-should-retry";

impl Transport {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let tls = |problem: &dyn fmt::Display| SettingsError::Tls { problem: problem.to_string() };
        let base = settings.base()?;
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| tls(&error))?
            .https_or_http()
            .enable_http1()
            .build();
        let http = Http::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", settings.secret.text()))
            .map_err(|error| tls(&error))?;
        authorization.set_sensitive(true);
        let version = HeaderValue::from_str(VERSION.as_str()).map_err(|error| tls(&error))?;
        Ok(Self { http, base, authorization, version, timeout: settings.timeout })
    }

    /// Sends a request once, as `account` where that is not empty.
    pub(crate) async fn send(&self, request: &RequestBuilder, account: &str) -> Result<Answer, Failure> {
        let request = self.request(request, account)?;
        let whole = async {
            let answer = self.http.request(request).await.map_err(|error| network(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER).collect().await;
            let body = body.map_err(|error| network(&*error))?.to_bytes();
            Ok(Answer {
                status: head.status.as_u16(),
                retry_after: seconds(&head.headers),
                should_retry: head.headers.get(SHOULD_RETRY).and_then(flag),
                date: head.headers.get(DATE).and_then(instant),
                body,
            })
        };
        timeout(self.timeout, whole).await.unwrap_or_else(|_| {
            Err(Failure::Network(format!("no whole answer within {} s", self.timeout.as_secs_f32())))
        })
    }

    fn request(&self, request: &RequestBuilder, account: &str) -> Result<Request<Empty<Bytes>>, Failure> {
        let unsendable = |error: &dyn fmt::Display| Failure::Request(error.to_string());
        let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut built = Request::builder()
            .method(method(request.method))
            .uri(format!("{}v1{}{query}", self.base, request.path))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(USER_AGENT, AGENT)
            .header(HeaderName::from_static("stripe-version"), self.version.clone());
        if !account.is_empty() {
            built = built.header(HeaderName::from_static("stripe-account"), account);
        }
        built.body(Empty::new()).map_err(|error| unsendable(&error))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("base", &self.base)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

fn method(method: StripeMethod) -> Method {
    match method {
        StripeMethod::Get => Method::GET,
        StripeMethod::Post => Method::POST,
        StripeMethod::Delete => Method::DELETE,
    }
}

/// `Retry-After` in seconds, the form that Stripe and its proxies send; not the one that is a date.
fn seconds(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn instant(value: &HeaderValue) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(value.to_str().ok()?).ok().map(|at| at.to_utc())
}

fn flag(value: &HeaderValue) -> Option<bool> {
    value.to_str().ok()?.trim().parse().ok()
}

/// The error with what caused it: the client's own words alone say no more than "client error".
fn network(error: &(dyn StdError + 'static)) -> Failure {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    Failure::Network(message)
}

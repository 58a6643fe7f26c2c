//! Requests that are tried until they are answered.

use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::Value;
use stripe_client_core::{RequestBuilder, StripeMethod};
use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::limiter::Limiter;
use crate::secret::SecretKey;
use crate::settings::{Retries, Settings, SettingsError};
use crate::transport::{Answer, Failure, Transport};

/// A reader of Stripe's API. Its clones share connections and rate.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    transport: Transport,
    limiter: Limiter,
    retries: Retries,
    secret: SecretKey,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Its entries, in the list's order.
    pub entries: Vec<Value>,
    /// Whether more follow.
    pub has_more: bool,
    /// When it was asked for, by the server's clock and rather too early than too late: an event that it tells later
    /// of one of the entries is stamped later. `None` where the server does not tell the time.
    pub asked_at: Option<DateTime<Utc>>,
}

/// The most that a page of a list shows.
const PAGE: &str = "100";
/// How many pages of one list are read at most.
const MOST_PAGES: usize = 100;

impl Client {
    /// Makes a client; it connects when it is first asked something.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let shared = Shared {
            transport: Transport::new(&settings)?,
            limiter: Limiter::new(settings.requests_per_second),
            retries: settings.retries,
            secret: settings.secret,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Tells whether it reads live data.
    pub fn livemode(&self) -> bool {
        self.shared.secret.livemode()
    }

    /// Reads what is at a path below `/v1`, given as its segments: `["charges", "ch_…"]`.
    ///
    /// `account` is the connected account whose data is meant, empty for the key's own.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)], account: &str) -> Result<Value, Error> {
        self.ask(path, query, account).await.map(|told| told.object)
    }

    /// Reads one page of a list: its first one, or the one that the query says.
    pub async fn page(&self, path: &[&str], query: &[(&str, &str)], account: &str) -> Result<Page, Error> {
        let unreadable =
            |problem: &str| Error::Unreadable { problem: format!("{}: {problem}", path.join("/")) };
        let mut query = query.to_vec();
        query.push(("limit", PAGE));
        let Told { mut object, asked_at } = self.ask(path, &query, account).await?;
        let Value::Array(entries) = object["data"].take() else { return Err(unreadable("no list")) };
        let has_more = object["has_more"].as_bool().unwrap_or_default();
        if has_more && entries.last().and_then(|entry| entry["id"].as_str()).is_none() {
            return Err(unreadable("a page that has a next one and no last id"));
        }
        Ok(Page { entries, has_more, asked_at })
    }

    async fn ask(&self, path: &[&str], query: &[(&str, &str)], account: &str) -> Result<Told, Error> {
        let Shared { limiter, retries, .. } = &*self.shared;
        let request = request(path, query);
        let mut tries = 0;
        loop {
            limiter.turn().await;
            tries += 1;
            let Refusal { error, again, retry_after } = match self.try_once(&request, account).await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            let pause = retries.pause(tries, retry_after).filter(|_| again);
            tracing::debug!(path = request.path, account, tries, ?pause, %error, "Stripe did not answer as hoped");
            if matches!(error, Error::RateLimited { .. })
                && let Some(hold) = retry_after.or(pause)
            {
                limiter.hold(hold.min(retries.longest_pause));
            }
            let Some(pause) = pause else { return Err(error) };
            sleep(pause).await;
        }
    }

    /// Reads all entries of a list, page by page, in its order.
    ///
    /// For lists that belong to one object: one of more than 10,000 entries is [`Error::Unreadable`].
    pub async fn list_all(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        account: &str,
    ) -> Result<Vec<Value>, Error> {
        let mut entries: Vec<Value> = Vec::new();
        for _ in 0..MOST_PAGES {
            let last = entries.last().map(|entry| entry["id"].as_str().unwrap_or_default().to_owned());
            let mut query = query.to_vec();
            query.extend(last.as_deref().map(|last| ("starting_after", last)));
            let page = self.page(path, &query, account).await?;
            entries.extend(page.entries);
            if !page.has_more {
                return Ok(entries);
            }
        }
        Err(Error::Unreadable { problem: format!("{}: a list without end", path.join("/")) })
    }

    async fn try_once(&self, request: &RequestBuilder, account: &str) -> Result<Told, Refusal> {
        let Shared { transport, secret, .. } = &*self.shared;
        let asked = Instant::now();
        match transport.send(request, account).await {
            Ok(answer) => {
                let waited = TimeDelta::from_std(asked.elapsed()).unwrap_or_default();
                let asked_at = answer.date.map(|date| (date - waited).trunc_subsecs(0) - A_SECOND);
                Ok(Told { object: read(&answer, secret)?, asked_at })
            }
            Err(Failure::Network(message)) => {
                Err(Refusal::again(Error::Unavailable { message: secret.redact(&message) }))
            }
            Err(Failure::Request(problem)) => {
                Err(Refusal::last(Error::Unsendable { problem: secret.redact(&problem) }))
            }
        }
    }
}

/// What was answered.
struct Told {
    object: Value,
    /// See [`Page::asked_at`].
    asked_at: Option<DateTime<Utc>>,
}

/// Events have whole seconds: one that comes after an answer may be stamped with the second in which it was asked for.
const A_SECOND: TimeDelta = TimeDelta::seconds(1);

/// A try that failed.
struct Refusal {
    error: Error,
    /// Whether another try may fare better.
    again: bool,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn again(error: Error) -> Self {
        Self { error, again: true, retry_after: None }
    }

    fn last(error: Error) -> Self {
        Self { error, again: false, retry_after: None }
    }
}

impl Retries {
    /// How long to wait after so many tries; `None` to give up.
    fn pause(&self, tries: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if tries >= self.tries {
            return None;
        }
        if let Some(asked) = retry_after {
            return (asked <= self.longest_pause).then_some(asked);
        }
        let doubled =
            self.first_pause.saturating_mul(2_u32.saturating_pow(tries - 1)).min(self.longest_pause);
        Some(doubled.mul_f64(1.0 - jitter() / 2.0))
    }
}

/// A random number from 0 to 1, so that many who failed at once do not try again at once.
fn jitter() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}

fn request(path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
    let path = path.iter().fold(String::new(), |mut whole, segment| {
        whole.push('/');
        encode(segment, &mut whole);
        whole
    });
    let mut request = RequestBuilder::new(StripeMethod::Get, path);
    if !query.is_empty() {
        let query = query.iter().fold(String::new(), |mut whole, (name, value)| {
            if !whole.is_empty() {
                whole.push('&');
            }
            encode(name, &mut whole);
            whole.push('=');
            encode(value, &mut whole);
            whole
        });
        request.query = Some(query);
    }
    request
}

/// Writes a text as part of a URL: an id that somebody made up leads nowhere else.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        let _ = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                write!(into, "{}", char::from(byte))
            }
            // A whole segment of dots would be another place.
            b'.' if text.bytes().any(|byte| byte != b'.') => write!(into, "."),
            _ => write!(into, "%{byte:02X}"),
        };
    }
}

/// What an answer is.
fn read(answer: &Answer, secret: &SecretKey) -> Result<Value, Refusal> {
    let body = serde_json::from_slice::<Value>(&answer.body).ok().filter(Value::is_object);
    if (200..300).contains(&answer.status) {
        let unreadable = || Error::Unreadable { problem: format!("{} without an object", answer.status) };
        return body.ok_or_else(|| Refusal::last(unreadable()));
    }
    let told = body.as_ref().and_then(|body| body["error"].as_object());
    let text = |field: &str| told.and_then(|error| error.get(field)).and_then(Value::as_str);
    let status = answer.status;
    let message =
        text("message").map_or_else(|| format!("status {status}"), |message| secret.redact(message));
    let code = text("code").map(|code| secret.redact(code));
    let passes = matches!(status, 409 | 424 | 429) || status >= 500;
    let error = match status {
        429 => Error::RateLimited { message, retry_after: answer.retry_after },
        _ if passes => Error::Unavailable { message },
        _ if told.is_none() => Error::Unreadable { problem: format!("{status} without Stripe's words") },
        _ if code.as_deref() == Some("resource_missing") => Error::NotFound { message },
        401 => Error::Unauthorized { message },
        403 => Error::Forbidden { message },
        404 => Error::NotFound { message },
        _ => Error::Refused { status, code, message },
    };
    let again = answer.should_retry.unwrap_or(passes) && passes;
    Err(Refusal { error, again, retry_after: answer.retry_after })
}

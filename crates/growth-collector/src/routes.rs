//! The routes, and a request's way through them.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use growth_db::Db;
use growth_http::Bodies;
use growth_track::{Counting, Settings as TrackSettings};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use crate::answer::{Refusal, Taken};
use crate::call::{self, Kind, MAX_BATCH, Sender, Told};
use crate::keys::Keys;
use crate::stats::Stats;
use crate::writer::{Load, Writer};

/// What the routes of the collector do, as a document of `OpenAPI`.
pub const OPENAPI: &str = include_str!("../../../docs/collector.openapi.json");

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The routes of single calls, and of batches where there is no kind.
pub(crate) const ROUTES: [(&str, Option<Kind>); 15] = [
    ("/v1/track", Some(Kind::Track)),
    ("/v1/t", Some(Kind::Track)),
    ("/v1/identify", Some(Kind::Identify)),
    ("/v1/i", Some(Kind::Identify)),
    ("/v1/page", Some(Kind::Page)),
    ("/v1/p", Some(Kind::Page)),
    ("/v1/screen", Some(Kind::Screen)),
    ("/v1/s", Some(Kind::Screen)),
    ("/v1/group", Some(Kind::Group)),
    ("/v1/g", Some(Kind::Group)),
    ("/v1/alias", Some(Kind::Alias)),
    ("/v1/a", Some(Kind::Alias)),
    ("/v1/batch", None),
    ("/v1/b", None),
    ("/v1/import", None),
];

/// The most calls of a batch, which has not many more even where they are as short as can be.
const MAX_CALLS: usize = 10_000;

/// Where the document is.
pub(crate) const DOCUMENT: &str = "/v1/openapi.json";

/// What a collector keeps to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// By what events are counted.
    pub counting: Counting,
    /// Whether addresses are stored as they are, instead of a hash whose salt lives for a day.
    pub store_ip: bool,
    /// The origins whose pages may send; none for all.
    pub origins: Vec<String>,
    /// The most bytes of a body, as it is sent and when it is inflated.
    pub body_limit: usize,
    /// The most bytes of all bodies that are held at a time.
    pub body_budget: usize,
    /// How long a body may take.
    pub body_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            counting: Counting::default(),
            store_ip: false,
            origins: Vec::new(),
            body_limit: 1 << 20,
            body_budget: 32 << 20,
            body_timeout: Duration::from_secs(15),
        }
    }
}

/// Takes events over HTTP.
#[derive(Debug)]
pub struct Collector {
    routes: Router,
    stats: Arc<Stats>,
}

impl Collector {
    /// Makes a collector for a database whose migrations are applied. It needs the runtime of tokio.
    pub fn new(db: &Db, settings: Settings, clock: Clock) -> Self {
        let stats = Arc::new(Stats::default());
        let Settings { counting, store_ip, origins, body_limit, body_budget, body_timeout } = settings;
        let how = {
            let clock = Arc::clone(&clock);
            move || TrackSettings { counting: counting.clone(), store_ip, ..TrackSettings::new(clock()) }
        };
        let shared = Shared {
            keys: Keys::new(db.clone()),
            writer: Writer::start(db.clone(), how, Arc::clone(&stats)),
            bodies: Bodies {
                limit: body_limit,
                patience: body_timeout,
                budget: Arc::new(Semaphore::new(body_budget.max(2 * body_limit))),
            },
            origins,
            clock,
            stats: Arc::clone(&stats),
        };
        Self { routes: routes(Arc::new(shared)), stats }
    }

    /// Its routes, for the server that has them.
    pub fn routes(&self) -> Router {
        self.routes.clone()
    }

    /// What it counts.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }
}

struct Shared {
    keys: Keys,
    writer: Writer,
    bodies: Bodies,
    origins: Vec<String>,
    clock: Clock,
    stats: Arc<Stats>,
}

fn routes(shared: Arc<Shared>) -> Router {
    let mut routes = Router::new().route(DOCUMENT, get(document));
    for (path, kind) in ROUTES {
        let take = move |State(shared): State<Arc<Shared>>, request: Request| async move {
            let origin = request.headers().get(ORIGIN).cloned();
            let mut response = answer(&shared, kind, request).await;
            shared.allow(origin.as_ref(), response.headers_mut());
            response
        };
        let route = post(take).options(preflight);
        // A redirect from one to the other would lose events: there are clients that take it for success.
        routes = routes.route(path, route.clone()).route(&format!("{path}/"), route);
    }
    routes.with_state(shared)
}

async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

async fn preflight(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answer = response.headers_mut();
    shared.allow(headers.get(ORIGIN), answer);
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    let allowed = HeaderValue::from_static("authorization, content-type, content-encoding");
    answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

impl Shared {
    /// Lets pages of an origin read the answer, where they may send at all.
    fn allow(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        if self.origins.is_empty() {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return;
        }
        answer.insert(VARY, HeaderValue::from_static("origin"));
        let known =
            origin.filter(|origin| self.origins.iter().any(|known| known.as_bytes() == origin.as_bytes()));
        if let Some(origin) = known {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }

    /// Whose a key is.
    async fn name_of(&self, key: &str) -> Result<String, Refusal> {
        let name = self.keys.name_of(key).await.map_err(|error| {
            tracing::error!(problem = %error, "write keys were not read");
            Refusal::NotStored
        })?;
        name.ok_or(Refusal::UnknownKey)
    }
}

async fn answer(shared: &Shared, kind: Option<Kind>, request: Request) -> Response {
    match take(shared, kind, request).await {
        Ok(taken) => {
            shared.stats.request("taken");
            if !taken.rejected.is_empty() {
                // Not with which words: they quote what may say who somebody is.
                tracing::warn!(calls = taken.calls, rejected = taken.rejected.len(), "calls rejected");
            }
            taken.into_response()
        }
        Err(refusal) => {
            shared.stats.request(refusal.label());
            tracing::warn!(reason = refusal.label(), "events refused");
            refusal.into_response()
        }
    }
}

async fn take(shared: &Shared, kind: Option<Kind>, request: Request) -> Result<Taken, Refusal> {
    let (head, body) = request.into_parts();
    // Who has no key need not send a body.
    let name = match basic(&head.headers) {
        Some(key) => Some(shared.name_of(&key).await?),
        None => None,
    };
    if declared_length(&head.headers).is_some_and(|length| length > shared.bodies.limit) {
        return Err(Refusal::TooLarge);
    }
    let mut held = shared.bodies.read(body).await?;
    let received_at = (shared.clock)();
    if is_gzip(&head.headers) {
        // Taken for the whole that it may become, before it does.
        shared.bodies.hold(&mut held.share, shared.bodies.limit)?;
        held.bytes = inflated(&held.bytes, shared.bodies.limit)?;
    }
    let text = std::str::from_utf8(&held.bytes)
        .map_err(|error| Refusal::BadBody(format!("the body is not JSON: {error}")))?;
    let body = Body::read(text)?;
    let source = match name {
        Some(name) => name,
        None => shared.name_of(&key_in(&body, &head.headers).ok_or(Refusal::UnknownKey)?).await?,
    };
    // No more than this of a body is anything but its text before its key is known.
    let context: Option<Value> = body.context.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let sender = Sender { source: &source, received_at, sent_at: body.sent_at(), context: context.as_ref() };
    let (load, mut taken) = match kind {
        Some(kind) => one(kind, text, &sender)?,
        None => batch(&body, &sender)?,
    };
    shared.stats.reject(taken.rejected.len());
    if load.events.is_empty() && load.identities.is_empty() {
        return Ok(taken);
    }
    taken.rejected.extend(shared.writer.store(load).await?);
    Ok(taken)
}

/// What of a body is looked at before its calls; the rest of it stays text.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(rename = "writeKey", borrow)]
    write_key: Option<&'a RawValue>,
    #[serde(rename = "sentAt", borrow)]
    sent_at: Option<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    batch: Option<&'a RawValue>,
}

impl<'a> Body<'a> {
    fn read(text: &'a str) -> Result<Self, Refusal> {
        let body: Self = serde_json::from_str(text)
            .map_err(|error| Refusal::BadBody(format!("the body is not JSON: {error}")))?;
        // A struct can be read from an array as well.
        if !text.trim_start().starts_with('{') {
            return Err(Refusal::BadBody("the body is no JSON object".to_owned()));
        }
        if body.context.is_some_and(|context| context.get().len() > growth_track::MAX_EVENT) {
            return Err(Refusal::TooLarge);
        }
        Ok(body)
    }

    fn sent_at(&self) -> Option<DateTime<Utc>> {
        let text: String = serde_json::from_str(self.sent_at?.get()).ok()?;
        DateTime::parse_from_rfc3339(&text).ok().map(|at| at.to_utc())
    }
}

/// Reads the body of a route of single calls.
fn one(kind: Kind, call: &str, sender: &Sender<'_>) -> Result<(Load, Taken), Refusal> {
    if call.len() > growth_track::MAX_EVENT {
        return Err(Refusal::TooLarge);
    }
    let (mut load, mut taken) = (Load::default(), Taken { calls: 1, rejected: Vec::new() });
    load.add(0, call::read(Some(kind), call, sender), &mut taken);
    Ok((load, taken))
}

/// Reads the body of a batch, call by call.
fn batch(body: &Body<'_>, sender: &Sender<'_>) -> Result<(Load, Taken), Refusal> {
    let calls: Option<Vec<&RawValue>> = body.batch.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let Some(calls) = calls else {
        return Err(Refusal::BadBody("a batch needs an array named batch".to_owned()));
    };
    if calls.len() > MAX_CALLS {
        return Err(Refusal::TooLarge);
    }
    let (mut load, mut taken) = (Load::default(), Taken { calls: calls.len(), rejected: Vec::new() });
    let mut bytes = 0;
    for (index, call) in calls.into_iter().map(RawValue::get).enumerate() {
        // One that is too large by itself leaves room for the others.
        if call.len() <= growth_track::MAX_EVENT {
            if bytes + call.len() > MAX_BATCH {
                let problem = format!("the batch has more than {MAX_BATCH} bytes up to this call");
                taken.rejected.push((index, problem));
                continue;
            }
            bytes += call.len();
        }
        load.add(index, call::read(None, call, sender), &mut taken);
    }
    Ok((load, taken))
}

impl Load {
    fn add(&mut self, position: usize, told: Result<Told, String>, taken: &mut Taken) {
        match told {
            Ok(Told::Event(event)) => {
                self.events.push(*event);
                self.event_positions.push(position);
            }
            Ok(Told::Identity(identity)) => {
                self.identities.push(identity);
                self.identity_positions.push(position);
            }
            Ok(Told::Nothing) => {}
            Err(problem) => taken.rejected.push((position, problem)),
        }
    }
}

/// The key as the user name of Basic authentication, whose password is empty.
fn basic(headers: &HeaderMap) -> Option<String> {
    let credentials = scheme(headers, "basic")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(credentials).ok()?).ok()?;
    let key = text.split_once(':').map_or(text.as_str(), |(user, _)| user);
    (!key.is_empty()).then(|| key.to_owned())
}

/// The key in the body, else the one of a Bearer.
fn key_in(body: &Body<'_>, headers: &HeaderMap) -> Option<String> {
    let in_body = body.write_key.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let in_body = in_body.filter(|key| !key.is_empty());
    in_body.or_else(|| scheme(headers, "bearer").map(str::to_owned))
}

/// What an `Authorization` of this scheme says.
fn scheme<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case(name).then(|| rest.trim())
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_gzip(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    encoding.is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case("gzip"))
}

/// Inflates up to the limit, whatever the body claims to become.
fn inflated(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut inflated = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(limit as u64 + 1);
    decoder
        .read_to_end(&mut inflated)
        .map_err(|error| Refusal::BadBody(format!("the body is not gzip as its header says: {error}")))?;
    if inflated.len() > limit { Err(Refusal::TooLarge) } else { Ok(inflated) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_tells_of_the_routes_there_are_and_of_no_others() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let told: BTreeSet<&str> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let there: BTreeSet<&str> = ROUTES.iter().map(|(path, _)| *path).chain([DOCUMENT]).collect();
        assert_eq!(told, there);
        let page = include_str!("../../../docs/TRACKING.md");
        for (path, kind) in ROUTES {
            assert!(page.contains(&format!("`{path}`")), "{path} is not in docs/TRACKING.md");
            let operation = &document["paths"][path]["post"];
            let body =
                operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
            let name = kind.map_or("batch", Kind::as_str);
            assert!(body.to_lowercase().ends_with(name), "{path}: {body}");
            let schema = body.trim_start_matches("#/components/schemas/");
            assert!(document["components"]["schemas"][schema].is_object(), "{schema}");
            let answers: BTreeSet<&str> =
                operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(answers, BTreeSet::from(["200", "400", "401", "408", "413", "429", "503"]), "{path}");
        }
    }

    #[test]
    fn a_key_is_the_user_name_of_basic_or_a_bearer() {
        let headers = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            HeaderMap::from_iter([(AUTHORIZATION, value)])
        };
        let encoded = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        assert_eq!(basic(&headers(&encoded("key:"))), Some("key".to_owned()));
        assert_eq!(basic(&headers(&encoded("key"))), Some("key".to_owned()));
        for none in [encoded(":"), "Basic".to_owned(), "Basic !".to_owned(), "Bearer key".to_owned()] {
            assert_eq!(basic(&headers(&none)), None, "{none}");
        }
        let body = |text: &'static str| Body::read(text).unwrap();
        let bearer = headers("bearer key");
        assert_eq!(key_in(&body("{}"), &bearer), Some("key".to_owned()));
        assert_eq!(key_in(&body(r#"{"writeKey":"other"}"#), &bearer), Some("other".to_owned()));
        assert_eq!(key_in(&body(r#"{"writeKey":""}"#), &HeaderMap::new()), None);
    }
}

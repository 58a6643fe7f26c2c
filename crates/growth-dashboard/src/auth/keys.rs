//! The public keys of an application's sign-in, from a file or an address, as they change.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::header::{ACCEPT, USER_AGENT};
use axum::http::{Request, StatusCode, Uri};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::causes;

/// For how long keys that were read are used without looking again.
const FRESH_FOR: TimeDelta = TimeDelta::minutes(10);
/// How soon an unknown key makes it look again.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(1);
/// The same while no keys are known at all.
const LOOK_SOONER: TimeDelta = TimeDelta::seconds(5);
/// The most bytes of a set of keys.
const LIMIT: u64 = 256 << 10;
/// The longest that asking for one may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The fewest bytes of an RSA modulus: 2048 bits.
const LEAST_MODULUS: usize = 256;
/// The bytes of a key of Ed25519, and of a coordinate on P-256.
const CURVE: usize = 32;

const AGENT: &str = concat!("growthctl/", env!("CARGO_PKG_VERSION"));

/// Where keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Url(Uri),
}

/// A key, and the only algorithm that it is used with.
pub(crate) type Key = (Algorithm, DecodingKey);

/// A set of keys by their names.
pub(crate) type Keys = HashMap<String, Key>;

/// No keys have been read so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown;

/// The keys of a place.
pub(crate) struct KeySet {
    place: Place,
    known: RwLock<Known>,
    looking: Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: Keys,
    read_at: Option<DateTime<Utc>>,
    tried_at: Option<DateTime<Utc>>,
}

impl Known {
    /// What is known of a key, unless it is time to look.
    fn answer(&self, kid: &str, now: DateTime<Utc>) -> Option<Result<Option<Key>, Unknown>> {
        let within = |at: Option<DateTime<Utc>>, span| at.is_some_and(|at| at <= now && now - at < span);
        let key = self.keys.get(kid).cloned();
        if key.is_some() && within(self.read_at, FRESH_FOR) {
            return Some(Ok(key));
        }
        if self.read_at.is_none() {
            return within(self.tried_at, LOOK_SOONER).then_some(Err(Unknown));
        }
        within(self.tried_at, LOOK_AGAIN).then_some(Ok(key))
    }
}

impl KeySet {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, known: RwLock::default(), looking: Mutex::default() }
    }

    /// The key of this name.
    ///
    /// # Errors
    ///
    /// [`Unknown`] as long as no keys could be read at all.
    pub(crate) async fn find(
        self: &Arc<Self>,
        kid: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Key>, Unknown> {
        if let Some(answer) = self.answer(kid, now) {
            return answer;
        }
        // A client that breaks off does not keep the keys from being read.
        let looking = {
            let (set, kid) = (Arc::clone(self), kid.to_owned());
            tokio::spawn(async move { set.look(&kid, now).await })
        };
        if let Err(error) = looking.await {
            tracing::error!(%error, "looking for keys did not end as it should");
        }
        self.answer(kid, now).unwrap_or(Err(Unknown))
    }

    fn answer(&self, kid: &str, now: DateTime<Utc>) -> Option<Result<Option<Key>, Unknown>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).answer(kid, now)
    }

    async fn look(&self, kid: &str, now: DateTime<Utc>) {
        let _turn = self.looking.lock().await;
        // Somebody else may have looked while this one waited.
        if self.answer(kid, now).is_some() {
            return;
        }
        let read = match &self.place {
            Place::File(path) => {
                let path = path.clone();
                let reading = spawn_blocking(move || read_file(&path));
                reading.await.unwrap_or_else(|error| Err(error.to_string()))
            }
            Place::Url(url) => fetch(url).await,
        };
        let read = read.and_then(|text| parse(&text));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.tried_at = Some(now);
        match read {
            Ok(keys) => {
                if keys.is_empty() {
                    tracing::warn!("the set of keys for sign-in has none that can be used");
                }
                known.keys = keys;
                known.read_at = Some(now);
            }
            Err(problem) => tracing::warn!(%problem, "the keys for sign-in cannot be read"),
        }
    }
}

/// Reads keys from a file now.
///
/// # Errors
///
/// Why there are none.
pub(crate) fn read(path: &Path) -> Result<Keys, String> {
    parse(&read_file(path)?)
}

fn read_file(path: &Path) -> Result<Bytes, String> {
    let mut text = Vec::new();
    let mut file = File::open(path).map_err(|error| error.to_string())?.take(LIMIT + 1);
    let length = file.read_to_end(&mut text).map_err(|error| error.to_string())?;
    if length as u64 > LIMIT {
        return Err(format!("it is larger than {LIMIT} bytes"));
    }
    Ok(text.into())
}

async fn fetch(url: &Uri) -> Result<Bytes, String> {
    let whole = async {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| error.to_string())?
            .https_or_http()
            .enable_http1()
            .build();
        let http = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        let request = Request::get(url).header(USER_AGENT, AGENT).header(ACCEPT, "application/json");
        let request = request.body(Empty::<Bytes>::new()).map_err(|error| error.to_string())?;
        let answer = http.request(request).await.map_err(|error| causes(&error))?;
        let (head, body) = answer.into_parts();
        if head.status != StatusCode::OK {
            return Err(format!("it answers {}", head.status));
        }
        let limit = usize::try_from(LIMIT).unwrap_or(usize::MAX);
        let body = Limited::new(body, limit).collect().await.map_err(|error| causes(&*error))?;
        Ok(body.to_bytes())
    };
    timeout(PATIENCE, whole).await.unwrap_or_else(|_| Err(format!("no whole answer within {PATIENCE:?}")))
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Described {
    kid: Option<String>,
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Reads a set of keys, and leaves out those that sign nothing here.
fn parse(text: &[u8]) -> Result<Keys, String> {
    let document: Document =
        serde_json::from_slice(text).map_err(|error| format!("it is no set of keys: {error}"))?;
    let mut keys = Keys::new();
    for described in document.keys {
        let named = serde_json::from_value(described).ok().and_then(|described: Described| {
            let key = usable(&described)?;
            Some((described.kid?, key))
        });
        if let Some((kid, key)) = named {
            keys.entry(kid).or_insert(key);
        }
    }
    Ok(keys)
}

/// The key, where it is a public one of an algorithm that is taken. Its sizes are checked here, so that a document
/// cannot make the verification of a signature fail in its own way.
fn usable(described: &Described) -> Option<Key> {
    if described.used_for.as_deref().is_some_and(|used_for| used_for != "sig") {
        return None;
    }
    let decoded = |text: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    let (algorithm, name, key) = match (described.kty.as_str(), described.crv.as_deref()) {
        ("RSA", _) => {
            let (n, e) = (decoded(&described.n)?, decoded(&described.e)?);
            let length = n.iter().skip_while(|byte| **byte == 0).count();
            if length < LEAST_MODULUS || e.is_empty() {
                return None;
            }
            (Algorithm::RS256, "RS256", DecodingKey::from_rsa_raw_components(&n, &e))
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (decoded(&described.x)?, decoded(&described.y)?);
            if x.len() != CURVE || y.len() != CURVE {
                return None;
            }
            let point = [&[4], &x[..], &y[..]].concat();
            (Algorithm::ES256, "ES256", DecodingKey::from_ec_der(&point))
        }
        ("OKP", Some("Ed25519")) => {
            let x = decoded(&described.x)?;
            if x.len() != CURVE {
                return None;
            }
            (Algorithm::EdDSA, "EdDSA", DecodingKey::from_ed_der(&x))
        }
        _ => return None,
    };
    described.alg.as_deref().is_none_or(|alg| alg == name).then_some((algorithm, key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(keys: &serde_json::Value) -> Vec<String> {
        let mut names: Vec<_> = parse(keys.to_string().as_bytes()).unwrap().into_keys().collect();
        names.sort();
        names
    }

    #[test]
    fn keys_that_sign_nothing_here_are_left_out() {
        let bytes = |length| BASE64_URL_SAFE_NO_PAD.encode(vec![7; length]);
        let keys = json!({"keys": [
            {"kid": "rsa", "kty": "RSA", "n": bytes(256), "e": "AQAB"},
            {"kid": "small", "kty": "RSA", "n": bytes(128), "e": "AQAB"},
            {"kid": "other", "kty": "RSA", "n": bytes(256), "e": "AQAB", "alg": "RS512"},
            {"kid": "sealing", "kty": "RSA", "n": bytes(256), "e": "AQAB", "use": "enc"},
            {"kty": "RSA", "n": bytes(256), "e": "AQAB"},
            {"kid": "ec", "kty": "EC", "crv": "P-256", "x": bytes(32), "y": bytes(32), "alg": "ES256"},
            {"kid": "short", "kty": "EC", "crv": "P-256", "x": bytes(31), "y": bytes(32)},
            {"kid": "large", "kty": "EC", "crv": "P-384", "x": bytes(48), "y": bytes(48)},
            {"kid": "ed", "kty": "OKP", "crv": "Ed25519", "x": bytes(32)},
            {"kid": "short-ed", "kty": "OKP", "crv": "Ed25519", "x": bytes(3)},
            {"kid": "shared", "kty": "oct", "k": bytes(32), "alg": "HS256"},
            {"kid": 7}, "no key",
        ]});
        assert_eq!(names(&keys), ["ec", "ed", "rsa"]);
        assert!(parse(b"{}").is_err() && parse(b"<html>").is_err());
    }
}

//! Tokens of the application's own sign-in, such as Supabase's.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::Uri;
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::keys::{self, Key, KeySet, Place};
use super::site;

/// The audience where none is told: Supabase's for whoever is signed in.
const AUDIENCE: &str = "authenticated";
/// The fewest bytes of a shared secret: as many as the digest has.
const LEAST_SECRET: usize = 32;
/// By how many seconds clocks may differ.
pub(crate) const LEEWAY: f64 = 30.0;
/// The most bytes of a user's id.
const LONGEST_SUBJECT: usize = 255;

/// Why settings are none, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// By what the tokens of an application's sign-in are known.
#[derive(Clone, PartialEq, Eq)]
pub struct JwtSettings {
    by: By,
    issuer: String,
    audience: String,
}

#[derive(Clone, PartialEq, Eq)]
enum By {
    Secret(String),
    Keys(Place),
}

impl std::fmt::Debug for JwtSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let by: &dyn std::fmt::Debug = match &self.by {
            By::Secret(_) => &"a secret",
            By::Keys(place) => place,
        };
        let Self { by: _, issuer, audience } = self;
        f.debug_struct("JwtSettings")
            .field("by", by)
            .field("issuer", issuer)
            .field("audience", audience)
            .finish()
    }
}

impl JwtSettings {
    /// Tokens that are signed by a shared secret, with HS256.
    ///
    /// # Errors
    ///
    /// A sentence for a secret of fewer than 32 bytes, and for an issuer or an audience that is empty.
    pub fn with_secret(secret: &str, issuer: &str, audience: Option<&str>) -> Result<Self, SettingsError> {
        if secret.len() < LEAST_SECRET {
            return Err(SettingsError(format!(
                "the secret of JWTs has {} bytes, and a shorter one than {LEAST_SECRET} can be guessed",
                secret.len()
            )));
        }
        Self::new(By::Secret(secret.to_owned()), issuer, audience)
    }

    /// Tokens that are signed by one of a set of keys (JWKS), with RS256, ES256 or `EdDSA`: in a file, or at an address
    /// that is `https`, or `http` on this machine. A file is read now, an address when a token comes.
    ///
    /// # Errors
    ///
    /// A sentence for a file that holds no such keys, an address that is none, and for an issuer or an audience that
    /// is empty.
    pub fn with_keys(keys: &str, issuer: &str, audience: Option<&str>) -> Result<Self, SettingsError> {
        let place = if keys.contains("://") {
            Place::Url(address(keys)?)
        } else {
            let path = PathBuf::from(keys);
            let found = keys::read(&path);
            let found = found.map_err(|problem| SettingsError(format!("the keys in {keys}: {problem}")))?;
            if found.is_empty() {
                return Err(SettingsError(format!(
                    "the keys in {keys}: none has a name (kid) and is of RS256, ES256 or EdDSA"
                )));
            }
            Place::File(path)
        };
        Self::new(By::Keys(place), issuer, audience)
    }

    fn new(by: By, issuer: &str, audience: Option<&str>) -> Result<Self, SettingsError> {
        let audience = audience.unwrap_or(AUDIENCE);
        if issuer.trim().is_empty() {
            return Err(SettingsError(
                "the issuer of JWTs is missing: of a project at Supabase it is https://PROJECT.supabase.co/auth/v1"
                    .to_owned(),
            ));
        }
        if audience.trim().is_empty() {
            return Err(SettingsError("the audience of JWTs is empty".to_owned()));
        }
        Ok(Self { by, issuer: issuer.to_owned(), audience: audience.to_owned() })
    }
}

fn address(text: &str) -> Result<Uri, SettingsError> {
    let wrong = |problem: &str| SettingsError(format!("the address of keys {text:?} {problem}"));
    let uri: Uri = text.parse().map_err(|_| wrong("is none"))?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("is none"))?;
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if site::is_loopback(host) => Ok(uri),
        Some("http") => Err(wrong("has to be https: whoever is on the way could exchange the keys")),
        _ => Err(wrong("is neither https nor a file")),
    }
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is none of ours.
    Wrong(&'static str),
    /// It was one.
    Expired,
    /// Its key cannot be known now.
    Unavailable,
}

/// Whom a token is of, and until when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subject {
    pub(crate) external_id: String,
    /// In seconds of Unix time.
    pub(crate) expires: f64,
}

/// Checks tokens.
pub(crate) struct Jwts {
    verifier: Verifier,
    issuer: String,
    audience: String,
}

enum Verifier {
    Secret(Box<DecodingKey>),
    Keys(Arc<KeySet>),
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    iss: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Jwts {
    pub(crate) fn new(settings: JwtSettings) -> Self {
        let JwtSettings { by, issuer, audience } = settings;
        let verifier = match by {
            By::Secret(secret) => Verifier::Secret(Box::new(DecodingKey::from_secret(secret.as_bytes()))),
            By::Keys(place) => Verifier::Keys(Arc::new(KeySet::new(place))),
        };
        Self { verifier, issuer, audience }
    }

    /// Whom a token is of.
    ///
    /// # Errors
    ///
    /// Why it is not taken.
    pub(crate) async fn subject(&self, token: &str, now: DateTime<Utc>) -> Result<Subject, Refused> {
        let header = decode_header(token).map_err(|_| Refused::Wrong("it is no JWT"))?;
        if header.crit.is_some() {
            return Err(Refused::Wrong("it asks for what is not known here"));
        }
        let (algorithm, key) = self.key(header.kid.as_deref(), now).await?;
        // The key says the algorithm, never the token.
        if header.alg != algorithm {
            return Err(Refused::Wrong("it has another algorithm than its key"));
        }
        let mut validation = Validation::new(algorithm);
        // All but the signature is checked below: by the clock of the caller, and as strictly as it has to be.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims = decode::<Claims>(token, &key, &validation);
        let claims = claims.map_err(|_| Refused::Wrong("its signature or its form is wrong"))?.claims;
        self.check(claims, now)
    }

    async fn key(&self, kid: Option<&str>, now: DateTime<Utc>) -> Result<Key, Refused> {
        match &self.verifier {
            Verifier::Secret(key) => Ok((Algorithm::HS256, (**key).clone())),
            Verifier::Keys(keys) => {
                let kid = kid.ok_or(Refused::Wrong("it names no key"))?;
                let key = keys.find(kid, now).await.map_err(|_| Refused::Unavailable)?;
                key.ok_or(Refused::Wrong("its key is unknown"))
            }
        }
    }

    fn check(&self, claims: Claims, now: DateTime<Utc>) -> Result<Subject, Refused> {
        if claims.iss != self.issuer {
            return Err(Refused::Wrong("it has another issuer"));
        }
        let is_ours = match &claims.aud {
            Audience::One(audience) => *audience == self.audience,
            Audience::Several(audiences) => audiences.contains(&self.audience),
        };
        if !is_ours {
            return Err(Refused::Wrong("it has another audience"));
        }
        if claims.sub.is_empty() || claims.sub.len() > LONGEST_SUBJECT {
            return Err(Refused::Wrong("it names no user"));
        }
        let now = seconds(now);
        if claims.nbf.is_some_and(|nbf| nbf > now + LEEWAY) {
            return Err(Refused::Wrong("it is not valid yet"));
        }
        // A number that is none is none that is later.
        if claims.exp.is_nan() || claims.exp + LEEWAY <= now {
            return Err(Refused::Expired);
        }
        Ok(Subject { external_id: claims.sub, expires: claims.exp })
    }
}

/// An instant in seconds of Unix time.
pub(crate) fn seconds(at: DateTime<Utc>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds of our time are far from the limits")]
    let seconds = at.timestamp() as f64;
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked() {
        let secret = "0123456789abcdef0123456789abcdef";
        assert!(JwtSettings::with_secret(secret, "https://a.example/auth/v1", None).is_ok());
        for (settings, problem) in [
            (JwtSettings::with_secret("short", "a", None), "has 5 bytes"),
            (JwtSettings::with_secret(secret, " ", None), "the issuer of JWTs is missing"),
            (JwtSettings::with_secret(secret, "a", Some("")), "the audience of JWTs is empty"),
            (JwtSettings::with_keys("http://a.example/keys", "a", None), "has to be https"),
            (JwtSettings::with_keys("ftp://a.example/keys", "a", None), "neither https nor a file"),
            (JwtSettings::with_keys("https://", "a", None), "is none"),
            (JwtSettings::with_keys("/no/such/file", "a", None), "the keys in /no/such/file"),
        ] {
            let error = settings.unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
        assert!(JwtSettings::with_keys("https://a.example/keys", "a", None).is_ok());
        assert!(JwtSettings::with_keys("http://[::1]:1/keys", "a", None).is_ok());
        let shown = format!("{:?}", JwtSettings::with_secret(secret, "a", None));
        assert!(!shown.contains(secret), "{shown}");
    }
}

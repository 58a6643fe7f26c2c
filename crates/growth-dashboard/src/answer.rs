//! What requests are answered: JSON, pages, refusals, and what every answer carries.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::asked::BadParameter;
use crate::auth::Denied;
use crate::figures::Trouble;

/// What a page may load and do: its own files, its own server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every answer carries.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // With `no-referrer` browsers send `Origin: null` with our own forms, which then look like those of another site.
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Adds what every answer carries. What says nothing about being kept is not kept.
pub(crate) async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A body, and the tag that changes with it.
#[derive(Clone, Debug)]
pub(crate) struct Tagged {
    body: Bytes,
    tag: String,
}

impl Tagged {
    pub(crate) fn new(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(&body)[..16]));
        Self { body, tag }
    }
}

/// JSON with its tag, or only the word that it has not changed. Whoever asked may show it again for so many seconds
/// without asking.
pub(crate) fn json(asked: &HeaderMap, Tagged { body, tag }: Tagged, seconds: u32) -> Response {
    let known = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(','));
    let is_known = known.any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    });
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
    };
    let headers = response.headers_mut();
    let keep = format!("private, max-age={seconds}");
    for (name, value) in
        [(ETAG, tag.as_str()), (CACHE_CONTROL, keep.as_str()), (VARY, "authorization, cookie")]
    {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// Why a request to the API has no answer, as JSON.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// A parameter is none.
    Bad(BadParameter),
    /// Who asks may not.
    Denied(Denied),
    /// There are no figures.
    Trouble(Trouble),
    /// There is no such route.
    Nothing,
    /// There is, and not for this method.
    Method,
}

impl From<BadParameter> for Refusal {
    fn from(bad: BadParameter) -> Self {
        Self::Bad(bad)
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Asked(bad) => Self::Bad(bad),
            trouble => Self::Trouble(trouble),
        }
    }
}

impl Denied {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut | Self::Wrong => StatusCode::UNAUTHORIZED,
            Self::NotAdmin | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Trouble {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Asked(_) => StatusCode::BAD_REQUEST,
            Self::Settings(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooSlow => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What is wrong and what to do, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Asked(bad) => bad.problem.clone(),
            Self::Settings(sentence) => sentence.clone(),
            Self::Unavailable(_) => {
                "The database cannot be reached: the server's log says why. Try again.".to_owned()
            }
            Self::TooSlow => {
                "Counting took longer than it may. Try again, or ask for a shorter period.".to_owned()
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message, parameter) = match &self {
            Self::Bad(bad) => {
                (StatusCode::BAD_REQUEST, "bad_parameter", bad.problem.clone(), Some(bad.name.clone()))
            }
            Self::Nothing => {
                let message = "no such route: /api/admin/openapi.json tells which there are";
                (StatusCode::NOT_FOUND, "not_found", message.to_owned(), None)
            }
            Self::Method => {
                let message = "nothing can be changed here, only read: send GET";
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message.to_owned(), None)
            }
            Self::Denied(denied) => (denied.status(), denied.code(), denied.to_string(), None),
            Self::Trouble(trouble) => {
                let code = match trouble {
                    Trouble::Asked(_) => "bad_parameter",
                    Trouble::Settings(_) => "settings",
                    Trouble::Unavailable(_) => "unavailable",
                    Trouble::TooSlow => "too_slow",
                };
                (trouble.status(), code, trouble.sentence(), None)
            }
        };
        let mut error = json!({"code": code, "message": message});
        if let Some(parameter) = parameter {
            error["parameter"] = parameter.into();
        }
        let mut response = (status, Json(json!({"error": error}))).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"growthctl\""));
        }
        if matches!(self, Self::Method) {
            headers.insert(ALLOW, HeaderValue::from_static("GET,HEAD"));
        }
        if let Self::Denied(Denied::TooMany { seconds }) = &self {
            headers.insert(RETRY_AFTER, (*seconds).into());
        }
        response
    }
}

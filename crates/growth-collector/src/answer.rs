//! What a request is answered.

use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use growth_http::Unread;
use serde_json::{Value, json};

/// What became of the calls of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// How many there were.
    pub(crate) calls: usize,
    /// The position and what is wrong with each that is refused; sending it again would change nothing.
    pub(crate) rejected: Vec<(usize, String)>,
}

impl IntoResponse for Taken {
    fn into_response(mut self) -> Response {
        if self.rejected.is_empty() {
            return (StatusCode::OK, [(CONTENT_TYPE, "application/json")], "{\"success\":true}")
                .into_response();
        }
        self.rejected.sort();
        let rejected: Vec<Value> = self
            .rejected
            .iter()
            .map(|(index, error)| json!({"index": index, "error": shortened(error)}))
            .collect();
        let kept = self.calls.saturating_sub(rejected.len());
        let body = json!({"success": false, "kept": kept, "rejected": rejected});
        (StatusCode::OK, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}

/// What is wrong may quote a text of any length.
fn shortened(error: &str) -> String {
    let mut short: String = error.chars().take(300).collect();
    if short.len() < error.len() {
        short.push('…');
    }
    short
}

/// Why a request was not taken at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its body is no JSON, or not what the protocol sends.
    BadBody(String),
    /// It has no key, or none that is accepted.
    UnknownKey,
    /// Its body is too large.
    TooLarge,
    /// Its body took too long.
    TooSlow,
    /// Its body was cut off.
    CutOff,
    /// Too much is on its way into the database.
    Busy,
    /// The database did not store it.
    NotStored,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadBody(_) | Self::CutOff => StatusCode::BAD_REQUEST,
            Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::NotStored => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Its name in metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::BadBody(_) => "bad_body",
            Self::UnknownKey => "unknown_key",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::CutOff => "cut_off",
            Self::Busy => "busy",
            Self::NotStored => "not_stored",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::BadBody(what) => what.clone(),
            Self::UnknownKey => {
                "the write key is missing or not accepted: growthctl keys create makes one".to_owned()
            }
            Self::TooLarge => "the body is too large".to_owned(),
            Self::TooSlow => "the body took too long".to_owned(),
            Self::CutOff => "the body was cut off".to_owned(),
            Self::Busy => "too much is waiting to be stored, try again later".to_owned(),
            Self::NotStored => "the database is not available, try again later".to_owned(),
        }
    }
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Self::TooLarge,
            Unread::TooSlow => Self::TooSlow,
            Unread::CutOff => Self::CutOff,
            Unread::Busy => Self::Busy,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"success": false, "error": self.message()}).to_string();
        let mut response = (self.status(), [(CONTENT_TYPE, "application/json")], body).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Busy => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::NotStored => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("5"))),
            // The rest of the body is still on its way, and nobody will read it.
            Self::TooLarge | Self::TooSlow | Self::CutOff => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Self::BadBody(_) | Self::UnknownKey => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_what_it_is_and_when_to_come_back() {
        for (refusal, status, retry_after) in [
            (Refusal::BadBody("x".to_owned()), 400, None),
            (Refusal::UnknownKey, 401, None),
            (Refusal::TooSlow, 408, None),
            (Refusal::TooLarge, 413, None),
            (Refusal::CutOff, 400, None),
            (Refusal::Busy, 429, Some("1")),
            (Refusal::NotStored, 503, Some("5")),
        ] {
            let (label, response) = (refusal.label(), refusal.into_response());
            assert_eq!(response.status().as_u16(), status, "{label}");
            let told = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(told, retry_after, "{label}");
            let page = include_str!("../../../docs/TRACKING.md");
            assert!(page.contains(&format!("| {status}    |")), "{status} is not in docs/TRACKING.md");
        }
    }
}

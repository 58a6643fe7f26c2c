//! Why a request was not taken.

use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use growth_http::Unread;

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// It has no signature.
    NoSignature,
    /// It has several headers with signatures, or one that is no text.
    AmbiguousSignature,
    /// Its signature has not the form of one.
    MalformedSignature,
    /// None of the secrets made its signature.
    WrongSignature,
    /// It was signed too long ago.
    OldSignature,
    /// It was signed in the future.
    FutureSignature,
    /// Its body is no UTF-8.
    NotText,
    /// Its body is no JSON.
    NotJson,
    /// Its body is nested deeper than any event.
    TooDeep,
    /// Its body is JSON, but no event.
    NotAnEvent,
    /// Its body is too large.
    TooLarge,
    /// Its body took too long.
    TooSlow,
    /// Its body was cut off.
    CutOff,
    /// Too much is waiting to be stored.
    Busy,
    /// The database did not store it.
    NotStored,
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

/// After how many seconds somebody may try again who was refused because of us.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("10");

impl Refusal {
    /// All there are.
    pub(crate) const ALL: [Self; 15] = [
        Self::NoSignature,
        Self::AmbiguousSignature,
        Self::MalformedSignature,
        Self::WrongSignature,
        Self::OldSignature,
        Self::FutureSignature,
        Self::NotText,
        Self::NotJson,
        Self::TooDeep,
        Self::NotAnEvent,
        Self::TooLarge,
        Self::TooSlow,
        Self::CutOff,
        Self::Busy,
        Self::NotStored,
    ];

    pub(crate) fn status_code(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::NotStored => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Whose fault it is, in logs and metrics.
    pub(crate) fn outcome(self) -> &'static str {
        if self.status_code().is_server_error() { "unavailable" } else { "refused" }
    }

    /// Its name in logs and metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NoSignature => "no_signature",
            Self::AmbiguousSignature => "ambiguous_signature",
            Self::MalformedSignature => "malformed_signature",
            Self::WrongSignature => "wrong_signature",
            Self::OldSignature => "old_signature",
            Self::FutureSignature => "future_signature",
            Self::NotText => "not_utf8",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::NotAnEvent => "not_an_event",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::CutOff => "cut_off",
            Self::Busy => "busy",
            Self::NotStored => "not_stored",
        }
    }

    /// What Stripe's dashboard shows to whoever looks at the failed delivery.
    fn message(self) -> &'static str {
        match self {
            Self::NoSignature => "the header Stripe-Signature is missing",
            Self::AmbiguousSignature => "the header Stripe-Signature is there more than once, or is no text",
            Self::MalformedSignature => "the header Stripe-Signature is not of the form t=…,v1=…",
            Self::WrongSignature => "the signature is by none of the configured secrets",
            Self::OldSignature => "the signature is older than 5 minutes",
            Self::FutureSignature => "the signature is more than 5 minutes in the future",
            Self::NotText => "the body is not UTF-8",
            Self::NotJson => "the body is not JSON",
            Self::TooDeep => "the body is nested deeper than any event of Stripe's",
            Self::NotAnEvent => "the body is not an event of Stripe's",
            Self::TooLarge => "the body is too large",
            Self::TooSlow => "the body took too long",
            Self::CutOff => "the body was cut off",
            Self::Busy => "too much is waiting to be stored, try again later",
            Self::NotStored => "the database is not available, try again later",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status_code();
        let body = format!("{{\"error\":\"{}\"}}", self.message());
        let mut response = (status, [(CONTENT_TYPE, "application/json")], body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        if matches!(self, Self::TooLarge | Self::TooSlow | Self::CutOff) {
            // The rest of the body is still on its way, and nobody will read it.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/WEBHOOKS.md");

    #[test]
    fn every_reason_and_answer_is_in_the_document() {
        for refusal in Refusal::ALL {
            let label = format!("`{}`", refusal.label());
            assert!(DOCUMENT.contains(&label), "{label} is not in docs/WEBHOOKS.md");
            let status = format!("| {}", refusal.status_code().as_u16());
            assert!(DOCUMENT.contains(&status), "{status} is not in docs/WEBHOOKS.md");
        }
    }

    #[test]
    fn every_answer_is_json() {
        for refusal in Refusal::ALL {
            assert!(!refusal.message().contains(['"', '\\']), "{}", refusal.message());
        }
    }
}

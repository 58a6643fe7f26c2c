//! Answers in Stripe's words.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::Fault;

/// What is answered.
pub(super) struct Answer {
    status: StatusCode,
    retry_after: Option<u64>,
    body: Body,
}

enum Body {
    Json(Value),
    Html(&'static str),
}

impl Answer {
    pub(super) fn into_response(self, date: &str) -> Response<Full<Bytes>> {
        let (kind, text) = match self.body {
            Body::Json(value) => ("application/json", value.to_string()),
            Body::Html(page) => ("text/html", page.to_owned()),
        };
        let mut response =
            Response::builder().status(self.status).header(CONTENT_TYPE, kind).header(DATE, date);
        if let Some(seconds) = self.retry_after {
            response = response.header(RETRY_AFTER, seconds);
        }
        response.body(Full::from(text)).expect("headers that are valid")
    }
}

pub(super) fn found(value: Value) -> Answer {
    Answer { status: StatusCode::OK, retry_after: None, body: Body::Json(value) }
}

pub(super) fn no_such_object(kind: &str, id: &str, also: &str) -> Answer {
    let kind = kind.replace('_', "");
    let error = json!({"code": "resource_missing", "message": format!("No such {kind}: '{id}'{also}"),
        "doc_url": "https://stripe.com/docs/error-codes/resource-missing", "param": "id"});
    refusal(StatusCode::NOT_FOUND, error)
}

pub(super) fn no_such_url(method: &str, path: &str) -> Answer {
    let message = format!("Unrecognized request URL ({method}: {path}).");
    refusal(StatusCode::NOT_FOUND, json!({"message": message}))
}

pub(super) fn bad_request(code: Option<&str>, param: &str, message: &str) -> Answer {
    refusal(StatusCode::BAD_REQUEST, json!({"code": code, "message": message, "param": param}))
}

pub(super) fn invalid_key(key: &str) -> Answer {
    let message = format!("Invalid API Key provided: {}", starred(key));
    refusal(StatusCode::UNAUTHORIZED, json!({"message": message}))
}

/// What a fault answers; those that answer nothing give what nobody sees.
pub(super) fn fault(fault: &Fault, secret: &str, account: &str) -> Answer {
    match fault {
        Fault::TooManyRequests { retry_after } => {
            let message = "Request rate limit exceeded. You can learn more about rate limits here \
                https://stripe.com/docs/rate-limits.";
            let error = json!({"code": "rate_limit", "message": message});
            Answer { retry_after: *retry_after, ..refusal(StatusCode::TOO_MANY_REQUESTS, error) }
        }
        Fault::OutOfOrder | Fault::HungUp | Fault::Silence => {
            let message = "An unknown error occurred";
            let error = json!({"error": {"message": message, "type": "api_error"}});
            Answer { status: StatusCode::INTERNAL_SERVER_ERROR, retry_after: None, body: Body::Json(error) }
        }
        Fault::BadGateway => Answer {
            status: StatusCode::BAD_GATEWAY,
            retry_after: None,
            body: Body::Html("<html><body><h1>502 Bad Gateway</h1></body></html>"),
        },
        Fault::InvalidKey => invalid_key(secret),
        Fault::Forbidden { permission } => {
            let account = if account.is_empty() { "acct_own" } else { account };
            let message = format!(
                "The provided key '{}' does not have the required permissions for this endpoint on account \
                 '{account}'. Having the '{permission}' permission would allow this request to continue.",
                starred(secret)
            );
            refusal(StatusCode::FORBIDDEN, json!({"message": message}))
        }
    }
}

fn refusal(status: StatusCode, mut error: Value) -> Answer {
    error["type"] = "invalid_request_error".into();
    Answer { status, retry_after: None, body: Body::Json(json!({"error": error})) }
}

/// A key as Stripe shows it.
fn starred(key: &str) -> String {
    let kind: String = key.chars().take(8).collect();
    let end: String = key.chars().skip(key.chars().count().saturating_sub(4).max(8)).collect();
    format!("{kind}************{end}")
}

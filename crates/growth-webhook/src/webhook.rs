//! The route that Stripe calls.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use growth_db::rows::StripeEventRow;
use growth_ingest::{Kept, NotAnEvent};

use crate::refusal::Refusal;
use crate::server::Shared;
use crate::signature;

const SIGNATURE: &str = "stripe-signature";

/// Takes one event: verified, stored, committed, answered.
pub(crate) async fn receive(State(shared): State<Shared>, request: Request) -> Response {
    let start = Instant::now();
    let (about, outcome) = take(&shared, request).await;
    let took = start.elapsed();
    // To the microsecond, which is as exact as it is.
    let ms = (took.as_secs_f64() * 1_000_000.0).round() / 1000.0;
    match outcome {
        Ok(kept) => {
            let outcome = match kept {
                Kept::New => "stored",
                Kept::Ignored => "ignored",
                Kept::Known => "duplicate",
            };
            shared.metrics.answered(outcome, took);
            let About { id, event_type } = about.unwrap_or_default();
            let (event, r#type) = (id.as_str(), event_type.as_str());
            tracing::info!(event, r#type, outcome, ms, "webhook");
            (StatusCode::OK, [(CONTENT_TYPE, "application/json")], "{\"received\":true}").into_response()
        }
        Err(refusal) => {
            let (outcome, reason) = (refusal.outcome(), refusal.label());
            shared.metrics.refused(outcome, reason, took);
            if let Some(About { id, event_type }) = about {
                let (event, r#type) = (id.as_str(), event_type.as_str());
                tracing::warn!(event, r#type, outcome, reason, ms, "webhook");
            } else {
                tracing::warn!(outcome, reason, ms, "webhook");
            }
            refusal.into_response()
        }
    }
}

/// What a line of the log says of an event.
#[derive(Default)]
struct About {
    id: String,
    event_type: String,
}

async fn take(shared: &Shared, request: Request) -> (Option<About>, Result<Kept, Refusal>) {
    let (event, share) = match read(shared, request).await {
        Ok(read) => read,
        Err(refusal) => return (None, Err(refusal)),
    };
    let about = About { id: event.id.clone(), event_type: event.event_type.clone() };
    (Some(about), shared.writers.keep(event, share).await)
}

type Read = (StripeEventRow, Option<tokio::sync::OwnedSemaphorePermit>);

async fn read(shared: &Shared, request: Request) -> Result<Read, Refusal> {
    let (head, body) = request.into_parts();
    let header = signature_of(&head.headers)?;
    // A body that says itself that it is too large need not be sent, nor one that no header of its could go with.
    if declared_length(&head.headers).is_some_and(|length| length > shared.bodies.limit) {
        return Err(Refusal::TooLarge);
    }
    signature::look_at(header, (shared.clock)().timestamp())?;
    let body = shared.bodies.read(body).await?;
    let text = String::from_utf8(body.bytes).map_err(|_| Refusal::NotText)?;
    let now = (shared.clock)();
    shared.secrets.verify(&text, header, now.timestamp())?;
    let event = growth_ingest::receive(text, now).map_err(|error| match error {
        NotAnEvent::NotJson => Refusal::NotJson,
        NotAnEvent::NotStripe => Refusal::NotAnEvent,
    })?;
    Ok((event, body.share))
}

fn signature_of(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut all = headers.get_all(SIGNATURE).iter();
    let first = all.next().ok_or(Refusal::NoSignature)?;
    if all.next().is_some() {
        return Err(Refusal::AmbiguousSignature);
    }
    first.to_str().map_err(|_| Refusal::AmbiguousSignature)
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

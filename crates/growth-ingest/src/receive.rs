//! Events as webhooks bring them: read just far enough to be stored, applied later.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use growth_db::Lane;
use growth_db::rows::inbox::{self, EventKey, EventState, StripeEventRow};
use growth_stripe::envelope::{Document, read};
use growth_stripe::extract::is_needed;
use serde_json::Value;

use crate::error::Error;
use crate::intake::{Intake, Source, event_row, key, thin_row};

/// Why a body is not one of Stripe's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// It is no JSON, or nested too deeply.
    #[error("the body is not JSON")]
    NotJson,
    /// It is JSON, but lacks what makes it an event.
    #[error("the body is not an event of Stripe's")]
    NotStripe,
}

/// What became of an event that was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is stored and waits to be applied.
    New,
    /// It is stored, and no figure needs it.
    Ignored,
    /// It was stored before. Where it could not be read then, it waits to be tried again.
    Known,
}

/// Reads a webhook's body into the row that is stored; no database is needed for it.
pub fn receive(body: String, received_at: DateTime<Utc>) -> Result<StripeEventRow, NotAnEvent> {
    let value: Value = serde_json::from_str(&body).map_err(|_| NotAnEvent::NotJson)?;
    let intake = Intake { source: Source::Webhook, received_at, livemode: true, account: String::new() };
    match read(value) {
        Ok(Document::Event(event)) => {
            let row = event_row(&intake, body, &event).0;
            Ok(if is_needed(&event) { row } else { ignored(row) })
        }
        Ok(Document::Thin { id, event_type }) => Ok(ignored(thin_row(&intake, body, id, event_type))),
        Ok(Document::Object(_) | Document::List(_)) | Err(_) => Err(NotAnEvent::NotStripe),
    }
}

fn ignored(mut row: StripeEventRow) -> StripeEventRow {
    EventState::Ignored.as_str().clone_into(&mut row.state);
    row
}

/// Stores events, durably once this returns, and tells of each what became of it.
///
/// Applying them is the work of [`apply_pending`](crate::apply_pending).
pub async fn keep(lane: &mut Lane, events: &[StripeEventRow]) -> Result<Vec<Kept>, Error> {
    let mut new: HashSet<EventKey> = inbox::receive(&mut *lane, events).await?.into_iter().collect();
    let mut kept = Vec::with_capacity(events.len());
    let mut known = Vec::new();
    for event in events {
        // Of two copies in one set, the first one is the new one.
        let stored = new.remove(&key(event));
        kept.push(match (stored, event.state == EventState::Ignored.as_str()) {
            (true, false) => Kept::New,
            (true, true) => Kept::Ignored,
            (false, _) => Kept::Known,
        });
        if !stored {
            known.push(event.clone());
        }
    }
    inbox::try_again(lane, &known).await?;
    Ok(kept)
}

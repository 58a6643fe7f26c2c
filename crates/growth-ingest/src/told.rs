//! What a document of the inbox says, and what is to become of it.

use chrono::{DateTime, Utc};
use growth_db::rows::inbox::{EventState, StripeEventRow};
use growth_domain::facts::Fact;
use growth_stripe::envelope::{Document, Event, read};
use growth_stripe::extract::{Cut, ExtractError, Extraction, facts_of_event, facts_of_object};
use serde_json::Value;

/// What a document says.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// What becomes of it: applied, ignored or failed.
    pub(crate) state: EventState,
    /// Why it failed.
    pub(crate) error: Option<String>,
    pub(crate) facts: Vec<Fact>,
    /// What it shows in part only, in words.
    pub(crate) incomplete: Vec<String>,
}

impl Told {
    /// What an event says whose id, or the one made for it, is `id`.
    pub(crate) fn by_event(event: &Event, id: &str) -> Self {
        Self::extracted(facts_of_event(event, id), &event.event_type, id)
    }

    /// What a plain object says that was read at `read_at`.
    pub(crate) fn by_object(object: &Value, kind: &str, read_at: DateTime<Utc>, id: &str) -> Self {
        Self::extracted(facts_of_object(object, read_at, id), kind, id)
    }

    /// What a stored document says.
    pub(crate) fn by_row(row: &StripeEventRow) -> Self {
        let value = match serde_json::from_str::<Value>(&row.payload) {
            Ok(value) => value,
            Err(error) => return Self::failed(&row.id, &row.event_type, &error.to_string()),
        };
        match read(value) {
            Ok(Document::Event(event)) => Self::by_event(&event, &row.id),
            Ok(Document::Object(object)) => {
                Self::by_object(&object.object, &object.kind, row.created, &row.id)
            }
            Ok(Document::Thin { .. }) => Self::nothing(),
            Ok(Document::List(_)) => Self::failed(&row.id, &row.event_type, "a list is no event"),
            Err(error) => Self::failed(&row.id, &row.event_type, &error.to_string()),
        }
    }

    /// What a document of a kind says that the figures do not need.
    pub(crate) fn nothing() -> Self {
        Self { state: EventState::Ignored, error: None, facts: Vec::new(), incomplete: Vec::new() }
    }

    /// What is kept with an error.
    pub(crate) fn failed(id: &str, event_type: &str, why: &str) -> Self {
        let error = Some(format!("{id} ({event_type}): {why}"));
        Self { state: EventState::Failed, error, ..Self::nothing() }
    }

    fn extracted(extraction: Result<Extraction, ExtractError>, event_type: &str, id: &str) -> Self {
        match extraction {
            Ok(Extraction { handled: false, .. }) => Self::nothing(),
            Ok(Extraction { facts, cut, .. }) => Self {
                state: EventState::Applied,
                facts,
                incomplete: cut.iter().map(what_is_cut).collect(),
                ..Self::nothing()
            },
            Err(error) => Self::failed(id, event_type, &error.to_string()),
        }
    }
}

fn what_is_cut(cut: &Cut) -> String {
    let Cut { object, list, shown, total } = cut;
    let of = total.map_or_else(|| "some".to_owned(), |total| total.to_string());
    format!("{object} shows {shown} of its {of} {list}: the others are not known from this")
}

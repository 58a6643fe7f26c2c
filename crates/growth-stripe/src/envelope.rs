//! What a JSON document from Stripe is, before anything in it is read.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::fields;

/// A document that Stripe sends or answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// An event, as webhooks and `/v1/events` tell it.
    Event(Event),
    /// An object by itself, as reading it by its id answers.
    Object(PlainObject),
    /// The entries of one page of a list or search.
    List(Vec<Value>),
    /// An event of API version 2: it names an object without showing it, so it is kept and ignored.
    Thin {
        /// `evt_…`
        id: Option<String>,
        /// Such as `v2.core.account.updated`.
        event_type: String,
    },
}

/// An event with the object it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `evt_…`; events made by hand may have none.
    pub id: Option<String>,
    /// The connected account (`acct_…`), empty for the account's own events.
    pub account: String,
    /// Whether real money moves, where the event says so.
    pub livemode: Option<bool>,
    /// Such as `invoice.paid`.
    pub event_type: String,
    /// When it happened, in whole seconds.
    pub created: DateTime<Utc>,
    /// The API version that shaped the object; for the record only.
    pub api_version: Option<String>,
    /// `data.object`
    pub object: Value,
    /// `data.previous_attributes`: what an update replaced, as it was before.
    pub previous: Option<Map<String, Value>>,
}

/// A Stripe object without an event around it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainObject {
    /// The object as it came.
    pub object: Value,
    /// Its field `object`, such as `invoice`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Whether real money moves, where the object says so.
    pub livemode: Option<bool>,
}

/// A document that is not one of Stripe's, or not a usable one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The document is JSON, but no object.
    #[error("not a Stripe document: it is {found}, expected an object")]
    NotAnObject {
        /// What it is instead.
        found: String,
    },
    /// A field that makes it a Stripe document is absent or of the wrong kind.
    #[error("not a Stripe {what}: {field} is {found}, expected {expected}")]
    Field {
        /// What the document would be with that field: `object`, `event` or `list`.
        what: &'static str,
        /// Where it should be.
        field: &'static str,
        /// What is there instead.
        found: String,
        /// What should be there.
        expected: &'static str,
    },
    /// Stripe answered with an error instead of an object.
    #[error("Stripe answered with an error: {message}")]
    Refused {
        /// Stripe's own words.
        message: String,
        /// `error.code`, else `error.type`, such as `resource_missing`.
        code: Option<String>,
    },
}

/// Tells what a document is.
pub fn read(value: Value) -> Result<Document, ReadError> {
    let Value::Object(mut fields) = value else {
        return Err(ReadError::NotAnObject { found: fields::shown(&value) });
    };
    if let Some(Value::Object(error)) = fields.get("error")
        && !fields.contains_key("object")
    {
        return Err(refusal(error));
    }
    match text(&fields, "object", "object")?.as_str() {
        "event" => event(fields).map(Document::Event),
        "v2.core.event" => {
            Ok(Document::Thin { id: name(&fields, "id")?, event_type: text(&fields, "event", "type")? })
        }
        "list" | "search_result" => match fields.remove("data") {
            Some(Value::Array(entries)) => Ok(Document::List(entries)),
            other => Err(wrong("list", "data", other.as_ref(), "a list")),
        },
        kind => {
            let kind = kind.to_owned();
            let id = text(&fields, "object", "id")?;
            let livemode = fields.get("livemode").and_then(Value::as_bool);
            Ok(Document::Object(PlainObject { object: Value::Object(fields), kind, id, livemode }))
        }
    }
}

fn event(mut fields: Map<String, Value>) -> Result<Event, ReadError> {
    let object = match fields.get_mut("data").and_then(|data| data.get_mut("object")).map(Value::take) {
        Some(object) if object.is_object() => object,
        other => return Err(wrong("event", "data.object", other.as_ref(), "an object")),
    };
    let previous = fields.get_mut("data").and_then(|data| data.get_mut("previous_attributes"));
    let previous = match previous.map(Value::take) {
        Some(Value::Object(previous)) => Some(previous),
        _ => None,
    };
    let created = fields.get("created");
    Ok(Event {
        id: name(&fields, "id")?,
        account: name(&fields, "account")?.unwrap_or_default(),
        livemode: fields.get("livemode").and_then(Value::as_bool),
        event_type: text(&fields, "event", "type")?,
        created: created.and_then(fields::instant).ok_or_else(|| {
            wrong("event", "created", created, "unix seconds between the years 1970 and 9999")
        })?,
        api_version: optional(&fields, "api_version"),
        object,
        previous,
    })
}

const TOO_LONG: &str = "text of at most 255 bytes";

fn refusal(error: &Map<String, Value>) -> ReadError {
    let message = optional(error, "message").unwrap_or_else(|| "without a message".to_owned());
    ReadError::Refused { message, code: optional(error, "code").or_else(|| optional(error, "type")) }
}

fn optional(fields: &Map<String, Value>, field: &str) -> Option<String> {
    fields.get(field).and_then(Value::as_str).and_then(fields::clean)
}

/// An event's id or account, which become part of keys.
fn name(fields: &Map<String, Value>, field: &'static str) -> Result<Option<String>, ReadError> {
    let name = optional(fields, field);
    if name.as_ref().is_some_and(|name| name.len() > fields::LONGEST_ID) {
        return Err(wrong("event", field, fields.get(field), TOO_LONG));
    }
    Ok(name)
}

fn text(fields: &Map<String, Value>, what: &'static str, field: &'static str) -> Result<String, ReadError> {
    let text = optional(fields, field).ok_or_else(|| wrong(what, field, fields.get(field), "text"))?;
    if text.len() > fields::LONGEST_ID {
        return Err(wrong(what, field, fields.get(field), TOO_LONG));
    }
    Ok(text)
}

fn wrong(
    what: &'static str,
    field: &'static str,
    found: Option<&Value>,
    expected: &'static str,
) -> ReadError {
    let found = found.map_or_else(|| "missing".to_owned(), fields::shown);
    ReadError::Field { what, field, found, expected }
}

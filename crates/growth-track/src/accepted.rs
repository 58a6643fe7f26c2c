//! Events that were checked and can be stored as they are.

use std::str::FromStr;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use growth_db::Json;
use growth_db::rows::EventRow;
use growth_domain::catalogue::{
    EventCategory, EventName, EventNameError, EventStatus, UnknownCategory, UnknownStatus, suggest,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::event::Event;

/// The category of a custom event that was given none.
const OF_CUSTOM_EVENTS: EventCategory = EventCategory::UserAction;

/// The longest id and application name in bytes: they are in keys, and Postgres has no long ones.
pub(crate) const MAX_ID: usize = 255;

/// 2000-01-01T00:00:00Z, before which no product event happened.
const FIRST_SECOND: i64 = 946_684_800;

/// How far ahead of ours a clock may be.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// A year: with sums of anything longer, a day's total could outgrow 64 bits.
const MAX_DURATION_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// So many contacts in one event are a mistake, and could outgrow a day's total as well.
const MAX_CONTACTS: i64 = 1_000_000_000;

/// The most bytes of an event's texts and properties: the limit that Segment's protocol has.
pub const MAX_EVENT: usize = 32 * 1024;

/// Longer than any honest `User-Agent` or address of a page; the rest is cut off.
const MAX_CONTEXT: usize = 1024;

/// Why an event cannot be stored.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{error}{}", did_you_mean(.name))]
    Name { error: EventNameError, name: String },
    #[error(transparent)]
    Category(#[from] UnknownCategory),
    #[error(transparent)]
    Status(#[from] UnknownStatus),
    #[error("{0} is empty: leave it out or fill it")]
    Empty(&'static str),
    #[error("{0} has {1} bytes, more than {MAX_ID}")]
    Long(&'static str, usize),
    #[error("properties are not a JSON object")]
    Properties,
    #[error("the event has {0} bytes, more than {MAX_EVENT}")]
    Large(usize),
    #[error("{0} is before {1}, up to which events are pruned")]
    Pruned(DateTime<Utc>, DateTime<Utc>),
    #[error("duration_ms is {0}: it has to be from 0 to {MAX_DURATION_MS}")]
    Duration(i64),
    #[error("the property contacts is {0}: it has to be from 0 to {MAX_CONTACTS}")]
    Contacts(String),
    #[error("{0} is before the year 2000")]
    Early(DateTime<Utc>),
    #[error("created_at is {0}: it has to be from the year 1970 to 2999")]
    SignUp(DateTime<Utc>),
    #[error("{0} is more than a day ahead of its arrival")]
    Late(DateTime<Utc>),
}

fn did_you_mean(name: &str) -> String {
    suggest(name).map(|known| format!(", did you mean {known}?")).unwrap_or_default()
}

/// An event that can be stored once the number of its user is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Accepted {
    /// Source and message id, if it has one.
    pub(crate) message: Option<(String, String)>,
    /// The application's user id.
    pub(crate) user: Option<String>,
    /// The visitor, where there is no user.
    pub(crate) visitor: Option<String>,
    /// The address that `row.ip_hash` is still to be made of.
    pub(crate) ip: Option<String>,
    /// What is stored; its user and, without a message id, its own id are still to be set.
    pub(crate) row: EventRow,
}

impl Accepted {
    /// Checks an event that arrived at `received_at`.
    pub(crate) fn check(event: Event, received_at: DateTime<Utc>) -> Result<Self, Problem> {
        let category = match EventName::parse(&event.name) {
            Ok(name) => match &event.category {
                Some(category) => EventCategory::from_str(category)?,
                None => name.category().unwrap_or(OF_CUSTOM_EVENTS),
            },
            Err(error) => return Err(Problem::Name { error, name: event.name }),
        };
        let status = EventStatus::from_str(&event.status)?;
        let size = size(&event);
        let source = id("source", event.source)?;
        let message_id = event.message_id.map(|text| filled_id("message_id", text)).transpose()?;
        let user = event.user.map(|text| filled_id("user", text)).transpose()?;
        let visitor = event.anonymous_id.map(|text| filled_id("anonymous_id", text)).transpose()?;
        let app_name = id("app", event.app)?;
        if size > MAX_EVENT {
            return Err(Problem::Large(size));
        }
        if let Some(duration) = event.duration_ms.filter(|ms| !(0..=MAX_DURATION_MS).contains(ms)) {
            return Err(Problem::Duration(duration));
        }
        let message = message_id.map(|id| (source, id));
        let row = EventRow {
            user_id: 0,
            created_at: instant(event.at, received_at)?,
            id: message.as_ref().map_or(0, |(source, id)| event_id(source, id)),
            event_name: event.name,
            event_category: category.as_str().to_owned(),
            app_name,
            session_id: event.session_id.map(clean),
            properties: Json(properties(event.properties)?),
            duration_ms: event.duration_ms,
            status: status.as_str().to_owned(),
            error_message: event.error_message.map(clean),
            ip_hash: None,
            user_agent: event.context.user_agent.as_deref().map(cut),
            referrer: event.context.referrer.as_deref().map(cut),
            active: event.active,
            ip: None,
        };
        let visitor = visitor.filter(|_| user.is_none());
        Ok(Self { message, user, visitor, ip: event.context.ip.as_deref().map(cut), row })
    }
}

/// How many bytes the parts of an event have that may be of any length.
fn size(event: &Event) -> usize {
    let texts = [&event.session_id, &event.error_message];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    texts + json_size(&event.properties)
}

/// How many bytes a value has as JSON, or at most has where that is little enough.
fn json_size(value: &Value) -> usize {
    let most = most_bytes(value);
    if most <= MAX_EVENT / 2 {
        return most;
    }
    let mut counter = Counter(0);
    // Counting cannot fail, and a value that is no JSON is not one.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

/// More bytes than a value has as JSON: each byte of a text may have to be written as six.
fn most_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 32,
        Value::String(text) => 2 + 6 * text.len(),
        Value::Array(values) => 2 + values.iter().map(|value| 1 + most_bytes(value)).sum::<usize>(),
        Value::Object(members) => {
            2 + members.iter().map(|(key, value)| 4 + 6 * key.len() + most_bytes(value)).sum::<usize>()
        }
    }
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Cuts a text that is only looked at.
fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX_CONTEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    clean(text.get(..end).unwrap_or_default().to_owned())
}

/// Reads the number of contacts that an event's property tells of; one without a whole number tells of none.
pub(crate) fn contacts(property: Option<&Value>) -> i64 {
    property.and_then(Value::as_i64).filter(|contacts| (0..=MAX_CONTACTS).contains(contacts)).unwrap_or(0)
}

/// Checks a text that becomes part of a key.
pub(crate) fn filled_id(what: &'static str, text: impl Into<String>) -> Result<String, Problem> {
    id(what, text).and_then(|text| if text.is_empty() { Err(Problem::Empty(what)) } else { Ok(text) })
}

/// Checks a text that becomes part of a key and may be empty.
pub(crate) fn id(what: &'static str, text: impl Into<String>) -> Result<String, Problem> {
    let text = clean(text.into());
    if text.len() > MAX_ID { Err(Problem::Long(what, text.len())) } else { Ok(text) }
}

/// Strips U+0000, which Postgres refuses in text.
pub(crate) fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

fn instant(at: DateTime<Utc>, received_at: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    match at.trunc_subsecs(6) {
        at if at.timestamp() < FIRST_SECOND => Err(Problem::Early(at)),
        at if at - received_at > AHEAD => Err(Problem::Late(at)),
        at => Ok(at),
    }
}

/// When something is told that is not in the future.
pub(crate) fn told_instant(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    instant(at.min(now), now)
}

fn properties(mut properties: Value) -> Result<Value, Problem> {
    if !properties.is_object() {
        return Err(Problem::Properties);
    }
    if let Some(Value::Number(number)) = properties.get("contacts")
        && (number.is_i64() || number.is_u64())
        && !number.as_i64().is_some_and(|number| (0..=MAX_CONTACTS).contains(&number))
    {
        return Err(Problem::Contacts(number.to_string()));
    }
    clean_value(&mut properties);
    Ok(properties)
}

fn clean_value(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = clean(std::mem::take(text)),
        Value::Array(values) => values.iter_mut().for_each(clean_value),
        Value::Object(members) => {
            if members.keys().any(|key| key.contains('\0')) {
                *members =
                    std::mem::take(members).into_iter().map(|(key, value)| (clean(key), value)).collect();
            }
            members.values_mut().for_each(clean_value);
        }
        _ => {}
    }
}

/// The number of an event with a message id: the first 63 bits of a digest of both.
fn event_id(source: &str, message_id: &str) -> i64 {
    // No text contains U+0000 any more, so it can stand between them.
    let digest = Sha256::digest(format!("{source}\0{message_id}"));
    let first = digest.iter().take(8).fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    i64::try_from(first >> 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::event_id;

    #[test]
    fn a_message_has_the_same_number_in_every_release() {
        assert_eq!(event_id("demo", "demo-000001"), 1_167_590_613_850_370_456);
        assert_ne!(event_id("a", "b-c"), event_id("a-b", "c"));
        assert_ne!(event_id("a", "bc"), event_id("ab", "c"));
    }
}

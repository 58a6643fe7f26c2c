//! Events and users as lines of files: JSON objects, or records of CSV whose header names the fields.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::event::{Context, Event, User};

/// An event as a file has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLine {
    #[serde(alias = "messageId", alias = "message_id")]
    id: Option<Text>,
    #[serde(alias = "name", alias = "event_name")]
    event: Option<String>,
    #[serde(alias = "userId", alias = "user_id")]
    user: Option<Text>,
    #[serde(alias = "anonymousId")]
    anonymous_id: Option<Text>,
    #[serde(alias = "timestamp", alias = "created_at")]
    at: Option<String>,
    #[serde(alias = "event_category")]
    category: Option<String>,
    #[serde(alias = "app_name")]
    app: Option<String>,
    #[serde(alias = "session_id", alias = "sessionId")]
    session: Option<Text>,
    properties: Option<Value>,
    duration_ms: Option<i64>,
    status: Option<String>,
    error_message: Option<String>,
    ip: Option<String>,
    #[serde(alias = "userAgent")]
    user_agent: Option<String>,
    referrer: Option<String>,
    active: Option<bool>,
}

/// A user as a file has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserLine {
    #[serde(alias = "id", alias = "user", alias = "user_id", alias = "userId")]
    external_id: Option<Text>,
    email: Option<String>,
    #[serde(alias = "createdAt", alias = "signed_up_at")]
    created_at: Option<String>,
    is_admin: Option<bool>,
    // What `growthctl users list` writes beside these.
    #[serde(rename = "activated_at")]
    _activated_at: Option<Value>,
    #[serde(rename = "last_seen_at")]
    _last_seen_at: Option<Value>,
}

/// An id, which some applications write as a number.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "an id has to be text or a whole number")]
enum Text {
    Text(String),
    Number(i64),
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        match text {
            Text::Text(text) => text,
            Text::Number(number) => number.to_string(),
        }
    }
}

/// What a column of CSV with a property begins with.
const PROPERTY: &str = "properties.";

/// Reads an event of the line of an NDJSON file; `source` is who sends it.
///
/// # Errors
///
/// What is wrong with it, in words. Names, categories and sizes are looked at when it is stored.
pub fn event_of_json(line: &str, source: &str) -> Result<Event, String> {
    let line: EventLine = serde_json::from_str(line).map_err(|error| of_json(&error))?;
    line.event(source)
}

/// Reads an event of a record of CSV: its fields by the names that the header gives them. `properties` is a JSON
/// object, and `properties.plan` one property, which is text unless it is JSON.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn event_of_fields<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    source: &str,
) -> Result<Event, String> {
    let (mut object, mut properties) = (Map::new(), Map::new());
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        if let Some(property) = name.strip_prefix(PROPERTY) {
            properties.insert(property.to_owned(), property_value(value));
            continue;
        }
        let value = match name {
            "properties" => json(name, value)?,
            "duration_ms" => value
                .trim()
                .parse::<i64>()
                .map_err(|_| format!("duration_ms is {value:?}, and no whole number"))?
                .into(),
            "active" => truth(name, value)?.into(),
            _ => value.into(),
        };
        object.insert(name.to_owned(), value);
    }
    let line: EventLine = serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())?;
    let mut event = line.event(source)?;
    for (name, value) in properties {
        event = event.property(name, value);
    }
    Ok(event)
}

/// Reads a user of the line of an NDJSON file.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn user_of_json(line: &str) -> Result<User, String> {
    let line: UserLine = serde_json::from_str(line).map_err(|error| of_json(&error))?;
    line.user()
}

/// Reads a user of a record of CSV: its fields by the names that the header gives them.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn user_of_fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<User, String> {
    let mut object = Map::new();
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        let value = if name == "is_admin" { truth(name, value)?.into() } else { value.into() };
        object.insert(name.to_owned(), value);
    }
    let line: UserLine = serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())?;
    line.user()
}

/// The fields that a record of CSV may have, for the header to be checked by.
///
/// # Errors
///
/// The first name that is no field of an event.
pub fn check_event_header<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    for name in names.into_iter().filter(|name| !name.starts_with(PROPERTY)) {
        let one = Value::Object(Map::from_iter([(name.to_owned(), Value::Null)]));
        serde_json::from_value::<EventLine>(one).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The same for users.
///
/// # Errors
///
/// The first name that is no field of a user.
pub fn check_user_header<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    for name in names {
        let one = Value::Object(Map::from_iter([(name.to_owned(), Value::Null)]));
        serde_json::from_value::<UserLine>(one).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The value of a property that is written as text: JSON where it is, so that `12` is a number, and text elsewhere.
pub fn property_value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Reads an instant, with its zone: `2026-07-01T12:00:00Z`, `2026-07-01 13:00:00+01`.
///
/// # Errors
///
/// That it is none, in words.
pub fn instant(name: &str, text: &str) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"))
        .map(|at| at.to_utc())
        .map_err(|_| format!("{name} is {text:?}, and no time with a zone such as 2026-07-01T12:00:00Z"))
}

impl EventLine {
    fn event(self, source: &str) -> Result<Event, String> {
        let name = self.event.ok_or("there is no event, the name of what happened")?;
        let at = self.at.ok_or("there is no at, the time when it happened")?;
        let mut event = Event::new(name, instant("at", &at)?);
        source.clone_into(&mut event.source);
        event.message_id = self.id.map(String::from);
        event.user = self.user.map(String::from);
        event.anonymous_id = self.anonymous_id.map(String::from);
        event.category = self.category;
        event.app = self.app.unwrap_or_default();
        event.session_id = self.session.map(String::from);
        if let Some(properties) = self.properties.filter(|properties| !properties.is_null()) {
            event.properties = properties;
        }
        event.duration_ms = self.duration_ms;
        if let Some(status) = self.status {
            event.status = status;
        }
        event.error_message = self.error_message;
        event.context = Context { ip: self.ip, user_agent: self.user_agent, referrer: self.referrer };
        event.active = self.active.unwrap_or(true);
        Ok(event)
    }
}

impl UserLine {
    fn user(self) -> Result<User, String> {
        let external_id = self.external_id.ok_or("there is no external_id, the application's user id")?;
        let created_at = self.created_at.ok_or("there is no created_at, the time when the user signed up")?;
        Ok(User {
            external_id: external_id.into(),
            email: self.email,
            created_at: instant("created_at", &created_at)?,
            is_admin: self.is_admin.unwrap_or(false),
        })
    }
}

/// What is wrong with a line of JSON; the number of its line is 1, and known better by whoever reads the file.
fn of_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    if error.is_data() {
        words.to_owned()
    } else {
        format!("this is no JSON: {words}, at character {}", error.column())
    }
}

fn json(name: &str, text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{name} is no JSON: {error}"))
}

fn truth(name: &str, text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "1" => Ok(true),
        "false" | "f" | "no" | "0" => Ok(false),
        _ => Err(format!("{name} is {text:?}, and neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_the_same_as_json_and_as_csv() {
        let line = json!({
            "id": 7, "event": "enrichment_completed", "user": "ann", "at": "2026-07-01T12:00:00.5Z", "app": "finder",
            "category": "error", "session": "s", "properties": {"contacts": 3, "plan": "pro"}, "duration_ms": 12,
            "status": "failed", "error_message": "no, \"not\" found", "ip": "192.0.2.1", "user_agent": "B",
            "referrer": "r", "active": false, "anonymous_id": "v"
        });
        let of_json = event_of_json(&line.to_string(), "file").unwrap();
        let fields = [
            ("messageId", "7"),
            ("name", "enrichment_completed"),
            ("user_id", "ann"),
            ("app_name", "finder"),
            ("created_at", "2026-07-01 13:00:00.5+01"),
            ("event_category", "error"),
            ("session_id", "s"),
            ("properties", r#"{"plan":"pro"}"#),
            ("properties.contacts", "3"),
            ("duration_ms", " 12 "),
            ("status", "failed"),
            ("error_message", "no, \"not\" found"),
            ("ip", "192.0.2.1"),
            ("userAgent", "B"),
            ("referrer", "r"),
            ("active", "No"),
            ("anonymousId", "v"),
            ("properties.empty", ""),
        ];
        assert_eq!(event_of_fields(fields, "file").unwrap(), of_json);
        assert_eq!(check_event_header(fields.map(|(name, _)| name)), Ok(()));
        assert_eq!(of_json.message_id.as_deref(), Some("7"));
        let user = r#"{"external_id":"u","email":"a@example.com","created_at":"2026-01-01T00:00:00Z","is_admin":true}"#;
        let fields = [
            ("id", "u"),
            ("email", "a@example.com"),
            ("createdAt", "2026-01-01T00:00:00Z"),
            ("is_admin", "t"),
        ];
        assert_eq!(user_of_json(user), user_of_fields(fields));
        assert!(user_of_json(user).unwrap().is_admin);
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let at = r#""at":"2026-07-01T12:00:00Z""#;
        for (line, words) in [
            (String::new(), "this is no JSON: EOF while parsing a value, at character 0"),
            ("{\"event\":".to_owned(), "this is no JSON: EOF while parsing a value, at character 9"),
            ("[1]".to_owned(), "this is no JSON"),
            (format!("{{{at}}}"), "there is no event, the name of what happened"),
            (r#"{"event":"a"}"#.to_owned(), "there is no at, the time when it happened"),
            (
                r#"{"event":"a","at":"2026-07-01"}"#.to_owned(),
                "at is \"2026-07-01\", and no time with a zone such as",
            ),
            (r#"{"event":"a","at":"2026-07-01T12:00:00"}"#.to_owned(), "and no time with a zone"),
            (format!(r#"{{"event":"a",{at},"usr":"x"}}"#), "unknown field `usr`, expected one of `id`"),
            (format!(r#"{{"event":"a",{at},"user":{{}}}}"#), "an id has to be text or a whole number"),
            (format!(r#"{{"event":5,{at}}}"#), "invalid type: integer `5`, expected a string"),
            (
                format!(r#"{{"event":"a",{at},"duration_ms":"12"}}"#),
                "invalid type: string \"12\", expected i64",
            ),
            (format!(r#"{{"event":"a","event":"b",{at}}}"#), "duplicate field `event`"),
        ] {
            let error = event_of_json(&line, "file").unwrap_err();
            assert!(error.contains(words) || line == "[1]", "{line}: {error}");
        }
        let known = [("event", "a"), ("at", "2026-07-01T12:00:00Z")];
        for (name, value, words) in [
            ("duration_ms", "1.5", "duration_ms is \"1.5\", and no whole number"),
            ("active", "maybe", "active is \"maybe\", and neither true nor false"),
            ("properties", "{", "properties is no JSON: EOF while parsing an object at line 1 column 1"),
            ("usr", "x", "unknown field `usr`"),
        ] {
            let error = event_of_fields(known.into_iter().chain([(name, value)]), "file").unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        assert!(check_event_header(["event", "at", "usr"]).unwrap_err().contains("`usr`"));
        assert!(check_user_header(["email", "usr"]).unwrap_err().contains("`usr`"));
        for (line, words) in [
            ("{}", "there is no external_id"),
            (r#"{"id":"u"}"#, "there is no created_at"),
            (r#"{"id":"u","created_at":"May"}"#, "created_at is \"May\", and no time"),
            (r#"{"id":"u","created_at":5}"#, "invalid type: integer `5`"),
        ] {
            assert!(user_of_json(line).unwrap_err().contains(words), "{line}");
        }
    }
}

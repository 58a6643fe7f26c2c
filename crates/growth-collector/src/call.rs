//! Calls of Segment's protocol: what each means here.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use growth_domain::catalogue::{EventCategory, EventStatus};
use growth_track::{Context, Event, Identity, MAX_EVENT};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::names::snake_case;

/// The most bytes of the calls of a batch together.
pub const MAX_BATCH: usize = 512 * 1024;

/// Seconds since 1970 above this are milliseconds.
const YEAR_5138: u64 = 100_000_000_000;

/// The six calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something happened.
    Track,
    /// Who a user is.
    Identify,
    /// A page was seen.
    Page,
    /// A screen was seen.
    Screen,
    /// A user belongs to a group.
    Group,
    /// Two ids are one person.
    Alias,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Track, Self::Identify, Self::Page, Self::Screen, Self::Group, Self::Alias];

    /// Its name in the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Identify => "identify",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }
}

/// Who sends a call, and when it came.
#[derive(Clone, Debug)]
pub(crate) struct Sender<'a> {
    /// The name of the key.
    pub(crate) source: &'a str,
    /// When the request arrived.
    pub(crate) received_at: DateTime<Utc>,
    /// When the client says it sent the request.
    pub(crate) sent_at: Option<DateTime<Utc>>,
    /// What all calls of a batch have in common.
    pub(crate) context: Option<&'a Value>,
}

/// What a call tells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// That something happened.
    Event(Box<Event>),
    /// Who somebody is.
    Identity(Identity),
    /// Nothing that is kept: an anonymous visitor's traits.
    Nothing,
}

/// Reads one call; `kind` is what the route says, else the call says it itself.
///
/// # Errors
///
/// What is wrong with it, in words for whoever wrote the client.
pub(crate) fn read(kind: Option<Kind>, call: &str, sender: &Sender<'_>) -> Result<Told, String> {
    if call.len() > MAX_EVENT {
        return Err(format!("the call has {} bytes, more than {MAX_EVENT}", call.len()));
    }
    let call: Value = serde_json::from_str(call).map_err(|error| format!("the call is no JSON: {error}"))?;
    let Value::Object(call) = &call else { return Err("the call is no JSON object".to_owned()) };
    let kind = kind.map_or_else(|| kind_of(call), Ok)?;
    let call = Call { kind, fields: call, sender };
    match kind {
        Kind::Identify => call.identity("anonymousId"),
        Kind::Alias if call.id("userId")?.is_none() => Err("an alias needs a userId".to_owned()),
        Kind::Alias if call.id("previousId")?.is_none() => Err("an alias needs a previousId".to_owned()),
        Kind::Alias => call.identity("previousId"),
        Kind::Track => {
            let name = text(call.fields, "event")?
                .ok_or("a track call needs an event, the name of what happened")?;
            call.event(kind, &name)
        }
        Kind::Page => call.event(kind, "page_viewed"),
        Kind::Screen => call.event(kind, "screen_viewed"),
        Kind::Group => {
            let group = call.id("groupId")?.ok_or("a group call needs a groupId")?;
            let Told::Event(mut event) = call.event(kind, "group_joined")? else {
                return Ok(Told::Nothing);
            };
            // An application tells it when it likes, whether or not anybody is there.
            event.active = false;
            event.category = Some(EventCategory::System.as_str().to_owned());
            Ok(Told::Event(Box::new(event.property("group_id", group))))
        }
    }
}

fn kind_of(call: &Map<String, Value>) -> Result<Kind, String> {
    let given = text(call, "type")?.ok_or("the call has no type")?;
    let known = Kind::ALL.into_iter().find(|kind| kind.as_str() == given);
    known.ok_or_else(|| {
        format!("the type {given:?} is unknown: use track, identify, page, screen, group or alias")
    })
}

struct Call<'a> {
    kind: Kind,
    fields: &'a Map<String, Value>,
    sender: &'a Sender<'a>,
}

impl Call<'_> {
    fn event(&self, kind: Kind, name: &str) -> Result<Told, String> {
        let place = if kind == Kind::Group { "traits" } else { "properties" };
        let mut properties = object(self.fields, place)?.cloned().unwrap_or_default();
        if matches!(kind, Kind::Page | Kind::Screen) {
            for part in ["name", "category"] {
                if let Some(value) = text(self.fields, part)? {
                    properties.insert(format!("{}_{part}", kind.as_str()), value.into());
                }
            }
        }
        let at = self.at()?;
        let mut event = Event::new(snake_case(name), at);
        self.sender.source.clone_into(&mut event.source);
        event.message_id = self.message_id()?;
        event.user = self.id("userId")?;
        event.anonymous_id = self.id("anonymousId")?;
        // What a group is like says nothing of the event that somebody joined it.
        if kind != Kind::Group {
            lift(kind, &mut properties, &mut event);
        }
        event.properties = Value::Object(properties);
        event.active = self.context("active").and_then(Value::as_bool).unwrap_or(true);
        if let Some(app) = self.context("app").and_then(|app| app.get("name")).and_then(Value::as_str) {
            event.app = shortened(app);
        }
        let page = self.context("page").and_then(|page| page.get("referrer"));
        let words = |value: Option<&Value>| {
            value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(shortened)
        };
        event.context = Context {
            // Segment's way of saying that nobody wants it to be known.
            ip: words(self.context("ip")).filter(|ip| ip != "0.0.0.0"),
            user_agent: words(self.context("userAgent")),
            referrer: words(page),
        };
        let session = self.context("sessionId").and_then(|id| id_of("context.sessionId", id).ok().flatten());
        event.session_id = event.session_id.or(session);
        Ok(Told::Event(Box::new(event)))
    }

    /// Who somebody is; `visitor` names the field with the id that the person had so far.
    fn identity(&self, visitor: &str) -> Result<Told, String> {
        let visitor = self.id(visitor)?;
        let at = self.at()?;
        let traits = object(self.fields, "traits")?;
        let Some(user) = self.id("userId")? else {
            return match visitor {
                Some(_) => Ok(Told::Nothing),
                None => Err("an identify call needs a userId or an anonymousId".to_owned()),
            };
        };
        let trait_of =
            |name: &str| traits.and_then(|traits| traits.get(name)).filter(|value| !value.is_null());
        let created_at = trait_of("createdAt").or_else(|| trait_of("created_at"));
        Ok(Told::Identity(Identity {
            message_id: self.message_id()?,
            source: self.sender.source.to_owned(),
            anonymous_id: visitor.filter(|visitor| *visitor != user),
            user,
            at,
            email: trait_of("email").and_then(Value::as_str).map(str::to_owned),
            created_at: created_at.map(|value| day_or_instant("traits.createdAt", value)).transpose()?,
        }))
    }

    /// When it happened by our clock: as long before it arrived as it was before it was sent by the client's.
    fn at(&self) -> Result<DateTime<Utc>, String> {
        let received_at = self.sender.received_at;
        let Some(at) = self.own_time()? else { return Ok(received_at) };
        let sent_at = instant(self.fields, "sentAt").ok().flatten().or(self.sender.sent_at);
        let at = match sent_at {
            Some(sent_at) => received_at.checked_sub_signed(sent_at - at).unwrap_or(at),
            None => at,
        };
        Ok(at.min(received_at))
    }

    fn own_time(&self) -> Result<Option<DateTime<Utc>>, String> {
        match instant(self.fields, "timestamp")? {
            Some(at) => Ok(Some(at)),
            None => instant(self.fields, "originalTimestamp"),
        }
    }

    /// The client's id. A call that has none, but a time of its own, is known by all that it says.
    fn message_id(&self) -> Result<Option<String>, String> {
        if let Some(id) = self.id("messageId")? {
            return Ok(Some(id));
        }
        if self.own_time()?.is_none() {
            return Ok(None);
        }
        let mut digest = Sha256::new_with_prefix(self.kind.as_str());
        for (key, value) in sorted(self.fields) {
            if !["sentAt", "type", "writeKey"].contains(&key.as_str()) {
                digest.update(Value::from(key.as_str()).to_string());
                digest.update(canonical(value));
            }
        }
        let digest = digest.finalize();
        Ok(Some(digest.iter().take(16).fold("body-".to_owned(), |text, byte| format!("{text}{byte:02x}"))))
    }

    fn id(&self, name: &str) -> Result<Option<String>, String> {
        self.fields.get(name).map_or(Ok(None), |value| id_of(name, value))
    }

    fn context(&self, name: &str) -> Option<&Value> {
        let own = self.fields.get("context").and_then(|context| context.get(name));
        let given = own.filter(|value| !value.is_null());
        given.or_else(|| self.sender.context?.get(name)).filter(|value| !value.is_null())
    }
}

/// More than this of a text that a whole batch may share is not copied into each of its events.
const MOST_OF_A_CONTEXT: usize = 1024;

fn shortened(text: &str) -> String {
    text.chars().take(MOST_OF_A_CONTEXT).collect()
}

/// Takes what has a place of its own out of the properties, where it is what that place holds.
///
/// The category of a page or screen is the application's own word for it, which Segment's client for Node says in the
/// properties as well: it is none of an event's.
fn lift(kind: Kind, properties: &mut Map<String, Value>, event: &mut Event) {
    if let Some(duration) = properties.get("duration_ms").and_then(Value::as_i64) {
        event.duration_ms = Some(duration);
        properties.remove("duration_ms");
    }
    let status =
        properties.get("status").and_then(Value::as_str).and_then(|text| text.parse::<EventStatus>().ok());
    if let Some(status) = status {
        status.as_str().clone_into(&mut event.status);
        properties.remove("status");
    }
    let category = properties.get("category").and_then(Value::as_str);
    let category = category.filter(|_| kind == Kind::Track);
    if let Some(category) = category.and_then(|text| text.parse::<EventCategory>().ok()) {
        event.category = Some(category.as_str().to_owned());
        properties.remove("category");
    }
    for (name, place) in [("error_message", &mut event.error_message), ("session_id", &mut event.session_id)]
    {
        if let Some(Value::String(text)) = properties.get(name) {
            *place = Some(text.clone());
            properties.remove(name);
        }
    }
}

/// An id; some clients send numbers.
fn id_of(name: &str, value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string())),
        _ => Err(format!("{name} is no text")),
    }
}

fn text(call: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match call.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{name} is no text")),
    }
}

fn object<'a>(call: &'a Map<String, Value>, name: &str) -> Result<Option<&'a Map<String, Value>>, String> {
    match call.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(format!("{name} is no JSON object")),
    }
}

/// A time in a field of a call.
pub(crate) fn instant(call: &Map<String, Value>, name: &str) -> Result<Option<DateTime<Utc>>, String> {
    match call.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => instant_of(name, value).map(Some),
    }
}

fn instant_of(name: &str, value: &Value) -> Result<DateTime<Utc>, String> {
    let text = value.as_str().unwrap_or_default();
    let at = DateTime::parse_from_rfc3339(text)
        .map_err(|_| format!("{name} is {value}, and no time such as 2026-07-01T12:00:00Z"))?;
    Ok(at.to_utc())
}

/// The time of a trait, which applications also tell as a day or as seconds since 1970.
fn day_or_instant(name: &str, value: &Value) -> Result<DateTime<Utc>, String> {
    let seconds =
        value.as_i64().map(|number| if number.unsigned_abs() > YEAR_5138 { number / 1000 } else { number });
    if let Some(at) = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)) {
        return Ok(at);
    }
    if let Some(day) = value.as_str().and_then(|text| text.parse::<NaiveDate>().ok()) {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    instant_of(name, value)
}

fn sorted(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut all: Vec<_> = object.iter().collect();
    all.sort_by_key(|(key, _)| *key);
    all
}

/// A value as text in which keys have one order.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let members = sorted(object);
            let members: Vec<String> = members
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(canonical).collect();
            format!("[{}]", values.join(","))
        }
        value => value.to_string(),
    }
}

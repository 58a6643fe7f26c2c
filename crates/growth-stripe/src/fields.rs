//! Access to the fields of one Stripe object, with the place of each for errors.
//!
//! A path such as `parent.subscription_details.subscription` leads through
//! objects; where a step is absent, `null` or no object, the field is absent.
//! Methods take several paths and answer with the first that is present, so
//! that a call reads like the fact's history: new path first, old path second.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::decimals;
use crate::extract::ExtractError;

/// Stripe's ids are far shorter; each of them becomes part of a key, and an index has its limits.
pub(crate) const LONGEST_ID: usize = 255;
/// Stripe's longest labels have 500 characters and its addresses 512; an index holds no more than this.
const LONGEST_LABEL: usize = 2000;
/// Amounts up to here, either way, can be added up by the thousand.
const LARGEST_AMOUNT: i64 = 1_000_000_000_000_000;
/// The last second of the year 9999, the last year with four digits.
const LAST_SECOND: i64 = 253_402_300_799;

/// How many characters of a text an error repeats.
const LONGEST_SHOWN: usize = 40;

/// One JSON object inside a Stripe object.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    kind: &'static str,
    id: &'a str,
    path: String,
}

/// What Stripe calls expandable: an id, or the object in its place.
#[derive(Debug)]
pub(crate) enum Expandable<'a> {
    Id(String),
    Object(Fields<'a>),
}

/// A list inside an object, as a plain array or as one page of Stripe's list object.
#[derive(Debug, Default)]
pub(crate) struct Nested<'a> {
    entries: Vec<Expandable<'a>>,
    has_more: bool,
    total: Option<u64>,
}

impl<'a> Fields<'a> {
    /// Opens a whole Stripe object of the given kind.
    pub(crate) fn open(map: &'a Map<String, Value>, kind: &'static str) -> Self {
        let id = map.get("id").and_then(Value::as_str).unwrap_or_default();
        Self { map, kind, id, path: String::new() }
    }

    /// The fields themselves.
    pub(crate) fn map(&self) -> &'a Map<String, Value> {
        self.map
    }

    /// Whether one of the paths leads to something.
    pub(crate) fn has<const N: usize>(&self, paths: [&str; N]) -> bool {
        paths.iter().any(|path| self.find(path).is_some())
    }

    /// Reads text without U+0000; empty text is absent.
    pub(crate) fn text<const N: usize>(&self, paths: [&str; N]) -> Result<Option<String>, ExtractError> {
        self.first(paths, |path, value| match value {
            Value::String(text) => Ok(clean(text)),
            other => Err(self.unexpected(path, other, "text")),
        })
    }

    /// Reads text that must be there.
    pub(crate) fn required_text<const N: usize>(&self, paths: [&str; N]) -> Result<String, ExtractError> {
        self.text(paths)?.ok_or_else(|| self.missing(paths))
    }

    /// Reads the object's own id where it has one.
    pub(crate) fn id(&self) -> Result<Option<String>, ExtractError> {
        self.first(["id"], |path, value| match value {
            Value::String(id) => self.checked_id(path, id),
            other => Err(self.unexpected(path, other, "text")),
        })
    }

    /// Reads the object's own id, which must be there.
    pub(crate) fn required_id(&self) -> Result<String, ExtractError> {
        self.id()?.ok_or_else(|| self.missing(["id"]))
    }

    /// Reads a name or address that somebody is found by, where a number is as good as its digits.
    pub(crate) fn label<const N: usize>(&self, paths: [&str; N]) -> Result<Option<String>, ExtractError> {
        self.first(paths, |path, value| match value {
            Value::String(text) if text.len() > LONGEST_LABEL => {
                Err(self.unexpected(path, value, &format!("at most {LONGEST_LABEL} bytes")))
            }
            Value::String(text) => Ok(clean(text)),
            Value::Number(number) => Ok(Some(number.to_string())),
            other => Err(self.unexpected(path, other, "text")),
        })
    }

    /// Reads a currency code in lower case.
    pub(crate) fn currency<const N: usize>(&self, paths: [&str; N]) -> Result<Option<String>, ExtractError> {
        self.first(paths, |path, value| match value {
            Value::String(text) => match clean(text).map(|code| code.to_ascii_lowercase()) {
                Some(code) if !is_currency(&code) => {
                    Err(self.unexpected(path, value, "a currency code of letters"))
                }
                code => Ok(code),
            },
            other => Err(self.unexpected(path, other, "text")),
        })
    }

    /// Reads a currency code that must be there.
    pub(crate) fn required_currency<const N: usize>(&self, paths: [&str; N]) -> Result<String, ExtractError> {
        self.currency(paths)?.ok_or_else(|| self.missing(paths))
    }

    /// Reads a reference: an id, or the id of the object in its place.
    pub(crate) fn reference<const N: usize>(&self, paths: [&str; N]) -> Result<Option<String>, ExtractError> {
        self.first(paths, |path, value| {
            let id = match value {
                Value::String(id) => Some(id),
                Value::Object(object) => match object.get("id") {
                    Some(Value::String(id)) => Some(id),
                    _ => None,
                },
                _ => None,
            };
            match id {
                Some(id) => self.checked_id(path, id),
                None => Err(self.unexpected(path, value, "an id or an object with an id")),
            }
        })
    }

    /// Reads an expandable field as it is shown.
    pub(crate) fn expandable<const N: usize>(
        &self,
        paths: [&str; N],
    ) -> Result<Option<Expandable<'a>>, ExtractError> {
        self.first(paths, |path, value| self.entry(self.place(path), value).map(Some))
    }

    /// Reads money in minor units.
    pub(crate) fn amount<const N: usize>(&self, paths: [&str; N]) -> Result<Option<i64>, ExtractError> {
        self.first(paths, |path, value| match integer(value) {
            Some(amount) if amount.unsigned_abs() <= LARGEST_AMOUNT.unsigned_abs() => Ok(Some(amount)),
            Some(_) => Err(self.unexpected(path, value, "at most 10^15 minor units")),
            None => Err(self.unexpected(path, value, "a whole number of minor units")),
        })
    }

    /// Reads money that must be there.
    pub(crate) fn required_amount<const N: usize>(&self, paths: [&str; N]) -> Result<i64, ExtractError> {
        self.amount(paths)?.ok_or_else(|| self.missing(paths))
    }

    /// Adds up amounts that the list at `path` shows.
    pub(crate) fn total(&self, path: &str, total: i64, amount: i64) -> Result<i64, ExtractError> {
        let total = total.checked_add(amount).filter(|total| total.abs() <= LARGEST_AMOUNT);
        total.ok_or_else(|| self.problem(path, "add up to more than can be counted"))
    }

    /// Reads a whole number.
    pub(crate) fn count<const N: usize>(&self, paths: [&str; N]) -> Result<Option<i64>, ExtractError> {
        self.first(paths, |path, value| match integer(value) {
            Some(count) => Ok(Some(count)),
            None => Err(self.unexpected(path, value, "a whole number")),
        })
    }

    /// Reads a whole number that something is divided by.
    pub(crate) fn divisor<const N: usize>(&self, paths: [&str; N]) -> Result<Option<i64>, ExtractError> {
        self.first(paths, |path, value| match integer(value) {
            Some(divisor) if divisor > 0 => Ok(Some(divisor)),
            _ => Err(self.unexpected(path, value, "a whole number above zero")),
        })
    }

    /// Reads a decimal number as text.
    pub(crate) fn decimal<const N: usize>(&self, paths: [&str; N]) -> Result<Option<String>, ExtractError> {
        self.first(paths, |path, value| match decimals::read(value) {
            Some(decimal) => Ok(Some(decimal)),
            None => Err(self.unexpected(path, value, "a decimal number")),
        })
    }

    /// Reads a truth value; an absent one is false.
    pub(crate) fn flag<const N: usize>(&self, paths: [&str; N]) -> Result<bool, ExtractError> {
        let flag = self.first(paths, |path, value| match value {
            Value::Bool(flag) => Ok(Some(*flag)),
            other => Err(self.unexpected(path, other, "true or false")),
        })?;
        Ok(flag.unwrap_or(false))
    }

    /// Reads an instant from unix seconds.
    pub(crate) fn instant<const N: usize>(
        &self,
        paths: [&str; N],
    ) -> Result<Option<DateTime<Utc>>, ExtractError> {
        self.first(paths, |path, value| match instant(value) {
            Some(instant) => Ok(Some(instant)),
            None => Err(self.unexpected(path, value, "unix seconds between the years 1970 and 9999")),
        })
    }

    /// Reads an object that is never shown as an id.
    pub(crate) fn child<const N: usize>(&self, paths: [&str; N]) -> Result<Option<Self>, ExtractError> {
        self.first(paths, |path, value| match value {
            Value::Object(map) => Ok(Some(self.inner(map, self.place(path)))),
            other => Err(self.unexpected(path, other, "an object")),
        })
    }

    /// Reads a list; an absent one is empty.
    pub(crate) fn list<const N: usize>(&self, paths: [&str; N]) -> Result<Nested<'a>, ExtractError> {
        Ok(self.first(paths, |path, value| self.nested(path, value).map(Some))?.unwrap_or_default())
    }

    /// Makes the error that one of these fields should have been there.
    pub(crate) fn missing<const N: usize>(&self, paths: [&str; N]) -> ExtractError {
        let path = paths.first().copied().unwrap_or_default();
        self.problem(path, "is missing")
    }

    /// Makes an error about a field.
    pub(crate) fn problem(&self, path: &str, problem: impl Into<String>) -> ExtractError {
        let id = clean(self.id).map_or_else(|| "without id".to_owned(), |id| cut(&id));
        ExtractError { kind: self.kind, id, path: self.place(path), problem: problem.into() }
    }

    fn find(&self, path: &str) -> Option<&'a Value> {
        let mut steps = path.split('.');
        let mut value = self.map.get(steps.next()?)?;
        for step in steps {
            value = value.as_object()?.get(step)?;
        }
        (!value.is_null()).then_some(value)
    }

    fn first<const N: usize, T>(
        &self,
        paths: [&str; N],
        read: impl Fn(&str, &'a Value) -> Result<Option<T>, ExtractError>,
    ) -> Result<Option<T>, ExtractError> {
        for path in paths {
            if let Some(value) = self.find(path)
                && let Some(found) = read(path, value)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn checked_id(&self, path: &str, id: &str) -> Result<Option<String>, ExtractError> {
        if id.len() > LONGEST_ID {
            let expected = format!("an id of at most {LONGEST_ID} bytes");
            return Err(self.problem(path, format!("is {}, expected {expected}", shown_text(id))));
        }
        Ok(clean(id))
    }

    fn nested(&self, path: &str, value: &'a Value) -> Result<Nested<'a>, ExtractError> {
        let (entries, has_more, total) = match value {
            Value::Array(entries) => (entries, false, None),
            Value::Object(page) => match page.get("data") {
                Some(Value::Array(entries)) => {
                    let has_more = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
                    (entries, has_more, page.get("total_count").and_then(Value::as_u64))
                }
                _ => return Err(self.problem(&format!("{path}.data"), "is missing")),
            },
            other => return Err(self.unexpected(path, other, "a list")),
        };
        let data = if value.is_array() { "" } else { ".data" };
        let entries = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| self.entry(format!("{}{data}[{index}]", self.place(path)), entry))
            .collect::<Result<_, _>>()?;
        Ok(Nested { entries, has_more, total })
    }

    fn entry(&self, place: String, value: &'a Value) -> Result<Expandable<'a>, ExtractError> {
        match value {
            Value::String(id) => {
                let id = self.inner(self.map, place).checked_id("", id)?;
                Ok(Expandable::Id(id.unwrap_or_default()))
            }
            Value::Object(map) => Ok(Expandable::Object(self.inner(map, place))),
            other => Err(self.inner(self.map, place).unexpected("", other, "an id or an object")),
        }
    }

    fn inner(&self, map: &'a Map<String, Value>, path: String) -> Self {
        Self { map, kind: self.kind, id: self.id, path }
    }

    fn unexpected(&self, path: &str, value: &Value, expected: &str) -> ExtractError {
        self.problem(path, format!("is {}, expected {expected}", shown(value)))
    }

    fn place(&self, path: &str) -> String {
        match (self.path.as_str(), path) {
            ("", path) => path.to_owned(),
            (own, "") => own.to_owned(),
            (own, path) => format!("{own}.{path}"),
        }
    }
}

impl<'a> Nested<'a> {
    /// The entries as they are shown.
    pub(crate) fn entries(&self) -> &[Expandable<'a>] {
        &self.entries
    }

    /// The entries that are shown as objects; ids are passed over.
    pub(crate) fn expanded(&self) -> impl Iterator<Item = &Fields<'a>> {
        self.entries.iter().filter_map(|entry| match entry {
            Expandable::Id(_) => None,
            Expandable::Object(object) => Some(object),
        })
    }

    /// Whether there are entries that are not shown as objects.
    pub(crate) fn is_cut(&self) -> bool {
        self.has_more || self.expanded().count() < self.entries.len()
    }

    /// How many entries there are, where the list says so.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }
}

/// Reads an instant from unix seconds; `None` outside the years 1970 to 9999.
pub(crate) fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let seconds = integer(value).filter(|seconds| (0..=LAST_SECOND).contains(seconds))?;
    DateTime::from_timestamp(seconds, 0)
}

/// Strips U+0000, which Postgres refuses in text; `None` where nothing is left.
pub(crate) fn clean(text: &str) -> Option<String> {
    let clean = text.replace('\0', "");
    (!clean.is_empty()).then_some(clean)
}

/// Names a value for an error without repeating all of it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => shown_text(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn shown_text(text: &str) -> String {
    if text.chars().count() <= LONGEST_SHOWN {
        return format!("{text:?}");
    }
    format!("{:?}…", text.chars().take(LONGEST_SHOWN).collect::<String>())
}

/// An id as far as an error shows it; those that Stripe makes are shown whole.
fn cut(id: &str) -> String {
    if id.len() <= LONGEST_ID {
        return id.to_owned();
    }
    format!("{}…", id.chars().take(LONGEST_SHOWN).collect::<String>())
}

fn is_currency(code: &str) -> bool {
    (3..=8).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Reads a whole number, also one that some program wrote as `1e3` or `5.0`.
fn integer(value: &Value) -> Option<i64> {
    /// Up to here a float holds every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = value.as_number()?;
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)?;
        format!("{float:.0}").parse().ok()
    })
}

//! Where product events and usage are written down.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use growth_track::{Event, Usage};
use serde_json::Value;

/// Who sends the events.
const SOURCE: &str = "demo";

/// The application in which contacts are searched, enriched and exported.
pub(super) const ENRICH: &str = "enrich";

/// The application in which pitches and campaigns are tracked.
pub(super) const TRACKER: &str = "tracker";

/// The application in which plans are bought.
pub(super) const ACCOUNT: &str = "account";

/// The events and usage so far.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    end: DateTime<Utc>,
    events: Vec<Event>,
    usage: BTreeMap<(NaiveDate, String, &'static str), Usage>,
}

impl Journal {
    pub(super) fn new(end: DateTime<Utc>) -> Self {
        Self { end, events: Vec::new(), usage: BTreeMap::new() }
    }

    /// Tells whether an instant is later than the end.
    pub(super) fn is_over(&self, at: DateTime<Utc>) -> bool {
        at > self.end
    }

    /// Writes an event down, unless it is later than the end; tells whether it did.
    pub(super) fn record(&mut self, event: Event) -> bool {
        let happens = !self.is_over(event.at);
        if happens {
            self.events.push(event);
        }
        happens
    }

    /// Returns a user's counters of a day and application.
    pub(super) fn usage(&mut self, user: &str, date: NaiveDate, app: &'static str) -> &mut Usage {
        let fresh = || Usage { user: user.to_owned(), date, app: app.to_owned(), ..Usage::default() };
        self.usage.entry((date, user.to_owned(), app)).or_insert_with(fresh)
    }

    /// Returns the events in order of time, numbered, and the counters by day.
    pub(super) fn close(mut self) -> (Vec<Event>, Vec<Usage>) {
        self.events.sort_by_key(|event| event.at);
        for (number, event) in self.events.iter_mut().enumerate() {
            event.message_id = Some(format!("{SOURCE}-{:06}", number + 1));
        }
        (self.events, self.usage.into_values().collect())
    }
}

/// Makes an event that went well.
pub(super) fn event(
    user: Option<&str>,
    at: DateTime<Utc>,
    app: &str,
    name: &str,
    properties: Value,
) -> Event {
    Event {
        source: SOURCE.to_owned(),
        user: user.map(str::to_owned),
        properties,
        ..Event::new(name, at).app(app)
    }
}

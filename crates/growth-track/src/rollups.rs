//! What the figures need of events, gathered by day and user.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use growth_db::rows::events::CountedRow;
use growth_db::rows::{ActivityRow, DailyEventRow, EventRow, MilestoneRow};
use growth_db::{Error as DbError, Tx, table};
use growth_domain::catalogue::EventStatus;
use growth_domain::window::day_of;

use crate::accepted::contacts;

/// The event with which a user signs up.
const SIGNED_UP: &str = "user_signed_up";

/// What the rollups of an event are made of.
struct Told<'a> {
    user_id: i64,
    at: DateTime<Utc>,
    name: &'a str,
    app: &'a str,
    status: &'a str,
    duration_ms: Option<i64>,
    active: bool,
    contacts: i64,
}

/// The rollups of a set of events.
#[derive(Debug)]
pub(crate) struct Rollups {
    time_zone: Tz,
    activation_event: String,
    activity: BTreeMap<(NaiveDate, i64), ActivityRow>,
    daily: BTreeMap<NaiveDate, BTreeMap<String, BTreeMap<String, DailyEventRow>>>,
    milestones: BTreeMap<i64, MilestoneRow>,
}

impl Rollups {
    pub(crate) fn new(time_zone: Tz, activation_event: &str) -> Self {
        Self {
            time_zone,
            activation_event: activation_event.to_owned(),
            activity: BTreeMap::new(),
            daily: BTreeMap::new(),
            milestones: BTreeMap::new(),
        }
    }

    /// Adds a stored event.
    pub(crate) fn add(&mut self, event: &EventRow) {
        self.add_told(&Told {
            user_id: event.user_id,
            at: event.created_at,
            name: &event.event_name,
            app: &event.app_name,
            status: &event.status,
            duration_ms: event.duration_ms,
            active: event.active,
            contacts: contacts(event.properties.0.get("contacts")),
        });
    }

    /// Adds an event that is read back.
    pub(crate) fn add_read(&mut self, event: &CountedRow) {
        let property = event.contacts.as_deref().and_then(|text| serde_json::from_str(text).ok());
        self.add_told(&Told {
            user_id: event.user_id,
            at: event.created_at,
            name: &event.event_name,
            app: &event.app_name,
            status: &event.status,
            duration_ms: event.duration_ms,
            active: event.active,
            contacts: contacts(property.as_ref()),
        });
    }

    fn add_told(&mut self, event: &Told<'_>) {
        let day = day_of(event.at, self.time_zone);
        if event.active {
            self.add_activity(event, day);
        }
        self.add_daily(event, day);
        if event.user_id != 0 {
            self.add_milestones(event);
        }
    }

    fn add_activity(&mut self, event: &Told<'_>, day: NaiveDate) {
        let month = day.with_day(1).unwrap_or(day);
        self.merge_activity(&ActivityRow { month, user_id: event.user_id, days: 1 << day.day0(), n: 1 });
    }

    /// Adds a row that is taken from elsewhere.
    pub(crate) fn merge_activity(&mut self, row: &ActivityRow) {
        let key = (row.month, row.user_id);
        let activity =
            self.activity.entry(key).or_insert_with(|| ActivityRow { days: 0, n: 0, ..row.clone() });
        activity.days |= row.days;
        activity.n += row.n;
    }

    fn add_daily(&mut self, event: &Told<'_>, day: NaiveDate) {
        let of_day = self.daily.entry(day).or_default();
        // Almost every event is of a name and an application that came before.
        if !of_day.get(event.name).is_some_and(|apps| apps.contains_key(event.app)) {
            let row = empty(day, event);
            of_day.entry(event.name.to_owned()).or_default().insert(event.app.to_owned(), row);
        }
        let Some(daily) = of_day.get_mut(event.name).and_then(|apps| apps.get_mut(event.app)) else { return };
        daily.n += 1;
        daily.successes += i64::from(event.status == EventStatus::Success.as_str());
        daily.failures += i64::from(event.status == EventStatus::Failed.as_str());
        daily.duration_ms += event.duration_ms.unwrap_or(0);
        daily.contacts += event.contacts;
    }

    fn add_milestones(&mut self, event: &Told<'_>) {
        let at = Some(event.at);
        let activates = event.name == self.activation_event && event.status == EventStatus::Success.as_str();
        let row = MilestoneRow {
            user_id: event.user_id,
            first_seen_at: at,
            signed_up_at: at.filter(|_| event.name == SIGNED_UP),
            activated_at: at.filter(|_| activates),
            last_seen_at: at.filter(|_| event.active),
        };
        self.merge_milestones(row);
    }

    /// Adds a row that is taken from elsewhere.
    pub(crate) fn merge_milestones(&mut self, row: MilestoneRow) {
        let Some(milestones) = self.milestones.get_mut(&row.user_id) else {
            self.milestones.insert(row.user_id, row);
            return;
        };
        milestones.first_seen_at = earliest(milestones.first_seen_at, row.first_seen_at);
        milestones.signed_up_at = earliest(milestones.signed_up_at, row.signed_up_at);
        milestones.activated_at = earliest(milestones.activated_at, row.activated_at);
        milestones.last_seen_at = milestones.last_seen_at.max(row.last_seen_at);
    }

    /// Merges them into the tables; those that most writers share come last, so that they wait least.
    pub(crate) async fn store(self, tx: &mut Tx) -> Result<(), DbError> {
        table::merge(tx, &rows(self.milestones)).await?;
        table::merge(tx, &rows(self.activity)).await?;
        table::merge(tx, &days(self.daily)).await
    }

    /// Merges them into what is kept when their events go.
    pub(crate) async fn keep(self, tx: &mut Tx) -> Result<(), DbError> {
        table::keep(tx, &rows(self.milestones)).await?;
        table::keep(tx, &rows(self.activity)).await?;
        table::keep(tx, &days(self.daily)).await
    }

    /// How many rows are gathered of users.
    pub(crate) fn users(&self) -> usize {
        self.activity.len() + self.milestones.len()
    }

    /// Merges what is gathered of users into the tables, and goes on with the days alone.
    pub(crate) async fn store_users(&mut self, tx: &mut Tx) -> Result<(), DbError> {
        table::merge(tx, &rows(std::mem::take(&mut self.milestones))).await?;
        table::merge(tx, &rows(std::mem::take(&mut self.activity))).await
    }

    /// The same into what is kept.
    pub(crate) async fn keep_users(&mut self, tx: &mut Tx) -> Result<(), DbError> {
        table::keep(tx, &rows(std::mem::take(&mut self.milestones))).await?;
        table::keep(tx, &rows(std::mem::take(&mut self.activity))).await
    }
}

fn earliest(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

fn empty(day: NaiveDate, event: &Told<'_>) -> DailyEventRow {
    DailyEventRow {
        day,
        event_name: event.name.to_owned(),
        app_name: event.app.to_owned(),
        n: 0,
        successes: 0,
        failures: 0,
        duration_ms: 0,
        contacts: 0,
    }
}

fn days<D, N, A, T>(by_day: BTreeMap<D, BTreeMap<N, BTreeMap<A, T>>>) -> Vec<T> {
    by_day.into_values().flat_map(BTreeMap::into_values).flat_map(BTreeMap::into_values).collect()
}

fn rows<K, T>(by_key: BTreeMap<K, T>) -> Vec<T> {
    by_key.into_values().collect()
}

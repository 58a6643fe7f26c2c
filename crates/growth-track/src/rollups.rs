//! What the figures need of events, gathered by day and user.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use growth_db::rows::{ActivityRow, DailyEventRow, EventRow, MilestoneRow};
use growth_db::{Error as DbError, Tx, table};
use growth_domain::catalogue::EventStatus;
use growth_domain::window::day_of;

use crate::accepted::contacts;
use crate::record::Settings;

/// The event with which a user signs up.
const SIGNED_UP: &str = "user_signed_up";

/// The rollups of a set of events.
#[derive(Debug)]
pub(crate) struct Rollups<'a> {
    settings: &'a Settings,
    activity: BTreeMap<(NaiveDate, i64), ActivityRow>,
    daily: BTreeMap<(NaiveDate, &'a str, &'a str), DailyEventRow>,
    milestones: BTreeMap<i64, MilestoneRow>,
}

impl<'a> Rollups<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self { settings, activity: BTreeMap::new(), daily: BTreeMap::new(), milestones: BTreeMap::new() }
    }

    /// Adds a stored event.
    pub(crate) fn add(&mut self, event: &'a EventRow) {
        let day = day_of(event.created_at, self.settings.time_zone);
        self.add_activity(event, day);
        self.add_daily(event, day);
        if event.user_id != 0 {
            self.add_milestones(event);
        }
    }

    fn add_activity(&mut self, event: &EventRow, day: NaiveDate) {
        let month = day.with_day(1).unwrap_or(day);
        let activity = self.activity.entry((month, event.user_id)).or_insert_with(|| ActivityRow {
            month,
            user_id: event.user_id,
            days: 0,
            n: 0,
        });
        activity.days |= 1 << day.day0();
        activity.n += 1;
    }

    fn add_daily(&mut self, event: &'a EventRow, day: NaiveDate) {
        let daily =
            self.daily.entry((day, &event.event_name, &event.app_name)).or_insert_with(|| DailyEventRow {
                day,
                event_name: event.event_name.clone(),
                app_name: event.app_name.clone(),
                n: 0,
                successes: 0,
                failures: 0,
                duration_ms: 0,
                contacts: 0,
            });
        daily.n += 1;
        daily.successes += i64::from(event.status == EventStatus::Success.as_str());
        daily.failures += i64::from(event.status == EventStatus::Failed.as_str());
        daily.duration_ms += event.duration_ms.unwrap_or(0);
        daily.contacts += contacts(&event.properties.0);
    }

    fn add_milestones(&mut self, event: &EventRow) {
        let at = Some(event.created_at);
        let activates = event.event_name == self.settings.activation_event
            && event.status == EventStatus::Success.as_str();
        let milestones = self.milestones.entry(event.user_id).or_insert_with(|| MilestoneRow {
            user_id: event.user_id,
            first_seen_at: at,
            signed_up_at: None,
            activated_at: None,
            last_seen_at: at,
        });
        milestones.first_seen_at = milestones.first_seen_at.min(at);
        milestones.last_seen_at = milestones.last_seen_at.max(at);
        if event.event_name == SIGNED_UP {
            milestones.signed_up_at = milestones.signed_up_at.min(at).or(at);
        }
        if activates {
            milestones.activated_at = milestones.activated_at.min(at).or(at);
        }
    }

    /// Merges them into the tables; those that most writers share come last, so that they wait least.
    pub(crate) async fn store(self, tx: &mut Tx) -> Result<(), DbError> {
        table::merge(tx, &rows(self.milestones)).await?;
        table::merge(tx, &rows(self.activity)).await?;
        table::merge(tx, &rows(self.daily)).await
    }
}

fn rows<K, T>(by_key: BTreeMap<K, T>) -> Vec<T> {
    by_key.into_values().collect()
}

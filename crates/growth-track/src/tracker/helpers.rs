//! The things that most products tell, with their types.

use chrono::{DateTime, Utc};
use growth_domain::catalogue::EventStatus;
use growth_domain::window::day_of;

use super::{TrackError, Tracker};
use crate::event::{Counters, Usage};

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A table.
    Csv,
    /// Objects.
    Json,
    /// Rows of the campaign tracker.
    Tracker,
}

impl ExportFormat {
    fn events(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("export_csv_started", "export_csv_completed"),
            Self::Json => ("export_json_started", "export_json_completed"),
            Self::Tracker => ("export_tracker_started", "export_tracker_completed"),
        }
    }
}

/// The nine helpers. Each takes the application's user id, and happens now; [`Tracker::track`] is there for anything
/// that they do not say.
impl Tracker {
    /// A user signed up: `user_signed_up`.
    ///
    /// # Errors
    ///
    /// See [`Tracker::track`].
    pub fn user_signed_up(&self, user: &str) -> Result<(), TrackError> {
        self.track(self.event("user_signed_up").user(user))
    }

    /// An enrichment of so many contacts began: `enrichment_started`.
    ///
    /// # Errors
    ///
    /// See [`Tracker::track`].
    pub fn enrichment_started(&self, user: &str, contacts: i64) -> Result<(), TrackError> {
        // What was asked for is no result: the property `contacts` counts those that were enriched.
        let event = self.event("enrichment_started").user(user).property("requested", contacts);
        self.track(event.status(EventStatus::Pending))
    }

    /// So many contacts were enriched, in so many milliseconds: `enrichment_completed`.
    ///
    /// # Errors
    ///
    /// See [`Tracker::track`].
    pub fn enrichment_completed(
        &self,
        user: &str,
        contacts: i64,
        duration_ms: i64,
    ) -> Result<(), TrackError> {
        let event = self.event("enrichment_completed").user(user).property("contacts", contacts);
        self.track(event.duration_ms(duration_ms))
    }

    /// An enrichment failed: `enrichment_failed`.
    ///
    /// # Errors
    ///
    /// See [`Tracker::track`].
    pub fn enrichment_failed(&self, user: &str, why: &str) -> Result<(), TrackError> {
        self.track(self.event("enrichment_failed").user(user).failed(why))
    }

    /// So many rows were exported, or an export began where there are none yet: `export_csv_completed` and its kin.
    ///
    /// # Errors
    ///
    /// See [`Tracker::track`].
    pub fn export(&self, user: &str, format: ExportFormat, rows: Option<i64>) -> Result<(), TrackError> {
        let (started, completed) = format.events();
        match rows {
            Some(rows) => self.track(self.event(completed).user(user).property("rows", rows)),
            None => self.track(self.event(started).user(user).status(EventStatus::Pending)),
        }
    }

    /// A user went to the checkout for a plan: `checkout_started`.
    ///
    /// # Errors
    ///
    /// See [`Tracker::track`].
    pub fn checkout_started(&self, user: &str, plan: &str) -> Result<(), TrackError> {
        self.track(
            self.event("checkout_started").user(user).property("plan", plan).status(EventStatus::Pending),
        )
    }

    /// A user came back from the checkout: `checkout_completed`. What was paid is Stripe's to tell.
    ///
    /// # Errors
    ///
    /// See [`Tracker::track`].
    pub fn checkout_completed(&self, user: &str, plan: &str) -> Result<(), TrackError> {
        self.track(self.event("checkout_completed").user(user).property("plan", plan))
    }

    /// A user used a feature: `feature_used`.
    ///
    /// # Errors
    ///
    /// See [`Tracker::track`].
    pub fn feature_used(&self, user: &str, feature: &str) -> Result<(), TrackError> {
        self.track(self.event("feature_used").user(user).property("feature", feature))
    }

    /// Adds to a user's usage counters of today, which is the day in [`Counting::time_zone`](crate::Counting), or in
    /// UTC where that is not set.
    ///
    /// # Errors
    ///
    /// See [`Tracker::count`].
    pub fn increment_usage_counter(&self, user: &str, by: Counters) -> Result<(), TrackError> {
        let options = &self.inner.options;
        let now: DateTime<Utc> = (options.clock)();
        self.count(Usage {
            user: user.to_owned(),
            date: day_of(now, options.counting.time_zone.unwrap_or(chrono_tz::UTC)),
            app: options.app.clone(),
            counters: by,
            ..Usage::default()
        })
    }
}

//! Product events, their rollups, and usage counters.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::types::Json;

use crate::table::{Kept, Merge, Rollup};

table! {
    /// A product event.
    pub struct EventRow: "events" ("user_id", "created_at", "id") {
        /// `users.id`, 0 for none.
        user_id: i64,
        /// When it happened.
        created_at: DateTime<Utc>,
        /// Tells events of one user in the same microsecond apart.
        id: i64,
        /// A name of the catalogue, or a custom one.
        event_name: String,
        /// One of the six categories.
        event_category: String,
        /// The application.
        app_name: String,
        /// The session.
        session_id: Option<String>,
        /// A JSON object.
        properties: Json<Value>,
        /// Milliseconds.
        duration_ms: Option<i64>,
        /// `success`, `failed` or `pending`.
        status: String,
        /// What went wrong.
        error_message: Option<String>,
        /// A digest of the client's address that is comparable for a day.
        ip_hash: Option<String>,
        /// The client.
        user_agent: Option<String>,
        /// The page before.
        referrer: Option<String>,
        /// Whether it shows that the user is there.
        active: bool,
        /// The client's address, where it is kept.
        ip: Option<String>,
    }
}

table! {
    /// A client message id already seen.
    pub struct ReceiptRow: "event_receipts" ("source", "message_id") {
        /// Who sent it.
        source: String,
        /// Its id there.
        message_id: String,
        /// When it arrived.
        received_at: DateTime<Utc>,
    }
}

table! {
    /// The days of a month on which a user was active.
    pub struct ActivityRow: "user_activity" ("month", "user_id") {
        /// The month's first day.
        month: NaiveDate,
        /// `users.id`, 0 for none.
        user_id: i64,
        /// Bit n-1 is the n-th local day.
        days: i64,
        /// Events in the month.
        n: i64,
    }
}

impl Rollup for ActivityRow {
    const MERGE: &'static [(&'static str, Merge)] = &[("days", Merge::Bits), ("n", Merge::Sum)];
}

impl Kept for ActivityRow {
    const KEPT: &'static str = "kept_activity";
}

table! {
    /// The events of one name on one local day.
    pub struct DailyEventRow: "daily_event" ("day", "event_name", "app_name") {
        /// The local day.
        day: NaiveDate,
        /// The event's name.
        event_name: String,
        /// The application.
        app_name: String,
        /// How many.
        n: i64,
        /// How many with status `success`.
        successes: i64,
        /// How many with status `failed`.
        failures: i64,
        /// The sum of their durations in milliseconds.
        duration_ms: i64,
        /// The sum of their property `contacts`.
        contacts: i64,
    }
}

impl Rollup for DailyEventRow {
    const MERGE: &'static [(&'static str, Merge)] = &[
        ("n", Merge::Sum),
        ("successes", Merge::Sum),
        ("failures", Merge::Sum),
        ("duration_ms", Merge::Sum),
        ("contacts", Merge::Sum),
    ];
}

impl Kept for DailyEventRow {
    const KEPT: &'static str = "kept_daily_event";
}

table! {
    /// A user's firsts and lasts.
    pub struct MilestoneRow: "user_milestones" ("user_id") {
        /// `users.id`
        user_id: i64,
        /// The first event of any name.
        first_seen_at: Option<DateTime<Utc>>,
        /// The first `user_signed_up`.
        signed_up_at: Option<DateTime<Utc>>,
        /// The first activation event.
        activated_at: Option<DateTime<Utc>>,
        /// The last event of any name.
        last_seen_at: Option<DateTime<Utc>>,
    }
}

impl Rollup for MilestoneRow {
    const MERGE: &'static [(&'static str, Merge)] = &[
        ("first_seen_at", Merge::Earliest),
        ("signed_up_at", Merge::Earliest),
        ("activated_at", Merge::Earliest),
        ("last_seen_at", Merge::Latest),
    ];
}

impl Kept for MilestoneRow {
    const KEPT: &'static str = "kept_milestones";
}

table! {
    /// A user's usage on one local day.
    pub struct UsageRow: "usage_counters" ("user_id", "date", "app_name") {
        /// `users.id`
        user_id: i64,
        /// The local day.
        date: NaiveDate,
        /// The application.
        app_name: String,
        /// Contacts enriched.
        enrichments: i64,
        /// Searches made.
        searches: i64,
        /// Files exported.
        exports: i64,
        /// Pitches generated.
        pitches_generated: i64,
        /// E-mails sent.
        emails_sent: i64,
        /// Campaigns created.
        campaigns_created: i64,
        /// Contacts added.
        contacts_added: i64,
        /// Sessions begun.
        sessions: i64,
        /// Milliseconds.
        session_duration_ms: i64,
        /// When it last changed.
        updated_at: DateTime<Utc>,
    }
}

impl Rollup for UsageRow {
    const MERGE: &'static [(&'static str, Merge)] = &[
        ("enrichments", Merge::Sum),
        ("searches", Merge::Sum),
        ("exports", Merge::Sum),
        ("pitches_generated", Merge::Sum),
        ("emails_sent", Merge::Sum),
        ("campaigns_created", Merge::Sum),
        ("contacts_added", Merge::Sum),
        ("sessions", Merge::Sum),
        ("session_duration_ms", Merge::Sum),
        ("updated_at", Merge::Latest),
    ];
}

//! What the tests record.

use chrono::{DateTime, Utc};
use chrono_tz::Europe::London;
use growth_db::{Db, query};
use growth_track::{Event, Settings};
use serde_json::json;

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn settings() -> Settings {
    Settings {
        time_zone: London,
        activation_event: "enrichment_completed".to_owned(),
        received_at: at("2026-12-31T12:00:00Z"),
    }
}

/// A search by `ann` at noon of 1 July 2026, without a message id.
pub(crate) fn search() -> Event {
    Event {
        message_id: None,
        source: "test".to_owned(),
        user: Some("ann".to_owned()),
        at: at("2026-07-01T12:00:00Z"),
        name: "search_performed".to_owned(),
        category: None,
        app: "finder".to_owned(),
        session_id: None,
        properties: json!({}),
        duration_ms: None,
        status: "success".to_owned(),
        error_message: None,
    }
}

/// The same with a message id.
pub(crate) fn message(id: &str) -> Event {
    Event { message_id: Some(id.to_owned()), ..search() }
}

/// The only number that a statement answers with.
pub(crate) async fn number(db: &Db, sql: &'static str) -> i64 {
    query(db, sql).fetch_one::<(i64,)>().await.unwrap().0
}

/// How many rows there are in `events`, `event_receipts`, `users`, and how many events the rollups know of.
pub(crate) async fn counts(db: &Db) -> [i64; 5] {
    [
        number(db, "SELECT COUNT(*) FROM events").await,
        number(db, "SELECT COUNT(*) FROM event_receipts").await,
        number(db, "SELECT COUNT(*) FROM users").await,
        number(db, "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM user_activity").await,
        number(db, "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM daily_event").await,
    ]
}

//! What the tests record.

use chrono::{DateTime, Utc};
use chrono_tz::Europe::London;
use growth_db::{Db, query};
use growth_track::{Counting, Event, Settings};

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn settings() -> Settings {
    Settings {
        counting: Counting {
            time_zone: Some(London),
            activation_event: Some("enrichment_completed".to_owned()),
        },
        ..Settings::new(at("2026-12-31T12:00:00Z"))
    }
}

/// A search by `ann` at noon of 1 July 2026, without a message id.
pub(crate) fn search() -> Event {
    let event = Event::new("search_performed", at("2026-07-01T12:00:00Z")).user("ann").app("finder");
    Event { source: "test".to_owned(), ..event }
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

//! Databases filled with the sample business, through the doors that real data takes.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use growth_db::Db;
use growth_demo::business::Business;
use growth_ingest::{Intake, Source, ingest, link_waiting_users};
use growth_metrics::{Goal, Request};
use growth_track::{Counting, Settings, count_usage, record, upsert_users};

use crate::place;

const BATCH: usize = 1000;

/// The lengths of the windows that are asked for.
pub(crate) const DAYS: [u32; 5] = [1, 7, 30, 90, 365];

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Tells an empty database of everything that the business does until `end`.
pub(crate) async fn fill(db: &Db, business: &Business, end: DateTime<Utc>, zone: Tz) {
    upsert_users(db, &business.users).await.unwrap();
    let intake = Intake { source: Source::File, received_at: end, livemode: true, account: String::new() };
    for events in business.stripe_events.chunks(BATCH) {
        let documents = events.iter().map(|event| (event.to_string(), event.clone())).collect();
        let summary = ingest(db, intake.clone(), documents).await.unwrap();
        assert!(summary.is_complete(), "{summary:?}");
    }
    let counting = Counting { time_zone: Some(zone), activation_event: None };
    let settings = Settings { counting, ..Settings::new(end) };
    for events in business.events.chunks(BATCH) {
        assert_eq!(record(db, events, &settings).await.unwrap().rejected, []);
    }
    for usage in business.usage.chunks(BATCH) {
        count_usage(db, usage, end).await.unwrap();
    }
    while link_waiting_users(db).await.unwrap() > 0 {}
}

/// Asks for so many days of the business, which has a goal of 500.00 GBP a month.
pub(crate) fn request(end: DateTime<Utc>, days: u32, zone: Tz) -> Request {
    let goal = Some(Goal { currency: "gbp".into(), amount: 50_000 });
    Request { goal, ..place::request(end, days, zone) }
}

//! Small histories, and the snapshot of a window over them.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use growth_db::Db;
use growth_ingest::{Intake, Source, ingest};
use growth_metrics::{GrowthSnapshot, Request, snapshot};
use serde_json::{Value, json};

/// Midnight in UTC of a day in January 2026, from 1.
pub(crate) fn january(day: i64) -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(day - 1)
}

/// An event in live mode, of the own account where `account` is empty.
pub(crate) fn event(id: &str, event_type: &str, at: DateTime<Utc>, object: &Value) -> Value {
    json!({"object": "event", "id": id, "type": event_type, "created": at.timestamp(), "livemode": true,
        "data": {"object": object}})
}

pub(crate) fn charge(id: &str, at: DateTime<Utc>, changes: &Value) -> Value {
    let mut charge = json!({"object": "charge", "id": id, "amount": 1000, "amount_captured": 1000, "captured": true,
        "amount_refunded": 0, "currency": "gbp", "created": at.timestamp(), "status": "succeeded", "customer": "cus_1"});
    charge.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    charge
}

pub(crate) fn subscription(id: &str, at: DateTime<Utc>, quantity: i64, changes: &Value) -> Value {
    let price = json!({"object": "price", "id": "price_1", "currency": "gbp", "unit_amount": 1000, "type": "recurring",
        "billing_scheme": "per_unit", "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
    let mut subscription = json!({"object": "subscription", "id": id, "customer": "cus_1", "currency": "gbp",
        "created": at.timestamp(), "start_date": at.timestamp(), "status": "active", "discounts": [],
        "items": {"object": "list", "has_more": false, "data": [{"object": "subscription_item",
        "id": format!("si_{id}"), "quantity": quantity, "price": price}]}});
    subscription.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    subscription
}

pub(crate) async fn take_in(db: &Db, events: &[Value]) {
    let intake =
        Intake { source: Source::File, received_at: january(31), livemode: true, account: String::new() };
    let documents = events.iter().map(|event| (event.to_string(), event.clone())).collect();
    let summary = ingest(db, intake, documents).await.unwrap();
    assert!(summary.is_complete(), "{summary:?}");
}

/// The snapshot of so many days until an instant.
pub(crate) async fn seen(db: &Db, end: DateTime<Utc>, days: u32, zone: Tz) -> GrowthSnapshot {
    snapshot(db, &request(end, days, zone)).await.unwrap()
}

/// Asks for so many days until an instant.
pub(crate) fn request(end: DateTime<Utc>, days: u32, zone: Tz) -> Request {
    Request { product: "Test".into(), ..Request::of(end, days, zone).unwrap() }
}

//! Somebody who was forgotten stays out of what Stripe told, and of what it tells again; the money stays.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use growth_db::rows::inbox::Filter;
use growth_db::{Db, query};
use growth_demo::business::Business;
use growth_ingest::{Again, Intake, Person, Source, forget, hold, ingest, link_waiting_users};
use growth_testkit::on_each_engine;
use growth_testkit::tables::whole;
use growth_track::User;
use serde_json::{Value, json};

fn end() -> DateTime<Utc> {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

/// What was paid, refunded and recurs.
async fn money(db: &Db) -> Vec<(i64, i64)> {
    let sql = "SELECT COUNT(*), CAST(SUM(amount) AS BIGINT) FROM payments
        UNION ALL SELECT COUNT(*), CAST(SUM(refund_amount) AS BIGINT) FROM payments
        UNION ALL SELECT COUNT(*), CAST(SUM(mrr_micros) AS BIGINT) FROM subscriptions
        UNION ALL SELECT COUNT(*), CAST(SUM(delta_micros) AS BIGINT) FROM mrr_movements";
    query(db, sql).fetch_all().await.unwrap()
}

/// The lines of the database that say who somebody is.
async fn traces(db: &Db, person: &Person) -> Vec<String> {
    let mut lines = whole(db).await;
    let own = ['"', '\'', ',', ')', ':'];
    lines.retain(|line| {
        let named =
            line.match_indices(&person.external_id).any(|(at, id)| line[at + id.len()..].starts_with(own));
        named || line.contains(person.email.as_ref().unwrap())
    });
    lines
}

async fn take_in(db: &Db, documents: impl Iterator<Item = Value>) {
    let documents: Vec<(String, Value)> =
        documents.map(|document| (document.to_string(), document)).collect();
    let intake = Intake { source: Source::File, received_at: end(), livemode: true, account: String::new() };
    for some in documents.chunks(1000) {
        assert_eq!(ingest(db, intake.clone(), some.to_vec()).await.unwrap().problems, []);
    }
    while link_waiting_users(db).await.unwrap() > 0 {}
}

/// Every object as its last event shows it; an upcoming invoice has no id, and is in no list.
fn objects(business: &Business) -> Vec<Value> {
    let mut latest: BTreeMap<&str, (i64, &Value)> = BTreeMap::new();
    for event in &business.stripe_events {
        let (created, object) = (event["created"].as_i64().unwrap(), &event["data"]["object"]);
        if let Some(id) = object["id"].as_str() {
            let known = latest.entry(id).or_insert((created, object));
            if created >= known.0 {
                *known = (created, object);
            }
        }
    }
    latest.into_values().map(|(_, object)| object.clone()).collect()
}

async fn apply_again(db: &Db) {
    let mut again = Again::new(Filter { states: Vec::new(), since: None, event_types: Vec::new() });
    while !again.next(db).await.unwrap().is_empty() {}
}

on_each_engine! {
    async fn a_payer_is_forgotten_and_every_payment_stays(db: TestDb) {
        let business = Business::sample(3, end());
        growth_track::upsert_users(&db, &business.users).await.unwrap();
        let (first, later) = business.stripe_events.split_at(business.stripe_events.len() * 3 / 4);
        take_in(&db, first.iter().cloned()).await;
        let payers: Vec<(i64, String, String, i64)> = query(&*db,
            "SELECT u.id, u.external_id, u.email, COUNT(*) FROM users u JOIN payments p ON p.user_id = u.id
             WHERE u.email IS NOT NULL GROUP BY u.id, u.external_id, u.email ORDER BY COUNT(*) DESC, u.id LIMIT 1")
            .fetch_all().await.unwrap();
        let [(user_id, external_id, email, payments)] = &payers[..] else { panic!() };
        let person = Person { user_id: *user_id, external_id: external_id.clone(), email: Some(email.clone()) };
        assert!(*payments > 3 && traces(&db, &person).await.len() > 10);
        let before = money(&db).await;

        let mut tx = db.begin().await.unwrap();
        hold(&mut tx).await.unwrap();
        growth_track::forget(&mut tx, external_id, end()).await.unwrap().unwrap();
        let cleared = forget(&mut tx, &person).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(cleared.payments, u64::try_from(*payments).unwrap());
        assert!(cleared.customers == 1 && cleared.documents > 5, "{cleared:?}");
        assert_eq!(traces(&db, &person).await, Vec::<String>::new());
        assert_eq!(money(&db).await, before);
        let (unattributed,): (i64,) = query(&*db, "SELECT COUNT(*) FROM payments WHERE user_id = $1")
            .bind(*user_id).fetch_one().await.unwrap();
        assert_eq!(unattributed, 0);

        // The stored events again, later ones, and what a backfill would read: the objects of all.
        apply_again(&db).await;
        assert_eq!((traces(&db, &person).await, money(&db).await), (Vec::new(), before));
        take_in(&db, later.iter().cloned()).await;
        assert_eq!(traces(&db, &person).await, Vec::<String>::new());
        take_in(&db, objects(&business).into_iter()).await;
        apply_again(&db).await;
        assert_eq!(traces(&db, &person).await, Vec::<String>::new());

        // Nobody else lost anything: the same history, of which nobody was forgotten, has the same money.
        let other = growth_testkit::sqlite().await;
        growth_track::upsert_users(&other, &business.users).await.unwrap();
        take_in(&other, business.stripe_events.iter().cloned()).await;
        take_in(&other, objects(&business).into_iter()).await;
        assert_eq!(money(&other).await, money(&db).await);
    }

    async fn a_guest_who_was_forgotten_stays_out_too(db: TestDb) {
        let guest = User {
            external_id: "gst-1".to_owned(), email: Some("gst@example.com".to_owned()), created_at: end(), is_admin: false,
        };
        growth_track::upsert_users(&db, &[guest]).await.unwrap();
        let event = |id: &str, kind: &str, object: Value| json!({"id": id, "object": "event", "type": kind, "livemode": true,
            "created": end().timestamp(), "data": {"object": object}});
        let session = |id: &str| event(id, "checkout.session.completed", json!({"id": "cs_1", "object": "checkout.session",
            "mode": "payment", "payment_status": "paid", "amount_total": 900, "currency": "gbp", "payment_intent": "pi_1",
            "customer": null, "client_reference_id": "gst-1", "customer_details": {"email": "gst@example.com", "name": "G"}}));
        take_in(&db, [session("evt_1")].into_iter()).await;
        let person = Person { user_id: 1, external_id: "gst-1".to_owned(), email: Some("gst@example.com".to_owned()) };
        let mut tx = db.begin().await.unwrap();
        hold(&mut tx).await.unwrap();
        let forgotten = growth_track::forget(&mut tx, "gst-1", end()).await.unwrap().unwrap();
        let cleared = forget(&mut tx, &Person { user_id: forgotten.user_id, ..person.clone() }).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((cleared.payments, traces(&db, &person).await), (1, Vec::new()));
        take_in(&db, [session("evt_2")].into_iter()).await;
        assert_eq!(traces(&db, &person).await, Vec::<String>::new());
    }
}

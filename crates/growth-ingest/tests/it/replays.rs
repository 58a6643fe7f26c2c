//! What is read again, in another order, or in a better copy.

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::Db;
use growth_db::rows::{CustomerRow, PaymentRow, PricingReferenceRow};
use growth_ingest::{Intake, Source, Summary, ingest, is_empty, prepare, store};
use growth_testkit::{on_each_engine, tables};
use serde_json::{Value, json};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_762_799_400 + seconds, 0).unwrap()
}

fn event(id: &str, event_type: &str, seconds: i64, object: &Value) -> Value {
    json!({"id": id, "object": "event", "created": at(seconds).timestamp(), "livemode": true, "type": event_type,
        "data": {"object": object}})
}

fn customer(name: &str) -> Value {
    json!({"id": "cus_1", "object": "customer", "name": name, "livemode": true})
}

fn charge(amount: &Value) -> Value {
    event(
        "evt_1",
        "charge.succeeded",
        0,
        &json!({"id": "ch_1", "object": "charge", "amount": amount,
        "currency": "gbp", "status": "succeeded", "created": at(0).timestamp()}),
    )
}

fn texts(documents: &[Value]) -> Vec<(String, Value)> {
    documents.iter().map(|document| (document.to_string(), document.clone())).collect()
}

fn intake() -> Intake {
    Intake { source: Source::File, received_at: at(100_000), livemode: true, account: String::new() }
}

async fn take_in(db: &Db, documents: &[Value]) -> Summary {
    ingest(db, intake(), texts(documents)).await.unwrap()
}

on_each_engine! {
    async fn of_two_objects_the_one_that_was_read_later_wins(db: TestDb) {
        let mut intake = intake();
        // More than one batch, and lists among them.
        for n in 0..20 {
            let page = json!({"object": "list", "data": [customer(&format!("{n} a")), customer(&format!("{n} b"))]});
            let prepared = prepare(&intake, texts(&[page, customer(&format!("{n} c"))]));
            assert_eq!(prepared.next_received_at, intake.received_at + TimeDelta::microseconds(3));
            intake.received_at = prepared.next_received_at;
            store(&db, prepared).await.unwrap();
            let [known] = &tables::all::<CustomerRow>(&db, "").await[..] else { panic!() };
            assert_eq!(known.name, Some(format!("{n} c")));
        }
    }

    async fn a_good_copy_repairs_a_failed_event(db: TestDb) {
        let (broken, good) = (charge(&json!("a lot")), charge(&json!(100)));
        for _ in 0..2 {
            let summary = take_in(&db, std::slice::from_ref(&broken)).await;
            assert_eq!((summary.failed, summary.duplicates, summary.problems.len()), (1, 0, 1));
        }
        let summary = take_in(&db, std::slice::from_ref(&good)).await;
        assert_eq!((summary.applied, summary.duplicates), (1, 0));
        let summary = take_in(&db, &[broken]).await;
        assert_eq!((summary.failed, summary.duplicates), (0, 1));
        let [payment] = &tables::all::<PaymentRow>(&db, "").await[..] else { panic!() };
        assert_eq!(payment.amount, 100);
    }

    async fn a_broken_copy_beside_a_good_one_is_no_problem(db: TestDb) {
        let (broken, good) = (charge(&json!("a lot")), charge(&json!(100)));
        for order in [[broken.clone(), good.clone()], [good, broken]] {
            let summary = take_in(&db, &order).await;
            assert!(summary.is_complete(), "{summary:?}");
        }
        let [payment] = &tables::all::<PaymentRow>(&db, "").await[..] else { panic!() };
        assert_eq!(payment.amount, 100);
    }

    async fn only_what_counts_without_saying_its_mode_is_counted_as_such(db: TestDb) {
        let refund = json!({"id": "re_1", "object": "refund", "amount": 5, "currency": "gbp", "charge": "ch_1",
            "status": "succeeded", "created": at(0).timestamp()});
        let unneeded = json!({"id": "acct_1", "object": "account"});
        let documents = [refund.clone(), unneeded, charge(&json!(100)), customer("Ann")];
        let summary = take_in(&db, &documents).await;
        assert_eq!((summary.applied, summary.ignored, summary.mode_assumed), (3, 1, 1));
        assert_eq!(take_in(&db, &documents).await.mode_assumed, 0);
    }

    async fn a_database_is_empty_until_something_comes_in(db: TestDb) {
        assert!(is_empty(&db).await.unwrap());
        take_in(&db, &[customer("Ann")]).await;
        assert!(!is_empty(&db).await.unwrap());
    }

    async fn what_a_price_depends_on_is_the_same_in_any_order(db: TestDb) {
        let item = json!({"id": "si_1", "object": "subscription_item", "quantity": 1, "price": {"id": "price_1",
            "object": "price", "currency": "gbp", "unit_amount": 1000, "billing_scheme": "per_unit",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}});
        let subscription = json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "currency": "gbp",
            "status": "active", "created": at(0).timestamp(), "start_date": at(0).timestamp(), "discounts": [],
            "items": {"object": "list", "has_more": false, "data": [item]}});
        let discount = |subscription: Value, coupon: &str| json!({"id": "di_1", "object": "discount",
            "customer": "cus_1", "subscription": subscription, "start": at(0).timestamp(), "end": null,
            "coupon": {"id": coupon, "object": "coupon", "percent_off": 50, "duration": "forever"}});
        let story = [
            event("evt_1", "customer.subscription.created", 0, &subscription),
            event("evt_2", "customer.discount.created", 1, &discount(Value::Null, "half")),
            event("evt_3", "customer.discount.updated", 2, &discount("sub_2".into(), "other")),
        ];
        let mut first = None;
        for (n, order) in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]].iter().enumerate() {
            let account = format!("acct_{n}");
            for index in order {
                let mut told = story[*index].clone();
                told["account"] = account.as_str().into();
                take_in(&db, &[told]).await;
            }
            let references: Vec<String> = tables::all::<PricingReferenceRow>(&db, &account)
                .await
                .into_iter()
                .map(|row| format!("{} {}", row.reference, row.customer))
                .collect();
            assert_eq!(&references, first.get_or_insert_with(|| references.clone()), "{order:?}");
            let rows = tables::revenue(&db, &account).await;
            assert!(rows.iter().any(|row| row.starts_with("subscription_mrr")), "{rows:#?}");
        }
    }
}

//! Each kind of difference is found once, and named.

use chrono::TimeDelta;
use growth_backfill::{Difference, Kind, Problem, Report, Told};
use growth_db::{Db, query};
use growth_demo::world::{Shape, World};
use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use super::shop::{Shop, audit, options, take_in};

/// The only difference of a report.
fn only(report: &Report) -> &Difference {
    assert!(!report.passed());
    let [difference] = &report.differences[..] else { panic!("{}", report.to_markdown()) };
    difference
}

fn differs(field: &'static str, ours: Told, theirs: Told) -> Problem {
    Problem::Differs { field, ours, theirs }
}

async fn change(db: &Db, sql: &'static str, id: &str) {
    let mut tx = db.begin().await.unwrap();
    assert_eq!(query(&mut tx, sql).bind(id).execute().await.unwrap(), 1);
    tx.commit().await.unwrap();
}

/// Takes in all events but those that name any of these texts.
async fn take_in_without(db: &Db, shop: &Shop, lost: &[&str]) {
    let names = |event: &Value| lost.iter().any(|text| event.to_string().contains(text));
    let kept: Vec<Value> = shop.events().into_iter().filter(|event| !names(event)).collect();
    take_in(db, "", &kept).await;
}

async fn audited(db: &Db, shop: &Shop) -> Report {
    let stripe = shop.stripe("", Shape::Clover).await;
    audit(db, &stripe, options("", shop.now)).await
}

on_each_engine! {
    async fn a_payment_that_was_lost_is_missing_here(db: TestDb) {
        let mut shop = Shop::open(Shape::Clover);
        let lost = shop.world.one_off_payment(None, 4200, "gbp", shop.now - TimeDelta::days(3)).unwrap();
        take_in_without(&db, &shop, &[&lost]).await;
        let report = audited(&db, &shop).await;
        let found = only(&report);
        assert_eq!((found.kind, &found.id, &found.problem), (Kind::Payment, &lost, &Problem::MissingHere));
        assert_eq!(found.repair, "growthctl backfill --days 4");
        assert_eq!(report.totals["gbp"].gross_volume.difference, -4200);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["passed"], false);
        assert_eq!(json["differences"][0]["problem"], "missing_here");
        assert_eq!(json["totals"]["gbp"]["gross_volume"]["difference"], -4200);
        let text = report.to_markdown();
        assert!(text.starts_with("# Stripe audit: FAIL\n"), "{text}");
        assert!(text.contains("GBP -42.00") && text.contains("`growthctl backfill --days 4`"), "{text}");
    }

    async fn a_refund_that_was_lost_is_missing_here(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in_without(&db, &shop, &[&shop.refund, "charge.refunded"]).await;
        let report = audited(&db, &shop).await;
        let found = only(&report);
        assert_eq!((found.kind, &found.id, &found.problem), (Kind::Refund, &shop.refund, &Problem::MissingHere));
        assert_eq!(report.totals["gbp"].refunds.difference, -700);
    }

    async fn a_wrong_amount_is_named_with_both_sides(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        change(&db, "UPDATE payments SET amount = amount + 100 WHERE id = $1", &shop.payment).await;
        let report = audited(&db, &shop).await;
        let found = only(&report);
        assert_eq!((found.kind, &found.id), (Kind::Payment, &shop.payment));
        assert_eq!(found.problem, differs("amount", Told::Minor(2600), Told::Minor(2500)));
        let json = serde_json::to_value(found).unwrap();
        assert_eq!(json["ours"], 2600);
        assert_eq!((&json["field"], &json["theirs"]), (&json!("amount"), &json!(2500)));
        assert!(report.to_markdown().contains("| GBP 26.00 "));
    }

    async fn a_fee_that_is_not_known_here_is_a_difference(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        change(&db, "UPDATE payments SET fee = NULL, fee_currency = NULL WHERE id = $1", &shop.payment).await;
        let report = audited(&db, &shop).await;
        let found = only(&report);
        let Problem::Differs { field: "fee", ours: Told::NotKnown, theirs: Told::Minor(_) } = found.problem else {
            panic!("{found:#?}")
        };
        assert_eq!(report.totals["gbp"].fees_not_known.ours, 1);
        assert_eq!(report.totals["gbp"].fees_not_known.theirs, 0);
    }

    async fn a_subscription_that_ended_at_stripe_only_differs_in_its_status(db: TestDb) {
        let mut shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.take_events()).await;
        assert!(shop.world.cancel_now(&shop.subscription, shop.now - TimeDelta::hours(1)));
        let report = audited(&db, &shop).await;
        let found = only(&report);
        assert_eq!((found.kind, &found.id), (Kind::Subscription, &shop.subscription));
        assert_eq!(found.problem, differs("status", "active".into(), "canceled".into()));
        assert_eq!(report.totals["gbp"].active_subscriptions.difference, 1);
        assert_eq!(report.totals["gbp"].mrr_micros.difference, 3_040_000_000);
    }

    async fn a_row_that_stripe_does_not_have_is_unknown_there(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        let mut other = World::new(Shape::Clover, true, 99).with_fees_hidden(0);
        let extra = other.one_off_payment(None, 5000, "gbp", shop.now - TimeDelta::days(1)).unwrap();
        take_in(&db, "", &other.take_events()).await;
        let report = audited(&db, &shop).await;
        let found = only(&report);
        assert_eq!((found.kind, &found.id, &found.problem), (Kind::Payment, &extra, &Problem::UnknownThere));
        assert!(found.repair.contains("test data"), "{}", found.repair);
    }

    async fn an_event_that_could_not_be_read_is_to_be_replayed(db: TestDb) {
        let mut shop = Shop::open(Shape::Clover);
        let lost = shop.world.one_off_payment(None, 4200, "gbp", shop.now - TimeDelta::days(3)).unwrap();
        take_in_without(&db, &shop, &[&lost]).await;
        let events = shop.events();
        let mut broken = events.into_iter().find(|event| event["data"]["object"]["id"] == *lost).unwrap();
        broken["data"]["object"]["amount"] = "a lot".into();
        take_in(&db, "", &[broken]).await;
        let report = audited(&db, &shop).await;
        assert_eq!(only(&report).repair, "growthctl replay --failed");
    }

    async fn only_the_first_hundred_differences_are_told(db: TestDb) {
        let mut shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.take_events()).await;
        for n in 0..130 {
            shop.world.one_off_payment(None, 100 + n, "gbp", shop.now - TimeDelta::days(3)).unwrap();
        }
        let report = audited(&db, &shop).await;
        assert_eq!((report.differences.len(), report.more_differences), (100, 30));
        assert!(!report.passed());
    }
}

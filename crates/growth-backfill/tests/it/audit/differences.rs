//! Each kind of difference is found once, and named.

use chrono::TimeDelta;
use growth_backfill::{Difference, Kind, Problem, Report, Told};
use growth_db::{Db, query};
use growth_demo::world::{Shape, World};
use growth_testkit::on_each_engine;
use growth_testkit::stripe::Fault;
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
    assert_eq!(change_all(db, sql, id).await, 1);
}

async fn change_all(db: &Db, sql: &'static str, id: &str) -> u64 {
    let mut tx = db.begin().await.unwrap();
    let changed = query(&mut tx, sql).bind(id).execute().await.unwrap();
    tx.commit().await.unwrap();
    changed
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

    async fn a_refund_that_was_lost_is_missing_here_and_in_its_payment(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in_without(&db, &shop, &[&shop.refund, "charge.refunded"]).await;
        let report = audited(&db, &shop).await;
        let [payment, refund] = &report.differences[..] else { panic!("{}", report.to_markdown()) };
        assert_eq!((payment.kind, &payment.id), (Kind::Payment, &shop.payment));
        assert_eq!(payment.problem, differs("refunded", Told::Minor(0), Told::Minor(700)));
        assert_eq!((refund.kind, &refund.id, &refund.problem), (Kind::Refund, &shop.refund, &Problem::MissingHere));
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
        assert_eq!(found.repair, "growthctl replay --all", "what is stored is right");
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
        assert_eq!(report.compared[&Kind::Payment].different, 130);
        assert_eq!(report.repairs, ["growthctl backfill --days 4"]);
        assert!(!report.passed());
    }

    async fn a_link_that_only_the_pages_show_stays_a_difference(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        let (paid,): (String,) = query(&*db, "SELECT MIN(id) AS id FROM payments WHERE invoice IS NOT NULL AND status = 'succeeded'")
            .fetch_one().await.unwrap();
        change(&db, "UPDATE payments SET invoice = NULL, subscription = NULL WHERE id = $1", &paid).await;
        // Nothing here says any more what belongs to it.
        change_all(&db, "DELETE FROM payment_aliases WHERE group_id = $1 AND alias <> $1", &paid).await;
        let report = audited(&db, &shop).await;
        let fields: Vec<&str> = report.differences.iter().filter_map(|found| match found.problem {
            Problem::Differs { field, .. } if found.id == paid => Some(field),
            _ => None,
        }).collect();
        assert_eq!(fields, ["invoice", "subscription"], "{}", report.to_markdown());
    }

    async fn an_object_with_an_id_of_another_kind_is_missing_here_all_the_same(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        let stripe = shop.stripe("", Shape::Clover).await;
        stripe.put(json!({"id": "pdp_1", "object": "dispute", "created": shop.now.timestamp() - 90, "livemode": true,
            "charge": "ch_nobodys", "payment_intent": null, "amount": 500, "currency": "gbp", "reason": "general",
            "status": "needs_response", "balance_transactions": []}));
        let report = audit(&db, &stripe, options("", shop.now)).await;
        let found = only(&report);
        assert_eq!((found.kind, found.id.as_str(), &found.problem), (Kind::Dispute, "pdp_1", &Problem::MissingHere));
    }

    async fn what_stripe_does_not_tell_again_is_left_out_and_no_pass(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        change(&db, "UPDATE payments SET amount = amount + 100 WHERE id = $1", &shop.payment).await;
        let stripe = shop.stripe("", Shape::Clover).await;
        stripe.fail("/v1/payment_intents/", Fault::Forbidden { permission: "rak_payment_intent_read" }, usize::MAX);
        let report = audit(&db, &stripe, options("", shop.now)).await;
        assert!(!report.passed() && report.differences.is_empty(), "{}", report.to_markdown());
        let [left_out] = &report.left_out[..] else { panic!("{:#?}", report.left_out) };
        assert!(left_out.reason.contains(&shop.payment) && left_out.reason.contains("rak_payment_intent_read"));
    }

    async fn a_refund_that_no_charge_of_stripes_tells_of_is_found(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        change(&db, "INSERT INTO refunds (account, livemode, id, group_id, payment, charge, amount, currency, status, counted, origin, created_at)
            SELECT account, livemode, charge, group_id, id, charge, 700, currency, 'succeeded', livemode, 'charge', created_at
            FROM payments WHERE id = $1", &shop.payment).await;
        let report = audited(&db, &shop).await;
        let found = only(&report);
        assert_eq!((found.kind, &found.problem), (Kind::Refund, &Problem::UnknownThere));
        assert!(found.id.starts_with("ch_"), "{found:#?}");
    }

    async fn a_payment_of_another_month_or_with_another_sum_of_refunds_differs(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        change(&db, "UPDATE payments SET refund_amount = refund_amount + 1 WHERE id = $1", &shop.payment).await;
        let report = audited(&db, &shop).await;
        assert!(matches!(only(&report).problem, Problem::Differs { field: "refunded", .. }));
        change(&db, "UPDATE payments SET refund_amount = refund_amount - 1, paid_at = created_at WHERE id = $1", &shop.payment).await;
        assert!(audited(&db, &shop).await.passed());
        let (earlier,): (String,) = query(&*db, "SELECT MIN(id) AS id FROM payments WHERE created_at < (SELECT created_at FROM payments WHERE id = $1) AND status = 'succeeded'")
            .bind(&shop.payment).fetch_one().await.unwrap();
        change(&db, "UPDATE payments SET paid_at = (SELECT MAX(created_at) FROM payments) WHERE id = $1", &earlier).await;
        let report = audited(&db, &shop).await;
        assert!(matches!(only(&report).problem, Problem::Differs { field: "paid_at", .. }), "{}", report.to_markdown());
    }

    async fn a_payment_that_waits_for_its_payer_is_no_difference(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        let stripe = shop.stripe("", Shape::Clover).await;
        let created = shop.now.timestamp() - 900;
        let intent = json!({"id": "pi_sca", "object": "payment_intent", "created": created, "livemode": true, "amount": 1900,
            "amount_received": 0, "currency": "gbp", "customer": null, "latest_charge": null, "last_payment_error": null,
            "status": "requires_action", "metadata": {}});
        let invoice = json!({"id": "in_sca", "object": "invoice", "created": created, "livemode": true, "status": "open",
            "amount_due": 1900, "amount_paid": 0, "amount_remaining": 1900, "currency": "gbp", "customer": null,
            "payment_intent": "pi_sca", "attempted": true, "attempt_count": 1,
            "lines": {"object": "list", "has_more": false, "data": []}});
        let told = |id: &str, kind: &str, object: &Value| json!({"id": id, "object": "event", "type": kind, "created": created,
            "livemode": true, "api_version": "2024-06-20", "data": {"object": object}});
        take_in(&db, "", &[told("evt_sca_1", "invoice.payment_failed", &invoice), told("evt_sca_2", "payment_intent.requires_action", &intent),
            told("evt_sca_3", "payment_intent.processing", &intent)]).await;
        stripe.put(intent);
        stripe.put(invoice);
        let report = audit(&db, &stripe, options("", shop.now)).await;
        assert!(report.passed(), "{}", report.to_markdown());
    }

    async fn a_webhook_that_shows_ten_of_many_items_is_no_difference(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        let stripe = shop.stripe("", Shape::Clover).await;
        let item = |n: i64| json!({"id": format!("si_{n}"), "object": "subscription_item", "quantity": 1, "discounts": [],
            "current_period_start": 1_735_700_000, "current_period_end": 1_738_300_000,
            "price": {"id": format!("price_w{n}"), "object": "price", "currency": "gbp", "unit_amount": 100,
                "unit_amount_decimal": "100", "billing_scheme": "per_unit", "type": "recurring", "livemode": true,
                "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}});
        let wide = json!({"id": "sub_wide", "object": "subscription", "created": shop.now.timestamp() - 9_000, "customer": "cus_wide",
            "currency": "gbp", "status": "active", "livemode": true, "discounts": [], "cancel_at_period_end": false, "metadata": {},
            "items": {"object": "list", "has_more": false, "total_count": 14, "data": (0..14).map(item).collect::<Vec<_>>()}});
        let mut cut = wide.clone();
        cut["items"]["data"].as_array_mut().unwrap().truncate(10);
        cut["items"]["has_more"] = true.into();
        let told = |id: &str, at: i64, object: &Value| json!({"id": id, "object": "event", "type": "customer.subscription.updated",
            "created": shop.now.timestamp() - at, "livemode": true, "data": {"object": object}});
        take_in(&db, "", &[told("evt_wide_1", 8_000, &wide), told("evt_wide_2", 7_000, &cut)]).await;
        stripe.put(wide);
        let report = audit(&db, &stripe, options("", shop.now)).await;
        assert!(report.passed(), "{}", report.to_markdown());
    }

    async fn rows_of_a_subscription_that_are_not_what_is_stored_of_it_are_to_be_built_again(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        for (sql, field) in [
            ("UPDATE subscriptions SET status = 'canceled' WHERE id = $1", Some("status")),
            ("DELETE FROM subscriptions WHERE id = $1", None),
            ("UPDATE subscription_mrr SET net_micros = net_micros * 2 WHERE subscription = $1", Some("mrr")),
        ] {
            assert!(change_all(&db, sql, &shop.subscription).await > 0, "{sql}");
            let report = audited(&db, &shop).await;
            let found = only(&report);
            let differs = match &found.problem { Problem::Differs { field, .. } => Some(*field), _ => None };
            assert_eq!((found.kind, differs), (Kind::Subscription, field));
            assert_eq!(found.repair, "growthctl backfill --days 30 && growthctl migrate --rebuild");
            assert_eq!(report.repairs, ["growthctl backfill --days 30", "growthctl migrate --rebuild"]);
            growth_ingest::rebuild(&db, None, |_, _| {}).await.unwrap();
            assert!(audited(&db, &shop).await.passed(), "{sql}");
        }
    }
}

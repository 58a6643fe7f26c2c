//! The life of a subscription by the nine kinds of events that tell it, in every shape.
//!
//! Ann subscribes in a checkout for 20.00 GBP a month, gets 5.00 GBP back, cannot pay the second month, and leaves.

use chrono::{DateTime, Utc};
use growth_db::Db;
use growth_db::rows::{MovementRow, PaymentRow, RefundRow, SubscriptionRow};
use growth_domain::money::Micros;
use growth_metrics::Money;
use growth_testkit::on_each_engine;
use growth_testkit::tables::revenue_by_account;
use growth_track::{User, upsert_users};
use serde_json::{Value, json};

use crate::objects::{declined, ended, of_account, refund, session, unpaid};
use crate::place::{Place, january, revenue};
use crate::rows::{only, rows};
use crate::shapes::{Bill, SHAPES, Shape};

const FIRST: Bill = Bill {
    invoice: "in_1FirstMonthOfTheStory0001",
    intent: "pi_first",
    charge: "ch_first",
    subscription: "sub_1",
};
const SECOND: Bill = Bill {
    invoice: "in_1SecondMonthOfTheStory001",
    intent: "pi_second",
    charge: "ch_second",
    subscription: "sub_1",
};

/// An event, and how things stand once it is applied.
struct Step {
    kind: &'static str,
    at: DateTime<Utc>,
    object: Value,
    then: Then,
}

#[derive(Clone, Debug, PartialEq)]
struct Then {
    /// Each of 2000 pence: id, status.
    payments: Vec<(&'static str, &'static str)>,
    /// Pence of MRR.
    mrr: i64,
    subscription: Option<&'static str>,
    came_in: Money,
    given_back: Money,
    failed: Money,
}

fn money(count: u64, amount: i64) -> Money {
    Money { count, amount }
}

fn story(shape: Shape) -> Vec<Step> {
    let (joined, refunded, failed, left) = (january(3), january(10), january(20), january(25));
    // What pays an invoice is known from the invoice itself in the old shapes only.
    let payer = |bill: Bill| if shape.is_new() { bill.invoice } else { bill.intent };
    let paid = shape.charge(FIRST, joined, &[], json!({}));
    let back = refund("re_1", FIRST.charge, 500, refunded);
    let part_back = shape.charge(FIRST, joined, &[back], json!({"amount_refunded": 500}));
    let lost = shape.charge(
        SECOND,
        failed,
        &[],
        json!({"status": "failed", "captured": false,
        "amount_captured": 0, "failure_code": "card_declined", "failure_message": "Your card was declined."}),
    );

    let mut then = Then {
        payments: vec![(FIRST.invoice, "succeeded")],
        mrr: 0,
        subscription: None,
        came_in: money(1, 2000),
        given_back: money(0, 0),
        failed: money(0, 0),
    };
    let mut steps = Vec::new();
    let mut add = |kind, at, object, then: &Then| steps.push(Step { kind, at, object, then: then.clone() });

    let checkout = session(
        "cs_1",
        joined,
        json!({"mode": "subscription", "subscription": "sub_1",
        "invoice": FIRST.invoice, "client_reference_id": "ann"}),
    );
    add("checkout.session.completed", joined, checkout, &then);

    then.subscription = Some("incomplete");
    let waiting = shape.subscription("sub_1", joined, json!({"status": "incomplete"}));
    add("customer.subscription.created", joined, waiting, &then);

    (then.subscription, then.mrr) = (Some("active"), 2000);
    add("customer.subscription.updated", joined, shape.subscription("sub_1", joined, json!({})), &then);

    then.payments = vec![(payer(FIRST), "succeeded")];
    add("invoice.paid", joined, shape.invoice(FIRST, joined, json!({})), &then);

    then.payments = vec![(FIRST.intent, "succeeded")];
    add("payment_intent.succeeded", joined, shape.intent(FIRST, joined, &paid, json!({})), &then);

    then.given_back = money(1, 500);
    add("charge.refunded", refunded, part_back, &then);

    then.failed = money(1, 2000);
    then.payments = vec![(payer(SECOND), "failed"), (FIRST.intent, "succeeded")];
    then.payments.sort_unstable();
    add("invoice.payment_failed", failed, shape.invoice(SECOND, failed, unpaid()), &then);

    then.payments = vec![(FIRST.intent, "succeeded"), (SECOND.intent, "failed")];
    add("payment_intent.payment_failed", failed, shape.intent(SECOND, failed, &lost, declined()), &then);

    (then.subscription, then.mrr) = (Some("canceled"), 0);
    add("customer.subscription.deleted", left, shape.subscription("sub_1", joined, ended(left)), &then);
    steps
}

fn told(shape: Shape, step: &Step) -> Value {
    shape.event(&format!("evt_{}", step.kind.replace('.', "_")), step.kind, step.at, &step.object)
}

async fn know_ann(db: &Db) {
    let ann = User { external_id: "ann".into(), email: None, created_at: january(2), is_admin: false };
    upsert_users(db, &[ann]).await.unwrap();
}

async fn seen(db: &Db) -> Then {
    let payments: Vec<PaymentRow> = rows(db).await;
    assert!(payments.iter().all(|row| (row.amount, row.currency.as_str()) == (2000, "gbp")), "{payments:#?}");
    assert!(payments.iter().all(|row| row.user_id.is_some()), "{payments:#?}");
    let subscriptions: Vec<SubscriptionRow> = rows(db).await;
    assert!(subscriptions.len() <= 1, "{subscriptions:#?}");
    let gbp = revenue(db, "gbp").await;
    let cash = gbp.cash.current;
    assert_eq!(cash.unattributed, money(0, 0));
    assert_eq!(cash.net_before_fees, cash.payments.amount - cash.refunds.amount);
    let mrr = gbp.mrr.current.net;
    assert_eq!(mrr, Micros::from_minor(i64::try_from(mrr.to_minor_rounded()).unwrap()));
    let known = |text: &str, all: &[&'static str]| *all.iter().find(|known| **known == text).unwrap();
    Then {
        payments: payments
            .iter()
            .map(|row| {
                let ids = [FIRST.intent, FIRST.invoice, SECOND.intent, SECOND.invoice];
                (known(&row.id, &ids), known(&row.status, &["succeeded", "failed"]))
            })
            .collect(),
        mrr: i64::try_from(mrr.to_minor_rounded()).unwrap(),
        subscription: subscriptions
            .first()
            .map(|row| known(&row.status, &["incomplete", "active", "canceled"])),
        came_in: cash.payments,
        given_back: cash.refunds,
        failed: cash.failed_payments,
    }
}

/// Tells the whole story and looks at rows and figures after each event.
async fn live_through(db: &Db, shape: Shape) {
    know_ann(db).await;
    let place = Place::open(db).await;
    let mut surprises = Vec::new();
    for step in story(shape) {
        place.tell([told(shape, &step)]).await;
        let seen = seen(db).await;
        if seen != step.then {
            surprises.push(format!("after {}:\n  {seen:?}, expected\n  {:?}", step.kind, step.then));
        }
    }
    place.close().await;
    assert!(surprises.is_empty(), "{shape:?}\n{}", surprises.join("\n"));

    let given_back: RefundRow = only(db).await;
    let expected = if shape == Shape::August2022 { ("re_1", "refund") } else { (FIRST.charge, "charge") };
    assert_eq!((given_back.id.as_str(), given_back.origin.as_str()), expected);
    assert_eq!((given_back.amount, given_back.payment.as_deref()), (500, Some(FIRST.intent)));
    let payments: Vec<PaymentRow> = rows(db).await;
    for (payment, bill) in payments.iter().zip([FIRST, SECOND]) {
        assert_eq!(payment.invoice.as_deref(), Some(bill.invoice));
        assert_eq!(payment.charge.as_deref(), Some(bill.charge));
        assert_eq!(payment.subscription.as_deref(), Some("sub_1"));
        assert_eq!(payment.billing_period.as_deref(), Some("month"));
    }
    assert_eq!(payments[0].attributed_by.as_deref(), Some("client_reference_id"));
    assert_eq!(payments[1].attributed_by.as_deref(), Some("customer"));
    assert_eq!(payments[1].failure_code.as_deref(), Some("card_declined"));
    let moved: Vec<MovementRow> = rows(db).await;
    let moved: Vec<_> =
        moved.iter().map(|row| (row.at, row.kind.as_str(), row.delta_micros / 1_000_000)).collect();
    assert_eq!(moved, [(january(3), "new", 2000), (january(25), "churn", -2000)]);
}

on_each_engine! {
    async fn a_subscription_told_in_the_shape_of_2022(db: TestDb) {
        live_through(&db, Shape::August2022).await;
    }

    async fn a_subscription_told_in_the_shape_of_acacia(db: TestDb) {
        live_through(&db, Shape::Acacia).await;
    }

    async fn a_subscription_told_in_the_shape_of_basil(db: TestDb) {
        live_through(&db, Shape::Basil).await;
    }

    async fn a_subscription_told_in_the_shape_of_clover(db: TestDb) {
        live_through(&db, Shape::Clover).await;
    }

    async fn told_from_its_end_the_story_ends_the_same(db: TestDb) {
        know_ann(&db).await;
        let place = Place::open(&db).await;
        for shape in SHAPES {
            let events: Vec<Value> = story(shape).iter().map(|step| told(shape, step)).collect();
            for event in &events {
                place.tell([of_account(&format!("acct_{shape:?}_forward"), event)]).await;
            }
            for event in events.iter().rev() {
                place.tell([of_account(&format!("acct_{shape:?}_backward"), event)]).await;
            }
        }
        place.close().await;
        let tables = revenue_by_account(&db).await;
        for shape in SHAPES {
            let (forward, backward) = (format!("acct_{shape:?}_forward"), format!("acct_{shape:?}_backward"));
            assert_eq!(tables[&forward], tables[&backward], "{shape:?}");
        }
    }
}

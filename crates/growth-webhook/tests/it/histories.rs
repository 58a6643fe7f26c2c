//! The history of a whole account, sent as Stripe sends: out of order, several times, over several connections.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use growth_db::rows::{MovementRow, PaymentRow, StripeEventRow, SubscriptionRow};
use growth_demo::world::{Interval, PriceTerms, Shape, Terms, World};
use growth_testkit::on_each_engine;
use serde_json::Value;

use crate::place::{Place, january};
use crate::rows::rows;

/// Twenty customers over three months, during which the account changes to the new API version.
fn live() -> World {
    let start = january(1);
    let mut world = World::new(Shape::Acacia, true, 7).with_upgrade(january(20), Shape::Clover);
    let product = world.create_product("Pro", start);
    let terms = |unit_amount| PriceTerms {
        nickname: "Pro".to_owned(),
        unit_amount,
        currency: "gbp".to_owned(),
        interval: Interval::Month,
        interval_count: 1,
    };
    let (small, large) = (
        world.create_price(&product, terms(1_900), start),
        world.create_price(&product, terms(4_900), start),
    );
    for n in 0..20 {
        let joined = january(2 + n);
        let customer = world.create_customer(&format!("c{n}@example.com"), None, joined);
        let reference = format!("user-{n}");
        let terms = Terms { via_checkout: Some(&reference), ..Terms::default() };
        let subscription = world.subscribe(&customer, &small, &terms, joined).unwrap();
        let later = |days| joined + TimeDelta::days(days);
        match n % 4 {
            0 => assert!(world.change(&subscription, &large, 2, true, later(10))),
            1 => {
                let payment = world.last_payment(&subscription).unwrap();
                world.refund(&payment, 500, later(3)).unwrap();
                assert!(world.renew(&subscription, later(31)));
            }
            2 => {
                assert!(world.fail_payment(&subscription, later(31)));
                assert!(world.recover(&subscription, later(33)));
            }
            _ => assert!(world.cancel_now(&subscription, later(15))),
        }
    }
    world
}

/// The events in an order of their own, every third of them twice.
fn disturbed(events: &[Value]) -> Vec<Value> {
    let key = |n: usize| n.wrapping_mul(7_919) % events.len();
    let mut disturbed: Vec<(usize, Value)> = Vec::new();
    for (n, event) in events.iter().enumerate() {
        disturbed.push((key(n), event.clone()));
        if n % 3 == 0 {
            disturbed.push((key(n + 11), event.clone()));
        }
    }
    disturbed.sort_by_key(|(key, _)| *key);
    disturbed.into_iter().map(|(_, event)| event).collect()
}

on_each_engine! {
    async fn an_account_told_in_disorder_is_what_it_was(db: TestDb) {
        let mut world = live();
        let events = world.take_events();
        let truth = world.truth();
        let sent = disturbed(&events);
        assert!(sent.len() > events.len());

        let place = Place::open(&db).await;
        let quarters: Vec<Vec<Value>> =
            (0..4).map(|quarter| sent.iter().skip(quarter).step_by(4).cloned().collect()).collect();
        tokio::join!(
            place.post_all(quarters[0].clone()),
            place.post_all(quarters[1].clone()),
            place.post_all(quarters[2].clone()),
            place.post_all(quarters[3].clone()),
        );
        place.settled().await;
        place.close().await;

        let inbox: Vec<StripeEventRow> = rows(&db).await;
        assert_eq!(inbox.len(), events.len());
        assert!(inbox.iter().all(|row| row.last_error.is_none()));
        let tried = |row: &StripeEventRow| (row.state.clone(), row.attempts);
        let tried: BTreeSet<_> = inbox.iter().map(tried).collect();
        assert!(tried.iter().all(|tried| ["applied 1", "ignored 0"].contains(&&*format!("{} {}", tried.0, tried.1))));
        let payments: BTreeMap<String, PaymentRow> =
            rows::<PaymentRow>(&db).await.into_iter().map(|row| (row.id.clone(), row)).collect();
        assert_eq!(payments.len(), truth.payments.len());
        for told in &truth.payments {
            let row = &payments[&told.payment_intent];
            assert_eq!((row.amount, row.status == "succeeded"), (told.amount, told.succeeded), "{row:#?}");
            assert_eq!((&row.invoice, &row.subscription), (&told.invoice, &told.subscription), "{row:#?}");
        }
        let given_back: i64 = payments.values().map(|row| row.refund_amount).sum();
        assert_eq!(given_back, 5 * 500);
        let subscriptions: Vec<SubscriptionRow> = rows(&db).await;
        assert_eq!(subscriptions.len(), 20);
        for told in &truth.subscriptions {
            let row = subscriptions.iter().find(|row| row.id == told.id).unwrap();
            assert_eq!((&row.status, i128::from(row.mrr_micros)), (&told.status, told.mrr_micros()), "{row:#?}");
        }
        // Five have two large ones, ten a small one, and five left.
        let ledger: i64 = rows::<MovementRow>(&db).await.iter().map(|row| row.delta_micros).sum();
        assert_eq!(ledger, (5 * 2 * 4_900 + 10 * 1_900) * 1_000_000);
    }
}

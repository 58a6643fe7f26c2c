//! What Stripe took for a payment.

use growth_resolver::{Counts, Kind};
use growth_testkit::on_each_engine;
use serde_json::json;

use crate::{THEN, World, charge, charge_in_event, charges, event, rows};

const FEES: &str = "SELECT id, fee, fee_currency FROM payments ORDER BY id";

type Fee = (String, Option<i64>, Option<String>);

on_each_engine! {
    async fn a_fee_is_asked_for_once_and_then_known(db: TestDb) {
        charges(&db, 1..=1).await;
        let mut world = World::new(&db).await;
        world.stripe.put(charge(1, Some(175)));
        let (round, requests) = world.round().await;
        assert_eq!((round.asked, round.answered, round.trouble), (1, 1, None));
        assert_eq!(requests[0].path, "/v1/charges/ch_1");
        assert_eq!(requests[0].expanded(), ["balance_transaction"]);
        let fees: Vec<Fee> = rows(&db, FEES).await;
        assert_eq!(fees, [("pi_1".to_owned(), Some(175), Some("usd".to_owned()))]);
        let sources: Vec<(String, String)> =
            rows(&db, "SELECT event_type, source FROM stripe_events WHERE source <> 'webhook'").await;
        assert_eq!(sources, [("charge".to_owned(), "api".to_owned())]);
        assert_eq!(world.paths().await, [""; 0]);
        let counts = world.resolver.stats().of(Kind::Fee);
        assert_eq!(counts, Counts { asked: 1, answered: 1, ..Counts::default() });
        // Another program has no memory of it, and needs none.
        let mut other = World::new(&db).await;
        assert_eq!(other.paths().await, [""; 0]);
    }

    async fn an_answer_hides_nothing_that_an_event_told_about_the_same_time(db: TestDb) {
        charges(&db, 1..=1).await;
        // Refunded in the very second of the question, and told by a clock that is two minutes behind ours.
        for (seconds, refunded) in [(3600 - 120, 1000), (3600, 2500)] {
            let mut charge = charge_in_event(1);
            charge["amount_refunded"] = refunded.into();
            event(&db, "charge.refunded", seconds, charge).await;
        }
        let mut world = World::new(&db).await;
        world.stripe.put(charge(1, Some(175)));
        assert_eq!(world.paths().await, ["/v1/charges/ch_1"]);
        let payments: Vec<(Option<i64>, i64)> = rows(&db, "SELECT fee, refund_amount FROM payments").await;
        assert_eq!(payments, [(Some(175), 2500)]);
    }

    async fn a_fee_of_nothing_is_known(db: TestDb) {
        charges(&db, 1..=1).await;
        let mut world = World::new(&db).await;
        world.stripe.put(charge(1, Some(0)));
        assert_eq!(world.paths().await.len(), 1);
        assert_eq!(rows::<Fee>(&db, FEES).await[0].1, Some(0));
        assert_eq!(world.paths().await, [""; 0]);
    }

    async fn a_fee_that_stripe_does_not_know_yet_is_asked_for_at_growing_pauses(db: TestDb) {
        charges(&db, 1..=1).await;
        let mut world = World::new(&db).await;
        world.stripe.put(charge(1, None));
        assert_eq!(world.paths().await.len(), 1);
        let mut asked_after = Vec::new();
        for minute in 1..=10 {
            world.clock.go_on(chrono::TimeDelta::minutes(1));
            if !world.paths().await.is_empty() {
                asked_after.push(minute);
            }
        }
        assert_eq!(asked_after, [1, 3, 7]);
        assert_eq!(rows::<Fee>(&db, FEES).await[0].1, None);
        world.stripe.put(charge(1, Some(175)));
        world.clock.go_on(chrono::TimeDelta::minutes(5));
        assert_eq!(world.paths().await.len(), 1);
        assert_eq!(rows::<Fee>(&db, FEES).await[0].1, Some(175));
    }

    async fn what_has_no_fee_is_not_asked_for(db: TestDb) {
        let mut failed = charge_in_event(1);
        failed["status"] = "failed".into();
        event(&db, "charge.failed", 1, failed).await;
        let mut brand_new = charge_in_event(3599);
        brand_new["created"] = (THEN + 3599).into();
        event(&db, "charge.succeeded", 3599, brand_new).await;
        let mut world = World::new(&db).await;
        assert_eq!(world.paths().await, [""; 0]);
        assert_eq!(world.resolver.stats().of(Kind::Fee), Counts::default());
        world.clock.go_on(chrono::TimeDelta::seconds(30));
        assert_eq!(world.paths().await, ["/v1/charges/ch_3599"]);
    }

    async fn an_intent_leads_to_its_charge(db: TestDb) {
        let intent = |latest_charge| json!({"id": "pi_1", "object": "payment_intent", "amount": 5000,
            "amount_received": 5000, "currency": "usd", "customer": "cus_1", "created": THEN + 1,
            "livemode": false, "status": "succeeded", "latest_charge": latest_charge, "metadata": {}});
        event(&db, "payment_intent.succeeded", 1, intent(json!(null))).await;
        let mut world = World::new(&db).await;
        world.stripe.put(intent(charge(1, Some(175))));
        assert_eq!(world.paths().await, ["/v1/payment_intents/pi_1"]);
        let known: Vec<(String, String, i64)> = rows(&db, "SELECT id, charge, fee FROM payments").await;
        assert_eq!(known, [("pi_1".to_owned(), "ch_1".to_owned(), 175)]);
    }

    async fn the_newest_come_first_and_so_many_in_a_round(db: TestDb) {
        charges(&db, 1..=120).await;
        let mut world = World::new(&db).await;
        (1..=120).for_each(|n| world.stripe.put(charge(n, Some(n))));
        let (first, _) = world.round().await;
        assert_eq!((first.asked, first.answered), (100, 100));
        let left: Vec<(String,)> = rows(&db, "SELECT id FROM payments WHERE fee IS NULL ORDER BY created_at").await;
        let expected: Vec<String> = (1..=20).map(|n| format!("pi_{n}")).collect();
        assert_eq!(left.into_iter().map(|(id,)| id).collect::<Vec<_>>(), expected);
        assert_eq!(world.resolver.stats().of(Kind::Fee).backlog, 120);
        assert_eq!(world.round().await.0.answered, 20);
        assert_eq!(world.round().await.0.asked, 0);
        assert_eq!(world.resolver.stats().of(Kind::Fee).backlog, 0);
    }
}

//! What cannot be had, and what goes on all the same.

use chrono::TimeDelta;
use growth_resolver::{Counts, Kind};
use growth_stripe_client::Error;
use growth_testkit::on_each_engine;
use growth_testkit::stripe::Fault;
use serde_json::json;

use crate::{World, charge, charges, event, price, rows, subscription};

async fn known_fees(db: &growth_db::Db) -> i64 {
    rows::<(i64,)>(db, "SELECT COUNT(fee) FROM payments").await[0].0
}

on_each_engine! {
    async fn too_many_requests_are_tried_again(db: TestDb) {
        charges(&db, 1..=1).await;
        let mut world = World::new(&db).await;
        world.stripe.put(charge(1, Some(10)));
        world.stripe.fail("/v1/charges", Fault::TooManyRequests { retry_after: Some(0) }, 2);
        let (round, requests) = world.round().await;
        assert_eq!((round.asked, round.answered, requests.len()), (1, 1, 3));
        assert_eq!(known_fees(&db).await, 1);
    }

    async fn a_missing_permission_is_named_and_asked_for_no_more(db: TestDb) {
        charges(&db, 1..=20).await;
        event(&db, "customer.subscription.created", 0, subscription(1, &json!("price_1"), &[], &[])).await;
        let mut world = World::new(&db).await;
        world.stripe.put(price(100));
        world.stripe.fail("/v1/charges", Fault::Forbidden { permission: "rak_charge_read" }, usize::MAX);
        let (round, _) = world.round().await;
        assert_eq!((round.answered, round.trouble), (1, None));
        let stats = world.resolver.stats();
        let error = stats.last_error().unwrap();
        assert!(error.contains("'rak_charge_read'"), "{error}");
        assert!(!error.contains("51MadeUp"), "{error}");
        let counts = stats.of(Kind::Fee);
        // Those that were under way with the first were asked for too.
        assert_eq!(counts, Counts { asked: 8, forbidden: 8, backlog: 20, ..Counts::default() });
        assert_eq!(stats.of(Kind::Price).answered, 1);
        world.clock.go_on(TimeDelta::hours(23));
        assert_eq!(world.paths().await, [""; 0]);
        // The key was given the permission.
        world.stripe.recover();
        (1..=20).for_each(|n| world.stripe.put(charge(n, Some(n))));
        world.clock.go_on(TimeDelta::hours(1));
        assert_eq!(world.round().await.0.answered, 20);
        assert_eq!(known_fees(&db).await, 20);
    }

    async fn what_is_not_there_starves_nothing(db: TestDb) {
        // Ten more than a round asks for, and newer than the one that is there.
        charges(&db, 1..=111).await;
        let mut world = World::new(&db).await;
        world.stripe.put(charge(1, Some(10)));
        assert_eq!(world.round().await.0.answered, 0);
        assert_eq!(world.round().await.0.answered, 1);
        assert_eq!(known_fees(&db).await, 1);
        let counts = world.resolver.stats().of(Kind::Fee);
        assert_eq!((counts.asked, counts.not_found, counts.answered), (111, 110, 1));
        world.clock.go_on(TimeDelta::hours(23));
        assert_eq!(world.paths().await, [""; 0]);
    }

    async fn what_is_not_there_starves_nothing_though_one_look_does_not_show_it_all(db: TestDb) {
        charges(&db, 1..=1105).await;
        let mut world = World::new(&db).await;
        world.stripe.put(charge(1, Some(10)));
        let mut answered = Vec::new();
        for _ in 0..3 {
            answered.push(world.round().await.0.answered);
        }
        assert_eq!(answered, [0, 0, 1]);
        let counts = world.resolver.stats().of(Kind::Fee);
        assert_eq!((counts.asked, counts.not_found), (255, 254));
        assert_eq!(counts.backlog, 1105);
        // The newest are looked at in every round.
        charges(&db, 2000..=2000).await;
        world.stripe.put(charge(2000, Some(10)));
        assert_eq!(world.round().await.0.answered, 1);
        while world.round().await.0.asked > 0 {}
        assert_eq!(world.resolver.stats().of(Kind::Fee).not_found, 1104);
    }

    async fn one_that_always_fails_keeps_nothing_else_waiting(db: TestDb) {
        event(&db, "customer.subscription.created", 0, subscription(1, &json!("price_1"), &[], &[])).await;
        charges(&db, 1..=1).await;
        let mut world = World::new(&db).await;
        world.stripe.put(charge(1, Some(10)));
        world.stripe.fail("/v1/prices/price_1", Fault::OutOfOrder, usize::MAX);
        let (round, _) = world.round().await;
        assert_eq!((round.asked, round.answered, round.trouble), (2, 1, None));
        assert_eq!(known_fees(&db).await, 1);
        assert_eq!(world.resolver.stats().of(Kind::Price).failed, 1);
        assert_eq!(world.paths().await, [""; 0]);
    }

    async fn while_stripe_is_out_of_order_little_is_asked(db: TestDb) {
        charges(&db, 1..=50).await;
        let mut world = World::new(&db).await;
        (1..=50).for_each(|n| world.stripe.put(charge(n, Some(n))));
        world.stripe.fail("/", Fault::BadGateway, usize::MAX);
        let (round, _) = world.round().await;
        assert_eq!(round.asked, 8);
        assert!(matches!(round.trouble, Some(Error::Unavailable { .. })), "{round:?}");
        world.stripe.recover();
        assert_eq!(world.round().await.0.answered, 42);
        world.clock.go_on(TimeDelta::minutes(1));
        assert_eq!(world.round().await.0.answered, 8);
    }

    async fn a_key_that_is_not_valid_ends_the_round(db: TestDb) {
        event(&db, "customer.subscription.created", 0, subscription(1, &json!("price_1"), &[], &[])).await;
        charges(&db, 1..=1).await;
        let mut world = World::new(&db).await;
        world.stripe.fail("/", Fault::InvalidKey, usize::MAX);
        let (round, requests) = world.round().await;
        assert!(matches!(round.trouble, Some(Error::Unauthorized { .. })), "{round:?}");
        assert_eq!(requests.len(), 1);
        let error = world.resolver.stats().last_error().unwrap();
        assert!(error.contains("Invalid API Key"), "{error}");
        assert!(!error.contains("51MadeUp"), "{error}");
    }

    async fn an_answer_that_cannot_be_read_takes_no_other_with_it(db: TestDb) {
        charges(&db, 1..=3).await;
        let mut world = World::new(&db).await;
        let mut broken = charge(2, Some(10));
        broken["currency"] = json!(null);
        world.stripe.put(broken);
        world.stripe.put(charge(1, Some(10)));
        world.stripe.put(charge(3, Some(10)));
        world.round().await;
        assert_eq!(known_fees(&db).await, 2);
        let error = world.resolver.stats().last_error().unwrap();
        assert!(error.contains("ch_2"), "{error}");
        assert_eq!(world.paths().await, [""; 0]);
    }
}

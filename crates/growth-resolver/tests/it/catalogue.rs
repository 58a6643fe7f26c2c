//! Prices, tiers, discounts and coupons, and the MRR that waits for them.

use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::{THEN, World, event, price, rows, subscription, worth};

fn tiered(tiers: &Value) -> Value {
    let mut price = price(0);
    price["billing_scheme"] = "tiered".into();
    price["tiers_mode"] = "graduated".into();
    price["unit_amount"] = json!(null);
    price["unit_amount_decimal"] = json!(null);
    if !tiers.is_null() {
        price["tiers"] = tiers.clone();
    }
    price
}

fn coupon(id: &str, percent_off: i64, products: Option<&[&str]>) -> Value {
    json!({"id": id, "object": "coupon", "percent_off": percent_off, "duration": "forever", "livemode": false,
        "applies_to": products.map(|products| json!({"products": products}))})
}

fn discount(id: &str, coupon: &Value) -> Value {
    json!({"id": id, "object": "discount", "source": {"type": "coupon", "coupon": coupon}, "start": THEN,
        "end": null, "customer": null, "subscription": null, "subscription_item": null})
}

/// The subscription as it is at Stripe: changed since the event, and with its discounts whole.
fn later(n: i64, price: &Value, discounts: &[Value], of_item: &[Value]) -> Value {
    let mut subscription = subscription(n, price, &[], &[]);
    subscription["discounts"] = discounts.into();
    subscription["items"]["data"][0]["discounts"] = of_item.into();
    subscription["cancel_at_period_end"] = true.into();
    subscription
}

/// What is known of the first subscription.
async fn first(db: &growth_db::Db) -> (i64, Option<String>) {
    let (_, mrr, unpriced) = worth(db).await.into_iter().next().unwrap();
    (mrr, unpriced)
}

on_each_engine! {
    async fn tiers_arrive_and_price_the_subscription(db: TestDb) {
        event(&db, "customer.subscription.created", 0, subscription(1, &tiered(&Value::Null), &[], &[])).await;
        assert!(first(&db).await.1.is_some());
        let mut world = World::new(&db).await;
        world.stripe.put(tiered(&json!([{"up_to": 10, "unit_amount": 500, "unit_amount_decimal": "500"},
            {"up_to": null, "unit_amount": 300, "unit_amount_decimal": "300"}])));
        let (_, requests) = world.round().await;
        assert_eq!(requests[0].path, "/v1/prices/price_1");
        assert_eq!(requests[0].expanded(), ["tiers"]);
        assert_eq!(first(&db).await, (5600, None));
        assert_eq!(world.paths().await, [""; 0]);
    }

    async fn a_price_that_is_only_named_is_read(db: TestDb) {
        event(&db, "customer.subscription.created", 0, subscription(1, &json!("price_1"), &[], &[])).await;
        assert!(first(&db).await.1.is_some());
        let mut world = World::new(&db).await;
        world.stripe.put(price(100));
        assert_eq!(world.paths().await, ["/v1/prices/price_1"]);
        assert_eq!(first(&db).await, (1200, None));
        assert_eq!(world.paths().await, [""; 0]);
    }

    async fn discounts_arrive_and_change_nothing_but_mrr(db: TestDb) {
        event(&db, "customer.subscription.created", 0, subscription(1, &price(1000), &["di_1"], &["di_2"])).await;
        let mut world = World::new(&db).await;
        let whole = discount("di_1", &coupon("HALF", 50, None));
        let of_item = discount("di_2", &coupon("TENTH", 10, None));
        world.stripe.put(later(1, &price(1000), &[whole], &[of_item]));
        world.stripe.put(coupon("HALF", 50, None));
        world.stripe.put(coupon("TENTH", 10, None));
        let (_, mut requests) = world.round().await;
        // The coupons are asked for together, and either may arrive first.
        requests[1..].sort_by(|one, other| one.path.cmp(&other.path));
        let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
        assert_eq!(paths, ["/v1/subscriptions/sub_1", "/v1/coupons/HALF", "/v1/coupons/TENTH"]);
        assert_eq!(requests[0].expanded(), ["discounts", "items.data.discounts"]);
        assert_eq!(requests[1].expanded(), ["applies_to"]);
        assert_eq!(first(&db).await, (5400, None));
        let history: Vec<(String, bool)> =
            rows(&db, "SELECT event_type, from_event FROM subscription_changes").await;
        assert_eq!(history, [("customer.subscription.created".to_owned(), true)]);
        let reconstructed: Vec<(bool, bool)> =
            rows(&db, "SELECT reconstructed, cancel_at_period_end FROM subscriptions").await;
        assert_eq!(reconstructed, [(false, false)]);
        let of_customer: Vec<(String, bool)> = rows(&db, "SELECT id, of_customer FROM discounts ORDER BY id").await;
        assert_eq!(of_customer, [("di_1".to_owned(), false), ("di_2".to_owned(), false)]);
        assert_eq!(world.paths().await, [""; 0]);
    }

    async fn a_coupon_that_an_event_showed_is_read_for_what_it_is_limited_to(db: TestDb) {
        let mut in_event = coupon("HALF", 50, None);
        in_event.as_object_mut().unwrap().remove("applies_to");
        let mut old = subscription(1, &price(1000), &[], &[]);
        old["discount"] = json!({"id": "di_1", "object": "discount", "coupon": in_event, "start": THEN,
            "customer": "cus_1", "subscription": "sub_1"});
        event(&db, "customer.subscription.created", 0, old.clone()).await;
        assert_eq!(first(&db).await, (6000, None));
        let mut world = World::new(&db).await;
        world.stripe.put(coupon("HALF", 50, Some(&["prod_other"])));
        assert_eq!(world.paths().await, ["/v1/coupons/HALF"]);
        assert_eq!(first(&db).await, (12000, None));
        assert_eq!(world.paths().await, [""; 0]);
        assert_eq!(World::new(&db).await.paths().await, [""; 0]);
    }

    async fn a_coupon_without_a_limit_is_read_once_whatever_events_show_later(db: TestDb) {
        let mut in_event = coupon("HALF", 50, None);
        in_event.as_object_mut().unwrap().remove("applies_to");
        let told = json!({"id": "di_1", "object": "discount", "coupon": in_event, "start": THEN,
            "customer": "cus_1", "subscription": "sub_1"});
        let mut old = subscription(1, &price(1000), &[], &[]);
        old["discount"] = told;
        event(&db, "customer.subscription.created", 0, old.clone()).await;
        let mut world = World::new(&db).await;
        world.stripe.put(coupon("HALF", 50, None));
        assert_eq!(world.paths().await, ["/v1/coupons/HALF"]);
        event(&db, "customer.subscription.updated", 7200, old).await;
        assert_eq!(World::new(&db).await.paths().await, [""; 0]);
        assert_eq!(first(&db).await, (6000, None));
    }

    async fn a_discount_that_is_gone_is_not_asked_for_all_the_time(db: TestDb) {
        event(&db, "customer.subscription.created", 0, subscription(1, &price(1000), &["di_1"], &[])).await;
        let mut world = World::new(&db).await;
        world.stripe.put(later(1, &price(1000), &[], &[]));
        assert_eq!(world.paths().await, ["/v1/subscriptions/sub_1"]);
        assert_eq!(world.paths().await, [""; 0]);
        world.clock.go_on(chrono::TimeDelta::minutes(1));
        assert_eq!(world.paths().await, ["/v1/subscriptions/sub_1"]);
    }
}

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use growth_domain::rank;
use serde_json::Value;

use super::*;

const SHAPES: [Shape; 2] = [Shape::Acacia, Shape::Clover];

fn day(number: i64) -> DateTime<Utc> {
    "2026-01-05T10:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(number)
}

fn monthly(unit_amount: i64) -> PriceTerms {
    PriceTerms {
        nickname: "Pro monthly".into(),
        unit_amount,
        currency: "gbp".into(),
        interval: Interval::Month,
        interval_count: 1,
    }
}

fn yearly(unit_amount: i64) -> PriceTerms {
    PriceTerms { nickname: "Pro yearly".into(), interval: Interval::Year, ..monthly(unit_amount) }
}

/// A world with a price of 19.00 a month, one of 190.00 a year and a customer.
fn opened(shape: Shape, seed: u64) -> (World, String, String, String) {
    let mut world = World::new(shape, false, seed).with_fees_hidden(0);
    let product = world.create_product("Pro", day(-1));
    let month = world.create_price(&product, monthly(1_900), day(-1));
    let year = world.create_price(&product, yearly(19_000), day(-1));
    let customer = world.create_customer("ada@nightjar.example", None, day(0));
    world.take_events();
    (world, month, year, customer)
}

/// The types of all events but those about late fees, of which only some payments have one.
fn kinds(world: &World) -> Vec<&str> {
    let mut kinds: Vec<_> = world.events().iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.retain(|kind| *kind != "charge.updated");
    kinds.sort_unstable();
    kinds
}

fn object<'a>(world: &'a World, kind: &str) -> &'a Value {
    let event = world.events().iter().rev().find(|event| event["type"] == kind);
    &event.unwrap_or_else(|| panic!("no {kind}"))["data"]["object"]
}

#[test]
fn a_checkout_tells_of_its_first_payment_in_either_shape() {
    for shape in SHAPES {
        let (mut world, month, _, customer) = opened(shape, 5);
        let terms = Terms { via_checkout: Some("user-1"), ..Terms::default() };
        let subscription = world.subscribe(&customer, &month, &terms, day(1)).unwrap();
        let mut expected = vec![
            "charge.succeeded",
            "checkout.session.completed",
            "customer.subscription.created",
            "customer.subscription.updated",
            "customer.updated",
            "invoice.created",
            "invoice.finalized",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice_payment.paid",
            "payment_intent.created",
            "payment_intent.succeeded",
            "payment_method.attached",
        ];
        if shape == Shape::Acacia {
            expected.retain(|kind| *kind != "invoice_payment.paid");
        }
        assert_eq!(kinds(&world), expected);
        assert!(world.events().iter().all(|event| event["api_version"] == shape.api_version()));
        assert_eq!(object(&world, "customer.subscription.created")["status"], "incomplete");
        assert_eq!(object(&world, "customer.subscription.updated")["status"], "active");
        let truth = world.truth();
        assert_eq!(truth.payments.len(), 1);
        let payment = &truth.payments[0];
        assert_eq!((payment.amount, payment.fee, payment.paid_at), (1_900, Some(49), Some(day(1))));
        assert_eq!(payment.user.as_deref(), Some("user-1"));
        assert_eq!(payment.subscription.as_deref(), Some(subscription.as_str()));
        assert_eq!(truth.mrr_micros(), BTreeMap::from([("gbp".to_owned(), 1_900_000_000)]));
    }
}

#[test]
fn only_the_old_shape_links_invoice_intent_and_charge_directly() {
    let story = |shape| {
        let (mut world, month, _, customer) = opened(shape, 6);
        world.subscribe(&customer, &month, &Terms::default(), day(1)).unwrap();
        world
    };
    let old = story(Shape::Acacia);
    let payment = old.truth().payments.remove(0);
    let invoice = object(&old, "invoice.paid");
    assert_eq!(invoice["payment_intent"], payment.payment_intent);
    assert_eq!(invoice["charge"], payment.charge);
    assert_eq!(invoice["subscription"], payment.subscription.clone().unwrap());
    assert_eq!(object(&old, "charge.succeeded")["invoice"], payment.invoice.clone().unwrap());
    assert_eq!(object(&old, "payment_intent.succeeded")["invoice"], payment.invoice.unwrap());
    assert!(object(&old, "customer.subscription.created")["current_period_end"].is_i64());

    let new = story(Shape::Clover);
    let payment = new.truth().payments.remove(0);
    let invoice = object(&new, "invoice.paid");
    for gone in ["payment_intent", "charge", "subscription", "paid"] {
        assert!(invoice.get(gone).is_none(), "{gone}");
    }
    let details = &invoice["parent"]["subscription_details"];
    assert_eq!(details["subscription"], payment.subscription.clone().unwrap());
    assert!(object(&new, "charge.succeeded").get("invoice").is_none());
    let intent = object(&new, "payment_intent.succeeded");
    assert!(intent.get("invoice").is_none());
    assert_eq!(intent["payment_details"]["order_reference"], payment.invoice.as_deref().unwrap()[..25]);
    let link = object(&new, "invoice_payment.paid");
    assert_eq!(link["invoice"], payment.invoice.unwrap());
    assert_eq!(link["payment"]["payment_intent"], payment.payment_intent);
    let subscription = object(&new, "customer.subscription.created");
    assert!(subscription.get("current_period_end").is_none());
    assert!(subscription["items"]["data"][0]["current_period_end"].is_i64());
}

#[test]
fn a_failed_invoice_is_paid_later_by_the_same_intent() {
    for shape in SHAPES {
        let (mut world, month, _, customer) = opened(shape, 7);
        let subscription = world.subscribe(&customer, &month, &Terms::default(), day(1)).unwrap();
        world.take_events();
        assert!(world.fail_payment(&subscription, day(31)));
        assert_eq!(object(&world, "customer.subscription.updated")["status"], "past_due");
        assert_eq!(object(&world, "invoice.payment_failed")["attempt_count"], 1);
        assert!(world.fail_payment(&subscription, day(34)));
        assert_eq!(object(&world, "invoice.payment_failed")["attempt_count"], 2);
        assert!(!world.renew(&subscription, day(35)));
        assert_eq!(world.truth().payments.iter().filter(|payment| payment.succeeded).count(), 1);
        assert!(world.recover(&subscription, day(36)));
        assert!(!world.recover(&subscription, day(37)));
        let truth = world.truth();
        assert_eq!(truth.payments.len(), 2);
        assert!(truth.payments.iter().any(|payment| payment.paid_at == Some(day(36))));
        let invoice = truth.invoices.iter().find(|invoice| invoice.failed_at.is_some()).unwrap();
        assert_eq!((invoice.failed_at, invoice.paid_at), (Some(day(31)), Some(day(36))));
    }
}

#[test]
fn coupons_shape_invoices_and_only_lasting_ones_the_mrr() {
    let (mut world, month, _, customer) = opened(Shape::Clover, 8);
    let make = |world: &mut World, id: &str, off, duration| {
        world.create_coupon(id, CouponTerms { name: id.into(), off, duration }, day(0))
    };
    make(&mut world, "ONCE", Off::Percent(50), Duration::Once);
    make(&mut world, "THREE", Off::Percent(25), Duration::Months(1));
    make(&mut world, "EVER", Off::Amount { minor: 400, currency: "gbp".into() }, Duration::Forever);
    make(&mut world, "DOLLARS", Off::Amount { minor: 400, currency: "usd".into() }, Duration::Forever);
    let mut amounts = |coupon| {
        let terms = Terms { coupon: Some(coupon), ..Terms::default() };
        let subscription = world.subscribe(&customer, &month, &terms, day(1))?;
        world.renew(&subscription, day(40));
        let truth = world.truth();
        let mut paid: Vec<_> =
            truth.payments.iter().filter(|own| own.subscription.as_ref() == Some(&subscription)).collect();
        paid.sort_by_key(|payment| payment.paid_at);
        let mrr = truth.subscriptions.iter().find(|own| own.id == subscription)?.mrr_micros();
        Some((paid.iter().map(|payment| payment.amount).collect::<Vec<_>>(), mrr / 1_000_000))
    };
    assert_eq!(amounts("ONCE"), Some((vec![950, 1_900], 1_900)));
    assert_eq!(amounts("THREE"), Some((vec![1_425, 1_900], 1_900)));
    assert_eq!(amounts("EVER"), Some((vec![1_500, 1_500], 1_500)));
    assert_eq!(amounts("DOLLARS"), None);
    assert_eq!(kinds(&world).iter().filter(|kind| **kind == "customer.discount.deleted").count(), 2);
    assert_eq!(object(&world, "customer.discount.created")["source"]["coupon"], "EVER");
}

#[test]
fn a_trial_bills_nothing_and_then_counts() {
    let (mut world, month, _, customer) = opened(Shape::Clover, 9);
    let terms = Terms { trial_days: Some(14), via_checkout: Some("user-1"), ..Terms::default() };
    let subscription = world.subscribe(&customer, &month, &terms, day(1)).unwrap();
    assert!(world.truth().payments.is_empty());
    assert_eq!(object(&world, "checkout.session.completed")["payment_status"], "no_payment_required");
    assert_eq!(world.truth().mrr_micros()["gbp"], 0);
    assert!(world.end_trial(&subscription, day(15)));
    assert_eq!(world.truth().mrr_micros()["gbp"], 1_900_000_000);
    assert!(!world.end_trial(&subscription, day(16)));
}

#[test]
fn changes_pauses_and_ends_reach_the_truth() {
    let (mut world, month, year, customer) = opened(Shape::Clover, 10);
    let subscription = world.subscribe(&customer, &month, &Terms::default(), day(1)).unwrap();
    assert!(!world.change(&subscription, &month, 1, true, day(2)));
    assert!(world.change(&subscription, &month, 3, true, day(16)));
    let truth = world.truth();
    assert_eq!(truth.payments.len(), 2);
    assert_eq!(truth.mrr_micros()["gbp"], 5_700_000_000);
    assert_eq!(object(&world, "invoice.paid")["billing_reason"], "subscription_update");
    assert!(world.change(&subscription, &year, 3, false, day(20)));
    assert_eq!(world.truth().mrr_micros()["gbp"], 4_750_000_000);
    assert_eq!(world.period_end(&subscription), Some(day(20 + 365)));
    assert!(world.pause(&subscription, day(21)));
    assert!(!world.pause(&subscription, day(22)));
    assert_eq!(world.truth().mrr_micros()["gbp"], 0);
    assert!(world.resume(&subscription, day(23)));
    assert!(world.cancel_at_period_end(&subscription, day(24)));
    assert_eq!(world.truth().mrr_micros()["gbp"], 4_750_000_000);
    assert!(world.delete_customer(&customer, day(25)));
    assert_eq!(world.truth().mrr_micros()["gbp"], 0);
    assert_eq!(world.truth().subscriptions[0].ended_at, Some(day(25)));
    assert!(world.subscribe(&customer, &month, &Terms::default(), day(26)).is_none());
}

#[test]
fn refunds_and_disputes_keep_within_the_payment() {
    for shape in SHAPES {
        let (mut world, ..) = opened(shape, 11);
        let payment = world.one_off_payment(None, 5_000, "gbp", day(1)).unwrap();
        let refund = world.refund(&payment, 4_000, day(2)).unwrap();
        assert_eq!(object(&world, "charge.refunded")["amount_refunded"], 4_000);
        assert!(world.refund(&payment, 1_001, day(3)).is_none());
        assert!(world.dispute(&payment, day(3)).is_none());
        assert!(world.fail_refund(&refund, day(4)));
        assert!(!world.fail_refund(&refund, day(5)));
        let dispute = world.dispute(&payment, day(6)).unwrap();
        assert!(world.refund(&payment, 1, day(7)).is_none());
        assert!(world.win_dispute(&dispute, day(8)));
        let truth = world.truth();
        assert_eq!(truth.refunds[0].status, "failed");
        assert_eq!((truth.disputes[0].amount, truth.disputes[0].reinstated), (5_000, 5_000));
        assert_eq!(truth.payments[0].user, None);
    }
}

#[test]
fn a_customer_is_known_by_checkout_then_metadata_then_email() {
    let (mut world, month, ..) = opened(Shape::Clover, 12);
    world.know_user("by-mail", "Zoe@Example.com");
    let customer = world.create_customer("zoe@example.COM", None, day(1));
    world.subscribe(&customer, &month, &Terms::default(), day(2)).unwrap();
    let user = |world: &World| world.truth().payments[0].user.clone();
    assert_eq!(user(&world).as_deref(), Some("by-mail"));
    assert!(world.update_customer(&customer, "zoe@example.com", Some("by-metadata"), day(3)));
    assert_eq!(user(&world).as_deref(), Some("by-metadata"));
}

#[test]
fn an_upgrade_and_a_connected_account_show_in_the_envelope() {
    let mut world =
        World::new(Shape::Acacia, true, 1).with_upgrade(day(5), Shape::Clover).with_account("acct_1");
    world.create_customer("a@example.com", None, day(4));
    world.create_customer("b@example.com", None, day(5));
    let versions: Vec<_> = world.events().iter().map(|event| event["api_version"].clone()).collect();
    assert_eq!(versions, ["2025-02-24.acacia", "2025-10-29.clover"]);
    assert!(world.events().iter().all(|event| event["account"] == "acct_1" && event["livemode"] == true));
}

/// Does many operations at random, most of them at instants that collide.
fn turmoil(shape: Shape, seed: u64) -> World {
    let mut random = Random::new(seed);
    let (mut world, month, year, first) = opened(shape, seed);
    let coupon = CouponTerms { name: "Label".into(), off: Off::Percent(20), duration: Duration::Forever };
    let coupon = world.create_coupon("LABEL", coupon, day(0));
    let mut customers = vec![first];
    let mut subscriptions: Vec<String> = Vec::new();
    let (mut refunds, mut disputes) = (Vec::new(), Vec::new());
    let mut now = day(1);
    for _ in 0..300 {
        now += TimeDelta::seconds(if random.percent(60) { 0 } else { random.between(1, 40_000) });
        let customer = customers[random.index(customers.len())].clone();
        let subscription = match subscriptions.len() {
            0 => String::new(),
            count => subscriptions[random.index(count)].clone(),
        };
        let payment = world.last_payment(&subscription).unwrap_or_default();
        let price = if random.percent(50) { &month } else { &year };
        match random.below(20) {
            0 => customers.push(world.create_customer(&format!("{}@example.com", random.next()), None, now)),
            1 => assert!(!world.update_customer("cus_unknown", "x@example.com", None, now)),
            2 if random.percent(20) => _ = world.delete_customer(&customer, now),
            3..7 => {
                let terms = Terms {
                    quantity: random.between(1, 4),
                    coupon: random.percent(30).then_some(coupon.as_str()),
                    trial_days: random.percent(20).then_some(14),
                    via_checkout: random.percent(50).then_some("user-1"),
                    user_id: None,
                };
                subscriptions.extend(world.subscribe(&customer, price, &terms, now));
            }
            7 => _ = world.end_trial(&subscription, now) || world.announce(&subscription, now),
            8 | 9 => _ = world.renew(&subscription, now),
            10 | 11 => _ = world.fail_payment(&subscription, now),
            12 => _ = world.recover(&subscription, now) || world.give_up(&subscription, now),
            13 => _ = world.change(&subscription, price, random.between(1, 4), random.percent(50), now),
            14 => _ = world.cancel_at_period_end(&subscription, now),
            15 if random.percent(50) => _ = world.cancel_now(&subscription, now),
            16 => _ = world.pause(&subscription, now) || world.resume(&subscription, now),
            17 => refunds.extend(world.refund(&payment, random.between(1, 900), now)),
            18 => disputes.extend(world.dispute(&payment, now)),
            _ => {
                world.one_off_payment(None, random.between(100, 9_000), "gbp", now);
                refunds.pop().map(|refund| world.fail_refund(&refund, now));
                disputes.pop().map(|dispute| world.win_dispute(&dispute, now));
            }
        }
    }
    world
}

/// Returns the last word on every object of a kind, by time, meaning and id.
fn last_words<'a>(
    world: &'a World,
    kind: &str,
    rank: impl Fn(&str, &str) -> i64,
) -> BTreeMap<String, &'a Value> {
    let mut words: BTreeMap<String, ((i64, i64, String), &Value)> = BTreeMap::new();
    for event in world.events() {
        let object = &event["data"]["object"];
        if object["object"] != kind || event["type"] == "invoice.upcoming" {
            continue;
        }
        let status = object["status"].as_str().unwrap_or_default();
        let place = (
            event["created"].as_i64().unwrap(),
            rank(status, event["type"].as_str().unwrap()),
            event["id"].to_string(),
        );
        let last = words.entry(object["id"].as_str().unwrap().to_owned()).or_insert((place.clone(), object));
        if place > last.0 {
            *last = (place, object);
        }
    }
    words.into_iter().map(|(id, (_, object))| (id, object)).collect()
}

#[test]
fn the_events_lead_to_the_truth() {
    for (shape, seed) in SHAPES.into_iter().flat_map(|shape| (0..5).map(move |seed| (shape, seed))) {
        let world = turmoil(shape, seed);
        let truth = world.truth();

        let subscriptions = last_words(&world, "subscription", rank::subscription);
        assert_eq!(subscriptions.len(), truth.subscriptions.len());
        for own in &truth.subscriptions {
            let told = subscriptions[&own.id];
            let item = &told["items"]["data"][0];
            assert_eq!(told["status"], own.status, "{told}");
            assert_eq!(item["quantity"], own.items[0].quantity);
            assert_eq!(item["price"]["id"], own.items[0].price);
            assert_eq!(told["pause_collection"].is_null(), !own.paused);
            assert_eq!(told["ended_at"].as_i64(), own.ended_at.map(|at| at.timestamp()));
            assert_eq!(told["discounts"].as_array().unwrap().len(), usize::from(own.coupon.is_some()));
        }

        let intents = last_words(&world, "payment_intent", rank::payment_intent);
        let succeeded = |object: &&Value| object["status"] == "succeeded";
        let told: i64 = intents
            .values()
            .copied()
            .filter(succeeded)
            .filter_map(|own| own["amount_received"].as_i64())
            .sum();
        let known: i64 = truth.payments.iter().filter(|own| own.succeeded).map(|own| own.amount).sum();
        assert_eq!(told, known);
        assert_eq!(intents.len(), truth.payments.len());

        let refunds = last_words(&world, "refund", rank::refund);
        for own in &truth.refunds {
            assert_eq!(refunds[&own.id]["status"], own.status);
        }
        let charges = last_words(&world, "charge", rank::charge);
        for own in &truth.payments {
            assert_eq!(charges[&own.charge]["status"] == "succeeded", own.succeeded);
        }
        let invoices = last_words(&world, "invoice", rank::invoice);
        for own in &truth.invoices {
            assert_eq!(invoices[&own.id]["status"] == "paid", own.paid_at.is_some());
            assert_eq!(invoices[&own.id]["total"], own.total);
        }
    }
}

#[test]
fn equal_seeds_tell_the_same_story_and_ids_never_repeat() {
    for shape in SHAPES {
        let world = turmoil(shape, 3);
        assert_eq!(world.events(), turmoil(shape, 3).events());
        assert_ne!(world.events(), turmoil(shape, 4).events());
        let ids: BTreeSet<_> = world.events().iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), world.events().len());
    }
}

#[test]
fn events_of_one_second_come_in_any_order() {
    let orders: BTreeSet<Vec<String>> = (0..20)
        .map(|seed| {
            let (mut world, month, _, customer) = opened(Shape::Clover, seed);
            world.subscribe(&customer, &month, &Terms::default(), day(1)).unwrap();
            world.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
        })
        .collect();
    assert!(orders.len() > 10);
}

#[test]
fn a_fee_is_told_at_once_or_a_little_later_or_never() {
    let (mut world, ..) = opened(Shape::Clover, 13);
    world = world.with_fees_hidden(30);
    for minute in 0..60 {
        world.one_off_payment(None, 2_000, "gbp", day(1) + TimeDelta::minutes(minute)).unwrap();
    }
    let charges = last_words(&world, "charge", rank::charge);
    let mut at_once = 0;
    for payment in world.truth().payments {
        let told = charges[&payment.charge]["balance_transaction"]["fee"].as_i64();
        assert_eq!(told, payment.fee);
        let first =
            world.events().iter().find(|event| event["data"]["object"]["id"] == payment.charge).unwrap();
        at_once += usize::from(first["data"]["object"]["balance_transaction"].is_object());
    }
    let later = world.events().iter().filter(|event| event["type"] == "charge.updated").count();
    assert!(at_once > 10 && later > 10 && at_once + later < 60, "{at_once} and {later}");
}

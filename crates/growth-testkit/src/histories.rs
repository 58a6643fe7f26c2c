//! Random histories of a Stripe account, with the truth about them.

use chrono::{DateTime, TimeDelta, Utc};
use growth_demo::world::{CouponTerms, Duration, Interval, Off, PriceTerms, Shape, Terms, Truth, World};
use proptest::prelude::*;
use serde_json::Value;

/// One thing that somebody does, some minutes after the last.
#[derive(Clone, Debug)]
pub struct Step {
    minutes: i64,
    act: u8,
    who: u8,
    how: u8,
}

/// What happens, and in which shape it is told.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether in the new shape.
    pub shape: bool,
    /// What chance comes from.
    pub seed: u64,
    /// In their order.
    pub steps: Vec<Step>,
}

/// Histories of up to `most` steps.
pub fn plans(most: usize) -> impl Strategy<Value = Plan> {
    // Many steps share a minute, and so a second, with the one before.
    let minutes = prop_oneof![2 => Just(0), 2 => 1..50_i64, 3 => 1_000..30_000_i64];
    let step = (minutes, any::<u8>(), any::<u8>(), any::<u8>());
    let step = step.prop_map(|(minutes, act, who, how)| Step { minutes, act, who, how });
    (any::<bool>(), any::<u64>(), prop::collection::vec(step, 1..most))
        .prop_map(|(shape, seed, steps)| Plan { shape, seed, steps })
}

/// When every history begins: 1 January 2025.
pub fn beginning() -> DateTime<Utc> {
    DateTime::from_timestamp(1_735_689_600, 0).unwrap_or_default()
}

/// The application's users: the n-th customer's id there, and the e-mail address it was created with.
pub fn users(plan: &Plan) -> Vec<(String, String)> {
    (0..plan.steps.len())
        .map(|n| (format!("user-{}-{n}", plan.seed), format!("C{n}@{}.example.com", plan.seed)))
        .collect()
}

/// The events in the order in which they happened, and the truth.
pub fn play(plan: &Plan) -> (Vec<Value>, Truth) {
    let (mut world, _) = world(plan);
    (world.take_events(), world.truth())
}

/// The account after all of it happened, which tells the fee of every charge, and when the last of it did.
pub fn open_world(plan: &Plan) -> (World, DateTime<Utc>) {
    happen(plan, new_world(plan).with_fees_hidden(0))
}

fn new_world(plan: &Plan) -> World {
    let shape = if plan.shape { Shape::Clover } else { Shape::Acacia };
    World::new(shape, true, plan.seed)
}

/// The account after all of it happened, and when the last of it did.
pub fn world(plan: &Plan) -> (World, DateTime<Utc>) {
    happen(plan, new_world(plan))
}

fn happen(plan: &Plan, mut world: World) -> (World, DateTime<Utc>) {
    let users = users(plan);
    let mut now = beginning();
    for (user, email) in &users {
        world.know_user(user, email);
    }
    let product = world.create_product("Enrichment", now);
    let price = |world: &mut World, minor, interval, currency: &str| {
        let currency = currency.to_owned();
        let terms = PriceTerms {
            nickname: format!("{minor}"),
            unit_amount: minor,
            currency,
            interval,
            interval_count: 1,
        };
        world.create_price(&product, terms, now)
    };
    let prices = [
        price(&mut world, 1900, Interval::Month, "gbp"),
        price(&mut world, 19_000, Interval::Year, "gbp"),
        price(&mut world, 4900, Interval::Month, "gbp"),
        price(&mut world, 2500, Interval::Month, "usd"),
    ];
    let mut coupon = |id: &str, off, duration| {
        world.create_coupon(id, CouponTerms { name: id.to_owned(), off, duration }, now)
    };
    let coupons = [
        coupon("friend", Off::Percent(20), Duration::Forever),
        coupon("launch", Off::Percent(50), Duration::Months(3)),
        coupon("fiver", Off::Amount { minor: 500, currency: "gbp".into() }, Duration::Forever),
    ];
    let (mut customers, mut subscriptions, mut payments) = (Vec::new(), Vec::new(), Vec::new());
    let (mut refunds, mut disputes) = (Vec::new(), Vec::new());
    for step in &plan.steps {
        now += TimeDelta::minutes(step.minutes);
        let pick = |list: &[String]| list.get(usize::from(step.who) % list.len().max(1)).cloned();
        let (customer, subscription, payment) = (pick(&customers), pick(&subscriptions), pick(&payments));
        match step.act % 24 {
            0..=2 => {
                let n = customers.len();
                let (user, email) = &users[n];
                let named = (step.how % 2 == 0).then_some(user.as_str());
                customers.push(world.create_customer(&email.to_lowercase(), named, now));
            }
            3..=7 => {
                let Some(customer) = customer else { continue };
                let coupon = coupons.get(usize::from(step.how) % 9).map(String::as_str);
                let trial_days = (step.how % 5 == 0).then_some(7);
                let n = customers.iter().position(|known| *known == customer).unwrap_or(0);
                let via_checkout = (step.how % 3 == 0).then_some(users[n].0.as_str());
                let terms = Terms {
                    quantity: i64::from(step.how % 3) + 1,
                    coupon,
                    trial_days,
                    via_checkout,
                    user_id: None,
                };
                let price = &prices[usize::from(step.how / 3) % prices.len()];
                subscriptions.extend(world.subscribe(&customer, price, &terms, now));
            }
            8 => payments.extend(world.one_off_payment(
                customer.as_deref(),
                i64::from(step.how) * 10 + 100,
                "gbp",
                now,
            )),
            9 => payments.extend(world.one_off_payment(None, 700, "usd", now)),
            10 | 11 => refunds.extend(payment.and_then(|id| world.refund(&id, i64::from(step.how) + 1, now))),
            12 => drop(pick(&refunds).map(|id| world.fail_refund(&id, now))),
            13 => disputes.extend(payment.and_then(|id| world.dispute(&id, now))),
            14 => drop(pick(&disputes).map(|id| world.win_dispute(&id, now))),
            15 => drop(customer.map(|id| {
                let n = customers.iter().position(|known| *known == id).unwrap_or(0);
                world.update_customer(&id, &users[n].1, None, now)
            })),
            act => {
                let Some(id) = subscription else { continue };
                match act {
                    16 | 17 => drop(world.renew(&id, now)),
                    18 => drop(world.fail_payment(&id, now)),
                    19 => drop(world.recover(&id, now) || world.end_trial(&id, now)),
                    20 => {
                        let price = &prices[usize::from(step.how) % 3];
                        world.change(&id, price, i64::from(step.how % 4) + 1, step.how % 2 == 0, now);
                    }
                    21 => drop(world.cancel_at_period_end(&id, now)),
                    22 => drop(world.cancel_now(&id, now)),
                    _ => drop(world.pause(&id, now) || world.resume(&id, now)),
                }
                payments.extend(world.last_payment(&id));
                payments.dedup();
            }
        }
    }
    (world, now)
}

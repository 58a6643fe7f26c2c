//! As many Stripe events as a benchmark asks for, in constant memory.

use std::vec::IntoIter;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::random::Random;
use crate::world::{CouponTerms, Duration, Interval, Off, PriceTerms, Shape, Terms, World};

/// How many customers are made at a time, which bounds the memory.
const COHORT: usize = 40;

/// How many days the events cover.
const DAYS: i64 = 365;

/// Returns exactly `count` events of one account in the new shape, in live mode, none later than `end`.
///
/// They begin with the catalogue. After that cohort follows cohort: customers who subscribe, renew, now and
/// then fail, change or cancel, with about six events for each payment. A cohort's events are in order of
/// time; every cohort spans the whole year before `end`. Ids stay unique up to some hundred million events.
pub fn stripe_events(seed: u64, end: DateTime<Utc>, count: usize) -> impl Iterator<Item = Value> {
    Stream::new(seed, end).take(count)
}

/// Returns at least `count` objects of one account as its API shows them at `end`, in live mode.
///
/// They are those of whom [`stripe_events`] tells: the catalogue, and cohort after cohort of customers with all that
/// belongs to them.
pub fn stripe_objects(seed: u64, end: DateTime<Utc>, count: usize) -> Vec<Value> {
    let mut stream = Stream::new(seed, end);
    let mut objects = stream.world.objects(Shape::Clover);
    let catalogue = objects.len();
    while objects.len() < count {
        stream.refill();
        // The catalogue comes first each time.
        objects.extend(stream.world.objects(Shape::Clover).into_iter().skip(catalogue));
    }
    objects
}

/// The endless stream.
struct Stream {
    world: World,
    random: Random,
    end: DateTime<Utc>,
    prices: Vec<String>,
    customers: u64,
    ready: IntoIter<Value>,
}

impl Stream {
    fn new(seed: u64, end: DateTime<Utc>) -> Self {
        let mut random = Random::new(seed);
        let mut world = World::new(Shape::Clover, true, random.next()).without_beginnings();
        let start = end - TimeDelta::days(DAYS + 1);
        let product = world.create_product("Contact enrichment", start);
        let mut price = |nickname: &str, interval, unit_amount| {
            let terms = PriceTerms {
                nickname: nickname.to_owned(),
                unit_amount,
                currency: "gbp".to_owned(),
                interval,
                interval_count: 1,
            };
            world.create_price(&product, terms, start)
        };
        let prices = vec![
            price("Pro monthly", Interval::Month, 1_900),
            price("Team monthly", Interval::Month, 4_900),
            price("Pro yearly", Interval::Year, 19_000),
        ];
        let terms =
            CouponTerms { name: "Label".to_owned(), off: Off::Percent(20), duration: Duration::Forever };
        world.create_coupon(COUPON, terms, start);
        let ready = world.take_events().into_iter();
        Self { world, random, end, prices, customers: 0, ready }
    }

    /// Makes the next cohort; everybody in it has at least the events of a subscription.
    fn refill(&mut self) {
        self.world.forget_customers();
        for _ in 0..COHORT {
            self.live();
        }
        let mut events = self.world.take_events();
        events.sort_by_key(|event| event["created"].as_i64());
        self.ready = events.into_iter();
    }

    fn live(&mut self) {
        self.customers += 1;
        let user = format!("user-{:07}", self.customers);
        let email = format!("{user}@customers.example");
        let age = TimeDelta::minutes(self.random.between(60, DAYS * 1_440));
        let at = self.end - age;
        let customer = self.world.create_customer(&email, None, at);
        let monthly = self.random.percent(85);
        let price = if monthly { self.random.index(2) } else { 2 };
        let terms = Terms {
            quantity: if self.random.percent(10) { self.random.between(2, 9) } else { 1 },
            coupon: self.random.percent(10).then_some(COUPON),
            via_checkout: self.random.percent(80).then_some(user.as_str()),
            ..Terms::default()
        };
        let Some(price) = self.prices.get(price) else { return };
        let Some(subscription) = self.world.subscribe(&customer, price, &terms, at) else { return };
        while let Some(due) = self.world.period_end(&subscription).filter(|due| *due < self.latest()) {
            self.next_period(&subscription, due);
        }
    }

    fn next_period(&mut self, subscription: &str, due: DateTime<Utc>) {
        let later = (due + TimeDelta::days(3)).min(self.latest());
        match self.random.below(100) {
            0..4 => {
                self.world.cancel_now(subscription, due);
            }
            4..7 => {
                self.world.fail_payment(subscription, due);
                if self.random.percent(70) {
                    self.world.recover(subscription, later);
                } else {
                    self.world.give_up(subscription, later);
                }
            }
            7..9 => {
                self.world.renew(subscription, due);
                let quantity = self.random.between(1, 9);
                if let Some(price) = self.prices.first() {
                    self.world.change(subscription, price, quantity, true, later);
                }
            }
            9 => {
                self.world.renew(subscription, due);
                if let Some(payment) = self.world.last_payment(subscription) {
                    self.world.refund(&payment, 500, later);
                }
            }
            _ => {
                self.world.renew(subscription, due);
            }
        }
    }

    /// Returns the last instant at which something may be done, so that what follows is not too late.
    fn latest(&self) -> DateTime<Utc> {
        self.end - TimeDelta::minutes(1)
    }
}

/// The coupon that some subscribe with.
const COUPON: &str = "LABEL20";

impl Iterator for Stream {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let next = self.ready.next();
        if next.is_some() {
            return next;
        }
        self.refill();
        self.ready.next()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn end() -> DateTime<Utc> {
        "2026-06-15T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_count_is_exact_and_the_seed_decides() {
        for count in [0, 1, 777] {
            assert_eq!(stripe_events(1, end(), count).count(), count);
        }
        assert!(stripe_events(1, end(), 500).eq(stripe_events(1, end(), 500)));
        assert!(!stripe_events(1, end(), 500).eq(stripe_events(2, end(), 500)));
    }

    #[test]
    fn objects_are_unique_and_many_enough() {
        let objects = stripe_objects(1, end(), 3_000);
        let ids: BTreeSet<&str> = objects.iter().map(|object| object["id"].as_str().unwrap()).collect();
        assert!(objects.len() >= 3_000 && ids.len() == objects.len(), "{} of {}", ids.len(), objects.len());
    }

    #[test]
    fn events_are_unique_and_in_time() {
        let mut ids = BTreeSet::new();
        let mut payments = 0;
        for event in stripe_events(9, end(), 8_000) {
            assert!(event["created"].as_i64().unwrap() <= end().timestamp());
            assert!(ids.insert(event["id"].as_str().unwrap().to_owned()));
            payments += usize::from(event["type"] == "payment_intent.succeeded");
        }
        assert!((6..=7).contains(&(ids.len() / payments)), "{payments}");
    }
}

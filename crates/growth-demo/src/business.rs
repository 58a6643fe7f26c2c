//! A year of a small product: contact enrichment for the music industry.
//!
//! The product started a year before the end, has about 400 users by then, sells
//! a monthly and a yearly plan and stands a little below its goal. Everything
//! that can happen to a subscription happens to somebody in it.

mod activity;
mod billing;
mod journal;
mod people;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use growth_track::{Event, Usage, User};
use serde_json::Value;

use self::billing::Books;
use self::journal::Journal;
use crate::random::Random;
use crate::world::Truth;

/// What the product does, in one line.
pub const PRODUCT: &str = "Contact enrichment for the music industry";

/// How long the product has been there.
const DAYS: i64 = 365;

/// Everything that the sample business tells.
#[derive(Clone, Debug)]
pub struct Business {
    /// What Stripe sends, in order of time; the first three months in the shape of an older API version.
    pub stripe_events: Vec<Value>,
    /// The users of the product, by their sign-up.
    pub users: Vec<User>,
    /// What they did, in order of time.
    pub events: Vec<Event>,
    /// What they used, one increment for each user, day and application.
    pub usage: Vec<Usage>,
    /// What really happened at Stripe.
    pub truth: Truth,
}

impl Business {
    /// Makes the business up as it stands at `end`; nothing in it is later.
    pub fn sample(seed: u64, end: DateTime<Utc>) -> Self {
        let mut random = Random::new(seed);
        let start = end - TimeDelta::days(DAYS);
        let mut people = people::sign_ups(&mut random.fork(), start, end);
        let mut journal = Journal::new(end);
        let mut books = Books::open(random.fork(), start, end);
        books.run(&mut people, &mut journal);
        let mut world = books.close();
        activity::run(&people, &mut random.fork(), &mut journal, end);

        let mut stripe_events = world.take_events();
        stripe_events.sort_by_key(|event| event["created"].as_i64());
        let (events, usage) = journal.close();
        let users = people.into_iter().map(|person| person.user).collect();
        Self { stripe_events, users, events, usage, truth: world.truth() }
    }
}

/// Picks a time on a day between 7:00 and 22:00 UTC, mostly in working hours.
fn time_on(day: NaiveDate, random: &mut Random) -> DateTime<Utc> {
    let minute =
        if random.percent(80) { random.between(9 * 60, 18 * 60) } else { random.between(7 * 60, 1310) };
    let start = day.and_time(chrono::NaiveTime::MIN).and_utc();
    start + TimeDelta::minutes(minute) + TimeDelta::milliseconds(random.between(0, 59_999))
}

/// Returns the first text of a series that nobody has yet, and takes it.
fn unused(taken: &mut BTreeSet<String>, series: impl Fn(usize) -> String) -> String {
    let mut number = 0;
    loop {
        let text = series(number);
        if taken.insert(text.clone()) {
            return text;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use growth_domain::catalogue::{EventName, EventStatus};

    use super::*;

    fn end() -> DateTime<Utc> {
        "2026-06-15T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        let bytes = |seed| {
            let made = Business::sample(seed, end());
            let stripe = serde_json::to_string(&made.stripe_events).unwrap();
            let product = format!("{:?}", (&made.users, &made.events, &made.usage));
            (stripe, product)
        };
        assert!(bytes(1) == bytes(1));
        assert!(bytes(1) != bytes(2));
    }

    #[test]
    fn the_business_is_a_little_below_its_goal() {
        let ends = ["2026-06-15T12:00:00Z", "2025-12-31T23:59:59Z", "2026-03-01T00:00:00Z"];
        for (seed, end) in (1..=6).zip(ends.into_iter().cycle()) {
            let end: DateTime<Utc> = end.parse().unwrap();
            let made = Business::sample(seed, end);
            let mrr = made.truth.mrr_micros();
            let gbp = mrr["gbp"] / 1_000_000;
            assert!((40_000..=48_000).contains(&gbp), "seed {seed}: {gbp}");
            assert!((5_000..20_000).contains(&(mrr["usd"] / 1_000_000)), "seed {seed}: {mrr:?}");
            assert!((380..=420).contains(&made.users.len()), "seed {seed}: {}", made.users.len());
            assert!((25_000..=40_000).contains(&made.events.len()), "seed {seed}: {}", made.events.len());
            assert!(
                (2_000..=6_000).contains(&made.stripe_events.len()),
                "seed {seed}: {}",
                made.stripe_events.len()
            );
        }
    }

    #[test]
    fn three_users_in_five_are_activated() {
        let made = Business::sample(4, end());
        let activated: BTreeSet<_> = made
            .events
            .iter()
            .filter(|event| event.name == "enrichment_completed")
            .filter_map(|event| event.user.clone())
            .collect();
        let share = activated.len() * 100 / made.users.len();
        assert!((55..=65).contains(&share), "{share}");
    }

    #[test]
    fn nothing_happens_after_the_end_or_before_the_sign_up() {
        let made = Business::sample(2, end());
        let since: BTreeMap<_, _> =
            made.users.iter().map(|user| (user.external_id.as_str(), user.created_at)).collect();
        for event in &made.events {
            assert!(event.at <= end());
            if let Some(user) = &event.user {
                assert!(event.at >= since[user.as_str()], "{event:?}");
            }
        }
        assert!(made.events.is_sorted_by_key(|event| event.at));
        assert!(made.usage.iter().all(|usage| usage.date <= end().date_naive()));
        let created = |event: &Value| event["created"].as_i64().unwrap();
        assert!(made.stripe_events.iter().all(|event| created(event) <= end().timestamp()));
        assert!(made.stripe_events.is_sorted_by_key(created));
    }

    #[test]
    fn every_event_has_a_name_a_status_and_an_id_of_its_own() {
        let made = Business::sample(3, end());
        for event in &made.events {
            assert!(EventName::parse(&event.name).is_ok(), "{}", event.name);
            assert!(event.status.parse::<EventStatus>().is_ok(), "{}", event.status);
            assert!(event.properties.is_object());
        }
        let ids: BTreeSet<_> = made.events.iter().filter_map(|event| event.message_id.as_ref()).collect();
        assert_eq!(ids.len(), made.events.len());
        let stripe: BTreeSet<_> =
            made.stripe_events.iter().filter_map(|event| event["id"].as_str()).collect();
        assert_eq!(stripe.len(), made.stripe_events.len());
        let people: BTreeSet<_> = made.users.iter().map(|user| &user.external_id).collect();
        let addresses: BTreeSet<_> = made.users.iter().map(|user| &user.email).collect();
        assert_eq!((people.len(), addresses.len()), (made.users.len(), made.users.len()));
    }

    #[test]
    fn usage_counts_what_the_events_tell() {
        let made = Business::sample(5, end());
        let told: i64 = made
            .events
            .iter()
            .filter(|event| event.name == "enrichment_completed")
            .filter_map(|event| event.properties["contacts"].as_i64())
            .sum();
        assert_eq!(made.usage.iter().map(|usage| usage.counters.enrichments).sum::<i64>(), told);
        let searches = made.events.iter().filter(|event| event.name == "search_performed").count();
        assert_eq!(
            made.usage.iter().map(|usage| usage.counters.searches).sum::<i64>(),
            i64::try_from(searches).unwrap()
        );
    }

    #[test]
    fn everything_that_can_happen_happens() {
        let made = Business::sample(1, end());
        let mut kinds = BTreeMap::new();
        for event in &made.stripe_events {
            *kinds.entry(event["type"].as_str().unwrap()).or_insert(0) += 1;
        }
        for kind in [
            "product.created",
            "price.created",
            "coupon.created",
            "customer.created",
            "customer.discount.created",
            "customer.discount.deleted",
            "customer.subscription.deleted",
            "invoice.payment_failed",
            "invoice_payment.paid",
            "checkout.session.completed",
            "refund.created",
            "refund.failed",
            "charge.refunded",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.closed",
        ] {
            assert!(kinds.contains_key(kind), "{kind} is missing");
        }
        let truth = &made.truth;
        assert!(truth.payments.iter().any(|payment| payment.customer.is_none()));
        assert!(truth.payments.iter().any(|payment| payment.succeeded && payment.fee.is_none()));
        assert!(truth.payments.iter().any(|payment| !payment.succeeded));
        let has = |status: &str| truth.subscriptions.iter().any(|own| own.status == status);
        assert!(["active", "trialing", "past_due", "canceled"].into_iter().all(has));
        assert!(truth.subscriptions.iter().any(|own| own.paused));
        assert!(truth.subscriptions.iter().any(|own| own.cancel_at_period_end && own.ended_at.is_none()));
        let versions: BTreeSet<_> =
            made.stripe_events.iter().filter_map(|event| event["api_version"].as_str()).collect();
        assert_eq!(versions.len(), 2);
    }

    #[test]
    fn every_payment_of_a_customer_has_its_user() {
        let made = Business::sample(1, end());
        assert!(
            made.truth.payments.iter().all(|payment| payment.customer.is_some() == payment.user.is_some())
        );
    }
}

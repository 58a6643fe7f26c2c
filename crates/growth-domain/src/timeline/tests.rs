mod gaps;

use chrono::{DateTime, Utc};

use super::*;
use crate::facts::SubscriptionItem;
use crate::facts::{CouponTerms, InvoiceLine, PriceTerms, Recurring, Tier};
use crate::money::Micros;
use crate::stamp::Stamp;

#[derive(Default)]
struct Known {
    prices: Vec<PriceTerms>,
    discounts: Vec<DiscountTerms>,
    coupons: Vec<CouponTerms>,
}

impl Catalog for Known {
    fn price(&self, id: &str) -> Option<&PriceTerms> {
        self.prices.iter().find(|price| price.id == id)
    }
    fn tiers(&self, _: &str) -> Option<&[Tier]> {
        None
    }
    fn discount(&self, id: &str) -> Option<&DiscountTerms> {
        self.discounts.iter().find(|discount| discount.id == id)
    }
    fn coupon(&self, id: &str) -> Option<&CouponTerms> {
        self.coupons.iter().find(|coupon| coupon.id == id)
    }
    fn invoice_line(&self, _: &SubscriptionItem) -> Option<&InvoiceLine> {
        None
    }
}

fn day(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + n * 86_400, 0).unwrap()
}

fn item(id: &str, price: &str, minor: i64) -> SubscriptionItem {
    let recurring = Recurring { interval: "month".into(), interval_count: 1, usage_type: "licensed".into() };
    let price = PriceTerms {
        id: price.into(),
        currency: "gbp".into(),
        unit_amount: Some(minor.to_string()),
        recurring: Some(recurring),
        billing_scheme: "per_unit".into(),
        ..PriceTerms::default()
    };
    SubscriptionItem { id: id.into(), price, quantity: Some(1), ..SubscriptionItem::default() }
}

fn state(status: &str, items: Vec<SubscriptionItem>) -> SubscriptionState {
    SubscriptionState {
        id: "sub_1".into(),
        customer: "cus_1".into(),
        currency: "gbp".into(),
        created: Some(day(0)),
        status: status.into(),
        items,
        ..SubscriptionState::default()
    }
}

fn told(at: DateTime<Utc>, event_type: &str, state: SubscriptionState) -> SubscriptionFact {
    let rank = crate::rank::subscription(&state.status, event_type);
    let stamp = Stamp { at, rank, event_id: format!("evt_{event_type}_{}", at.timestamp()) };
    SubscriptionFact { stamp, from_event: true, event_type: event_type.into(), state, replaced: None }
}

const CREATED: &str = "customer.subscription.created";
const UPDATED: &str = "customer.subscription.updated";
const DELETED: &str = "customer.subscription.deleted";

fn worth(facts: &[SubscriptionFact]) -> Vec<(i64, i128, Option<&'static str>)> {
    let built = build(facts, &[], &[], &Known::default(), Policy::Stripe);
    let row = |s: &Segment| ((s.at - day(0)).num_days(), s.mrr.net.0 / Micros::PER_MINOR, s.reason);
    built.segments.iter().map(row).collect()
}

#[test]
fn a_trial_counts_from_its_conversion() {
    let facts = [
        told(day(0), CREATED, state("trialing", vec![item("si_1", "p", 1900)])),
        told(day(7), UPDATED, state("active", vec![item("si_1", "p", 1900)])),
    ];
    assert_eq!(worth(&facts), [(0, 0, None), (7, 1900, Some("trial_converted"))]);
}

#[test]
fn churn_happens_when_it_ended_not_when_it_was_canceled() {
    let end =
        SubscriptionState { canceled_at: Some(day(3)), ended_at: Some(day(30)), ..state("canceled", vec![]) };
    let facts = [
        told(day(0), CREATED, state("active", vec![item("si_1", "p", 1900)])),
        told(day(31), DELETED, SubscriptionState { deleted: true, ..end }),
    ];
    assert_eq!(worth(&facts), [(0, 1900, None), (30, 0, Some("voluntary"))]);
}

#[test]
fn a_cancellation_after_failed_payments_is_involuntary() {
    let facts = [
        told(day(0), CREATED, state("active", vec![item("si_1", "p", 1900)])),
        told(day(30), UPDATED, state("past_due", vec![item("si_1", "p", 1900)])),
        told(day(44), DELETED, SubscriptionState { deleted: true, ..state("canceled", vec![]) }),
    ];
    assert_eq!(worth(&facts), [(0, 1900, None), (30, 1900, None), (44, 0, Some("involuntary"))]);
}

#[test]
fn a_conservative_report_gives_up_after_thirty_days_past_due() {
    let facts = [
        told(day(0), CREATED, state("active", vec![item("si_1", "p", 1900)])),
        told(day(10), UPDATED, state("past_due", vec![item("si_1", "p", 1900)])),
    ];
    let built = build(&facts, &[], &[], &Known::default(), Policy::Conservative);
    let last = built.segments.last().unwrap();
    assert_eq!((last.at, last.mrr.net, last.reason), (day(40), Micros::ZERO, Some("delinquent")));
    assert!(!last.counted);
    assert!(!last.at_risk);
}

#[test]
fn a_paused_collection_is_worth_nothing_until_it_resumes() {
    let paused = SubscriptionState { paused: true, ..state("active", vec![item("si_1", "p", 1900)]) };
    let facts = [
        told(day(0), CREATED, state("active", vec![item("si_1", "p", 1900)])),
        told(day(5), UPDATED, paused),
        told(day(9), UPDATED, state("active", vec![item("si_1", "p", 1900)])),
    ];
    assert_eq!(worth(&facts), [(0, 1900, None), (5, 0, Some("paused")), (9, 1900, Some("resumed"))]);
}

#[test]
fn a_first_fact_that_is_no_creation_tells_of_the_time_before() {
    let facts = [told(day(90), UPDATED, state("active", vec![item("si_1", "p", 1900)]))];
    let built = build(&facts, &[], &[], &Known::default(), Policy::Stripe);
    assert_eq!(built.segments.len(), 1);
    assert!(built.segments[0].reconstructed);
    assert_eq!(built.segments[0].at, day(0));
    let end = SubscriptionState {
        deleted: true,
        ended_at: Some(day(60)),
        ..state("canceled", vec![item("si_1", "p", 1900)])
    };
    assert_eq!(worth(&[told(day(90), DELETED, end)]), [(0, 1900, None), (60, 0, Some("voluntary"))]);
}

#[test]
fn a_first_fact_of_an_overdue_payment_is_not_overdue_from_the_beginning() {
    let facts = [told(day(90), UPDATED, state("past_due", vec![item("si_1", "p", 1900)]))];
    let built = build(&facts, &[], &[], &Known::default(), Policy::Conservative);
    let steps: Vec<_> = built.segments.iter().map(|s| (s.at, s.at_risk, s.counted)).collect();
    assert_eq!(steps, [(day(0), false, true), (day(90), true, true), (day(120), false, false)]);
}

#[test]
fn facts_of_one_second_are_ordered_by_meaning_in_any_order_of_arrival() {
    let mut facts = vec![
        told(day(0), CREATED, state("incomplete", vec![item("si_1", "p", 1900)])),
        told(day(0), UPDATED, state("active", vec![item("si_1", "p", 1900)])),
    ];
    let expected = worth(&facts);
    facts.reverse();
    assert_eq!(worth(&facts), expected);
    assert_eq!(expected, [(0, 1900, None)]);
}

#[test]
fn a_cut_list_takes_the_items_known_from_before() {
    let items: Vec<_> = (0..12).map(|n| item(&format!("si_{n}"), &format!("p{n}"), 100)).collect();
    let cut = SubscriptionState { items_cut_from: Some(12), ..state("active", items[..10].to_vec()) };
    let facts = [told(day(0), CREATED, state("active", items)), told(day(1), UPDATED, cut.clone())];
    assert_eq!(worth(&facts), [(0, 1200, None)]);
    let built = build(&[told(day(0), CREATED, cut)], &[], &[], &Known::default(), Policy::Stripe);
    assert_eq!(built.segments[0].mrr.net, Micros::ZERO);
    assert!(built.segments[0].unpriced.as_deref().unwrap().contains("12"));
}

#[test]
fn a_discount_that_runs_out_is_a_step_of_its_own() {
    let known = Known {
        discounts: vec![DiscountTerms {
            id: "di_1".into(),
            coupon: Some("c".into()),
            subscription: Some("sub_1".into()),
            start: Some(day(0)),
            end: Some(day(90)),
            ..DiscountTerms::default()
        }],
        coupons: vec![CouponTerms {
            id: "c".into(),
            percent_off: Some("50".into()),
            duration: "repeating".into(),
            ..CouponTerms::default()
        }],
        ..Known::default()
    };
    let with = SubscriptionState {
        discounts: vec!["di_1".into()],
        ..state("active", vec![item("si_1", "p", 1900)])
    };
    let built = build(&[told(day(0), CREATED, with)], &[], &[], &known, Policy::Conservative);
    let steps: Vec<_> =
        built.segments.iter().map(|s| (s.at, s.mrr.net.to_minor_rounded(), s.reason)).collect();
    assert_eq!(steps, [(day(0), 950, None), (day(90), 1900, Some("discount_expired"))]);
}

#[test]
fn a_subscription_that_ended_never_comes_back() {
    let active = || state("active", vec![item("si_1", "p", 1900)]);
    let expected = [(0, 1900, None), (30, 0, Some("voluntary"))];
    for (event_type, status, deleted) in
        [(DELETED, "canceled", true), (UPDATED, "canceled", false), (UPDATED, "incomplete_expired", false)]
    {
        let end = SubscriptionState { deleted, ..state(status, vec![]) };
        let mut facts = vec![
            told(day(0), CREATED, active()),
            told(day(30), event_type, end),
            told(day(31), UPDATED, active()),
            SubscriptionFact { from_event: false, ..told(day(90), "", active()) },
        ];
        for _ in 0..facts.len() {
            facts.rotate_left(1);
            assert_eq!(worth(&facts), expected, "{status}");
            let built = build(&facts, &[], &[], &Known::default(), Policy::Stripe);
            assert_eq!(built.latest.unwrap().status, status);
        }
    }
}

#[test]
fn a_creation_is_the_first_fact_whatever_its_stamp() {
    let second = chrono::TimeDelta::seconds(1);
    let mut facts = vec![
        told(day(0) + second, CREATED, state("incomplete", vec![item("si_1", "p", 1900)])),
        told(day(0), UPDATED, state("active", vec![item("si_1", "p", 1900)])),
    ];
    assert_eq!(worth(&facts), [(0, 1900, None)]);
    facts.reverse();
    assert_eq!(worth(&facts), [(0, 1900, None)]);
    facts.push(told(day(5), UPDATED, state("past_due", vec![item("si_1", "p", 1900)])));
    let built = build(&facts, &[], &[], &Known::default(), Policy::Stripe);
    assert_eq!(built.latest.unwrap().status, "past_due");
}

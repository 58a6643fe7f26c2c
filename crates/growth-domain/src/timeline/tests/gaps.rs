//! Where events are missing: every kind of evidence, and what has none.

use std::collections::BTreeSet;

use super::*;
use crate::facts::Replaced;

/// An update that says which state it was from.
fn updated(
    at: DateTime<Utc>,
    before: impl FnOnce(&mut SubscriptionState),
    now: SubscriptionState,
) -> SubscriptionFact {
    let mut previous = now.clone();
    before(&mut previous);
    SubscriptionFact { replaced: Some(Replaced::between(previous, &now)), ..told(at, UPDATED, now) }
}

fn read(at: DateTime<Utc>, state: SubscriptionState) -> SubscriptionFact {
    SubscriptionFact { from_event: false, ..told(at, "", state) }
}

fn created(price: &str, minor: i64) -> SubscriptionFact {
    told(day(0), CREATED, active(price, minor))
}

fn active(price: &str, minor: i64) -> SubscriptionState {
    state("active", vec![item("si_1", price, minor)])
}

fn line(start: DateTime<Utc>, price: &str, quantity: i64, amount: i64) -> InvoiceLine {
    InvoiceLine {
        subscription: Some("sub_1".into()),
        subscription_item: Some("si_1".into()),
        price: Some(price.into()),
        quantity: Some(quantity),
        amount,
        period_start: Some(start),
        ..InvoiceLine::default()
    }
}

fn bill(reason: &str, lines: Vec<InvoiceLine>) -> Bill {
    Bill { reason: Some(reason.into()), paid_at: None, lines }
}

fn proration(line: InvoiceLine) -> InvoiceLine {
    InvoiceLine { proration: true, ..line }
}

/// Day, status, worth, reason, and whether it is reconstructed.
type Row = (i64, String, i128, Option<&'static str>, bool);

fn rows(facts: &[SubscriptionFact], bills: &[Bill], known: &Known) -> Vec<Row> {
    let built = build(facts, bills, &[], known, Policy::Stripe);
    let row = |s: &Segment| {
        let days = (s.at - day(0)).num_days();
        (days, s.status.clone(), s.mrr.net.0 / Micros::PER_MINOR, s.reason, s.reconstructed)
    };
    built.segments.iter().map(row).collect()
}

fn row(days: i64, status: &str, minor: i128, reason: Option<&'static str>, reconstructed: bool) -> Row {
    (days, status.to_owned(), minor, reason, reconstructed)
}

#[test]
fn a_plan_change_is_dated_by_its_proration() {
    let facts = [created("p1", 1900), read(day(90), active("p2", 4900))];
    let prorated = vec![proration(line(day(40), "p1", 1, -1200)), proration(line(day(40), "p2", 1, 3000))];
    let bills = [bill("subscription_create", vec![line(day(0), "p1", 1, 1900)]), bill("manual", prorated)];
    let dated = [row(0, "active", 1900, None, false), row(40, "active", 4900, Some("plan_change"), true)];
    assert_eq!(rows(&facts, &bills, &Known::default()), dated);
    let undated = [row(0, "active", 1900, None, false), row(90, "active", 4900, Some("plan_change"), true)];
    assert_eq!(rows(&facts, &bills[..1], &Known::default()), undated);
}

#[test]
fn a_plan_change_is_dated_by_the_first_cycle_that_bills_it() {
    let facts = [created("p1", 1900), read(day(90), active("p2", 4900))];
    let cycle = |at, price, amount| bill("subscription_cycle", vec![line(at, price, 1, amount)]);
    let bills = [cycle(day(30), "p1", 1900), cycle(day(60), "p2", 4900)];
    let expected = [row(0, "active", 1900, None, false), row(60, "active", 4900, Some("plan_change"), true)];
    assert_eq!(rows(&facts, &bills, &Known::default()), expected);
}

#[test]
fn a_subscription_known_by_a_reading_alone_is_rebuilt_from_its_invoices() {
    let now = SubscriptionState { trial_end: Some(day(7)), ..active("p2", 4900) };
    let facts = [read(day(90), now)];
    let bills = [
        bill("subscription_create", vec![line(day(0), "p1", 1, 0)]),
        bill("subscription_cycle", vec![line(day(7), "p1", 1, 1900)]),
        bill(
            "subscription_update",
            vec![proration(line(day(50), "p1", 1, -1200)), proration(line(day(50), "p2", 1, 3000))],
        ),
    ];
    let known = Known { prices: vec![item("si_1", "p1", 1900).price], ..Known::default() };
    let expected = [
        row(0, "trialing", 0, None, true),
        row(7, "active", 1900, Some("trial_converted"), true),
        row(50, "active", 4900, Some("plan_change"), true),
    ];
    assert_eq!(rows(&facts, &bills, &known), expected);
}

#[test]
fn the_credit_of_a_proration_tells_what_an_item_had_been_from_the_beginning() {
    let facts = [read(day(90), active("p2", 4900))];
    let prorated = vec![proration(line(day(40), "p1", 1, -1200)), proration(line(day(40), "p2", 1, 3000))];
    let known = Known { prices: vec![item("si_1", "p1", 1900).price], ..Known::default() };
    let expected = [row(0, "active", 1900, None, true), row(40, "active", 4900, Some("plan_change"), true)];
    assert_eq!(rows(&facts, &[bill("subscription_update", prorated)], &known), expected);
}

#[test]
fn an_item_came_and_another_went_when_their_prorations_say() {
    let second = |line| InvoiceLine { subscription_item: Some("si_2".into()), ..line };
    let both = state("active", vec![item("si_1", "p1", 1900), item("si_2", "p2", 500)]);
    let added = [bill("manual", vec![proration(second(line(day(20), "p2", 1, 300)))])];
    let expected = [row(0, "active", 1900, None, false), row(20, "active", 2400, Some("plan_change"), true)];
    let facts = [created("p1", 1900), read(day(90), both.clone())];
    assert_eq!(rows(&facts, &added, &Known::default()), expected);
    let beginning = [row(0, "active", 1900, None, true), row(20, "active", 2400, Some("plan_change"), true)];
    assert_eq!(rows(&facts[1..], &added, &Known::default()), beginning);

    let removed = [bill("manual", vec![proration(second(line(day(50), "p2", 1, -300)))])];
    let expected = [row(0, "active", 2400, None, false), row(50, "active", 1900, Some("plan_change"), true)];
    let facts = [told(day(0), CREATED, both), read(day(90), active("p1", 1900))];
    assert_eq!(rows(&facts, &removed, &Known::default()), expected);
    let cycle = [bill("subscription_cycle", vec![line(day(60), "p1", 1, 1900)])];
    assert_eq!(rows(&facts, &cycle, &Known::default())[1].0, 60);
}

#[test]
fn a_trial_that_nobody_told_the_end_of_ends_on_its_day() {
    let trial =
        SubscriptionState { trial_end: Some(day(14)), ..state("trialing", vec![item("si_1", "p", 1900)]) };
    let now = SubscriptionState { trial_end: Some(day(14)), ..active("p", 1900) };
    let facts = [told(day(0), CREATED, trial.clone()), read(day(90), now)];
    let expected =
        [row(0, "trialing", 0, None, false), row(14, "active", 1900, Some("trial_converted"), true)];
    assert_eq!(rows(&facts, &[], &Known::default()), expected);

    let end =
        SubscriptionState { deleted: true, ended_at: Some(day(60)), status: "canceled".into(), ..trial };
    let facts = [facts[0].clone(), told(day(60), DELETED, end)];
    assert_eq!(
        rows(&facts, &[], &Known::default()),
        [row(0, "trialing", 0, None, false), row(60, "canceled", 0, None, false)]
    );
    let paid = [bill("subscription_cycle", vec![line(day(14), "p", 1, 1900)])];
    let expected = [
        row(0, "trialing", 0, None, false),
        row(14, "active", 1900, Some("trial_converted"), true),
        row(60, "canceled", 0, Some("voluntary"), true),
    ];
    assert_eq!(rows(&facts, &paid, &Known::default()), expected);
}

#[test]
fn what_was_incomplete_became_active_when_its_invoice_was_paid() {
    let first = told(day(0), CREATED, state("incomplete", vec![item("si_1", "p", 1900)]));
    let facts = [first, read(day(90), active("p", 1900))];
    let paid = |at| [Bill { paid_at: Some(at), ..Bill::default() }];
    let expected = [row(0, "incomplete", 0, None, false), row(1, "active", 1900, None, true)];
    assert_eq!(rows(&facts, &paid(day(1)), &Known::default()), expected);
    let at_once = [row(0, "active", 1900, None, true)];
    assert_eq!(rows(&facts, &paid(day(0)), &Known::default()), at_once);
}

#[test]
fn a_discount_begins_at_its_start() {
    let known = Known {
        discounts: vec![DiscountTerms {
            id: "di_1".into(),
            coupon: Some("c".into()),
            subscription: Some("sub_1".into()),
            start: Some(day(10)),
            ..DiscountTerms::default()
        }],
        coupons: vec![CouponTerms {
            id: "c".into(),
            percent_off: Some("50".into()),
            duration: "forever".into(),
            ..CouponTerms::default()
        }],
        ..Known::default()
    };
    let with = SubscriptionState { discounts: vec!["di_1".into()], ..active("p", 2000) };
    let facts = [created("p", 2000), read(day(90), with.clone())];
    let expected = [row(0, "active", 2000, None, false), row(10, "active", 1000, Some("discount"), true)];
    assert_eq!(rows(&facts, &[], &known), expected);
    let expected = [row(0, "active", 2000, None, true), row(10, "active", 1000, Some("discount"), true)];
    assert_eq!(rows(&facts[1..], &[], &known), expected);
}

#[test]
fn an_end_was_set_when_it_was_canceled_and_came_when_it_ended() {
    let ending =
        SubscriptionState { cancel_at_period_end: true, canceled_at: Some(day(12)), ..active("p", 1900) };
    let facts = [created("p", 1900), read(day(20), ending.clone())];
    let built = build(&facts, &[], &[], &Known::default(), Policy::Stripe);
    let steps: Vec<_> = built.segments.iter().map(|s| (s.at, s.ending, s.reconstructed)).collect();
    assert_eq!(steps, [(day(0), false, false), (day(12), true, true)]);

    let over = SubscriptionState { status: "canceled".into(), ended_at: Some(day(30)), ..ending };
    let built = build(&[facts[0].clone(), read(day(90), over)], &[], &[], &Known::default(), Policy::Stripe);
    let steps: Vec<_> = built.segments.iter().map(|s| (s.at, s.ending, s.mrr.net != Micros::ZERO)).collect();
    assert_eq!(steps, [(day(0), false, true), (day(12), true, true), (day(30), false, false)]);
    assert!(built.segments[2].reconstructed);
}

#[test]
fn what_has_no_evidence_is_dated_by_the_reading() {
    let paused = SubscriptionState { paused: true, ..active("p", 1900) };
    let facts = [created("p", 1900), read(day(20), paused.clone())];
    let expected = [row(0, "active", 1900, None, false), row(20, "active", 0, Some("paused"), true)];
    assert_eq!(rows(&facts, &[], &Known::default()), expected);
    let late = [read(day(20), paused)];
    let expected = [row(0, "active", 1900, None, true), row(20, "active", 0, Some("paused"), true)];
    assert_eq!(rows(&late, &[], &Known::default()), expected);
    let overdue = [created("p", 1900), read(day(20), state("past_due", vec![item("si_1", "p", 1900)]))];
    let expected = [row(0, "active", 1900, None, false), row(20, "past_due", 1900, None, true)];
    assert_eq!(rows(&overdue, &[], &Known::default()), expected);
}

#[test]
fn an_event_tells_that_another_one_is_missing() {
    let renewed = updated(day(60), |_| {}, active("p2", 4900));
    let facts = [created("p1", 1900), renewed.clone()];
    let expected = [row(0, "active", 1900, None, false), row(60, "active", 4900, None, true)];
    let found = rows(&facts, &[], &Known::default());
    assert_eq!((found.len(), &found[0], found[1].4), (2, &expected[0], true));

    let cycle = [bill("subscription_cycle", vec![line(day(30), "p2", 1, 4900)])];
    let expected = [row(0, "active", 1900, None, false), row(30, "active", 4900, Some("plan_change"), true)];
    assert_eq!(rows(&facts, &cycle, &Known::default()), expected);

    // What the later event itself changed stays as it tells it.
    let paused = SubscriptionState { paused: true, ..active("p2", 4900) };
    let paused = updated(day(60), |before| before.paused = false, paused);
    let expected = [&expected[..], &[row(60, "active", 0, Some("paused"), false)]].concat();
    assert_eq!(rows(&[facts[0].clone(), paused], &cycle, &Known::default()), expected);
}

#[test]
fn a_status_that_no_event_led_to_is_marked() {
    let recovered = updated(day(60), |before| before.status = "past_due".into(), active("p", 1900));
    let ending =
        SubscriptionState { cancel_at_period_end: true, ..state("past_due", vec![item("si_1", "p", 1900)]) };
    let ending = updated(day(50), |before| before.cancel_at_period_end = false, ending);
    let found = rows(&[created("p", 1900), ending], &[], &Known::default());
    assert_eq!(found[1], row(50, "past_due", 1900, None, true));
    let built = build(&[created("p", 1900), recovered], &[], &[], &Known::default(), Policy::Stripe);
    assert_eq!(built.segments.len(), 1);
    assert_eq!(built.gaps, [Gap { from: day(0), until: day(60), dated: false }]);
}

#[test]
fn a_deletion_tells_its_own_end_and_not_what_else_is_new() {
    let end = SubscriptionState {
        deleted: true,
        ended_at: Some(day(60)),
        status: "canceled".into(),
        ..active("p2", 4900)
    };
    let facts = [created("p1", 1900), told(day(60), DELETED, end)];
    let cycle = [bill("subscription_cycle", vec![line(day(30), "p2", 1, 4900)])];
    let found = rows(&facts, &cycle, &Known::default());
    let steps: Vec<_> = found.iter().map(|row| (row.0, row.2, row.4)).collect();
    assert_eq!(steps, [(0, 1900, false), (30, 4900, true), (60, 0, true)]);
    let same = SubscriptionState { items: vec![item("si_1", "p1", 1900)], ..facts[1].state.clone() };
    let found = rows(&[facts[0].clone(), told(day(60), DELETED, same)], &cycle, &Known::default());
    assert!(found.iter().all(|row| !row.4));
}

#[test]
fn a_reading_that_shows_nothing_new_leaves_no_trace_but_the_latest_state() {
    let facts = [created("p", 1900), read(day(20), active("p", 1900))];
    let mut later = facts.to_vec();
    later[1].state.period_end = Some(day(30));
    let built = build(&later, &[], &[], &Known::default(), Policy::Stripe);
    assert_eq!(built.segments.len(), 1);
    assert!(!built.segments[0].reconstructed);
    assert_eq!((built.gaps.len(), built.asks_for_bills), (0, false));
    assert_eq!(built.latest.unwrap().period_end, Some(day(30)));
}

#[test]
fn a_discount_that_ran_out_goes_without_a_word() {
    let known = Known {
        discounts: vec![DiscountTerms { id: "di_1".into(), end: Some(day(30)), ..DiscountTerms::default() }],
        ..Known::default()
    };
    let with = SubscriptionState { discounts: vec!["di_1".into()], ..active("p", 0) };
    let facts = [told(day(0), CREATED, with), updated(day(60), |_| {}, active("p", 0))];
    assert!(build(&facts, &[], &[], &known, Policy::Stripe).gaps.is_empty());
    assert_eq!(build(&facts, &[], &[], &Known::default(), Policy::Stripe).gaps.len(), 1);
}

/// A life with a little of everything, every change told by the event that made it.
fn life() -> Vec<SubscriptionFact> {
    let trial = state("trialing", vec![item("si_1", "p1", 1900)]);
    let two = state("active", vec![SubscriptionItem { quantity: Some(2), ..item("si_1", "p2", 1900) }]);
    let paused = SubscriptionState { paused: true, ..two.clone() };
    let overdue = SubscriptionState { status: "past_due".into(), ..two.clone() };
    let ending = SubscriptionState { cancel_at_period_end: true, canceled_at: Some(day(80)), ..two.clone() };
    let over = SubscriptionState {
        status: "canceled".into(),
        deleted: true,
        ended_at: Some(day(90)),
        ..ending.clone()
    };
    vec![
        told(day(0), CREATED, trial.clone()),
        updated(day(14), |before| before.status = "trialing".into(), active("p1", 1900)),
        updated(day(20), |before| before.items = trial.items.clone(), two.clone()),
        updated(day(30), |before| before.paused = false, paused),
        updated(day(40), |before| before.paused = true, two.clone()),
        updated(day(44), |_| {}, two.clone()),
        updated(day(50), |before| before.status = "active".into(), overdue),
        updated(day(60), |before| before.status = "past_due".into(), two.clone()),
        updated(day(80), |before| before.plan_end(&two.planned_end()), ending),
        told(day(90), DELETED, over),
    ]
}

#[test]
fn a_history_without_losses_has_no_gap() {
    let built = build(&life(), &[], &[], &Known::default(), Policy::Conservative);
    assert_eq!((built.gaps.len(), built.asks_for_bills), (0, false));
    assert!(built.segments.iter().all(|segment| !segment.reconstructed));
    assert_eq!(built.segments.len(), 9);
}

#[test]
fn whatever_is_lost_the_rest_is_true_or_marked_in_any_order() {
    let (whole, known) = (life(), Known::default());
    let bills = [bill("subscription_cycle", vec![line(day(14), "p1", 1, 1900)])];
    for policy in [Policy::Stripe, Policy::Conservative] {
        let truth: BTreeSet<String> = build(&whole, &bills, &[], &known, policy)
            .segments
            .iter()
            .map(|segment| format!("{segment:?}"))
            .collect();
        let last = SubscriptionState { deleted: false, ..whole.last().unwrap().state.clone() };
        for kept in 0..1_u32 << whole.len() {
            let mut facts: Vec<_> = whole
                .iter()
                .enumerate()
                .filter(|(n, _)| kept >> n & 1 == 1)
                .map(|(_, fact)| fact.clone())
                .collect();
            facts.push(read(day(100), last.clone()));
            let built = build(&facts, &bills, &[], &known, policy);
            for segment in built.segments.iter().filter(|segment| !segment.reconstructed) {
                assert!(truth.contains(&format!("{segment:?}")), "{kept:b}: {segment:#?}\n{truth:#?}");
            }
            assert_eq!(built.segments.last().map(|last| last.status.as_str()), Some("canceled"), "{kept:b}");
            let turn = usize::try_from(kept).unwrap() % facts.len();
            facts.rotate_left(turn);
            assert_eq!(build(&facts, &bills, &[], &known, policy), built);
        }
    }
}

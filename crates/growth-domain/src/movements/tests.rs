use std::collections::BTreeMap;

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::rollforward::RollForward;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + minutes * 60, 0).unwrap()
}

/// What a subscription is worth, from (minute, MRR in minor units).
fn worth<'a>(subscription: &'a str, currency: &'a str, steps: &[(i64, i64)]) -> Vec<Worth<'a>> {
    let step = |(minute, minor): &(i64, i64)| {
        let net = Micros::from_minor(*minor);
        Worth { subscription, currency, at: at(*minute), net, reason: None, reconstructed: false }
    };
    steps.iter().map(step).collect()
}

const DAY: i64 = 24 * 60;

fn kinds(movements: &[Movement]) -> Vec<(Kind, i128)> {
    movements.iter().map(|m| (m.kind, m.delta.to_minor_rounded())).collect()
}

#[test]
fn i2_four_yearly_two_monthly_and_back_again() {
    // 4 x 500/yr, + 2 x 30/mo, cancel those, cancel the rest, return. Rounding is per item to micros.
    let yearly = Micros(50_000 * Micros::PER_MINOR / 12 + 1);
    let mut year = worth("sub_y", "gbp", &[(0, 0), (90 * DAY, 0), (120 * DAY, 0)]);
    for (step, count) in year.iter_mut().zip([4, 0, 4]) {
        step.net = Micros(yearly.0 * count);
    }
    let month = worth("sub_m", "gbp", &[(30 * DAY, 6000), (60 * DAY, 0)]);
    let movements = fold([year, month].concat(), &[], &[]);
    assert_eq!(
        kinds(&movements),
        [
            (Kind::New, 16_667),
            (Kind::Expansion, 6000),
            (Kind::Contraction, -6000),
            (Kind::Churn, -16_667),
            (Kind::Reactivation, 16_667)
        ]
    );
}

#[test]
fn i3_a_swap_by_two_subscriptions_is_one_change() {
    let old = worth("sub_a", "gbp", &[(0, 1900), (30 * DAY + 10, 0)]);
    let new = worth("sub_b", "gbp", &[(30 * DAY, 4900)]);
    let movements = fold([old.clone(), new].concat(), &[], &[]);
    assert_eq!(kinds(&movements), [(Kind::New, 1900), (Kind::Expansion, 3000)]);
    assert_eq!(movements[1].reason.as_deref(), Some("plan_change"));
    let down = worth("sub_b", "gbp", &[(30 * DAY, 900)]);
    let movements = fold([old, down].concat(), &[], &[]);
    assert_eq!(kinds(&movements), [(Kind::New, 1900), (Kind::Contraction, -1000)]);
}

#[test]
fn currencies_have_ledgers_of_their_own() {
    let both = [worth("sub_a", "gbp", &[(0, 1900)]), worth("sub_b", "usd", &[(5, 2500)])].concat();
    assert_eq!(kinds(&fold(both, &[], &[])), [(Kind::New, 1900), (Kind::New, 2500)]);
}

#[test]
fn changes_an_hour_apart_are_two() {
    let apart = worth("sub_a", "gbp", &[(0, 1900), (60, 2900)]);
    assert_eq!(kinds(&fold(apart, &[], &[])), [(Kind::New, 1900), (Kind::Expansion, 1000)]);
    let together = worth("sub_a", "gbp", &[(0, 1900), (59, 2900)]);
    assert_eq!(kinds(&fold(together, &[], &[])), [(Kind::New, 2900)]);
}

#[test]
fn the_end_of_a_period_parts_what_would_be_netted() {
    let steps = worth("sub_a", "gbp", &[(0, 1900), (30, 2900), (50, 3900)]);
    let parted = fold(steps, &[at(30)], &[]);
    assert_eq!(kinds(&parted), [(Kind::New, 1900), (Kind::Expansion, 2000)]);
}

/// Which of the movements rest on evidence, where something is missing between two minutes.
fn marked(worth: &[Worth<'_>], from: i64, until: i64, dated: bool) -> Vec<bool> {
    let gap = Gap { from: at(from), until: at(until), dated };
    let doubts = [Doubt { currency: "gbp", gap }];
    fold(worth.to_vec(), &[], &doubts).iter().map(|movement| movement.reconstructed).collect()
}

#[test]
fn what_the_customer_does_while_something_is_missing_is_in_doubt() {
    let steps = worth("sub_a", "gbp", &[(0, 1900), (DAY, 2900), (2 * DAY, 3900), (3 * DAY, 4900)]);
    assert_eq!(marked(&steps, DAY + 60, 2 * DAY + 60, true), [false, false, true, false]);
    assert_eq!(marked(&steps, DAY + 30, 2 * DAY, true), [false, false, true, false]);
    // What has no time may have been a part of the movement just before.
    assert_eq!(marked(&steps, DAY + 30, 2 * DAY, false), [false, true, true, false]);
    let other = worth("sub_b", "usd", &[(0, 1900), (2 * DAY, 2900)]);
    assert_eq!(marked(&other, 0, 3 * DAY, false), [false, false]);
}

#[test]
fn a_doubt_ends_with_an_hour_without_changes() {
    let steps = worth(
        "sub_a",
        "gbp",
        &[(0, 1900), (DAY, 2900), (DAY + 70, 3900), (DAY + 131, 4900), (DAY + 191, 900)],
    );
    assert_eq!(marked(&steps, DAY - 90, DAY - 50, true), [false, true, false, false, false]);
    let close = worth(
        "sub_a",
        "gbp",
        &[(0, 1900), (DAY, 2900), (DAY + 59, 3900), (DAY + 61, 4900), (DAY + 122, 900)],
    );
    assert_eq!(marked(&close, DAY - 90, DAY - 50, true), [false, true, true, false]);
}

#[test]
fn whether_a_customer_is_new_depends_on_everything_before() {
    let steps = worth("sub_a", "gbp", &[(5 * DAY, 1900), (6 * DAY, 0), (7 * DAY, 1900)]);
    assert_eq!(marked(&steps, 0, DAY, true), [true, false, false]);
}

proptest! {
    /// The identity holds for every window over every history.
    #[test]
    fn movements_of_any_window_add_up(
        histories in prop::collection::vec(prop::collection::vec((0..400_000_i64, 0..5_i64), 1..12), 1..4),
        from in 0..400_000_i64,
        length in 0..200_000_i64,
    ) {
        let names: Vec<String> = (0..histories.len()).map(|n| format!("sub_{n}")).collect();
        let steps: Vec<Vec<Worth<'_>>> = names.iter().zip(histories).map(|(name, steps)| {
            let steps: BTreeMap<i64, i64> = steps.into_iter().map(|(minute, mrr)| (minute, mrr * 1000)).collect();
            worth(name, "gbp", &steps.into_iter().collect::<Vec<_>>())
        }).collect();
        let (start, end) = (at(from), at(from + length));
        let movements = fold(steps.concat(), &[start, end], &[]);
        // What the subscriptions are worth at an instant, by themselves.
        let mrr_at = |t: DateTime<Utc>| {
            let last = |steps: &Vec<Worth<'_>>| steps.iter().rev().find(|step| step.at < t).map_or(Micros::ZERO, |step| step.net);
            steps.iter().map(last).sum::<Micros>()
        };
        let inside = movements.iter().filter(|m| m.at >= start && m.at < end).map(|m| (m.kind, m.delta));
        prop_assert!(RollForward::build(mrr_at(start), inside, Micros::ZERO, mrr_at(end)).is_ok());
        prop_assert_eq!(movements.last().map_or(Micros::ZERO, |m| m.mrr), mrr_at(at(1_000_000)));
    }
}

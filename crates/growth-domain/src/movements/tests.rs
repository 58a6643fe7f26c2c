use std::collections::BTreeMap;

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::pricing::Mrr;
use crate::rollforward::RollForward;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + minutes * 60, 0).unwrap()
}

/// A timeline from (minute, MRR in minor units).
fn timeline(steps: &[(i64, i64)]) -> Vec<Segment> {
    steps
        .iter()
        .map(|(minute, minor)| {
            let net = Micros::from_minor(*minor);
            Segment {
                at: at(*minute),
                status: "active".into(),
                counted: true,
                mrr: Mrr { list: net, discount: Micros::ZERO, net },
                at_risk: false,
                ending: false,
                unpriced: None,
                reason: None,
                reconstructed: false,
            }
        })
        .collect()
}

const DAY: i64 = 24 * 60;

fn kinds(movements: &[Movement]) -> Vec<(Kind, i128)> {
    movements.iter().map(|m| (m.kind, m.delta.to_minor_rounded())).collect()
}

#[test]
fn i2_four_yearly_two_monthly_and_back_again() {
    // 4 x 500/yr, + 2 x 30/mo, cancel those, cancel the rest, return. Rounding is per item to micros.
    let yearly = Micros(50_000 * Micros::PER_MINOR / 12 + 1);
    let mut year = timeline(&[(0, 0), (90 * DAY, 0), (120 * DAY, 0)]);
    for (segment, count) in year.iter_mut().zip([4, 0, 4]) {
        segment.mrr.net = Micros(yearly.0 * count);
    }
    let month = timeline(&[(30 * DAY, 6000), (60 * DAY, 0)]);
    let movements = fold([("sub_y", "gbp", year.as_slice()), ("sub_m", "gbp", month.as_slice())]);
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
    let old = timeline(&[(0, 1900), (30 * DAY + 10, 0)]);
    let new = timeline(&[(30 * DAY, 4900)]);
    let movements = fold([("sub_a", "gbp", old.as_slice()), ("sub_b", "gbp", new.as_slice())]);
    assert_eq!(kinds(&movements), [(Kind::New, 1900), (Kind::Expansion, 3000)]);
    assert_eq!(movements[1].reason.as_deref(), Some("plan_change"));
    let down = timeline(&[(30 * DAY, 900)]);
    let movements = fold([("sub_a", "gbp", old.as_slice()), ("sub_b", "gbp", down.as_slice())]);
    assert_eq!(kinds(&movements), [(Kind::New, 1900), (Kind::Contraction, -1000)]);
}

#[test]
fn currencies_have_ledgers_of_their_own() {
    let pounds = timeline(&[(0, 1900)]);
    let dollars = timeline(&[(5, 2500)]);
    let movements = fold([("sub_a", "gbp", pounds.as_slice()), ("sub_b", "usd", dollars.as_slice())]);
    assert_eq!(kinds(&movements), [(Kind::New, 1900), (Kind::New, 2500)]);
}

#[test]
fn changes_an_hour_apart_are_two() {
    let movements = fold([("sub_a", "gbp", timeline(&[(0, 1900), (60, 2900)]).as_slice())]);
    assert_eq!(kinds(&movements), [(Kind::New, 1900), (Kind::Expansion, 1000)]);
    let movements = fold([("sub_a", "gbp", timeline(&[(0, 1900), (59, 2900)]).as_slice())]);
    assert_eq!(kinds(&movements), [(Kind::New, 2900)]);
}

proptest! {
    /// The identity holds for every window over every history.
    #[test]
    fn movements_of_any_window_add_up(
        histories in prop::collection::vec(prop::collection::vec((0..400_000_i64, 0..5_i64), 1..12), 1..4),
        from in 0..400_000_i64,
        length in 0..200_000_i64,
    ) {
        let timelines: Vec<Vec<Segment>> = histories
            .into_iter()
            .map(|steps| timeline(&steps.into_iter().map(|(m, v)| (m, v * 1000)).collect::<BTreeMap<_, _>>().into_iter().collect::<Vec<_>>()))
            .collect();
        let names: Vec<String> = (0..timelines.len()).map(|n| format!("sub_{n}")).collect();
        let movements = fold(names.iter().zip(&timelines).map(|(name, t)| (name.as_str(), "gbp", t.as_slice())));
        let mrr_at = |t: DateTime<Utc>| movements.iter().rev().find(|m| m.at < t).map_or(Micros::ZERO, |m| m.mrr);
        let (start, end) = (at(from), at(from + length));
        let inside = movements.iter().filter(|m| m.at >= start && m.at < end).map(|m| (m.kind, m.delta));
        prop_assert!(RollForward::build(mrr_at(start), inside, Micros::ZERO, mrr_at(end)).is_ok());
        let last: Micros = timelines.iter().filter_map(|t| t.last()).map(|s| s.mrr.net).sum();
        prop_assert_eq!(mrr_at(at(1_000_000)), last);
        prop_assert_eq!(movements.last().map_or(Micros::ZERO, |m| m.mrr), last);
    }
}

//! Users: how many, how active, how far they came.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};
use growth_domain::rollforward::Ratio;
use growth_metrics::{
    ActivityDay, Bottleneck, Engagement, Funnel, FunnelStage, Periods, RetentionCohort, Stage, UnfinishedDay,
    Users,
};

use super::clock::{Span, day, days, is_in, midnight};
use super::{Asked, both, ratio};

/// Who was active on which local day.
pub(crate) type Active<'a> = BTreeSet<(NaiveDate, &'a str)>;

pub(crate) fn active<'a>(asked: &Asked<'a>) -> Active<'a> {
    let events = asked.facts.business.events.iter().filter(|event| event.active);
    events.filter_map(|event| Some((day(event.at, asked.zone), event.user.as_deref()?))).collect()
}

pub(crate) fn between<'a>(active: &Active<'a>, first: NaiveDate, last: NaiveDate) -> BTreeSet<&'a str> {
    active.range((first, "")..).take_while(|(day, _)| *day <= last).map(|(_, user)| *user).collect()
}

/// The instants of each user's successful activation events.
fn activations<'a>(asked: &Asked<'a>) -> BTreeMap<&'a str, Vec<DateTime<Utc>>> {
    let mut activations: BTreeMap<&str, Vec<DateTime<Utc>>> = BTreeMap::new();
    for event in &asked.facts.business.events {
        if let (Some(user), "enrichment_completed", "success") =
            (&event.user, event.name.as_str(), event.status.as_str())
        {
            activations.entry(user).or_default().push(event.at);
        }
    }
    activations
}

pub(crate) fn users(asked: &Asked, active: &Active<'_>) -> Users {
    let activations = activations(asked);
    let users = &asked.facts.business.users;
    let allowed = TimeDelta::days(asked.request.activation_days.into());
    let newcomers =
        |span: Span| users.iter().filter(move |user| is_in(span, user.created_at)).collect::<Vec<_>>();
    let is_over = |created_at: DateTime<Utc>| created_at + allowed <= asked.window.1;
    let activated = |span: Span| {
        let over: Vec<_> = newcomers(span).into_iter().filter(|user| is_over(user.created_at)).collect();
        let in_time = over.iter().filter(|user| {
            let did = activations.get(user.external_id.as_str());
            did.is_some_and(|did| did.iter().any(|at| *at < user.created_at + allowed))
        });
        ratio(in_time.count() as u64, over.len() as u64)
    };
    let total = |at: DateTime<Utc>| users.iter().filter(|user| user.created_at < at).count() as u64;
    let (current, previous) = (asked.days, asked.previous_days);
    Users {
        total: Periods { current: total(asked.window.1), previous: total(asked.window.0) },
        new: both(asked, |span| newcomers(span).len() as u64),
        active: Periods {
            current: between(active, current.0, current.1).len() as u64,
            previous: between(active, previous.0, previous.1).len() as u64,
        },
        activation: both(asked, activated),
        activation_pending: both(asked, |span| {
            newcomers(span).iter().filter(|user| !is_over(user.created_at)).count() as u64
        }),
        activation_days: asked.request.activation_days,
    }
}

pub(crate) fn engagement(asked: &Asked, active: &Active<'_>) -> Engagement {
    let last = day(asked.window.1, asked.zone) - Days::new(1);
    let length = u64::from(asked.request.days);
    let before = last - Days::new(if length < 7 { length } else { length / 7 * 7 });
    let rolling = |day: NaiveDate, days: u64| between(active, day - Days::new(days - 1), day).len() as u64;
    let of = |days: u64| Periods { current: rolling(last, days), previous: rolling(before, days) };
    let (dau, wau, mau) = (of(1), of(7), of(30));
    let over = |of: Periods<u64>| Periods {
        current: ratio(dau.current, of.current),
        previous: ratio(dau.previous, of.previous),
    };
    let average =
        |days: &[NaiveDate]| ratio(days.iter().map(|day| rolling(*day, 1)).sum::<u64>(), days.len() as u64);
    let of_window = days(asked.days.0, asked.days.1);
    let mut joined: BTreeMap<NaiveDate, u64> = BTreeMap::new();
    for user in &asked.facts.business.users {
        *joined.entry(day(user.created_at, asked.zone)).or_default() += 1;
    }
    let activity = |day: &NaiveDate| ActivityDay {
        day: *day,
        dau: rolling(*day, 1),
        wau: rolling(*day, 7),
        mau: rolling(*day, 30),
        new_users: joined.get(day).copied().unwrap_or(0),
    };
    Engagement {
        day: last,
        day_before: before,
        dau,
        wau,
        mau,
        average_dau: Periods {
            current: average(&of_window),
            previous: average(&days(asked.previous_days.0, asked.previous_days.1)),
        },
        stickiness_week: over(wau),
        stickiness_month: over(mau),
        weekly: retention(asked, active, &weeks(last)),
        monthly: retention(asked, active, &months(last)),
        days: of_window.iter().map(activity).collect(),
        unfinished: unfinished(asked, active),
    }
}

fn unfinished(asked: &Asked, active: &Active<'_>) -> Option<UnfinishedDay> {
    let today = day(asked.window.1, asked.zone);
    let events = asked.facts.business.events.iter().filter(|event| day(event.at, asked.zone) == today);
    (midnight(today, asked.zone) < asked.window.1).then(|| UnfinishedDay {
        day: today,
        active: between(active, today, today).len() as u64,
        events: events.count() as u64,
    })
}

/// The first days of the last eight whole weeks, and the day after them.
fn weeks(last: NaiveDate) -> Vec<NaiveDate> {
    let mut after = last + Days::new(1);
    while after.weekday() != chrono::Weekday::Mon {
        after = after - Days::new(1);
    }
    (0..=8).rev().map(|back| after - Days::new(7 * back)).collect()
}

/// The first days of the last six whole months, and the day after them.
fn months(last: NaiveDate) -> Vec<NaiveDate> {
    let after = (last + Days::new(1)).with_day(1).unwrap();
    (0..=6).rev().map(|back| after - Months::new(back)).collect()
}

fn retention(asked: &Asked, active: &Active<'_>, bounds: &[NaiveDate]) -> Vec<RetentionCohort> {
    let mut first_day: BTreeMap<&str, NaiveDate> = BTreeMap::new();
    for event in &asked.facts.business.events {
        if let Some(user) = &event.user {
            let day = day(event.at, asked.zone);
            let first = first_day.entry(user).or_insert(day);
            *first = day.min(*first);
        }
    }
    let spans: Vec<(NaiveDate, NaiveDate)> =
        bounds.windows(2).map(|bounds| (bounds[0], bounds[1] - Days::new(1))).collect();
    let cohort = |(index, (first, last)): (usize, &(NaiveDate, NaiveDate))| {
        let own: BTreeSet<&str> = first_day
            .iter()
            .filter(|(_, day)| first <= *day && *day <= last)
            .map(|(user, _)| *user)
            .collect();
        let seen = |offset: usize| {
            let (first, last) = spans.get(index + offset)?;
            Some(between(active, *first, *last).intersection(&own).count() as u64)
        };
        RetentionCohort {
            start: *first,
            users: own.len() as u64,
            active: (0..spans.len()).map(seen).collect(),
        }
    };
    spans.iter().enumerate().map(cohort).skip_while(|cohort| cohort.users == 0).collect()
}

/// Seconds from the sign-up to each stage that was reached, and whether there is time left.
struct Way {
    created_at: DateTime<Utc>,
    reached: [Option<i64>; 3],
}

fn ways(asked: &Asked) -> Vec<Way> {
    let within = TimeDelta::days(asked.request.funnel_days.into());
    let activations = activations(asked);
    let mut payments: BTreeMap<&str, Vec<DateTime<Utc>>> = BTreeMap::new();
    for payment in &asked.facts.business.truth.payments {
        if let (Some(user), Some(at)) = (&payment.user, payment.paid_at) {
            payments.entry(user).or_default().push(at);
        }
    }
    let way = |user: &growth_track::User| {
        let (id, joined) = (user.external_id.as_str(), user.created_at);
        let in_time = |at: &DateTime<Utc>| joined <= *at && *at - joined <= within;
        let (mut activated, mut paid) = (None, None);
        // Every activation, which counts at the sign-up where it was before, with every payment.
        let did = activations.get(id).into_iter().flatten().map(|at| joined.max(*at));
        for activation in did.filter(in_time) {
            let seconds = (activation - joined).num_seconds();
            activated = Some(activated.map_or(seconds, |known: i64| known.min(seconds)));
            for payment in payments.get(id).into_iter().flatten().copied().filter(in_time) {
                if payment >= activation {
                    let seconds = (payment - joined).num_seconds();
                    paid = Some(paid.map_or(seconds, |known: i64| known.min(seconds)));
                }
            }
        }
        Way { created_at: joined, reached: [Some(0), activated, paid] }
    };
    asked.facts.business.users.iter().map(way).collect()
}

pub(crate) fn funnel(asked: &Asked) -> Funnel {
    let ways = ways(asked);
    let within = TimeDelta::days(asked.request.funnel_days.into());
    let joined = |span: Span| ways.iter().filter(move |way| is_in(span, way.created_at));
    let reached =
        |span: Span, stage: usize| joined(span).filter(|way| way.reached[stage].is_some()).count() as u64;
    let from_previous =
        |span: Span, stage: usize| ratio(reached(span, stage), reached(span, stage.max(1) - 1));
    let median = |span: Span, stage: usize| {
        let mut seconds: Vec<i64> = joined(span).filter_map(|way| way.reached[stage]).collect();
        seconds.sort_unstable();
        (!seconds.is_empty()).then(|| seconds[(seconds.len() - 1) / 2])
    };
    let recent = (asked.window.0 - within, asked.window.1 - within);
    let trailing = (recent.0 - TimeDelta::weeks(8), recent.0);
    let stages: Vec<FunnelStage> = [Stage::SignUp, Stage::Activation, Stage::Payment]
        .into_iter()
        .enumerate()
        .map(|(index, stage)| FunnelStage {
            stage,
            reached: both(asked, |span| reached(span, index)),
            from_previous: both(asked, |span| from_previous(span, index)),
            overall: both(asked, |span| ratio(reached(span, index), reached(span, 0))),
            median_seconds: both(asked, |span| median(span, index)),
            recent: from_previous(recent, index),
            trailing: from_previous(trailing, index),
        })
        .collect();
    Funnel {
        window_days: asked.request.funnel_days,
        pending: both(asked, |span| {
            let open = |way: &&Way| way.reached[2].is_none() && way.created_at + within > asked.window.1;
            joined(span).filter(open).count() as u64
        }),
        bottleneck: bottleneck(&stages[1..]),
        stages,
    }
}

fn bottleneck(stages: &[FunnelStage]) -> Option<Bottleneck> {
    let mut worst: Option<Bottleneck> = None;
    for FunnelStage { stage, recent, trailing, .. } in stages {
        let Ratio { numerator: came, denominator: entered } = *recent;
        if entered < 20 || trailing.denominator < 20 {
            continue;
        }
        let expected = entered * trailing.numerator;
        let lost = (expected - came * trailing.denominator).div_euclid(trailing.denominator);
        if lost > worst.map_or(0, |worst| i128::from(worst.lost)) {
            let lost = u64::try_from(lost).unwrap();
            worst = Some(Bottleneck { stage: *stage, recent: *recent, trailing: *trailing, lost });
        }
    }
    worst
}

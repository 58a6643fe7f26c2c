//! What users do, from the events and counters themselves.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use growth_metrics::{EventCount, ExportCount, Periods, Product, ProductDay, TopUser, Usage};
use growth_track::{Counters, Event};

use super::clock::{day, days};
use super::people::Active;
use super::{Asked, ratio};

type Days = (NaiveDate, NaiveDate);

fn is_in((first, last): Days, day: NaiveDate) -> bool {
    first <= day && day <= last
}

pub(crate) fn product(asked: &Asked, active: &Active<'_>) -> Product {
    let app = asked.request.app.as_deref();
    let mut names: BTreeMap<&str, [Vec<&Event>; 2]> = BTreeMap::new();
    let of_app = asked.facts.business.events.iter().filter(|event| app.is_none_or(|app| event.app == app));
    for event in of_app {
        let day = day(event.at, asked.zone);
        for (index, days) in [asked.days, asked.previous_days].into_iter().enumerate() {
            if is_in(days, day) {
                names.entry(&event.name).or_default()[index].push(event);
            }
        }
    }
    let periods = |name: &str, of: &dyn Fn(&[&Event]) -> u64| {
        let told = names.get(name);
        let of = |index: usize| told.map_or(0, |told| of(&told[index]));
        Periods { current: of(0), previous: of(1) }
    };
    let count = |name: &str| periods(name, &|told| told.len() as u64);
    let (completed, failed) = (count("enrichment_completed"), count("enrichment_failed"));
    let contacts = periods("enrichment_completed", &|told| {
        told.iter().filter_map(|event| event.properties["contacts"].as_u64()).sum()
    });
    let mut events: Vec<EventCount> = names
        .keys()
        .map(|name| EventCount {
            name: (*name).to_owned(),
            count: count(name),
            failures: periods(name, &|told| {
                told.iter().filter(|event| event.status == "failed").count() as u64
            }),
        })
        .collect();
    events.sort_by_key(|event| std::cmp::Reverse((event.count.current, event.count.previous)));
    events.truncate(10);
    Product {
        enrichments_started: count("enrichment_started"),
        enrichments_completed: completed,
        enrichments_failed: failed,
        enrichment_success: Periods {
            current: ratio(completed.current, completed.current + failed.current),
            previous: ratio(completed.previous, completed.previous + failed.previous),
        },
        contacts,
        contacts_per_enrichment: Periods {
            current: ratio(contacts.current, completed.current),
            previous: ratio(contacts.previous, completed.previous),
        },
        exports: ["csv", "json", "tracker"]
            .map(|format| ExportCount { format, completed: count(&format!("export_{format}_completed")) })
            .into(),
        days: by_day(asked),
        events,
        usage: Periods {
            current: usage(asked, asked.days).into_values().fold(Usage::default(), sum),
            previous: usage(asked, asked.previous_days).into_values().fold(Usage::default(), sum),
        },
        top_users: top_users(asked, active),
    }
}

fn by_day(asked: &Asked) -> Vec<ProductDay> {
    let app = asked.request.app.as_deref();
    let mut told: BTreeMap<NaiveDate, Vec<&str>> = BTreeMap::new();
    for event in asked.facts.business.events.iter().filter(|event| app.is_none_or(|app| event.app == app)) {
        told.entry(day(event.at, asked.zone)).or_default().push(&event.name);
    }
    let of_day = |day: NaiveDate| {
        let told = told.get(&day).map_or(&[][..], Vec::as_slice);
        let count = |is_it: fn(&str) -> bool| told.iter().filter(|name| is_it(name)).count() as u64;
        ProductDay {
            day,
            enrichments_completed: count(|name| name == "enrichment_completed"),
            enrichments_failed: count(|name| name == "enrichment_failed"),
            exports: count(|name| name.starts_with("export_") && name.ends_with("_completed")),
        }
    };
    days(asked.days.0, asked.days.1).into_iter().map(of_day).collect()
}

fn sum(one: Usage, other: Usage) -> Usage {
    Usage {
        enrichments: one.enrichments + other.enrichments,
        searches: one.searches + other.searches,
        exports: one.exports + other.exports,
        pitches_generated: one.pitches_generated + other.pitches_generated,
        emails_sent: one.emails_sent + other.emails_sent,
        campaigns_created: one.campaigns_created + other.campaigns_created,
        contacts_added: one.contacts_added + other.contacts_added,
        sessions: one.sessions + other.sessions,
        session_duration_ms: one.session_duration_ms + other.session_duration_ms,
    }
}

/// Usage by user.
fn usage<'a>(asked: &Asked<'a>, days: Days) -> BTreeMap<&'a str, Usage> {
    let app = asked.request.app.as_deref();
    let mut by_user: BTreeMap<&str, Usage> = BTreeMap::new();
    for told in &asked.facts.business.usage {
        if is_in(days, told.date) && app.is_none_or(|app| told.app == app) {
            let Counters {
                enrichments,
                searches,
                exports,
                pitches_generated,
                emails_sent,
                campaigns_created,
                contacts_added,
                sessions,
                session_duration_ms,
                ..
            } = told.counters;
            let more = Usage {
                enrichments,
                searches,
                exports,
                pitches_generated,
                emails_sent,
                campaigns_created,
                contacts_added,
                sessions,
                session_duration_ms,
            };
            let known = by_user.entry(&told.user).or_default();
            *known = sum(*known, more);
        }
    }
    by_user
}

/// Those with the most usage, then those active on the most days, then by id, in whose order they are
/// numbered where they are told of all at once.
fn top_users(asked: &Asked, active: &Active<'_>) -> Vec<TopUser> {
    let mut by_user = usage(asked, asked.days);
    let mut days_of: BTreeMap<&str, u32> = BTreeMap::new();
    for (_, user) in active.iter().filter(|(day, _)| is_in(asked.days, *day)) {
        *days_of.entry(user).or_default() += 1;
    }
    if asked.request.app.is_none() {
        for user in days_of.keys() {
            by_user.entry(user).or_default();
        }
    }
    let mut ranked: Vec<((i64, u32), TopUser)> = by_user
        .into_iter()
        .map(|(user, usage)| {
            let active_days = days_of.get(user).copied().unwrap_or(0);
            let did = usage.enrichments
                + usage.searches
                + usage.exports
                + usage.pitches_generated
                + usage.emails_sent
                + usage.campaigns_created;
            ((did, active_days), TopUser { user: Some(user.to_owned()), active_days, usage })
        })
        .collect();
    // By id they are already.
    ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    ranked.into_iter().take(10).map(|(_, user)| user).collect()
}

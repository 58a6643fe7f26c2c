//! The users: who they are and when they signed up.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};
use growth_track::User;

use super::{time_on, unused};
use crate::random::Random;

/// A user and what shapes their behaviour.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) user: User,
    /// When the first enrichment completes, for those who get that far.
    pub(super) activated_at: Option<DateTime<Utc>>,
    /// How busy they are, in percent of the usual.
    pub(super) keenness: u64,
    /// When they had a subscription.
    pub(super) paid: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

const FIRST_NAMES: [&str; 24] = [
    "ada", "amara", "ben", "carys", "dev", "elena", "femi", "grace", "hugo", "imani", "jonas", "kezia",
    "liam", "maya", "noor", "owen", "priya", "rafael", "saoirse", "tomasz", "una", "viktor", "wren", "zoe",
];

const LAST_NAMES: [&str; 24] = [
    "adeyemi",
    "barnes",
    "carvalho",
    "doyle",
    "evans",
    "fischer",
    "gallagher",
    "hughes",
    "ibrahim",
    "jansen",
    "kowalski",
    "lindqvist",
    "mensah",
    "novak",
    "okafor",
    "patel",
    "quinn",
    "rossi",
    "silva",
    "tanaka",
    "usman",
    "varga",
    "walsh",
    "young",
];

const LABELS: [&str; 16] = [
    "basement-tapes",
    "blue-plaque",
    "copper-coast",
    "east-pier",
    "fieldnotes",
    "half-moon",
    "hollow-oak",
    "little-amp",
    "nightjar",
    "northern-line",
    "paper-crane",
    "quiet-storm",
    "salt-lane",
    "tidewater",
    "velvet-room",
    "wax-and-wane",
];

const TRADES: [&str; 5] = ["records", "music", "management", "pr", "sound"];

/// Makes up who signs up between two instants: more and more, and fewer at weekends. The first is the admin.
pub(super) fn sign_ups(random: &mut Random, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<Person> {
    let mut times = vec![time_on(start.date_naive() + TimeDelta::days(1), random)];
    let count = random.index(21) + 390;
    while times.len() < count {
        times.extend(sign_up(random, start, end));
    }
    times.sort_unstable();
    let mut addresses = BTreeSet::new();
    times
        .into_iter()
        .enumerate()
        .map(|(number, at)| {
            let user = User {
                external_id: uuid(random),
                email: Some(email(random, &mut addresses)),
                created_at: at,
                is_admin: number == 0,
            };
            let activated_at = random.percent(61).then(|| activation(at, random));
            let keenness = u64::try_from(random.between(50, 150)).unwrap_or(100);
            Person { user, activated_at, keenness, paid: Vec::new() }
        })
        .collect()
}

/// Draws a time of sign-up, or none where the draw is to be repeated.
fn sign_up(random: &mut Random, start: DateTime<Utc>, end: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let days = (end - start).num_days();
    let (one, other) = (random.between(0, days), random.between(0, days));
    // The later of two days grows with time, the first of them does not.
    let day = if random.percent(70) { one.max(other) } else { one };
    let day = start.date_naive() + TimeDelta::days(day);
    let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let at = time_on(day, random);
    let happens = !weekend || random.percent(35);
    (happens && at > start && at <= end).then_some(at)
}

/// Draws when the first enrichment completes: half of the time within the hour after the sign-up.
fn activation(joined: DateTime<Utc>, random: &mut Random) -> DateTime<Utc> {
    let days = match random.below(100) {
        0..55 => return joined + TimeDelta::seconds(random.between(240, 2_400)),
        55..80 => 1,
        80..95 => random.between(2, 6),
        _ => random.between(8, 20),
    };
    time_on(joined.date_naive() + TimeDelta::days(days), random)
}

fn email(random: &mut Random, taken: &mut BTreeSet<String>) -> String {
    let (first, last) = (random.pick(&FIRST_NAMES), random.pick(&LAST_NAMES));
    let (label, trade) = (random.pick(&LABELS), random.pick(&TRADES));
    unused(taken, |number| {
        let suffix = if number == 0 { String::new() } else { number.to_string() };
        format!("{first}.{last}{suffix}@{label}-{trade}.example")
    })
}

/// Makes a UUID of version 4.
fn uuid(random: &mut Random) -> String {
    let (high, low) = (random.next(), random.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0x0fff,
        0x8000 | (low >> 50),
        low & 0xffff_ffff_ffff,
    )
}

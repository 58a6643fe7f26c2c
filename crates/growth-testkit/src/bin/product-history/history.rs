//! Who the users are and what they do: a few come almost every day, most of them now and then.
//!
//! What does not change with the number of events in a visit: who comes on which day.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// How many days the events cover, the last one until `as_of`.
pub(crate) const DAYS: u32 = 120;
/// In how many days before `as_of` all users signed up.
const SIGN_UPS: i64 = 730;
/// From one event of a visit to the next.
const STEP_MS: u64 = 40_000;
const DAY_MS: u64 = 86_400_000;
/// Spreads the busy users over all numbers; prime, so that it spreads every number of users but its own multiples.
const SPREAD: u64 = 7_919;

/// How much there is.
pub(crate) struct Size {
    /// The end of the last visit.
    pub(crate) as_of: DateTime<Utc>,
    /// How many users there are.
    pub(crate) users: u64,
    /// How many visits they make.
    pub(crate) visits: u64,
    /// How many events each visit has.
    pub(crate) events_of_visit: u64,
}

/// A name of an event, and what else stands in the row.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) category: &'static str,
    pub(crate) status: &'static str,
    /// Of a thousand events, how many are of this kind.
    permille: u64,
}

const fn kind(name: &'static str, category: &'static str, status: &'static str, permille: u64) -> Kind {
    Kind { name, category, status, permille }
}

/// The kinds of events.
const KINDS: [Kind; 11] = [
    kind("page_load", "performance", "success", 420),
    kind("search_performed", "feature_usage", "success", 200),
    kind("enrichment_started", "feature_usage", "success", 90),
    kind("enrichment_completed", "feature_usage", "success", 70),
    kind("enrichment_completed", "feature_usage", "pending", 5),
    kind("enrichment_failed", "error", "failed", 15),
    kind("export_csv_completed", "feature_usage", "success", 45),
    kind("export_json_completed", "feature_usage", "success", 10),
    kind("export_csv_completed", "feature_usage", "failed", 5),
    kind("user_logged_in", "user_action", "success", 90),
    kind("board_shared", "user_action", "success", 50),
];

/// An event.
pub(crate) struct Event {
    /// 0 for nobody.
    pub(crate) user: u64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) id: u64,
    pub(crate) kind: &'static Kind,
    pub(crate) session: u64,
    pub(crate) duration_ms: u64,
    /// A JSON object without quotes or backslashes in its values.
    pub(crate) properties: String,
    pub(crate) active: bool,
}

/// The usage counters of a user on a day.
pub(crate) struct Usage {
    pub(crate) enrichments: u64,
    pub(crate) searches: u64,
    pub(crate) exports: u64,
    pub(crate) contacts_added: u64,
    pub(crate) session_duration_ms: u64,
}

/// A visit: it begins with its user and its number alone.
struct Visit {
    user: u64,
    number: u64,
}

/// Everything, from the first user to the last event.
pub(crate) struct History {
    first: NaiveDate,
    events_of_visit: u64,
    /// Of the last day.
    last_day_ms: u64,
    /// When each user signed up; the first one is user 1.
    signed_up: Vec<DateTime<Utc>>,
    /// The visits of each day.
    days: Vec<Vec<Visit>>,
}

impl History {
    pub(crate) fn new(size: &Size) -> Self {
        let last = size.as_of.date_naive();
        let first = last - TimeDelta::days(i64::from(DAYS) - 1);
        let midnight = last.and_time(NaiveTime::MIN).and_utc();
        let before = u64::try_from(SIGN_UPS).unwrap_or(1) * DAY_MS;
        let signed_up: Vec<_> = (1..=size.users)
            .map(|user| {
                midnight - milliseconds(Random(user.wrapping_mul(0x5851_F42D_4C95_7F2D)).below(before))
            })
            .collect();
        let mut days: Vec<Vec<Visit>> = (0..DAYS).map(|_| Vec::new()).collect();
        for number in 0..size.visits {
            let mut random = Random(number);
            let user = someone(&mut random, size.users);
            let from = signed_up.get(index(user) - 1).map_or(first, |at| at.date_naive().max(first));
            let open = u64::try_from((last - from).num_days()).unwrap_or_default() + 1;
            let day = u64::from(DAYS) - open + random.below(open);
            // A script that nobody told who its user is.
            let user = if random.below(100) < 2 { 0 } else { user };
            days[index(day)].push(Visit { user, number });
        }
        let last_day_ms = u64::try_from((size.as_of - midnight).num_milliseconds()).unwrap_or(DAY_MS);
        Self { first, events_of_visit: size.events_of_visit, last_day_ms, signed_up, days }
    }

    /// The users in the order of their numbers, which begin at 1, and when they signed up.
    pub(crate) fn users(&self) -> impl Iterator<Item = (u64, DateTime<Utc>)> {
        (1..).zip(self.signed_up.iter().copied())
    }

    /// The events of each day, in the order of their times.
    pub(crate) fn days(&self) -> impl Iterator<Item = Vec<Event>> {
        (0..self.days.len()).map(|day| {
            let mut events: Vec<Event> = Vec::new();
            for visit in &self.days[day] {
                self.visit(day, visit, &mut events);
            }
            events.sort_by_key(|event| (event.at, event.id));
            events
        })
    }

    fn visit(&self, day: usize, visit: &Visit, events: &mut Vec<Event>) {
        let mut random = Random(visit.number ^ 0xD1B5_4A32_D192_ED03);
        let date = self.first + TimeDelta::days(i64::try_from(day).unwrap_or_default());
        let whole = if day + 1 == self.days.len() { self.last_day_ms } else { DAY_MS };
        let length = self.events_of_visit * STEP_MS;
        let begin = date.and_time(NaiveTime::MIN).and_utc()
            + milliseconds(random.below(whole.saturating_sub(length).max(1)));
        let signed_up = index(visit.user).checked_sub(1).and_then(|n| self.signed_up.get(n));
        let begin = signed_up.map_or(begin, |at| begin.max(*at));
        let session = random.next();
        for n in 0..self.events_of_visit {
            let at = begin + milliseconds(n * STEP_MS + random.below(STEP_MS));
            let kind = kind_of(random.below(1_000));
            events.push(Event {
                user: visit.user,
                at,
                id: random.next() >> 1,
                kind,
                session,
                duration_ms: random.below(3_000),
                properties: properties(kind, &mut random),
                active: random.below(100) != 0,
            });
        }
    }

    /// What was counted of some users and days.
    pub(crate) fn usage(&self) -> BTreeMap<(u64, NaiveDate), Usage> {
        let mut usage = BTreeMap::new();
        for (date, visits) in self.first.iter_days().zip(&self.days) {
            for visit in visits.iter().filter(|visit| visit.user != 0) {
                let mut random = Random(visit.number ^ 0x94D0_49BB_1331_11EB);
                if random.below(100) < 40 {
                    usage.insert(
                        (visit.user, date),
                        Usage {
                            enrichments: random.below(6),
                            searches: random.below(20),
                            exports: random.below(3),
                            contacts_added: random.below(50),
                            session_duration_ms: random.below(3_600_000),
                        },
                    );
                }
            }
        }
        usage
    }
}

/// The cube makes few users busy and most of them rare.
fn someone(random: &mut Random, users: u64) -> u64 {
    let part = random.below(1 << 20);
    let rank = (((part * part * part) >> 40) * users) >> 20;
    rank * SPREAD % users + 1
}

fn kind_of(mut permille: u64) -> &'static Kind {
    for kind in &KINDS {
        match permille.checked_sub(kind.permille) {
            Some(rest) => permille = rest,
            None => return kind,
        }
    }
    &KINDS[0]
}

fn properties(kind: &Kind, random: &mut Random) -> String {
    let page = random.below(4_000);
    match kind.name {
        "enrichment_completed" => format!(
            r#"{{"contacts": {}, "list": "lst_{:08x}", "source": "company-page", "credits": {}}}"#,
            random.below(50),
            random.below(1 << 32),
            random.below(9)
        ),
        "search_performed" => format!(
            r#"{{"query": "head of growth {page}", "results": {}, "filters": ["country", "size"]}}"#,
            random.below(500)
        ),
        _ => format!(
            r#"{{"path": "/companies/{page}", "title": "Company {page}", "viewport": "1440x900", "locale": "en-GB"}}"#
        ),
    }
}

fn milliseconds(n: u64) -> TimeDelta {
    TimeDelta::milliseconds(i64::try_from(n).unwrap_or_default())
}

fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Numbers that look like chance and are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::{DateTime, Utc};

    use super::{DAYS, History, KINDS, Size};

    fn history(events_of_visit: u64) -> History {
        let as_of = "2025-06-30T15:00:00Z".parse().expect("a time");
        History::new(&Size { as_of, users: 500, visits: 2_000, events_of_visit })
    }

    #[test]
    fn every_visit_has_its_events_after_the_sign_up_and_before_the_end() {
        let history = history(3);
        let signed_up: Vec<_> = history.users().map(|(_, at)| at).collect();
        let events: Vec<_> = history.days().flatten().collect();
        assert_eq!(events.len(), 6_000);
        let end: DateTime<Utc> = "2025-06-30T15:00:00Z".parse().expect("a time");
        for event in &events {
            assert!(event.at < end);
            assert!(
                event.user == 0 || signed_up[usize::try_from(event.user - 1).expect("small")] <= event.at
            );
        }
        assert_eq!(events.iter().map(|event| event.at.date_naive()).collect::<BTreeSet<_>>().len(), 120);
        assert_eq!(DAYS, 120);
    }

    #[test]
    fn more_events_are_of_the_same_users_on_the_same_days() {
        let days = |events_of_visit| -> BTreeSet<_> {
            let events = history(events_of_visit).days().flatten().collect::<Vec<_>>();
            events.iter().map(|event| (event.user, event.session)).collect()
        };
        assert_eq!(days(1).len(), 2_000);
    }

    #[test]
    fn the_kinds_are_a_thousand() {
        assert_eq!(KINDS.iter().map(|kind| kind.permille).sum::<u64>(), 1_000);
    }
}

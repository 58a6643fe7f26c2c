//! What users do in the product, day by day.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use growth_track::Event;
use serde_json::{Value, json};

use super::journal::{ENRICH, Journal, TRACKER, event};
use super::people::Person;
use super::time_on;
use crate::random::Random;

/// How busy the days of a week are, Monday first, in percent of the average day.
const WEEK: [u64; 7] = [125, 135, 130, 125, 100, 45, 40];

/// How a user stands to the product on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Has not completed an enrichment yet.
    New,
    /// Has, and does not pay.
    Free,
    /// Has a subscription.
    Paying,
}

/// Lets everybody live from their sign-up to the end.
pub(super) fn run(people: &[Person], random: &mut Random, journal: &mut Journal, end: DateTime<Utc>) {
    for person in people {
        let mut random = random.fork();
        live(person, &mut random, journal, end);
    }
    let Some(first) = people.first() else { return };
    disturb(first.user.created_at.date_naive(), random, journal, end);
}

fn live(person: &Person, random: &mut Random, journal: &mut Journal, end: DateTime<Utc>) {
    let joined = person.user.created_at;
    let user = person.user.external_id.as_str();
    let mut visit = Visit::begin(user, joined, random.fork());
    visit.tell(journal, ENRICH, "user_signed_up", json!({ "plan": "free" }));
    let at_once = person.activated_at.is_some_and(|at| at - joined < TimeDelta::hours(1));
    if !at_once {
        visit.look_around(journal, Stage::New);
    }
    visit.end(journal);

    for day in joined.date_naive().iter_days().take_while(|day| *day <= end.date_naive()) {
        let activates = person.activated_at.filter(|at| at.date_naive() == day);
        if let Some(at) = activates {
            let mut visit = Visit::begin(user, at - TimeDelta::seconds(200), random.fork());
            visit.enrich_first(journal, at);
            visit.end(journal);
            continue;
        }
        let at = time_on(day, random);
        if at <= joined + TimeDelta::hours(1) || !random.permille(chance(person, at)) {
            continue;
        }
        let mut visit = Visit::begin(user, at, random.fork());
        visit.tell(journal, ENRICH, "user_logged_in", json!({}));
        visit.look_around(journal, stage(person, at));
        visit.end(journal);
    }
}

fn stage(person: &Person, at: DateTime<Utc>) -> Stage {
    let activated = person.activated_at.is_some_and(|activated| activated < at);
    let pays = person.paid.iter().any(|(from, until)| (*from..*until).contains(&at));
    match (activated, pays) {
        (true, true) => Stage::Paying,
        (true, false) => Stage::Free,
        (false, _) => Stage::New,
    }
}

/// Tells in how many of a thousand such days somebody comes.
fn chance(person: &Person, at: DateTime<Utc>) -> u64 {
    let weeks = (at - person.user.created_at).num_weeks();
    let usual = match (stage(person, at), weeks) {
        (Stage::Paying, _) => 440,
        (Stage::Free, 0) => 380,
        (Stage::Free, 1) => 230,
        (Stage::Free, 2..=3) => 150,
        (Stage::Free, 4..=7) => 95,
        (Stage::Free, 8..=15) => 55,
        (Stage::Free, _) => 32,
        (Stage::New, 0) => 200,
        (Stage::New, 1) => 60,
        (Stage::New, 2..=7) => 15,
        (Stage::New, _) => 4,
    };
    let weekday = usize::try_from(at.weekday().num_days_from_monday()).unwrap_or(0);
    usual * person.keenness * WEEK[weekday] / 10_000
}

/// Makes the errors that belong to nobody, one in about five days.
fn disturb(from: NaiveDate, random: &mut Random, journal: &mut Journal, end: DateTime<Utc>) {
    for day in from.iter_days().take_while(|day| *day <= end.date_naive()) {
        if random.percent(20) {
            let at = time_on(day, random);
            let mut failed = event(None, at, ENRICH, "error_occurred", json!({ "job": "nightly_refresh" }));
            "failed".clone_into(&mut failed.status);
            failed.error_message = Some("source did not answer in time".to_owned());
            journal.record(failed);
        }
    }
}

/// One visit of a user: a session and its clock.
struct Visit<'a> {
    user: &'a str,
    session: String,
    began: DateTime<Utc>,
    now: DateTime<Utc>,
    random: Random,
}

impl<'a> Visit<'a> {
    fn begin(user: &'a str, at: DateTime<Utc>, mut random: Random) -> Self {
        Self { user, session: format!("s{:016x}", random.next()), began: at, now: at, random }
    }

    /// Lets some time pass.
    fn pause(&mut self, from_seconds: i64, to_seconds: i64) {
        self.now += TimeDelta::milliseconds(self.random.between(from_seconds * 1_000, to_seconds * 1_000));
    }

    fn event(&self, app: &str, name: &str, properties: Value) -> Event {
        let session_id = Some(self.session.clone());
        Event { session_id, ..event(Some(self.user), self.now, app, name, properties) }
    }

    /// Tells of something that went well; says whether the journal took it.
    fn tell(&mut self, journal: &mut Journal, app: &str, name: &str, properties: Value) -> bool {
        journal.record(self.event(app, name, properties))
    }

    /// Tells of something that took a while and may have failed.
    fn tell_end(
        &mut self,
        journal: &mut Journal,
        name: &str,
        properties: Value,
        error: Option<&str>,
        seconds: (i64, i64),
    ) -> bool {
        let started = self.now;
        self.pause(seconds.0, seconds.1);
        let mut told = self.event(ENRICH, name, properties);
        told.duration_ms = Some((self.now - started).num_milliseconds());
        if let Some(error) = error {
            "failed".clone_into(&mut told.status);
            told.error_message = Some(error.to_owned());
        }
        journal.record(told)
    }

    fn look_around(&mut self, journal: &mut Journal, stage: Stage) {
        let paying = stage == Stage::Paying;
        self.pause(2, 20);
        if self.random.percent(25) {
            let page = self.random.pick(&["/contacts", "/lists", "/settings", "/pricing"]);
            self.tell_end(journal, "page_load", json!({ "path": page }), None, (0, 2));
        }
        for _ in 0..self.random.below(3) {
            self.search(journal);
        }
        for _ in 0..self.random.below(if paying { 4 } else { 3 }) {
            self.enrich(journal, stage);
        }
        if stage != Stage::New && self.random.percent(if paying { 40 } else { 15 }) {
            self.export(journal);
        }
        if paying && self.random.percent(20) {
            self.pitch(journal);
        }
        if self.random.percent(12) {
            let feature = self.random.pick(&["saved_lists", "duplicate_finder", "notes", "bulk_edit"]);
            self.pause(10, 60);
            self.tell(journal, ENRICH, "feature_used", json!({ "feature": feature }));
        }
        if self.random.percent(15) {
            self.pause(5, 90);
            self.tell(journal, ENRICH, "user_logged_out", json!({}));
        }
    }

    fn search(&mut self, journal: &mut Journal) {
        let field = self.random.pick(&["label", "artist", "venue", "radio", "playlist"]);
        self.pause(5, 60);
        if self.random.percent(4) {
            let error = Some("search index is busy");
            self.tell_end(journal, "search_failed", json!({ "field": field }), error, (1, 8));
            return;
        }
        let results = self.random.between(0, 240);
        let told = json!({ "field": field, "results": results });
        if self.tell_end(journal, "search_performed", told, None, (0, 2)) {
            journal.usage(self.user, self.now.date_naive(), ENRICH).counters.searches += 1;
        }
    }

    fn enrich(&mut self, journal: &mut Journal, stage: Stage) {
        let contacts = match stage {
            Stage::New => self.random.between(1, 10),
            Stage::Free => self.random.between(3, 40),
            Stage::Paying => self.random.between(15, 160),
        };
        self.pause(8, 90);
        self.tell(journal, ENRICH, "enrichment_started", json!({ "contacts": contacts }));
        if stage == Stage::New || self.random.percent(6) {
            let error =
                self.random.pick(&["no source knows these contacts", "the file has no e-mail column"]);
            self.tell_end(
                journal,
                "enrichment_failed",
                json!({ "contacts": contacts }),
                Some(error),
                (3, 40),
            );
            return;
        }
        self.complete(journal, contacts, (8, 150));
    }

    fn complete(&mut self, journal: &mut Journal, contacts: i64, seconds: (i64, i64)) {
        let found = contacts * self.random.between(55, 98) / 100;
        let told = json!({ "contacts": contacts, "found": found });
        if self.tell_end(journal, "enrichment_completed", told, None, seconds) {
            let usage = journal.usage(self.user, self.now.date_naive(), ENRICH);
            usage.counters.enrichments += contacts;
            usage.counters.contacts_added += found;
        }
    }

    /// Makes the visit in which the first enrichment completes, at that instant.
    fn enrich_first(&mut self, journal: &mut Journal, at: DateTime<Utc>) {
        self.search(journal);
        let contacts = self.random.between(3, 30);
        self.now = at - TimeDelta::seconds(40);
        self.tell(journal, ENRICH, "enrichment_started", json!({ "contacts": contacts }));
        self.complete(journal, contacts, (40, 40));
        self.look_around(journal, Stage::Free);
    }

    fn export(&mut self, journal: &mut Journal) {
        let kind = match self.random.below(10) {
            0..6 => "csv",
            6..9 => "tracker",
            _ => "json",
        };
        let rows = self.random.between(5, 400);
        self.pause(10, 60);
        let started = format!("export_{kind}_started");
        self.tell(journal, ENRICH, &started, json!({ "rows": rows }));
        let completed = format!("export_{kind}_completed");
        if self.tell_end(journal, &completed, json!({ "rows": rows }), None, (1, 12)) {
            journal.usage(self.user, self.now.date_naive(), ENRICH).counters.exports += 1;
        }
    }

    fn pitch(&mut self, journal: &mut Journal) {
        self.pause(30, 240);
        let recipients = self.random.between(5, 60);
        let date = self.now.date_naive();
        if self.tell(journal, TRACKER, "pitch_generated", json!({ "recipients": recipients })) {
            journal.usage(self.user, date, TRACKER).counters.pitches_generated += 1;
        }
        if self.random.percent(40) {
            self.pause(60, 300);
            if self.tell(journal, TRACKER, "campaign_created", json!({ "recipients": recipients })) {
                let usage = journal.usage(self.user, date, TRACKER);
                usage.counters.campaigns_created += 1;
                usage.counters.emails_sent += recipients;
            }
        }
    }

    /// Counts the session, as far as the journal took its beginning.
    fn end(self, journal: &mut Journal) {
        if journal.is_over(self.began) {
            return;
        }
        let usage = journal.usage(self.user, self.began.date_naive(), ENRICH);
        usage.counters.sessions += 1;
        usage.counters.session_duration_ms += (self.now - self.began).num_milliseconds();
    }
}

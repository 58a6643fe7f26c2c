//! The daily counts behind numbers about what users do.

use chrono::NaiveDate;
use growth_db::query;
use growth_domain::catalogue::{KNOWN, suggest};

use super::metric::{EventMetric, ProductMetric, UsageMetric};
use super::{Cell, Listing, Measure, Part, Row, Source};
use crate::error::Error;
use crate::product::EXPORTS;
use crate::snapshot::Usage;

growth_db::statements! {
    EXPLAIN_EVENTS = "SELECT day, event_name, app_name, n, failures, contacts FROM daily_event
    WHERE day >= $1 AND day <= $2 AND ($3 = '' OR app_name = $3) ORDER BY day, event_name, app_name";
    HAS_EVENT = "SELECT EXISTS (SELECT 1 FROM daily_event WHERE event_name = $1) AS known";
    EVENT_NAMES = "SELECT event_name FROM daily_event GROUP BY event_name ORDER BY SUM(n) DESC, event_name LIMIT 20";
    EXPLAIN_USAGE = "SELECT c.date AS day, c.app_name, CASE WHEN u.erased_at IS NULL THEN u.external_id END AS \"user\",
        c.enrichments, c.searches, c.exports,
        c.pitches_generated, c.emails_sent, c.campaigns_created, c.contacts_added, c.sessions, c.session_duration_ms
    FROM usage_counters c LEFT JOIN users u ON u.id = c.user_id
    WHERE c.date >= $1 AND c.date <= $2 AND ($3 = '' OR c.app_name = $3) ORDER BY c.date, c.user_id, c.app_name";
}

const EVENTS: &[&str] = &["day", "event", "app", "events", "failures", "contacts"];
const USAGE: &[&str] = &["day", "user", "app"];

#[derive(sqlx::FromRow)]
struct DailyEvent {
    day: NaiveDate,
    event_name: String,
    app_name: String,
    n: i64,
    failures: i64,
    contacts: i64,
}

#[derive(sqlx::FromRow)]
struct DailyUsage {
    day: NaiveDate,
    app_name: String,
    user: Option<String>,
    #[sqlx(flatten)]
    usage: Usage,
}

pub(super) async fn rows(source: &Source<'_>, metric: &ProductMetric) -> Result<Listing, Error> {
    match metric {
        ProductMetric::Events(which) => source.events(|event| which.part(event)).await,
        ProductMetric::Event(name) => {
            source.check_event(name).await?;
            source.events(|event| (event.event_name == *name).then(|| Part::of(event.n))).await
        }
        ProductMetric::Usage(which) => source.usage(*which).await,
    }
}

impl EventMetric {
    fn part(self, event: &DailyEvent) -> Option<Part> {
        let completed = event.event_name == "enrichment_completed";
        let failed = event.event_name == "enrichment_failed";
        match self {
            Self::EnrichmentsStarted => (event.event_name == "enrichment_started").then(|| Part::of(event.n)),
            Self::EnrichmentsFailed => failed.then(|| Part::of(event.n)),
            Self::Enrichments => completed.then(|| Part::of(event.n)),
            Self::EnrichmentSuccess => {
                (completed || failed).then(|| Part::over(if completed { event.n } else { 0 }, event.n))
            }
            Self::Contacts => completed.then(|| Part::of(event.contacts)),
            Self::ContactsPerEnrichment => completed.then(|| Part::over(event.contacts, event.n)),
            Self::Exports => {
                EXPORTS.iter().any(|(_, name)| event.event_name == *name).then(|| Part::of(event.n))
            }
        }
    }
}

impl UsageMetric {
    fn of(self, usage: &Usage) -> i64 {
        match self {
            Self::Enrichments => usage.enrichments,
            Self::Searches => usage.searches,
            Self::Exports => usage.exports,
            Self::Pitches => usage.pitches_generated,
            Self::Emails => usage.emails_sent,
            Self::Campaigns => usage.campaigns_created,
            Self::Contacts => usage.contacts_added,
            Self::Sessions => usage.sessions,
            Self::SessionDuration => usage.session_duration_ms,
        }
    }
}

impl Source<'_> {
    async fn of_window<T: growth_db::Record>(&self, sql: &'static str) -> Result<Vec<T>, Error> {
        let days = self.request.activity();
        let query = query(self.db, sql).bind(days.first).bind(days.last);
        Ok(query.bind(self.request.app.as_deref().unwrap_or("")).fetch_all().await?)
    }

    /// Makes sure that an event is a known one, or was recorded at any time.
    async fn check_event(&self, name: &str) -> Result<(), Error> {
        if KNOWN.iter().any(|(known, _)| *known == name)
            || query(self.db, HAS_EVENT).bind(name).fetch_one::<(bool,)>().await?.0
        {
            return Ok(());
        }
        let known = if let Some(known) = suggest(name) {
            format!("did you mean {known}?")
        } else {
            let names: Vec<(String,)> = query(self.db, EVENT_NAMES).fetch_all().await?;
            let names: Vec<&str> = names.iter().map(|(name,)| name.as_str()).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            format!("those of this database: {names}")
        };
        Err(Error::UnknownEvent { name: name.to_owned(), known })
    }

    async fn events(&self, part: impl Fn(&DailyEvent) -> Option<Part>) -> Result<Listing, Error> {
        let row = |event: DailyEvent| {
            Some(Row {
                currency: None,
                part: part(&event)?,
                cells: vec![
                    Cell::Day(event.day),
                    Cell::Text(event.event_name),
                    Cell::Text(event.app_name),
                    Cell::Count(event.n),
                    Cell::Count(event.failures),
                    Cell::Count(event.contacts),
                ],
            })
        };
        let rows = self.of_window(EXPLAIN_EVENTS).await?.into_iter().filter_map(row).collect();
        Ok(Listing::of(Measure::Count, EVENTS, rows))
    }

    async fn usage(&self, which: UsageMetric) -> Result<Listing, Error> {
        let row = |counted: DailyUsage| Row {
            currency: None,
            part: Part::of(which.of(&counted.usage)),
            cells: vec![Cell::Day(counted.day), counted.user.into(), Cell::Text(counted.app_name)],
        };
        let rows = self.of_window(EXPLAIN_USAGE).await?.into_iter().map(row);
        let measure = match which {
            UsageMetric::SessionDuration => Measure::Milliseconds,
            _ => Measure::Count,
        };
        Ok(Listing::of(measure, USAGE, rows.filter(|row| row.part.numerator != 0).collect()))
    }
}

//! What users do with the product, from the rollups of events and the usage counters.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use growth_db::{Db, query};
use growth_domain::rollforward::Ratio;

use crate::activity::Activity;
use crate::cash::unsigned;
use crate::error::Error;
use crate::request::Request;
use crate::snapshot::{self, EventCount, ExportCount, Periods, Product, ProductDay, TopUser, Usage};

growth_db::statements! {
    // One row for each name, and one more for each day of the window for the names that are told of by day.
    EVENTS = "SELECT event_name AS name,
        CASE WHEN day >= $2 AND event_name IN ('enrichment_completed', 'enrichment_failed', 'export_csv_completed',
            'export_json_completed', 'export_tracker_completed') THEN day END AS by_day,
        CAST(COALESCE(SUM(n) FILTER (WHERE day >= $2), 0) AS BIGINT) AS n,
        CAST(COALESCE(SUM(n) FILTER (WHERE day < $2), 0) AS BIGINT) AS n_before,
        CAST(COALESCE(SUM(failures) FILTER (WHERE day >= $2), 0) AS BIGINT) AS failures,
        CAST(COALESCE(SUM(failures) FILTER (WHERE day < $2), 0) AS BIGINT) AS failures_before,
        CAST(COALESCE(SUM(contacts) FILTER (WHERE day >= $2), 0) AS BIGINT) AS contacts,
        CAST(COALESCE(SUM(contacts) FILTER (WHERE day < $2), 0) AS BIGINT) AS contacts_before
    FROM daily_event WHERE day >= $1 AND day <= $3 AND ($4 = '' OR app_name = $4)
    GROUP BY event_name, by_day";
    USAGE = "SELECT CAST(COALESCE(SUM(enrichments), 0) AS BIGINT) AS enrichments,
        CAST(COALESCE(SUM(searches), 0) AS BIGINT) AS searches,
        CAST(COALESCE(SUM(exports), 0) AS BIGINT) AS exports,
        CAST(COALESCE(SUM(pitches_generated), 0) AS BIGINT) AS pitches_generated,
        CAST(COALESCE(SUM(emails_sent), 0) AS BIGINT) AS emails_sent,
        CAST(COALESCE(SUM(campaigns_created), 0) AS BIGINT) AS campaigns_created,
        CAST(COALESCE(SUM(contacts_added), 0) AS BIGINT) AS contacts_added,
        CAST(COALESCE(SUM(sessions), 0) AS BIGINT) AS sessions,
        CAST(COALESCE(SUM(session_duration_ms), 0) AS BIGINT) AS session_duration_ms
    FROM usage_counters WHERE date >= $1 AND date <= $2 AND ($3 = '' OR app_name = $3)";
    USAGE_OF = "SELECT CAST(COALESCE(SUM(enrichments), 0) AS BIGINT) AS enrichments,
        CAST(COALESCE(SUM(searches), 0) AS BIGINT) AS searches,
        CAST(COALESCE(SUM(exports), 0) AS BIGINT) AS exports,
        CAST(COALESCE(SUM(pitches_generated), 0) AS BIGINT) AS pitches_generated,
        CAST(COALESCE(SUM(emails_sent), 0) AS BIGINT) AS emails_sent,
        CAST(COALESCE(SUM(campaigns_created), 0) AS BIGINT) AS campaigns_created,
        CAST(COALESCE(SUM(contacts_added), 0) AS BIGINT) AS contacts_added,
        CAST(COALESCE(SUM(sessions), 0) AS BIGINT) AS sessions,
        CAST(COALESCE(SUM(session_duration_ms), 0) AS BIGINT) AS session_duration_ms
    FROM usage_counters WHERE date >= $1 AND date <= $2 AND ($3 = '' OR app_name = $3) AND user_id = $4";
    TOP_USERS = "SELECT user_id, CAST(total AS BIGINT) AS total FROM (SELECT user_id,
        SUM(enrichments + searches + exports + pitches_generated + emails_sent + campaigns_created) AS total
        FROM usage_counters WHERE date >= $1 AND date <= $2 AND user_id > 0 AND ($3 = '' OR app_name = $3)
        GROUP BY user_id ORDER BY total DESC LIMIT $4) AS most
    ORDER BY most.total DESC";
    USER = "SELECT external_id FROM users WHERE id = $1 AND erased_at IS NULL";
}

#[derive(sqlx::FromRow)]
struct EventSums {
    name: String,
    by_day: Option<NaiveDate>,
    n: i64,
    n_before: i64,
    failures: i64,
    failures_before: i64,
    contacts: i64,
    contacts_before: i64,
}

/// What usage counters tell, before it is known who was active when.
pub(crate) struct Used {
    usage: Periods<Usage>,
    /// Who may be one of the top users, those with the most usage first. All who share the last place are among them.
    most: Vec<UserTotal>,
}

/// How much a user used.
#[derive(Clone, Copy, sqlx::FromRow)]
struct UserTotal {
    user_id: i64,
    /// What users are ranked by.
    total: i64,
}

/// The formats of exports, and the events that tell of them.
pub(crate) const EXPORTS: [(&str, &str); 3] = [
    ("csv", "export_csv_completed"),
    ("json", "export_json_completed"),
    ("tracker", "export_tracker_completed"),
];

/// Reads the usage of both windows.
pub(crate) async fn used(db: &Db, request: &Request) -> Result<Used, Error> {
    let (current, previous) = (request.activity(), request.activity().before());
    let app = request.app.as_deref().unwrap_or("");
    Ok(Used {
        usage: Periods { current: usage(db, current, app).await?, previous: usage(db, previous, app).await? },
        most: most(db, current, app).await?,
    })
}

/// Those with the most usage: as many as are looked for, all who have as much as the last of them, and maybe others.
async fn most(db: &Db, days: snapshot::Days, app: &str) -> Result<Vec<UserTotal>, Error> {
    // Seldom do more share the last place.
    let mut limit = 100;
    loop {
        let top = query(db, TOP_USERS).bind(days.first).bind(days.last).bind(app);
        let most: Vec<UserTotal> = top.bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all().await?;
        let [.., last] = &most[..] else { return Ok(most) };
        if most.len() < limit || most[Product::MOST - 1].total > last.total {
            return Ok(most);
        }
        limit *= 100;
    }
}

/// The figures of both windows.
pub(crate) async fn figures(
    db: &Db,
    request: &Request,
    activity: &Activity,
    used: Used,
) -> Result<Product, Error> {
    let (current, previous) = (request.activity(), request.activity().before());
    let app = request.app.as_deref().unwrap_or("");
    let events = query(db, EVENTS).bind(previous.first).bind(current.first).bind(current.last).bind(app);
    let events: Vec<EventSums> = events.fetch_all().await?;
    let days = by_day(current, &events);
    let events = by_name(events);
    let of = |name: &str, now: fn(&EventSums) -> i64, before: fn(&EventSums) -> i64| {
        let row = events.iter().find(|row| row.name == name);
        Periods {
            current: row.map_or(0, |row| unsigned(now(row))),
            previous: row.map_or(0, |row| unsigned(before(row))),
        }
    };
    let count = |name: &str| of(name, |row| row.n, |row| row.n_before);
    let (completed, failed) = (count("enrichment_completed"), count("enrichment_failed"));
    let contacts = of("enrichment_completed", |row| row.contacts, |row| row.contacts_before);
    Ok(Product {
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
        exports: EXPORTS.map(|(format, name)| ExportCount { format, completed: count(name) }).into(),
        days,
        usage: used.usage,
        top_users: top_users(db, current, app, activity, used.most).await?,
        events: by_frequency(events),
    })
}

/// What the rows of each day tell of it.
fn by_day(days: snapshot::Days, rows: &[EventSums]) -> Vec<ProductDay> {
    let all = days.first.iter_days().take_while(|day| *day <= days.last);
    let mut days: BTreeMap<NaiveDate, ProductDay> =
        all.map(|day| (day, ProductDay { day, ..ProductDay::default() })).collect();
    for row in rows {
        let Some(day) = row.by_day.and_then(|day| days.get_mut(&day)) else { continue };
        let count = match row.name.as_str() {
            "enrichment_completed" => &mut day.enrichments_completed,
            "enrichment_failed" => &mut day.enrichments_failed,
            _ => &mut day.exports,
        };
        *count += unsigned(row.n);
    }
    days.into_values().collect()
}

/// One row for each name.
fn by_name(rows: Vec<EventSums>) -> Vec<EventSums> {
    let mut names: BTreeMap<String, EventSums> = BTreeMap::new();
    for row in rows {
        let Some(sums) = names.get_mut(&row.name) else {
            names.insert(row.name.clone(), row);
            continue;
        };
        sums.n += row.n;
        sums.n_before += row.n_before;
        sums.failures += row.failures;
        sums.failures_before += row.failures_before;
        sums.contacts += row.contacts;
        sums.contacts_before += row.contacts_before;
    }
    names.into_values().collect()
}

fn ratio(numerator: u64, denominator: u64) -> Ratio {
    Ratio { numerator: numerator.into(), denominator: denominator.into() }
}

fn by_frequency(rows: Vec<EventSums>) -> Vec<EventCount> {
    let mut events: Vec<EventCount> = rows
        .into_iter()
        .map(|row| EventCount {
            count: Periods { current: unsigned(row.n), previous: unsigned(row.n_before) },
            failures: Periods { current: unsigned(row.failures), previous: unsigned(row.failures_before) },
            name: row.name,
        })
        .collect();
    events.sort_by(|a, b| {
        (b.count.current, b.count.previous, &a.name).cmp(&(a.count.current, a.count.previous, &b.name))
    });
    events.truncate(Product::MOST);
    events
}

async fn usage(db: &Db, days: snapshot::Days, app: &str) -> Result<Usage, Error> {
    Ok(query(db, USAGE).bind(days.first).bind(days.last).bind(app).fetch_one().await?)
}

/// Those with the most usage; of those with as much, those who were there on the most days.
async fn top_users(
    db: &Db,
    days: snapshot::Days,
    app: &str,
    activity: &Activity,
    most: Vec<UserTotal>,
) -> Result<Vec<TopUser>, Error> {
    let mut ranked = Ranked::default();
    for user in most {
        if ranked.are_all_above(user.total) {
            break;
        }
        ranked.add(activity.days_of(user.user_id.unsigned_abs(), days), user);
    }
    if app.is_empty() && !ranked.are_all_above(0) {
        for (user, active_days) in activity.most_active(days, Product::MOST) {
            let user_id = i64::try_from(user).unwrap_or(0);
            if !ranked.0.iter().any(|(_, known)| known.user_id == user_id) {
                ranked.add(active_days, UserTotal { user_id, total: 0 });
            }
        }
    }
    let mut users = Vec::new();
    for (active_days, UserTotal { user_id, .. }) in ranked.0 {
        let usage = query(db, USAGE_OF).bind(days.first).bind(days.last).bind(app).bind(user_id);
        let usage: Usage = usage.fetch_one().await?;
        let named: Option<(String,)> = query(db, USER).bind(user_id).fetch_optional().await?;
        users.push(TopUser { user: named.map(|(user,)| user), active_days, usage });
    }
    Ok(users)
}

/// The first of all users so far, each with their active days.
#[derive(Default)]
struct Ranked(Vec<(u32, UserTotal)>);

impl Ranked {
    fn add(&mut self, active_days: u32, user: UserTotal) {
        self.0.push((active_days, user));
        self.0.sort_by_key(|(days, user)| (Reverse(user.total), Reverse(*days), user.user_id));
        self.0.truncate(Product::MOST);
    }

    /// Tells whether nobody with so much usage can be one of them any more.
    fn are_all_above(&self, total: i64) -> bool {
        self.0.len() == Product::MOST && self.0.iter().all(|(_, user)| user.total > total)
    }
}

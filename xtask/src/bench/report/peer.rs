//! The same figures by plain SQL over raw events, and whether they are equal.
//!
//! Each is the statement that somebody careful would write for a dashboard: one scan of the rows it needs, found by the
//! schema's indexes, what it counts made distinct early. The engine's own client runs it, with more memory than the engine
//! gives by default.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use crate::database::Database;
use crate::process;

/// A figure, or several that one statement gives.
pub(super) struct Figure {
    pub(super) name: &'static str,
    sql: fn(&Span, Dialect) -> String,
    /// The rows that the product's answer makes us expect.
    expected: fn(&Span, &Value) -> Result<Vec<String>>,
}

/// Every figure.
pub(super) const FIGURES: [Figure; 9] = [
    Figure { name: "active users of both windows", sql: active_sql, expected: active_rows },
    Figure { name: "DAU, WAU, MAU of every day", sql: rolling_sql, expected: rolling_rows },
    Figure { name: "retention of weekly cohorts", sql: weekly_sql, expected: weekly_rows },
    Figure { name: "retention of monthly cohorts", sql: monthly_sql, expected: monthly_rows },
    Figure { name: "events by name, failures, contacts", sql: events_sql, expected: events_rows },
    Figure { name: "sign-ups by day", sql: sign_ups_sql, expected: sign_ups_rows },
    Figure { name: "new users and activation", sql: activation_sql, expected: activation_rows },
    Figure { name: "funnel", sql: funnel_sql, expected: funnel_rows },
    Figure { name: "usage and top users", sql: usage_sql, expected: usage_rows },
];

/// Computes every figure and compares it with the product's answer; returns the time of each.
pub(super) fn run(database: &Database<'_>, told: &Value) -> Result<Vec<Duration>> {
    let span = Span::of(told)?;
    FIGURES.iter().map(|figure| run_one(database, &span, told, figure)).collect()
}

fn run_one(database: &Database<'_>, span: &Span, told: &Value, figure: &Figure) -> Result<Duration> {
    let sql = (figure.sql)(span, Dialect::of(database));
    let mut client = client(database, &sql)?;
    let start = Instant::now();
    let text = process::stdout(&mut client).with_context(|| figure.name)?;
    let elapsed = start.elapsed();
    let mut counted: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut expected = (figure.expected)(span, told).with_context(|| figure.name)?;
    ensure!(!counted.is_empty(), "{}: SQL over raw events gave nothing", figure.name);
    counted.sort();
    expected.sort();
    if counted != expected {
        let apart = |one: &[String], other: &[String]| {
            one.iter().filter(|row| !other.contains(row)).take(3).cloned().collect::<Vec<_>>().join("; ")
        };
        bail!(
            "{}: the report says `{}`, and SQL over raw events says `{}`",
            figure.name,
            apart(&expected, &counted),
            apart(&counted, &expected)
        );
    }
    Ok(elapsed)
}

fn client(database: &Database<'_>, sql: &str) -> Result<Command> {
    Ok(match database {
        Database::Sqlite(file) => {
            let mut sqlite3 = Command::new("sqlite3");
            sqlite3.args(["-batch", "-bail", "-list", "-readonly"]);
            sqlite3.args(["-cmd", "PRAGMA cache_size = -262144", "-cmd", "PRAGMA temp_store = MEMORY"]);
            sqlite3.arg(file).arg(sql);
            sqlite3
        }
        Database::Postgres(cluster, name) => {
            let mut psql = cluster.psql(name).context("psql not found")?;
            psql.args(["--no-align", "--tuples-only", "--field-separator=|"]);
            psql.args(["--command", "SET search_path = growth; SET work_mem = '256MB'", "--command", sql]);
            psql
        }
    })
}

/// What the report is about.
struct Span {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    previous: DateTime<Utc>,
    days: [NaiveDate; 2],
    previous_days: [NaiveDate; 2],
    /// The last day that is over.
    day: NaiveDate,
    activation_days: i64,
    funnel_days: i64,
}

impl Span {
    fn of(told: &Value) -> Result<Self> {
        let header = &told["header"];
        let days = |name: &str| -> Result<[NaiveDate; 2]> {
            Ok([text(&header[name]["first"])?.parse()?, text(&header[name]["last"])?.parse()?])
        };
        ensure!(text(&header["time_zone"])? == "UTC", "the statements are about days of UTC");
        Ok(Self {
            start: text(&header["window"]["start"])?.parse()?,
            end: text(&header["window"]["end"])?.parse()?,
            previous: text(&header["previous"]["start"])?.parse()?,
            days: days("activity")?,
            previous_days: days("previous_activity")?,
            day: text(&told["engagement"]["day"])?.parse()?,
            activation_days: number(&told["users"]["activation_days"])?,
            funnel_days: number(&told["funnel"]["window_days"])?,
        })
    }

    fn weeks(&self) -> [NaiveDate; 2] {
        let after = self.day + Days::new(1);
        let monday = after - Days::new(after.weekday().num_days_from_monday().into());
        [monday - Days::new(7 * 8), monday]
    }

    fn months(&self) -> [NaiveDate; 2] {
        let after = self.day + Days::new(1);
        let first = after - Days::new(after.day0().into());
        [first - Months::new(6), first]
    }
}

/// Where the engines differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    fn of(database: &Database<'_>) -> Self {
        match database {
            Database::Sqlite(_) => Self::Sqlite,
            Database::Postgres(..) => Self::Postgres,
        }
    }

    /// The day of an instant.
    fn day(self, at: &str) -> String {
        match self {
            Self::Sqlite => format!("substr({at}, 1, 10)"),
            Self::Postgres => format!("({at} AT TIME ZONE 'UTC')::date"),
        }
    }

    /// The Monday of an instant's week.
    fn week(self, at: &str) -> String {
        match self {
            Self::Sqlite => format!("date(substr({at}, 1, 10), 'weekday 0', '-6 days')"),
            Self::Postgres => format!("date_trunc('week', {at} AT TIME ZONE 'UTC')::date"),
        }
    }

    /// The first day of an instant's month.
    fn month(self, at: &str) -> String {
        match self {
            Self::Sqlite => format!("substr({at}, 1, 7) || '-01'"),
            Self::Postgres => format!("date_trunc('month', {at} AT TIME ZONE 'UTC')::date"),
        }
    }

    /// So many days after an instant.
    fn later(self, at: &str, days: i64) -> String {
        match self {
            Self::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%f', {at}, '+{days} days')"),
            Self::Postgres => format!("{at} + interval '{} hours'", days * 24),
        }
    }

    /// A day of a series, and so many days before it.
    fn earlier(self, day: &str, days: u32) -> String {
        match self {
            Self::Sqlite => format!("date({day}, '-{days} days')"),
            Self::Postgres => format!("({day} - {days})"),
        }
    }

    fn date(self, day: NaiveDate) -> String {
        match self {
            Self::Sqlite => format!("'{day}'"),
            Self::Postgres => format!("DATE '{day}'"),
        }
    }
}

/// An instant as both engines compare it.
fn instant(at: DateTime<Utc>) -> String {
    format!("'{}'", at.format("%Y-%m-%dT%H:%M:%S+00:00"))
}

fn midnight(day: NaiveDate) -> String {
    format!("'{day}T00:00:00+00:00'")
}

/// The condition that an event is of days `first` to `last`.
fn within(first: NaiveDate, last: NaiveDate) -> String {
    format!("created_at >= {} AND created_at < {}", midnight(first), midnight(last + Days::new(1)))
}

/// The condition that an event shows its user there.
const ACTIVE: &str = "user_id > 0 AND active";
const ACTIVATED: &str = "SELECT user_id, MIN(created_at) AS at FROM events \
                         WHERE event_name = 'enrichment_completed' AND status = 'success' AND user_id > 0 GROUP BY user_id";

fn active_sql(span: &Span, _: Dialect) -> String {
    let count = |[first, last]: [NaiveDate; 2]| {
        let days = within(first, last);
        format!(
            "(SELECT COUNT(*) FROM (SELECT DISTINCT user_id FROM events WHERE {days} AND {ACTIVE}) AS users)"
        )
    };
    format!("SELECT {}, {}", count(span.days), count(span.previous_days))
}

fn active_rows(_: &Span, told: &Value) -> Result<Vec<String>> {
    Ok(vec![periods(&told["users"]["active"])?])
}

fn rolling_sql(span: &Span, dialect: Dialect) -> String {
    let first = span.days[0] - Days::new(29);
    let (days, day) = (within(first, span.day), dialect.day("created_at"));
    let (week, month) = (dialect.earlier("day", 6), dialect.earlier("day", 29));
    let next = match dialect {
        Dialect::Sqlite => "date(day, '+1 day')",
        Dialect::Postgres => "day + 1",
    };
    format!(
        "WITH RECURSIVE active AS MATERIALIZED (SELECT DISTINCT user_id, {day} AS day FROM events WHERE {days} AND {ACTIVE}), \
         days AS (SELECT {} AS day UNION ALL SELECT {next} FROM days WHERE day < {}), \
         spans AS MATERIALIZED (SELECT day, {week} AS week, {month} AS month FROM days) \
         SELECT spans.day, COUNT(*) FILTER (WHERE active.day = spans.day), \
         COUNT(DISTINCT CASE WHEN active.day >= spans.week THEN user_id END), COUNT(DISTINCT user_id) \
         FROM spans JOIN active ON active.day >= spans.month AND active.day <= spans.day GROUP BY spans.day",
        dialect.date(span.days[0]),
        dialect.date(span.day),
    )
}

fn rolling_rows(_: &Span, told: &Value) -> Result<Vec<String>> {
    let days = told["engagement"]["days"].as_array().context("engagement.days is missing")?;
    let row = |day: &Value| -> Result<String> {
        let [dau, wau, mau] = ["dau", "wau", "mau"].map(|name| number(&day[name]));
        Ok(format!("{}|{}|{}|{}", text(&day["day"])?, dau?, wau?, mau?))
    };
    days.iter().map(row).collect()
}

fn weekly_sql(span: &Span, dialect: Dialect) -> String {
    retention_sql(span.weeks(), dialect, Dialect::week)
}

fn monthly_sql(span: &Span, dialect: Dialect) -> String {
    retention_sql(span.months(), dialect, Dialect::month)
}

fn retention_sql([from, until]: [NaiveDate; 2], dialect: Dialect, of: fn(Dialect, &str) -> String) -> String {
    let (cohort, span) = (of(dialect, "MIN(created_at)"), of(dialect, "created_at"));
    let days = within(from, until - Days::new(1));
    let (from, until) = (dialect.date(from), dialect.date(until));
    format!(
        "WITH first_seen AS MATERIALIZED (SELECT user_id, cohort FROM (SELECT user_id, {cohort} AS cohort FROM events \
         WHERE user_id > 0 GROUP BY user_id) AS users WHERE cohort >= {from} AND cohort < {until}), \
         active AS MATERIALIZED (SELECT DISTINCT user_id, {span} AS span FROM events WHERE {days} AND {ACTIVE}) \
         SELECT CAST(cohort AS TEXT), 'users', COUNT(*) FROM first_seen GROUP BY cohort UNION ALL \
         SELECT CAST(cohort AS TEXT), CAST(span AS TEXT), COUNT(*) FROM first_seen JOIN active USING (user_id) \
         GROUP BY cohort, span"
    )
}

fn weekly_rows(_: &Span, told: &Value) -> Result<Vec<String>> {
    cohort_rows(&told["engagement"]["weekly"], |start, n| start + Days::new(7 * n))
}

fn monthly_rows(_: &Span, told: &Value) -> Result<Vec<String>> {
    let later = |start: NaiveDate, n| start + Months::new(u32::try_from(n).unwrap_or_default());
    cohort_rows(&told["engagement"]["monthly"], later)
}

fn cohort_rows(told: &Value, later: fn(NaiveDate, u64) -> NaiveDate) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    for cohort in told.as_array().context("no cohorts are told")? {
        let start: NaiveDate = text(&cohort["start"])?.parse()?;
        let active = cohort["active"].as_array().context("a cohort has no cells")?;
        let cells = (0..).zip(active).map(|(n, cell)| (later(start, n).to_string(), cell));
        for (span, cell) in std::iter::once(("users".to_owned(), &cohort["users"])).chain(cells) {
            // What nobody did, and what is not over, has no rows to be counted.
            if cell.as_u64().is_some_and(|n| n > 0) {
                rows.push(format!("{start}|{span}|{cell}"));
            }
        }
    }
    Ok(rows)
}

fn events_sql(span: &Span, _: Dialect) -> String {
    let now = format!("created_at >= {}", midnight(span.days[0]));
    let before = format!("created_at < {}", midnight(span.days[0]));
    let contacts =
        "CASE WHEN event_name = 'enrichment_completed' THEN CAST(properties ->> 'contacts' AS BIGINT) END";
    format!(
        "SELECT event_name, COUNT(*) FILTER (WHERE {now}), COUNT(*) FILTER (WHERE {before}), \
         COUNT(*) FILTER (WHERE status = 'failed' AND {now}), COUNT(*) FILTER (WHERE status = 'failed' AND {before}), \
         SUM({contacts}) FILTER (WHERE {now}), SUM({contacts}) FILTER (WHERE {before}) \
         FROM events WHERE {} GROUP BY event_name",
        within(span.previous_days[0], span.days[1])
    )
}

fn events_rows(_: &Span, told: &Value) -> Result<Vec<String>> {
    let product = &told["product"];
    let events = product["events"].as_array().context("product.events is missing")?;
    let mut rows = Vec::new();
    for event in events {
        let (name, count) = (text(&event["name"])?, periods(&event["count"])?);
        let contacts =
            if name == "enrichment_completed" { periods(&product["contacts"])? } else { "|".into() };
        rows.push(format!("{name}|{count}|{}|{contacts}", periods(&event["failures"])?));
    }
    let exports = product["exports"].as_array().context("product.exports is missing")?;
    let again = [
        ("enrichment_started".to_owned(), &product["enrichments_started"]),
        ("enrichment_completed".to_owned(), &product["enrichments_completed"]),
        ("enrichment_failed".to_owned(), &product["enrichments_failed"]),
    ];
    let exports = exports.iter().map(|export| {
        let format = export["format"].as_str().unwrap_or_default();
        (format!("export_{format}_completed"), &export["completed"])
    });
    for (name, count) in again.into_iter().chain(exports) {
        let listed = events.iter().find(|event| event["name"] == name.as_str());
        let listed = listed.map_or(Ok("0|0".to_owned()), |event| periods(&event["count"]))?;
        ensure!(listed == periods(count)?, "{name} is told as {count} and listed as {listed}");
    }
    Ok(rows)
}

fn sign_ups_sql(span: &Span, dialect: Dialect) -> String {
    let day = dialect.day("created_at");
    format!("SELECT {day}, COUNT(*) FROM users WHERE {} GROUP BY 1", within(span.days[0], span.day))
}

fn sign_ups_rows(_: &Span, told: &Value) -> Result<Vec<String>> {
    let days = told["engagement"]["days"].as_array().context("engagement.days is missing")?;
    let days = days.iter().filter(|day| day["new_users"] != 0);
    days.map(|day| Ok(format!("{}|{}", text(&day["day"])?, number(&day["new_users"])?))).collect()
}

/// The window of a user's sign-up, and all who signed up in either.
fn entered(span: &Span) -> [String; 2] {
    let (from, start, end) = (instant(span.previous), instant(span.start), instant(span.end));
    [
        format!("CASE WHEN u.created_at >= {start} THEN 'current' ELSE 'previous' END"),
        format!("u.created_at >= {from} AND u.created_at < {end}"),
    ]
}

fn activation_sql(span: &Span, dialect: Dialect) -> String {
    let [window, signed_up] = entered(span);
    let due = dialect.later("u.created_at", span.activation_days);
    let until = instant(span.end - TimeDelta::days(span.activation_days));
    format!(
        "WITH activated AS ({ACTIVATED}) \
         SELECT {window}, COUNT(*), COUNT(*) FILTER (WHERE u.created_at <= {until} AND activated.at < {due}), \
         COUNT(*) FILTER (WHERE u.created_at <= {until}), COUNT(*) FILTER (WHERE u.created_at > {until}) \
         FROM users u LEFT JOIN activated ON activated.user_id = u.id WHERE {signed_up} GROUP BY 1 UNION ALL \
         SELECT 'total', COUNT(*), COUNT(*) FILTER (WHERE u.created_at < {}), NULL, NULL FROM users u \
         WHERE u.created_at < {}",
        instant(span.start),
        instant(span.end)
    )
}

fn activation_rows(_: &Span, told: &Value) -> Result<Vec<String>> {
    let users = &told["users"];
    let row = |window: &str| -> Result<String> {
        let rate = &users["activation"][window];
        let told = [&users["new"][window], &rate["numerator"], &rate["denominator"]];
        let [new, numerator, denominator] = told.map(number);
        let pending = number(&users["activation_pending"][window])?;
        Ok(format!("{window}|{}|{}|{}|{pending}", new?, numerator?, denominator?))
    };
    let total = format!("total|{}||", periods(&users["total"])?);
    Ok(vec![row("current")?, row("previous")?, total])
}

fn funnel_sql(span: &Span, dialect: Dialect) -> String {
    let [window, signed_up] = entered(span);
    let due = dialect.later("u.created_at", span.funnel_days);
    let until = instant(span.end - TimeDelta::days(span.funnel_days));
    format!(
        "WITH activated AS ({ACTIVATED}), \
         paid AS (SELECT u.id, MIN(p.paid_at) AS at FROM users u JOIN activated ON activated.user_id = u.id \
         JOIN payments p ON p.user_id = u.id WHERE p.account = '' AND p.livemode AND p.status = 'succeeded' \
         AND p.paid_at >= u.created_at AND p.paid_at >= activated.at AND {signed_up} GROUP BY u.id) \
         SELECT {window}, COUNT(*), COUNT(*) FILTER (WHERE activated.at <= {due}), \
         COUNT(*) FILTER (WHERE activated.at <= {due} AND paid.at <= {due}), \
         COUNT(*) FILTER (WHERE u.created_at > {until} AND \
         NOT COALESCE(activated.at <= {due} AND paid.at <= {due}, {})) \
         FROM users u LEFT JOIN activated ON activated.user_id = u.id LEFT JOIN paid ON paid.id = u.id \
         WHERE {signed_up} GROUP BY 1",
        match dialect {
            Dialect::Sqlite => "0",
            Dialect::Postgres => "FALSE",
        }
    )
}

fn funnel_rows(_: &Span, told: &Value) -> Result<Vec<String>> {
    let funnel = &told["funnel"];
    let row = |window: &str| -> Result<String> {
        let [signed_up, activated, paid] =
            [0, 1, 2].map(|stage| number(&funnel["stages"][stage]["reached"][window]));
        let pending = number(&funnel["pending"][window])?;
        Ok(format!("{window}|{}|{}|{}|{pending}", signed_up?, activated?, paid?))
    };
    Ok(vec![row("current")?, row("previous")?])
}

/// The counters that a snapshot tells.
const COUNTERS: [&str; 9] = [
    "enrichments",
    "searches",
    "exports",
    "pitches_generated",
    "emails_sent",
    "campaigns_created",
    "contacts_added",
    "sessions",
    "session_duration_ms",
];

fn usage_sql(span: &Span, dialect: Dialect) -> String {
    let sums = COUNTERS.map(|counter| format!("SUM({counter}) AS {counter}")).join(", ");
    let of = |[first, last]: [NaiveDate; 2]| {
        format!("date >= {} AND date <= {}", dialect.date(first), dialect.date(last))
    };
    let used = COUNTERS[..6].join(" + ");
    let (now, before) = (of(span.days), of(span.previous_days));
    let (days, day) = (within(span.days[0], span.days[1]), dialect.day("created_at"));
    format!(
        "WITH used AS MATERIALIZED (SELECT user_id, SUM({used}) AS total, {sums} FROM usage_counters \
         WHERE {now} AND user_id > 0 GROUP BY user_id), \
         most AS (SELECT used.*, (SELECT COUNT(DISTINCT {day}) FROM events \
         WHERE events.user_id = used.user_id AND {days} AND active) AS days FROM used \
         WHERE total >= (SELECT MIN(total) FROM (SELECT total FROM used ORDER BY total DESC LIMIT 10) AS totals)), \
         top AS (SELECT * FROM most ORDER BY total DESC, days DESC, user_id LIMIT 10) \
         SELECT 'current', CAST(NULL AS BIGINT), {sums} FROM usage_counters WHERE {now} UNION ALL \
         SELECT 'previous', CAST(NULL AS BIGINT), {sums} FROM usage_counters WHERE {before} UNION ALL \
         SELECT users.external_id, top.days, {} FROM top JOIN users ON users.id = top.user_id",
        COUNTERS.join(", ")
    )
}

fn usage_rows(_: &Span, told: &Value) -> Result<Vec<String>> {
    let product = &told["product"];
    let counters = |usage: &Value| -> Result<String> {
        let counters: Result<Vec<String>> =
            COUNTERS.iter().map(|counter| Ok(number(&usage[*counter])?.to_string())).collect();
        Ok(counters?.join("|"))
    };
    let mut rows = Vec::new();
    for window in ["current", "previous"] {
        rows.push(format!("{window}||{}", counters(&product["usage"][window])?));
    }
    for user in product["top_users"].as_array().context("product.top_users is missing")? {
        let (name, days) = (text(&user["user"])?, number(&user["active_days"])?);
        rows.push(format!("{name}|{days}|{}", counters(&user["usage"])?));
    }
    Ok(rows)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

fn number(value: &Value) -> Result<i64> {
    value.as_i64().with_context(|| format!("{value} is no number"))
}

/// A figure of both windows as two columns.
fn periods(value: &Value) -> Result<String> {
    Ok(format!("{}|{}", number(&value["current"])?, number(&value["previous"])?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Days, cohort_rows};

    #[test]
    fn cells_of_cohorts_are_rows_with_the_days_they_begin_on() {
        let told = json!([
            {"start": "2026-05-04", "users": 3, "active": [2, 0, 1]},
            {"start": "2026-05-11", "users": 1, "active": [1, 1, null]},
        ]);
        let rows = cohort_rows(&told, |start, n| start + Days::new(7 * n)).expect("a matrix");
        assert_eq!(
            rows,
            [
                "2026-05-04|users|3",
                "2026-05-04|2026-05-04|2",
                "2026-05-04|2026-05-18|1",
                "2026-05-11|users|1",
                "2026-05-11|2026-05-11|1",
                "2026-05-11|2026-05-18|1",
            ]
        );
    }
}

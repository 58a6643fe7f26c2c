//! The users behind numbers about users.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, TimeDelta, Utc};
use futures_util::TryStreamExt;
use growth_db::query;
use growth_domain::rollforward::Ratio;

use super::metric::UserMetric;
use super::{Cell, Listing, Measure, Part, Row, Source};
use crate::activity::Activity;
use crate::engagement::{self, months, newcomers, weeks};
use crate::error::Error;
use crate::funnel::{self, Journey};
use crate::snapshot;
use crate::users::Newcomer;

growth_db::statements! {
    // A digest stands for the id of somebody who was forgotten, and names nobody.
    EXPLAIN_USERS = "SELECT u.id, CASE WHEN u.erased_at IS NULL THEN u.external_id END AS name, u.created_at, m.activated_at FROM users u
    LEFT JOIN user_milestones m ON m.user_id = u.id
    WHERE u.created_at < $1 ORDER BY u.created_at, u.id";
    // Without a last instant: a time far in the future is no later text in an embedded database.
    DIRECTORY = "SELECT u.id, CASE WHEN u.erased_at IS NULL THEN u.external_id END AS name, u.created_at, m.activated_at FROM users u
    LEFT JOIN user_milestones m ON m.user_id = u.id";
}

const USERS: &[&str] = &["user", "signed_up", "activated"];
const ACTIVE: &[&str] = &["user", "signed_up", "active_days"];
const JOURNEYS: &[&str] = &["user", "signed_up", "activated", "paid"];
const DAYS: &[&str] = &["day", "active_users"];
const RETENTION: &[&str] = &["user", "cohort", "active_in"];

#[derive(sqlx::FromRow)]
struct User {
    id: i64,
    name: Option<String>,
    created_at: DateTime<Utc>,
    activated_at: Option<DateTime<Utc>>,
}

pub(super) async fn rows(source: &Source<'_>, metric: UserMetric) -> Result<Listing, Error> {
    use UserMetric as M;
    let request = source.request;
    let day = request.activity().last;
    let until = |days: u64| snapshot::Days { first: day - Days::new(days - 1), last: day };
    match metric {
        M::Total => source.users(DateTime::<Utc>::MIN_UTC, |_| Some(Part::of(1))).await,
        M::New => source.users(request.window.start, |_| Some(Part::of(1))).await,
        // Those who were not activated come first, as in the funnel.
        M::Activation => {
            let of = |user: &User| {
                let newcomer = Newcomer { created_at: user.created_at, activated_at: user.activated_at };
                let Ratio { numerator, denominator } = newcomer.activation(request)?;
                Some(Part::over(numerator, denominator))
            };
            let mut found = source.users(request.window.start, of).await?;
            found.rows.sort_by_key(|row| row.part.numerator);
            Ok(found)
        }
        M::ActivationPending => {
            let is_pending = |user: &User| {
                let newcomer = Newcomer { created_at: user.created_at, activated_at: user.activated_at };
                newcomer.activation(request).is_none().then(|| Part::of(1))
            };
            source.users(request.window.start, is_pending).await
        }
        M::Active => source.active(request.activity(), None).await,
        M::Daily => source.active(until(1), None).await,
        M::Weekly => source.active(until(7), None).await,
        M::Monthly => source.active(until(30), None).await,
        M::Stickiness => source.active(until(7), Some(until(1))).await,
        M::StickinessMonth => source.active(until(30), Some(until(1))).await,
        M::AverageDaily => source.daily().await,
        M::WeeklyRetention => source.retention(&weeks(day)).await,
        M::MonthlyRetention => source.retention(&months(day)).await,
        M::FunnelActivation | M::FunnelPayment | M::Funnel | M::FunnelPending => {
            source.journeys(metric).await
        }
    }
}

impl Source<'_> {
    /// Every user, by the internal number.
    async fn directory(&self) -> Result<BTreeMap<u64, User>, Error> {
        let mut users = BTreeMap::new();
        let mut rows = query(self.db, DIRECTORY).fetch::<User>()?;
        while let Some(user) = rows.try_next().await? {
            users.insert(user.id.unsigned_abs(), user);
        }
        Ok(users)
    }

    /// Users who signed up in the window, or since an instant before it.
    async fn users(
        &self,
        since: DateTime<Utc>,
        part: impl Fn(&User) -> Option<Part>,
    ) -> Result<Listing, Error> {
        let users = query(self.db, EXPLAIN_USERS).bind(self.request.window.end);
        let row = |user: User| {
            Some(Row {
                currency: None,
                part: part(&user)?,
                cells: vec![user.name.into(), Cell::At(user.created_at), user.activated_at.into()],
            })
        };
        let users = users.fetch_all::<User>().await?;
        let rows = users.into_iter().filter(|user| user.created_at >= since).filter_map(row).collect();
        Ok(Listing::of(Measure::Count, USERS, rows))
    }

    /// Users who were active on some local days; with `over`, those of them who were active on other days are above the
    /// line and all of them below it.
    async fn active(&self, days: snapshot::Days, above: Option<snapshot::Days>) -> Result<Listing, Error> {
        let activity = Activity::read(self.db, days.first, days.last).await?;
        let directory = self.directory().await?;
        let row = |user: u64| {
            let known = directory.get(&user);
            let part = match above {
                Some(above) => Part::over(i128::from(activity.days_of(user, above) > 0), 1),
                None => Part::of(1),
            };
            Row {
                currency: None,
                part,
                cells: vec![
                    known.and_then(|user| user.name.clone()).into(),
                    known.map(|user| user.created_at).into(),
                    Cell::Count(activity.days_of(user, days).into()),
                ],
            }
        };
        let rows = activity.of(days).iter().map(row).collect();
        Ok(Listing::of(Measure::Count, ACTIVE, rows))
    }

    /// How many were active on each day of the window.
    async fn daily(&self) -> Result<Listing, Error> {
        let days = self.request.activity();
        let activity = Activity::read(self.db, days.first, days.last).await?;
        let row = |day| {
            let active = activity.rolling(day, 1);
            let cells = vec![Cell::Day(day), Cell::Count(active.try_into().unwrap_or(i64::MAX))];
            Row { currency: None, part: Part::over(active, 1), cells }
        };
        Ok(Listing::of(Measure::Count, DAYS, days.iter().map(row).collect()))
    }

    /// Who came back in the span after the one of their first event, where it is over, and in which ones they were
    /// active.
    async fn retention(&self, spans: &[snapshot::Days]) -> Result<Listing, Error> {
        let activity = engagement::activity(self.db, self.request).await?;
        let first_seen = engagement::seen(self.db, self.request).await?.first;
        let directory = self.directory().await?;
        let active: Vec<_> = spans.iter().map(|span| activity.of(*span)).collect();
        let mut rows = Vec::new();
        for (span, active) in spans.iter().zip((0..spans.len()).map(|first| &active[first..])) {
            let [_, next, ..] = active else { break };
            for user in newcomers(&first_seen, *span) {
                let seen = active.iter().enumerate().filter(|(_, active)| active.contains(user));
                let seen: Vec<String> = seen.map(|(later, _)| later.to_string()).collect();
                rows.push(Row {
                    currency: None,
                    part: Part::over(i128::from(next.contains(user)), 1),
                    cells: vec![
                        directory.get(&user).and_then(|user| user.name.clone()).into(),
                        Cell::Day(span.first),
                        Cell::Text(seen.join(" ")),
                    ],
                });
            }
        }
        Ok(Listing::of(Measure::Count, RETENTION, rows))
    }

    async fn journeys(&self, metric: UserMetric) -> Result<Listing, Error> {
        let window = self.request.window;
        let within = TimeDelta::days(self.request.funnel_days.into());
        let part = |journey: &Journey, [_, activated, paid]: [Option<DateTime<Utc>>; 3]| {
            let of = |reached: Option<DateTime<Utc>>| i128::from(reached.is_some());
            match metric {
                UserMetric::FunnelActivation => Some(Part::over(of(activated), 1)),
                UserMetric::FunnelPayment => activated.map(|_| Part::over(of(paid), 1)),
                UserMetric::FunnelPending => {
                    journey.is_pending(paid, within, window.end).then(|| Part::of(1))
                }
                _ => Some(Part::over(of(paid), 1)),
            }
        };
        let directory = self.directory().await?;
        let mut rows = Vec::new();
        let mut journeys = std::pin::pin!(funnel::journeys(self.db, &self.scope, window.start, window.end)?);
        while let Some(journey) = journeys.try_next().await? {
            let reached = journey.reached(within);
            let [_, activated, paid] = reached;
            let Some(part) = part(&journey, reached) else { continue };
            let user = directory.get(&journey.id.unsigned_abs());
            rows.push(Row {
                currency: None,
                part,
                cells: vec![
                    user.and_then(|user| user.name.clone()).into(),
                    Cell::At(journey.created_at),
                    activated.into(),
                    paid.into(),
                ],
            });
        }
        // Those who did not come so far first, each by name.
        rows.sort_by(|a, b| (a.part.numerator, &a.cells).cmp(&(b.part.numerator, &b.cells)));
        Ok(Listing::of(Measure::Count, JOURNEYS, rows))
    }
}

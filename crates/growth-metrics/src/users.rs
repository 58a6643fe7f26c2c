//! The users of the product: how many, how many are new, active, activated.

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::{Db, query};
use growth_domain::rollforward::Ratio;

use crate::activity::Activity;
use crate::cash::unsigned;
use crate::error::Error;
use crate::request::Request;
use crate::snapshot::{Periods, Users};

growth_db::statements! {
    TOTAL = "SELECT COUNT(*) AS n FROM users WHERE created_at < $1";
}

/// The figures of both windows; `total` is how many users there are at the end.
pub(crate) fn figures(
    request: &Request,
    activity: &Activity,
    total: u64,
    newcomers: Periods<Newcomers>,
) -> Users {
    let (now, before) = (newcomers.current, newcomers.previous);
    Users {
        // The previous window ends where this one starts.
        total: Periods { current: total, previous: total.saturating_sub(now.new) },
        new: Periods { current: now.new, previous: before.new },
        active: Periods {
            current: activity.of(request.activity()).len(),
            previous: activity.of(request.activity().before()).len(),
        },
        activation: Periods { current: now.activation, previous: before.activation },
        activation_pending: Periods { current: now.pending, previous: before.pending },
        activation_days: request.activation_days,
    }
}

/// How many users had signed up at an instant.
pub(crate) async fn total(db: &Db, until: DateTime<Utc>) -> Result<u64, Error> {
    let (n,): (i64,) = query(db, TOTAL).bind(until).fetch_one().await?;
    Ok(unsigned(n))
}

/// Those who signed up in a window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Newcomers {
    new: u64,
    activation: Ratio,
    pending: u64,
}

impl Newcomers {
    pub(crate) fn add(&mut self, newcomer: Newcomer, request: &Request) {
        self.new += 1;
        match newcomer.activation(request) {
            None => self.pending += 1,
            Some(activation) => {
                self.activation.numerator += activation.numerator;
                self.activation.denominator += activation.denominator;
            }
        }
    }
}

/// A user who signed up in a window.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(crate) struct Newcomer {
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) activated_at: Option<DateTime<Utc>>,
}

impl Newcomer {
    /// One over one, or nothing over one; `None` while the user's days are not over at the report's end, activated or
    /// not: a rate that counted the quick ones alone would be too good.
    pub(crate) fn activation(&self, request: &Request) -> Option<Ratio> {
        let until = self.created_at + TimeDelta::days(request.activation_days.into());
        let in_time = self.activated_at.is_some_and(|at| at < until);
        (until <= request.window.end).then_some(Ratio { numerator: in_time.into(), denominator: 1 })
    }
}

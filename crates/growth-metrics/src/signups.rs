//! Those who signed up in both windows, and before them as far as the funnel looks back, read once for all figures.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use futures_util::TryStreamExt;
use growth_db::Db;
use growth_domain::stamp::Scope;
use growth_domain::window::day_of;

use crate::error::Error;
use crate::funnel::{self, Groups};
use crate::request::Request;
use crate::snapshot::Periods;
use crate::users::Newcomers;

/// What figures of sign-ups are made of.
pub(crate) struct SignUps {
    /// Those of each window.
    pub(crate) newcomers: Periods<Newcomers>,
    /// How many there were on each local day, at least from the start of the previous window on.
    pub(crate) by_day: BTreeMap<NaiveDate, u64>,
    /// How far they came.
    pub(crate) groups: Groups,
}

impl SignUps {
    /// Reads them.
    pub(crate) async fn read(db: &Db, scope: &Scope, request: &Request) -> Result<Self, Error> {
        let (window, previous, zone) = (request.window, request.previous, request.time_zone);
        let mut sign_ups =
            Self { newcomers: Periods::default(), by_day: BTreeMap::new(), groups: Groups::new(request) };
        let from = previous.start.min(sign_ups.groups.from());
        let mut rows = std::pin::pin!(funnel::journeys(db, scope, from, window.end)?);
        while let Some(journey) = rows.try_next().await? {
            *sign_ups.by_day.entry(day_of(journey.created_at, zone)).or_default() += 1;
            if window.contains(journey.created_at) {
                sign_ups.newcomers.current.add(journey.newcomer(), request);
            } else if previous.contains(journey.created_at) {
                sign_ups.newcomers.previous.add(journey.newcomer(), request);
            }
            sign_ups.groups.add(&journey);
        }
        Ok(sign_ups)
    }
}

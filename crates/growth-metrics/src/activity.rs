//! Who was active on which local day, from the rollup alone.
//!
//! One scan of `user_activity` fills a set of users for each day; everything about activity is made of these
//! sets, exactly. Users are read in parts of a bounded size, each as one row.

use chrono::{Datelike, Days, Months, NaiveDate};
use growth_db::{Db, query};
use roaring::{MultiOps, RoaringTreemap};

use crate::error::Error;
use crate::snapshot;

growth_db::statements! {
    MONTHS = "SELECT MIN(month) AS first, MAX(month) AS last FROM user_activity";
    PART = "SELECT COALESCE(string_agg(CAST(user_id AS TEXT), ','), '') AS users,
        COALESCE(string_agg(CAST(days AS TEXT), ','), '') AS days, MAX(user_id) AS last
    FROM (SELECT user_id, days FROM user_activity WHERE month = $1 AND user_id > $2
        ORDER BY user_id LIMIT 65536) AS part";
}

/// The users who were active on each of some local days in a row.
#[derive(Debug)]
pub(crate) struct Activity {
    first: NaiveDate,
    days: Vec<RoaringTreemap>,
}

impl Activity {
    /// Reads the days from `first` to `last`, both included.
    pub(crate) async fn read(db: &Db, first: NaiveDate, last: NaiveDate) -> Result<Self, Error> {
        let length = usize::try_from((last - first).num_days() + 1).unwrap_or(0);
        let mut activity = Self { first, days: vec![RoaringTreemap::new(); length] };
        let known: (Option<NaiveDate>, Option<NaiveDate>) = query(db, MONTHS).fetch_one().await?;
        let (Some(first_known), Some(last_known)) = known else { return Ok(activity) };
        let mut month = (first - Days::new(first.day0().into())).max(first_known);
        while month <= last.min(last_known) {
            activity.read_month(db, month).await?;
            month = month + Months::new(1);
        }
        Ok(activity)
    }

    async fn read_month(&mut self, db: &Db, month: NaiveDate) -> Result<(), Error> {
        let mut after = 0_i64;
        loop {
            let (users, days, last): (String, String, Option<i64>) =
                query(db, PART).bind(month).bind(after).fetch_one().await?;
            let Some(last) = last else { return Ok(()) };
            for (user, days) in users.split(',').zip(days.split(',')) {
                if let (Ok(user), Ok(days)) = (user.parse(), days.parse()) {
                    self.add(month, user, days);
                }
            }
            after = last;
        }
    }

    /// Adds the days of a month on which a user was active, as bits.
    fn add(&mut self, month: NaiveDate, user: u64, mut days: u64) {
        let offset = (month - self.first).num_days();
        while days != 0 {
            let index = offset + i64::from(days.trailing_zeros());
            if let Some(day) = usize::try_from(index).ok().and_then(|index| self.days.get_mut(index)) {
                day.insert(user);
            }
            days &= days - 1;
        }
    }

    /// The sets of the days from `first` to `last`, both included, as far as they were read.
    fn sets(&self, first: NaiveDate, last: NaiveDate) -> &[RoaringTreemap] {
        let index = |day: NaiveDate| usize::try_from((day - self.first).num_days()).unwrap_or(0);
        self.days.get(index(first)..(index(last) + 1).min(self.days.len())).unwrap_or(&[])
    }

    /// Who was active on one day or more.
    pub(crate) fn of(&self, days: snapshot::Days) -> RoaringTreemap {
        self.sets(days.first, days.last).union()
    }

    /// How many were active on one of so many days until `last`.
    pub(crate) fn rolling(&self, last: NaiveDate, days: u64) -> u64 {
        self.sets(last - Days::new(days - 1), last).union().len()
    }

    /// On how many of the days a user was active.
    pub(crate) fn days_of(&self, user: u64, days: snapshot::Days) -> u32 {
        self.sets(days.first, days.last).iter().map(|set| u32::from(set.contains(user))).sum()
    }

    /// The users who were active on the most days, each with their number, the most active first, then by their number.
    pub(crate) fn most_active(&self, days: snapshot::Days, limit: usize) -> Vec<(u64, u32)> {
        let everybody = self.of(days);
        let mut ranked: Vec<(u64, u32)> =
            everybody.iter().map(|user| (user, self.days_of(user, days))).collect();
        ranked.sort_by_key(|(user, days)| (std::cmp::Reverse(*days), *user));
        ranked.truncate(limit);
        ranked
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn bits_become_days_and_days_become_sets() {
        let first = day("2026-01-30");
        let mut activity = Activity { first, days: vec![RoaringTreemap::new(); 5] };
        activity.add(day("2026-01-01"), 7, 1 << 29 | 1 << 30 | 1 << 3);
        activity.add(day("2026-02-01"), 8, 1 | 1 << 27);
        activity.add(day("2026-02-01"), 7, 1);
        let seen = |first: &str, last: &str| {
            let days = snapshot::Days { first: day(first), last: day(last) };
            activity.of(days).iter().collect::<BTreeSet<_>>()
        };
        assert_eq!(seen("2026-01-30", "2026-01-31"), BTreeSet::from([7]));
        assert_eq!(seen("2026-01-30", "2026-02-03"), BTreeSet::from([7, 8]));
        assert_eq!(seen("2026-02-02", "2026-02-03"), BTreeSet::new());
        assert_eq!((activity.rolling(day("2026-02-01"), 1), activity.rolling(day("2026-02-02"), 3)), (2, 2));
        let all = snapshot::Days { first, last: day("2026-02-03") };
        assert_eq!(activity.most_active(all, 5), [(7, 3), (8, 1)]);
    }
}

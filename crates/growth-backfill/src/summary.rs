//! What a backfill found, and what it left out.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::{Target, query};
use growth_domain::stamp::Scope;
use growth_ingest::readings::{Seen, Verdict};
use serde::Serialize;

use crate::error::Error;
use crate::figures::Figures;
use crate::lists::List;
use crate::slices::Slice;

growth_db::statements! {
    UNATTRIBUTED = "SELECT CASE WHEN id = payment_intent THEN 'payment_intents' WHEN id = charge THEN 'charges'
            WHEN id = invoice THEN 'invoices' ELSE 'checkout_sessions' END AS list,
            currency, COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS amount
        FROM payments WHERE account = $1 AND livemode = $2 AND status = 'succeeded' AND user_id IS NULL
        AND COALESCE(paid_at, created_at) >= $3 GROUP BY 1, 2 ORDER BY 1, 2";
}

/// Minor units by lower-case currency code.
pub type Amounts = BTreeMap<String, i64>;

/// What was found in one list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Objects that Stripe showed.
    pub found: u64,
    /// Those of which nothing was known.
    pub new: u64,
    /// Those that told something else or more.
    pub updated: u64,
    /// Those that told nothing new.
    pub unchanged: u64,
    /// Those that no figure needs.
    pub ignored: u64,
    /// Those that could not be read; they are kept with their error.
    pub unreadable: u64,
    /// The money that they stand for: received, refunded, disputed. Several lists tell of the same payments.
    pub amounts: Amounts,
    /// Of that, what is new.
    pub new_amounts: Amounts,
}

/// A part of a list that was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The list.
    pub list: List,
    /// The first second of it.
    pub from: DateTime<Utc>,
    /// The last second of it.
    pub until: DateTime<Utc>,
    /// Why it was not read.
    pub reason: String,
}

/// Payments of the window that belong to no user of the application, for all that is known, whoever told of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unattributed {
    /// How many.
    pub payments: u64,
    /// How many of them go by the id of an object of each list.
    pub lists: BTreeMap<List, u64>,
    /// What they brought.
    pub amounts: Amounts,
}

/// What a backfill did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// `live` or `test`.
    pub mode: &'static str,
    /// The connected account, empty for the key's own.
    pub account: String,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Whether an earlier backfill was gone on with: what that one had read is not counted.
    pub resumed: bool,
    /// The first second of the window.
    pub from: DateTime<Utc>,
    /// The last second of the window.
    pub until: DateTime<Utc>,
    /// By list.
    pub lists: BTreeMap<List, Tally>,
    /// What the database said of the window's money before.
    pub before: Figures,
    /// What it says now, or would say.
    pub after: Figures,
    /// What objects show in part only or could not be read for, in words; the first hundred.
    pub problems: Vec<String>,
    /// How many such words there were.
    pub problem_count: u64,
    /// Payments without a user.
    pub unattributed: Unattributed,
    /// What was left out.
    pub missing: Vec<Missing>,
}

const MOST_PROBLEMS: usize = 100;

impl Tally {
    fn add(&mut self, seen: &Seen) {
        self.found += 1;
        let count = match &seen.verdict {
            Verdict::New => &mut self.new,
            Verdict::Updated => &mut self.updated,
            Verdict::Unchanged => &mut self.unchanged,
            Verdict::Ignored => &mut self.ignored,
            Verdict::Unreadable(_) => &mut self.unreadable,
        };
        *count += 1;
        if let Some((amount, currency)) = &seen.amount {
            add(&mut self.amounts, currency, *amount);
            if seen.verdict == Verdict::New {
                add(&mut self.new_amounts, currency, *amount);
            }
        }
    }
}

/// An amount that no `i64` holds stays at the largest one.
fn add(amounts: &mut Amounts, currency: &str, amount: i64) {
    let sum = amounts.entry(currency.to_owned()).or_default();
    *sum = sum.saturating_add(amount);
}

impl Summary {
    pub(crate) fn new(
        scope: &Scope,
        dry_run: bool,
        resumed: bool,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Self {
        Self {
            mode: if scope.livemode { "live" } else { "test" },
            account: scope.account.clone(),
            dry_run,
            resumed,
            from,
            until,
            lists: BTreeMap::new(),
            before: Figures::default(),
            after: Figures::default(),
            problems: Vec::new(),
            problem_count: 0,
            unattributed: Unattributed::default(),
            missing: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, list: List, seen: &Seen) {
        self.lists.entry(list).or_default().add(seen);
        let unreadable = match &seen.verdict {
            Verdict::Unreadable(why) => Some(why),
            _ => None,
        };
        for problem in seen.incomplete.iter().chain(unreadable) {
            self.problem_count += 1;
            if self.problems.len() < MOST_PROBLEMS {
                self.problems.push(problem.clone());
            }
        }
    }

    /// What was found in a list.
    pub fn of(&self, list: List) -> Tally {
        self.lists.get(&list).cloned().unwrap_or_default()
    }

    /// Whether everything was read, and all that was read could be understood.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.lists.values().all(|tally| tally.unreadable == 0)
    }
}

/// What was left out of each list and why, ranges that touch each other as one.
pub(crate) fn missing(slices: &[Slice], reason: impl Fn(&Slice) -> String) -> Vec<Missing> {
    let mut open: Vec<&Slice> = slices.iter().filter(|slice| !slice.done).collect();
    open.sort_by_key(|slice| (slice.list, slice.from));
    let mut missing: Vec<Missing> = Vec::new();
    for slice in open {
        let (list, from, until, reason) = (slice.list, slice.from, slice.position(), reason(slice));
        match missing.last_mut() {
            Some(last)
                if last.list == list
                    && last.reason == reason
                    && last.until + TimeDelta::seconds(1) >= from =>
            {
                last.until = last.until.max(until);
            }
            _ => missing.push(Missing { list, from, until, reason }),
        }
    }
    missing
}

/// Looks for payments since `from` that belong to nobody.
pub(crate) async fn unattributed(
    on: impl Into<Target<'_>>,
    scope: &Scope,
    from: DateTime<Utc>,
) -> Result<Unattributed, Error> {
    let query = query(on, UNATTRIBUTED).bind(&scope.account).bind(scope.livemode).bind(from);
    let mut found = Unattributed::default();
    for (list, currency, n, amount) in query.fetch_all::<(String, String, i64, i64)>().await? {
        let n = u64::try_from(n).unwrap_or_default();
        found.payments += n;
        add(&mut found.amounts, &currency, amount);
        if let Some(list) = List::by_name(&list) {
            *found.lists.entry(list).or_default() += n;
        }
    }
    Ok(found)
}

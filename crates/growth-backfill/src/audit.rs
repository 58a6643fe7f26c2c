//! The audit: what the database has, object by object, against what Stripe's API shows.

mod catalog;
mod comparison;
mod folded;
mod groups;
mod lists;
mod markdown;
mod objects;
mod ours;
mod repair;
mod report;
mod second_look;
mod theirs;
mod totals;

use std::time::Duration;

use chrono::{DateTime, Utc};
use growth_db::Db;
use growth_domain::stamp::Scope;
use growth_stripe_client::Client;

pub use self::objects::{Kind, Told};
pub use self::report::{Compared, Difference, Problem, Report};
pub use self::totals::{Sides, Totals};
use crate::backfill::Step;
use crate::clock::Clock;
use crate::error::Error;
use crate::lists::List;

use self::comparison::Comparison;
use self::lists::Lists;
use self::ours::Ours;
use self::theirs::Theirs;

pub(crate) use self::ours::statements;

/// What to compare.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// The connected account that is audited, empty for the key's own.
    pub account: String,
    /// The first instant of the window: what was created in it is compared, and every subscription as it is now.
    pub from: DateTime<Utc>,
    /// The first instant after the window.
    pub until: DateTime<Utc>,
    /// The time at which it begins.
    pub now: DateTime<Utc>,
    /// How long a webhook may take: what differs is looked at again after that.
    pub patience: Duration,
}

/// Compares the database with an account. It writes nothing.
#[derive(Debug)]
pub struct Audit {
    db: Db,
    client: Client,
    options: AuditOptions,
}

impl Audit {
    /// Makes an audit of the live or test data that the client's key opens.
    pub fn new(db: Db, client: Client, options: AuditOptions) -> Self {
        Self { db, client, options }
    }

    /// Reads both sides and compares them.
    ///
    /// What Stripe refuses or fails to tell is left out and told in the report, which then does not pass. An error is
    /// the database's, or that Stripe told nothing at all.
    pub async fn run(&self, watch: &mut (dyn FnMut(Step<'_>) + Send)) -> Result<Report, Error> {
        let AuditOptions { account, from, until, now, .. } = &self.options;
        let scope = Scope { account: account.clone(), livemode: self.client.livemode() };
        let clock = Clock::set(*now);
        let ours = Ours::new(self.db.clone(), scope.clone(), clock);
        let policy = ours.policy().await?;
        let mut theirs = Theirs::new(policy, clock);
        let mut lists = Lists::new(&self.client, &self.options, clock);
        watch(Step::Began { resumed: false, from: *from, until: *until });
        // Subscriptions are priced as they are read.
        lists.read(&[List::Prices, List::Coupons], &mut theirs, watch).await?;
        lists.read(&LISTS, &mut theirs, watch).await?;
        let left_out = lists.left_out();

        let mut comparison = Comparison::new(self, &ours, &left_out);
        comparison.compare(&mut theirs).await?;
        comparison.look_again(&theirs).await?;
        let left_out = [left_out, theirs.unreadable].concat();
        Ok(comparison.into_report(Report::new(&self.options, &scope, policy, left_out)))
    }
}

/// What is compared, but for what subscriptions are priced by.
const LISTS: [List; 6] =
    [List::Subscriptions, List::Invoices, List::PaymentIntents, List::Charges, List::Refunds, List::Disputes];

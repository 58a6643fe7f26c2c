//! What each customer's subscriptions are worth over time, one customer after the other.
//!
//! Everything about MRR is made of these rows, in one pass, so that memory does not grow with the number of customers.

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use growth_db::rows::SubscriptionMrrRow;
use growth_db::{Db, query};
use growth_domain::money::Micros;
use growth_domain::movements::{Movement, Worth, fold};
use growth_domain::stamp::Scope;

use crate::error::Error;

growth_db::statements! {
    WORTH = "SELECT * FROM subscription_mrr
    WHERE account = $1 AND livemode = $2 AND at < $3 ORDER BY customer, subscription, at";
}

/// Hands over the rows of each customer until an instant, by subscription and time.
pub(crate) async fn each_customer(
    db: &Db,
    scope: &Scope,
    until: DateTime<Utc>,
    mut take: impl FnMut(&[SubscriptionMrrRow]),
) -> Result<(), Error> {
    let worth = query(db, WORTH).bind(&scope.account).bind(scope.livemode).bind(until);
    let mut rows = worth.fetch::<SubscriptionMrrRow>()?;
    let mut of_customer: Vec<SubscriptionMrrRow> = Vec::new();
    while let Some(row) = rows.try_next().await? {
        if of_customer.last().is_some_and(|last| last.customer != row.customer) {
            take(&of_customer);
            of_customer.clear();
        }
        of_customer.push(row);
    }
    if !of_customer.is_empty() {
        take(&of_customer);
    }
    Ok(())
}

/// What counts of a row.
pub(crate) fn net(row: &SubscriptionMrrRow) -> Micros {
    Micros(row.net_micros.into())
}

/// The rows of each subscription of a customer.
pub(crate) fn by_subscription(rows: &[SubscriptionMrrRow]) -> impl Iterator<Item = &[SubscriptionMrrRow]> {
    rows.chunk_by(|a, b| a.subscription == b.subscription)
}

/// The row of a subscription that holds right before an instant.
pub(crate) fn before(rows: &[SubscriptionMrrRow], instant: DateTime<Utc>) -> Option<&SubscriptionMrrRow> {
    rows[..rows.partition_point(|row| row.at < instant)].last()
}

/// A customer's movements. They are folded here and not read from the stored ledger: a ledger that nets changes over
/// the end of a period would hold what happened after it.
pub(crate) fn movements(rows: &[SubscriptionMrrRow], cuts: &[DateTime<Utc>]) -> Vec<Movement> {
    let worth = rows.iter().map(|row| Worth {
        subscription: &row.subscription,
        currency: &row.currency,
        at: row.at,
        net: net(row),
        reason: row.reason.as_deref(),
        reconstructed: row.reconstructed,
    });
    fold(worth, cuts, &[])
}

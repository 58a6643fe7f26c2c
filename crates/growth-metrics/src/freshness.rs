//! How fresh and how complete the data is.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::{Db, query};
use growth_domain::stamp::Scope;

use crate::cash::unsigned;
use crate::error::Error;
use crate::request::Request;
use crate::revenue::Subscriptions;
use crate::snapshot::Freshness;

growth_db::statements! {
    STATES = "SELECT state, COUNT(*) AS n, MAX(created) AS created FROM stripe_events
    WHERE account = $1 AND livemode = $2 GROUP BY state";
    // From each source to the next one by an index: there are few, and many events of each.
    LAST_RECEIVED = "WITH RECURSIVE known(source) AS (
        SELECT MIN(source) FROM stripe_events WHERE account = $1 AND livemode = $2
        UNION ALL SELECT (SELECT MIN(source) FROM stripe_events
            WHERE account = $1 AND livemode = $2 AND source > known.source)
        FROM known WHERE known.source IS NOT NULL)
    SELECT known.source, (SELECT MAX(received_at) FROM stripe_events
        WHERE account = $1 AND livemode = $2 AND source = known.source) AS at
    FROM known WHERE known.source IS NOT NULL";
    OLDEST_PENDING = "SELECT MIN(received_at) AS at, COUNT(*) AS n FROM stripe_events
    WHERE account = $1 AND livemode = $2 AND state = 'pending'";
    OTHER_ACCOUNTS = "WITH RECURSIVE known(account) AS (SELECT MIN(account) FROM stripe_events
        UNION ALL SELECT (SELECT MIN(account) FROM stripe_events WHERE account > known.account)
        FROM known WHERE known.account IS NOT NULL)
    SELECT COUNT(*) AS n FROM known WHERE known.account <> $2
        AND EXISTS (SELECT 1 FROM stripe_events WHERE account = known.account AND livemode = $1)";
    UNFINISHED = "SELECT MAX(started_at) AS at FROM backfill_runs
    WHERE account = $1 AND livemode = $2 AND finished_at IS NULL";
    UNLINKED = "SELECT customer, currency, amount, paid_at, payment_intent IS NULL AS by_invoice FROM payments
    WHERE account = $1 AND livemode = $2 AND status = 'succeeded' AND paid_at >= $3 AND paid_at < $4
        AND customer IS NOT NULL AND (id = invoice OR (invoice IS NULL AND payment_intent IS NOT NULL))";
}

/// How far apart two tellings of one payment are at most.
const SAME_PAYMENT: TimeDelta = TimeDelta::hours(1);

#[derive(sqlx::FromRow)]
struct Unlinked {
    customer: String,
    currency: String,
    amount: i64,
    paid_at: DateTime<Utc>,
    by_invoice: bool,
}

/// The figures of Stripe's data as it is now, whatever the window.
pub(crate) async fn figures(
    db: &Db,
    scope: &Scope,
    request: &Request,
    subscriptions: &Subscriptions,
) -> Result<Freshness, Error> {
    let scoped = |sql: &'static str| query(db, sql).bind(&scope.account).bind(scope.livemode);
    let received: BTreeMap<String, DateTime<Utc>> =
        scoped(LAST_RECEIVED).fetch_all().await?.into_iter().collect();
    let (oldest_pending, _): (Option<DateTime<Utc>>, i64) = scoped(OLDEST_PENDING).fetch_one().await?;
    let others = query(db, OTHER_ACCOUNTS).bind(scope.livemode).bind(&scope.account);
    let (other_accounts,): (i64,) = others.fetch_one().await?;
    let (unfinished,): (Option<DateTime<Utc>>,) = scoped(UNFINISHED).fetch_one().await?;
    let unlinked = scoped(UNLINKED).bind(request.window.start).bind(request.window.end).fetch_all().await?;
    let mut freshness = Freshness {
        last_stripe_event_received_at: received.values().max().copied(),
        last_webhook_received_at: received.get("webhook").copied(),
        oldest_pending_received_at: oldest_pending,
        reconstructed_movements: subscriptions.reconstructed_movements,
        reconstructed_subscriptions: subscriptions.reconstructed,
        possibly_counted_twice: told_twice(unlinked),
        other_accounts: unsigned(other_accounts),
        backfill_unfinished_since: unfinished,
        ..Freshness::default()
    };
    for (state, n, created) in scoped(STATES).fetch_all::<(String, i64, Option<DateTime<Utc>>)>().await? {
        freshness.last_stripe_event_at = freshness.last_stripe_event_at.max(created);
        match state.as_str() {
            "applied" => freshness.applied_events = unsigned(n),
            "ignored" => freshness.ignored_events = unsigned(n),
            "pending" => freshness.pending_events = unsigned(n),
            _ => freshness.failed_events = unsigned(n),
        }
    }
    Ok(freshness)
}

/// How many payments known by their invoice have a payment without an invoice that may be the same.
fn told_twice(unlinked: Vec<Unlinked>) -> u64 {
    let mut by_intent: BTreeMap<(String, String, i64), Vec<DateTime<Utc>>> = BTreeMap::new();
    let (by_invoice, others): (Vec<_>, Vec<_>) = unlinked.into_iter().partition(|payment| payment.by_invoice);
    for payment in others {
        by_intent
            .entry((payment.customer, payment.currency, payment.amount))
            .or_default()
            .push(payment.paid_at);
    }
    let has_twin = |payment: Unlinked| {
        let twins = by_intent.get(&(payment.customer, payment.currency, payment.amount));
        twins.is_some_and(|times| times.iter().any(|at| (*at - payment.paid_at).abs() <= SAME_PAYMENT))
    };
    by_invoice.into_iter().map(has_twin).filter(|twin| *twin).count() as u64
}

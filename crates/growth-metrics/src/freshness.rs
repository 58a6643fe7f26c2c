//! How fresh and how complete the data is.

use chrono::{DateTime, Utc};
use growth_db::{Db, query};
use growth_domain::stamp::Scope;

use crate::cash::unsigned;
use crate::error::Error;
use crate::request::Request;
use crate::snapshot::Freshness;

growth_db::statements! {
    LATEST = "SELECT MAX(created) AS created, MAX(received_at) AS received_at FROM stripe_events
    WHERE account = $1 AND livemode = $2";
    STATES = "SELECT state, COUNT(*) AS n FROM stripe_events WHERE account = $1 AND livemode = $2
    GROUP BY state";
    LAST_PRODUCT_EVENT = "SELECT MAX(last_seen_at) AS at FROM user_milestones";
    RECONSTRUCTED = "SELECT COUNT(*) AS n FROM mrr_movements
    WHERE account = $1 AND livemode = $2 AND at >= $3 AND at < $4 AND reconstructed";
    OTHER_ACCOUNTS = "SELECT COUNT(DISTINCT account) AS n FROM stripe_events
    WHERE livemode = $1 AND account <> $2";
}

/// The figures of the data as it is now, whatever the window.
pub(crate) async fn figures(db: &Db, scope: &Scope, request: &Request) -> Result<Freshness, Error> {
    let scoped = |sql: &'static str| query(db, sql).bind(&scope.account).bind(scope.livemode);
    let (created, received): (Option<DateTime<Utc>>, Option<DateTime<Utc>>) =
        scoped(LATEST).fetch_one().await?;
    let (last_seen,): (Option<DateTime<Utc>>,) = query(db, LAST_PRODUCT_EVENT).fetch_one().await?;
    let window = scoped(RECONSTRUCTED).bind(request.window.start).bind(request.window.end);
    let (reconstructed,): (i64,) = window.fetch_one().await?;
    let others = query(db, OTHER_ACCOUNTS).bind(scope.livemode).bind(&scope.account);
    let (other_accounts,): (i64,) = others.fetch_one().await?;
    let mut freshness = Freshness {
        last_stripe_event_at: created,
        last_stripe_event_received_at: received,
        last_product_event_at: last_seen,
        reconstructed_movements: unsigned(reconstructed),
        other_accounts: unsigned(other_accounts),
        ..Freshness::default()
    };
    for (state, n) in scoped(STATES).fetch_all::<(String, i64)>().await? {
        match state.as_str() {
            "applied" => freshness.applied_events = unsigned(n),
            "ignored" => freshness.ignored_events = unsigned(n),
            "pending" => freshness.pending_events = unsigned(n),
            _ => freshness.failed_events = unsigned(n),
        }
    }
    Ok(freshness)
}

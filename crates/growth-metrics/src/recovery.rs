//! Invoices whose first payment attempt failed, and what became of them.

use growth_db::{Db, query};
use growth_domain::rollforward::Ratio;
use growth_domain::stamp::Scope;

use crate::cash::money;
use crate::error::Error;
use crate::request::Request;
use crate::revenue::{ByCurrency, entry};
use crate::snapshot::Recovery;

growth_db::statements! {
    RECOVERY = "SELECT currency, COUNT(*) AS n, CAST(SUM(amount_due) AS BIGINT) AS amount,
        COUNT(*) FILTER (WHERE paid_at < $5) AS recovered_n,
        CAST(COALESCE(SUM(amount_paid) FILTER (WHERE paid_at < $5), 0) AS BIGINT) AS recovered,
        COUNT(*) FILTER (WHERE paid_at >= $5 OR (paid_at IS NULL AND status = 'open')) AS open_n,
        CAST(COALESCE(SUM(amount_due) FILTER (WHERE paid_at >= $5 OR (paid_at IS NULL AND status = 'open')), 0)
            AS BIGINT) AS still_open
    FROM invoices
    WHERE account = $1 AND livemode = $2 AND first_failed_at >= $3 AND first_failed_at < $4
    GROUP BY currency";
}

#[derive(sqlx::FromRow)]
struct Sums {
    currency: String,
    n: i64,
    amount: i64,
    recovered_n: i64,
    recovered: i64,
    open_n: i64,
    still_open: i64,
}

/// Adds the recovery of both windows to the currencies.
pub(crate) async fn add(
    db: &Db,
    scope: &Scope,
    request: &Request,
    currencies: &mut ByCurrency,
) -> Result<(), Error> {
    for (window, is_current) in [(request.window, true), (request.previous, false)] {
        let query = query(db, RECOVERY).bind(&scope.account).bind(scope.livemode);
        let query = query.bind(window.start).bind(window.end).bind(request.window.end);
        for sums in query.fetch_all::<Sums>().await? {
            let recovery = &mut entry(currencies, &sums.currency).recovery;
            *if is_current { &mut recovery.current } else { &mut recovery.previous } = Recovery::from(sums);
        }
    }
    Ok(())
}

impl From<Sums> for Recovery {
    fn from(sums: Sums) -> Self {
        let ratio = |numerator: i64, denominator: i64| Ratio {
            numerator: numerator.into(),
            denominator: denominator.into(),
        };
        Self {
            failed: money(sums.n, sums.amount),
            recovered: money(sums.recovered_n, sums.recovered),
            open: money(sums.open_n, sums.still_open),
            by_count: ratio(sums.recovered_n, sums.n),
            by_volume: ratio(sums.recovered, sums.amount),
        }
    }
}

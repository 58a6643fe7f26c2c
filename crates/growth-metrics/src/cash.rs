//! Money that moved: payments, refunds, disputes and fees.

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt;
use growth_db::{Db, query};
use growth_domain::stamp::Scope;
use growth_domain::window::Window;

use crate::error::Error;
use crate::request::Request;
use crate::revenue::{ByCurrency, entry};
use crate::snapshot::{Cash, CurrencyRevenue, Money, PaymentLine, RefundLine, RevenueDay};

growth_db::statements! {
    PAYMENTS = "SELECT currency,
        COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS amount,
        COUNT(*) FILTER (WHERE user_id IS NULL) AS unattributed_n,
        CAST(COALESCE(SUM(amount) FILTER (WHERE user_id IS NULL), 0) AS BIGINT) AS unattributed,
        COUNT(*) FILTER (WHERE id = invoice) AS by_invoice_n,
        CAST(COALESCE(SUM(amount) FILTER (WHERE id = invoice), 0) AS BIGINT) AS by_invoice,
        CAST(COALESCE(SUM(fee) FILTER (WHERE fee_currency = currency), 0) AS BIGINT) AS fees,
        COUNT(*) FILTER (WHERE (fee IS NULL OR fee_currency IS NULL OR fee_currency <> currency)
            AND (method IS NULL OR method <> 'out_of_band')) AS fees_unknown
    FROM payments
    WHERE account = $1 AND livemode = $2 AND status = 'succeeded' AND paid_at >= $3 AND paid_at < $4
    GROUP BY currency";
    FAILED = "SELECT currency, COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS amount FROM payments
    WHERE account = $1 AND livemode = $2 AND status = 'failed' AND created_at >= $3 AND created_at < $4
    GROUP BY currency";
    REFUNDS = "SELECT currency, COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS amount,
        COUNT(*) FILTER (WHERE payment IS NULL) AS orphan_n,
        CAST(COALESCE(SUM(amount) FILTER (WHERE payment IS NULL), 0) AS BIGINT) AS orphans
    FROM refunds
    WHERE account = $1 AND livemode = $2 AND counted AND created_at >= $3 AND created_at < $4
    GROUP BY currency";
    DISPUTES = "SELECT currency,
        COUNT(*) FILTER (WHERE withdrawn_at >= $3 AND withdrawn_at < $4) AS n,
        CAST(COALESCE(SUM(withdrawn) FILTER (WHERE withdrawn_at >= $3 AND withdrawn_at < $4), 0) AS BIGINT)
        - CAST(COALESCE(SUM(reinstated) FILTER (WHERE reinstated_at >= $3 AND reinstated_at < $4), 0) AS BIGINT)
        AS amount,
        CAST(COALESCE(SUM(fee) FILTER (WHERE withdrawn_at >= $3 AND withdrawn_at < $4), 0) AS BIGINT) AS fees,
        COUNT(*) FILTER (WHERE fee IS NULL AND withdrawn_at >= $3 AND withdrawn_at < $4) AS fees_unknown
    FROM disputes
    WHERE account = $1 AND livemode = $2
        AND ((withdrawn_at >= $3 AND withdrawn_at < $4) OR (reinstated_at >= $3 AND reinstated_at < $4))
    GROUP BY currency";
    FIRST_PAYMENTS = "SELECT currency, MIN(paid_at) AS at FROM payments
    WHERE account = $1 AND livemode = $2 AND status = 'succeeded' AND paid_at < $3 GROUP BY currency";
    PAYMENT_TIMES = "SELECT currency, amount, paid_at FROM payments
    WHERE account = $1 AND livemode = $2 AND status = 'succeeded' AND paid_at >= $3 AND paid_at < $4";
    REFUND_LINES = "SELECT id, created_at AS at, amount, currency, status, counted, payment, charge, reason
    FROM refunds WHERE account = $1 AND livemode = $2 AND created_at < $3
    ORDER BY created_at DESC, id LIMIT $4";
}

#[derive(sqlx::FromRow)]
struct PaymentSums {
    currency: String,
    n: i64,
    amount: i64,
    unattributed_n: i64,
    unattributed: i64,
    by_invoice_n: i64,
    by_invoice: i64,
    fees: i64,
    fees_unknown: i64,
}

#[derive(sqlx::FromRow)]
struct RefundSums {
    currency: String,
    n: i64,
    amount: i64,
    orphan_n: i64,
    orphans: i64,
}

/// From the first instant inside to the first after.
type Span = (DateTime<Utc>, DateTime<Utc>);
/// Which of a currency's cash figures.
type CashOf = fn(&mut CurrencyRevenue) -> &mut Cash;

/// Adds the cash of both windows and of all time to the currencies.
pub(crate) async fn add(
    db: &Db,
    scope: &Scope,
    request: &Request,
    currencies: &mut ByCurrency,
) -> Result<(), Error> {
    let ever = (DateTime::UNIX_EPOCH, request.window.end);
    let current = (request.window.start, request.window.end);
    let previous = (request.previous.start, request.previous.end);
    let spans: [(Span, CashOf); 3] = [
        (current, |revenue| &mut revenue.cash.current),
        (previous, |revenue| &mut revenue.cash.previous),
        (ever, |revenue| &mut revenue.all_time),
    ];
    for (span, of) in spans {
        let mut cash = |currency: &str, set: &dyn Fn(&mut Cash)| set(of(entry(currencies, currency)));
        add_span(db, scope, span, &mut cash).await?;
    }
    let first = query(db, FIRST_PAYMENTS).bind(&scope.account).bind(scope.livemode).bind(request.window.end);
    for (currency, at) in first.fetch_all::<(String, DateTime<Utc>)>().await? {
        entry(currencies, &currency).first_payment_at = Some(at);
    }
    add_days(db, scope, request, currencies).await?;
    for revenue in currencies.values_mut() {
        for cash in [&mut revenue.cash.current, &mut revenue.cash.previous, &mut revenue.all_time] {
            cash.net_before_fees = cash.payments.amount - cash.refunds.amount - cash.disputes.amount;
            cash.net = (cash.fees_unknown + cash.dispute_fees_unknown == 0)
                .then(|| cash.net_before_fees - cash.known_fees);
        }
    }
    Ok(())
}

/// Adds the payments of each local day of the window to currencies that are all there.
async fn add_days(
    db: &Db,
    scope: &Scope,
    request: &Request,
    currencies: &mut ByCurrency,
) -> Result<(), Error> {
    let parts: Vec<(NaiveDate, Window)> = request.window.local_days(request.time_zone).collect();
    for revenue in currencies.values_mut().filter(|revenue| revenue.days.is_empty()) {
        revenue.days = parts.iter().map(|(day, _)| RevenueDay::without_subscriptions(*day)).collect();
    }
    let window = request.window;
    let times = query(db, PAYMENT_TIMES).bind(&scope.account).bind(scope.livemode);
    let mut rows = times.bind(window.start).bind(window.end).fetch::<(String, i64, DateTime<Utc>)>()?;
    while let Some((currency, amount, paid_at)) = rows.try_next().await? {
        let revenue = entry(currencies, &currency);
        let index = parts.partition_point(|(_, part)| part.end <= paid_at);
        if let Some(day) = revenue.days.get_mut(index) {
            day.payments.count += 1;
            day.payments.amount += amount;
        }
    }
    Ok(())
}

async fn add_span(
    db: &Db,
    scope: &Scope,
    (start, end): Span,
    cash: &mut impl FnMut(&str, &dyn Fn(&mut Cash)),
) -> Result<(), Error> {
    let run =
        |sql: &'static str| query(db, sql).bind(&scope.account).bind(scope.livemode).bind(start).bind(end);
    for row in run(PAYMENTS).fetch_all::<PaymentSums>().await? {
        cash(&row.currency, &|cash| {
            cash.payments = money(row.n, row.amount);
            cash.unattributed = money(row.unattributed_n, row.unattributed);
            cash.by_invoice_only = money(row.by_invoice_n, row.by_invoice);
            cash.known_fees += row.fees;
            cash.fees_unknown = unsigned(row.fees_unknown);
        });
    }
    for (currency, n, amount) in run(FAILED).fetch_all::<(String, i64, i64)>().await? {
        cash(&currency, &|cash| cash.failed_payments = money(n, amount));
    }
    for row in run(REFUNDS).fetch_all::<RefundSums>().await? {
        cash(&row.currency, &|cash| {
            cash.refunds = money(row.n, row.amount);
            cash.refunds_without_payment = money(row.orphan_n, row.orphans);
        });
    }
    for (currency, n, amount, fees, unknown) in
        run(DISPUTES).fetch_all::<(String, i64, i64, i64, i64)>().await?
    {
        cash(&currency, &|cash| {
            cash.disputes = money(n, amount);
            cash.known_fees += fees;
            cash.dispute_fees_unknown = unsigned(unknown);
        });
    }
    Ok(())
}

/// A number of things and their sum.
pub(crate) fn money(count: i64, amount: i64) -> Money {
    Money { count: unsigned(count), amount }
}

/// A count, which is never negative.
pub(crate) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// The latest refunds until the end of the window.
pub(crate) async fn refunds(db: &Db, scope: &Scope, request: &Request) -> Result<Vec<RefundLine>, Error> {
    let lines = query(db, REFUND_LINES).bind(&scope.account).bind(scope.livemode);
    Ok(lines.bind(request.window.end).bind(PaymentLine::MOST).fetch_all().await?)
}

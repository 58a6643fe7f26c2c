//! The payments, refunds, disputes and invoices behind numbers about money that moved.

use chrono::{DateTime, Utc};
use growth_db::query;

use super::metric::CashMetric;
use super::{Cell, Listing, Measure, Part, Row, Source};
use crate::error::Error;

growth_db::statements! {
    EXPLAIN_PAYMENTS = "SELECT p.id, p.paid_at AS at, p.amount, p.currency, p.customer, p.invoice, p.subscription,
        CASE WHEN u.erased_at IS NULL THEN u.external_id END AS \"user\", p.user_id, p.failure_code AS reason, p.fee,
        p.fee_currency, COALESCE(p.method = 'out_of_band', FALSE) AS is_out_of_band
    FROM payments p LEFT JOIN users u ON u.id = p.user_id
    WHERE p.account = $1 AND p.livemode = $2 AND p.status = 'succeeded' AND p.paid_at >= $3 AND p.paid_at < $4
    ORDER BY p.paid_at, p.id";
    EXPLAIN_FAILED = "SELECT p.id, p.created_at AS at, p.amount, p.currency, p.customer, p.invoice, p.subscription,
        CASE WHEN u.erased_at IS NULL THEN u.external_id END AS \"user\", p.user_id, p.failure_code AS reason, p.fee,
        p.fee_currency, COALESCE(p.method = 'out_of_band', FALSE) AS is_out_of_band
    FROM payments p LEFT JOIN users u ON u.id = p.user_id
    WHERE p.account = $1 AND p.livemode = $2 AND p.status = 'failed' AND p.created_at >= $3 AND p.created_at < $4
    ORDER BY p.created_at, p.id";
    EXPLAIN_REFUNDS = "SELECT id, created_at AS at, amount, currency, payment, charge, reason FROM refunds
    WHERE account = $1 AND livemode = $2 AND counted AND created_at >= $3 AND created_at < $4
    ORDER BY created_at, id";
    EXPLAIN_DISPUTES = "SELECT id, withdrawn_at, withdrawn, reinstated_at, reinstated, currency, payment, charge, reason,
        fee FROM disputes
    WHERE account = $1 AND livemode = $2
        AND ((withdrawn_at >= $3 AND withdrawn_at < $4) OR (reinstated_at >= $3 AND reinstated_at < $4))
    ORDER BY withdrawn_at, id";
    EXPLAIN_RECOVERY = "SELECT id, first_failed_at AS at, customer, subscription, status, amount_due, amount_paid,
        paid_at, currency FROM invoices
    WHERE account = $1 AND livemode = $2 AND first_failed_at >= $3 AND first_failed_at < $4
    ORDER BY first_failed_at, id";
}

const MONEY: &[&str] =
    &["kind", "id", "at", "amount", "customer", "user", "payment", "invoice", "subscription", "reason"];
const INVOICES: &[&str] = &[
    "invoice",
    "first_failed",
    "customer",
    "subscription",
    "status",
    "amount_due",
    "amount_paid",
    "paid_at",
];

#[derive(sqlx::FromRow)]
struct Payment {
    id: String,
    at: DateTime<Utc>,
    amount: i64,
    currency: String,
    customer: Option<String>,
    invoice: Option<String>,
    subscription: Option<String>,
    user: Option<String>,
    user_id: Option<i64>,
    reason: Option<String>,
    fee: Option<i64>,
    fee_currency: Option<String>,
    is_out_of_band: bool,
}

#[derive(sqlx::FromRow)]
struct Refund {
    id: String,
    at: DateTime<Utc>,
    amount: i64,
    currency: String,
    payment: Option<String>,
    charge: Option<String>,
    reason: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Dispute {
    id: String,
    withdrawn_at: Option<DateTime<Utc>>,
    withdrawn: i64,
    reinstated_at: Option<DateTime<Utc>>,
    reinstated: i64,
    currency: String,
    payment: Option<String>,
    charge: Option<String>,
    reason: Option<String>,
    fee: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct Invoice {
    id: String,
    at: DateTime<Utc>,
    customer: Option<String>,
    subscription: Option<String>,
    status: String,
    amount_due: i64,
    amount_paid: i64,
    paid_at: Option<DateTime<Utc>>,
    currency: String,
}

pub(super) async fn rows(source: &Source<'_>, metric: CashMetric) -> Result<Listing, Error> {
    use CashMetric as M;
    let rows = match metric {
        M::NewRevenue => source.payments(EXPLAIN_PAYMENTS, source.request.window.start).await?,
        M::TotalRevenue => source.payments(EXPLAIN_PAYMENTS, DateTime::UNIX_EPOCH).await?,
        M::ByInvoice => source.payments_that(|payment| payment.invoice.as_ref() == Some(&payment.id)).await?,
        M::Unattributed => source.payments_that(|payment| payment.user_id.is_none()).await?,
        M::FailedPayments => source.payments(EXPLAIN_FAILED, source.request.window.start).await?,
        M::Refunds => source.refunds(1).await?,
        M::Disputes => source.disputes(1).await?,
        M::Fees => source.fees(1).await?,
        M::NetBeforeFees => source.net_before_fees().await?,
        M::NetVolume => {
            let mut rows = source.net_before_fees().await?;
            rows.extend(source.fees(-1).await?);
            rows
        }
        M::Recovery | M::RecoveryByAmount | M::StillOpen => return source.recovery(metric).await,
    };
    let mut found = Listing::of(Measure::Minor, MONEY, rows);
    if matches!(metric, M::Fees | M::NetVolume) {
        found.caveat = source.unknown_fees().await?;
    }
    Ok(found)
}

impl Payment {
    fn row(self) -> Row {
        let rest = [self.customer, self.user, None, self.invoice, self.subscription, self.reason];
        money("payment", self.id, self.at, self.amount, self.currency, rest)
    }
}

/// A row of [`MONEY`].
fn money(
    kind: &str,
    id: String,
    at: DateTime<Utc>,
    part: i64,
    currency: String,
    rest: [Option<String>; 6],
) -> Row {
    let mut cells = vec![kind.into(), Cell::Text(id), Cell::At(at), Cell::Minor(part)];
    cells.extend(rest.map(Cell::from));
    Row { currency: Some(currency), part: Part::of(part), cells }
}

impl Source<'_> {
    async fn read<T: growth_db::Record>(
        &self,
        sql: &'static str,
        from: DateTime<Utc>,
    ) -> Result<Vec<T>, Error> {
        let query = query(self.db, sql).bind(&self.scope.account).bind(self.scope.livemode);
        Ok(query.bind(from).bind(self.request.window.end).fetch_all().await?)
    }

    async fn payments(&self, sql: &'static str, from: DateTime<Utc>) -> Result<Vec<Row>, Error> {
        Ok(self.read(sql, from).await?.into_iter().map(Payment::row).collect())
    }

    async fn payments_that(&self, count: impl Fn(&Payment) -> bool) -> Result<Vec<Row>, Error> {
        let payments: Vec<Payment> = self.read(EXPLAIN_PAYMENTS, self.request.window.start).await?;
        Ok(payments.into_iter().filter(count).map(Payment::row).collect())
    }

    async fn refunds(&self, sign: i64) -> Result<Vec<Row>, Error> {
        let row = |refund: Refund| {
            let rest = [None, None, refund.payment.or(refund.charge), None, None, refund.reason];
            money("refund", refund.id, refund.at, sign * refund.amount, refund.currency, rest)
        };
        Ok(self.read(EXPLAIN_REFUNDS, self.request.window.start).await?.into_iter().map(row).collect())
    }

    /// What each dispute took in the window, and what it gave back in it.
    async fn disputes(&self, sign: i64) -> Result<Vec<Row>, Error> {
        let window = self.request.window;
        let mut rows = Vec::new();
        for dispute in self.read::<Dispute>(EXPLAIN_DISPUTES, window.start).await? {
            let moved = [
                ("dispute", dispute.withdrawn_at, sign * dispute.withdrawn),
                ("dispute given back", dispute.reinstated_at, -sign * dispute.reinstated),
            ];
            for (kind, at, part) in moved {
                if let Some(at) = at.filter(|at| window.contains(*at)) {
                    let rest = [
                        None,
                        None,
                        dispute.payment.clone().or(dispute.charge.clone()),
                        None,
                        None,
                        dispute.reason.clone(),
                    ];
                    rows.push(money(kind, dispute.id.clone(), at, part, dispute.currency.clone(), rest));
                }
            }
        }
        Ok(rows)
    }

    /// Says of how many payments and disputes the fees are not known, where there are any.
    async fn unknown_fees(&self) -> Result<Option<String>, Error> {
        let window = self.request.window;
        let payments: Vec<Payment> = self.read(EXPLAIN_PAYMENTS, window.start).await?;
        let without = |payment: &&Payment| {
            !payment.is_out_of_band
                && (payment.fee.is_none() || payment.fee_currency.as_ref() != Some(&payment.currency))
        };
        let disputes: Vec<Dispute> = self.read(EXPLAIN_DISPUTES, window.start).await?;
        let unpaid = |dispute: &&Dispute| {
            dispute.fee.is_none() && dispute.withdrawn_at.is_some_and(|at| window.contains(at))
        };
        let unknown = payments.iter().filter(without).count() + disputes.iter().filter(unpaid).count();
        Ok((unknown > 0).then(|| {
            format!(
                "The fees of {unknown} payments or disputes are not known, so the sum is not the whole, and the report \
                 says n/a."
            )
        }))
    }

    async fn net_before_fees(&self) -> Result<Vec<Row>, Error> {
        let mut rows = self.payments(EXPLAIN_PAYMENTS, self.request.window.start).await?;
        rows.extend(self.refunds(-1).await?);
        rows.extend(self.disputes(-1).await?);
        Ok(rows)
    }

    /// Fees that are known in the currency of what they are of.
    async fn fees(&self, sign: i64) -> Result<Vec<Row>, Error> {
        let window = self.request.window;
        let mut rows = Vec::new();
        for payment in self.read::<Payment>(EXPLAIN_PAYMENTS, window.start).await? {
            let is_in_it = payment.fee_currency.as_ref() == Some(&payment.currency);
            if let Some(fee) = payment.fee.filter(|_| is_in_it) {
                let rest = [
                    payment.customer,
                    payment.user,
                    None,
                    payment.invoice,
                    payment.subscription,
                    payment.reason,
                ];
                rows.push(money("fee", payment.id, payment.at, sign * fee, payment.currency, rest));
            }
        }
        for dispute in self.read::<Dispute>(EXPLAIN_DISPUTES, window.start).await? {
            let withdrawn_at = dispute.withdrawn_at.filter(|at| window.contains(*at));
            if let (Some(fee), Some(at)) = (dispute.fee, withdrawn_at) {
                let rest = [None, None, dispute.payment.or(dispute.charge), None, None, None];
                rows.push(money("fee of a dispute", dispute.id, at, sign * fee, dispute.currency, rest));
            }
        }
        Ok(rows)
    }

    async fn recovery(&self, metric: CashMetric) -> Result<Listing, Error> {
        let window = self.request.window;
        let row = |invoice: Invoice| {
            let is_recovered = invoice.paid_at.is_some_and(|at| at < window.end);
            let is_open = invoice.paid_at.map_or(invoice.status == "open", |at| at >= window.end);
            let part = match metric {
                CashMetric::RecoveryByAmount => {
                    Part::over(if is_recovered { invoice.amount_paid } else { 0 }, invoice.amount_due)
                }
                CashMetric::StillOpen if is_open => Part::of(invoice.amount_due),
                CashMetric::StillOpen => return None,
                _ => Part::over(i128::from(is_recovered), 1),
            };
            Some(Row {
                part,
                cells: vec![
                    Cell::Text(invoice.id),
                    Cell::At(invoice.at),
                    invoice.customer.into(),
                    invoice.subscription.into(),
                    Cell::Text(invoice.status),
                    Cell::Minor(invoice.amount_due),
                    Cell::Minor(invoice.amount_paid),
                    invoice.paid_at.into(),
                ],
                currency: Some(invoice.currency),
            })
        };
        let rows = self.read(EXPLAIN_RECOVERY, window.start).await?.into_iter().filter_map(row).collect();
        let measure = if metric == CashMetric::Recovery { Measure::Count } else { Measure::Minor };
        Ok(Listing::of(measure, INVOICES, rows))
    }
}

//! Single payments, newest first, in pages.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use growth_db::{Db, query};
use growth_domain::stamp::Scope;
use serde::Serialize;

use crate::error::Error;
use crate::request::Request;
use crate::snapshot::PaymentLine;

growth_db::statements! {
    // Those that follow a place in the order. They are picked before anything is joined to them: PostgreSQL would join to
    // all payments and sort them, where the index has the order already.
    PAYMENT_LINES = "SELECT p.id, p.event_id, COALESCE(p.paid_at, p.created_at) AS at, p.amount, p.currency,
        p.status, COALESCE(r.terms ->> 'nickname', d.name, p.plan_name) AS plan_name, p.billing_period,
        u.external_id AS \"user\", p.attributed_by, p.customer, p.payment_intent, p.charge, p.invoice,
        p.subscription, p.refund_amount, p.fee, p.fee_currency, p.failure_code
    FROM (SELECT * FROM payments
        WHERE account = $1 AND livemode = $2 AND COALESCE(paid_at, created_at) <= $3
            AND (COALESCE(paid_at, created_at) < $3 OR id > $4)
        ORDER BY COALESCE(paid_at, created_at) DESC, id LIMIT $5) p
    LEFT JOIN users u ON u.id = p.user_id
    LEFT JOIN prices r ON r.account = p.account AND r.livemode = p.livemode AND r.id = p.price
    LEFT JOIN products d ON d.account = p.account AND d.livemode = p.livemode AND d.id = r.terms ->> 'product'
    ORDER BY COALESCE(p.paid_at, p.created_at) DESC, p.id";
    PAYMENT_AT = "SELECT COALESCE(paid_at, created_at) AS at FROM payments
    WHERE account = $1 AND livemode = $2 AND id = $3";
}

/// Which payments are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentsPage {
    /// How many, from 1 to [`PaymentsPage::MOST`]; any other number is taken for the nearest of these.
    pub limit: u32,
    /// The id of the last payment of the page before; `None` for the first page.
    pub after: Option<String>,
}

impl PaymentsPage {
    /// How many payments a page has at most.
    pub const MOST: u32 = 100;
}

/// A page of payments.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Payments {
    /// The payments, newest first, and those of one instant by their ids.
    pub payments: Vec<PaymentLine>,
    /// Whether there is a page after this one.
    pub has_more: bool,
}

/// A place in the order of payments.
struct Place {
    at: DateTime<Utc>,
    id: String,
}

impl Place {
    /// The place before the newest payment of the window.
    fn first(request: &Request) -> Self {
        // The last microsecond of the window, in which every id is still to come.
        let at = (request.window.end - TimeDelta::nanoseconds(1)).trunc_subsecs(6);
        Self { at, id: String::new() }
    }
}

/// Reads a page of the payments until the end of the request's window.
///
/// Pages that follow each other have every payment once, also where newer ones arrive in between.
///
/// # Errors
///
/// [`Error::UnknownPayment`] where the account and mode of the request have no payment with the id of `page.after`, and
/// where the database cannot be read.
pub async fn payments(db: &Db, request: &Request, page: &PaymentsPage) -> Result<Payments, Error> {
    let scope = request.scope(db).await?;
    let first = Place::first(request);
    let place = match &page.after {
        Some(id) => {
            let place = find(db, &scope, id).await?;
            if place.at > first.at { first } else { place }
        }
        None => first,
    };
    let limit = page.limit.clamp(1, PaymentsPage::MOST);
    let mut payments = following(db, &scope, &place, i64::from(limit) + 1).await?;
    let has_more = payments.len() > limit as usize;
    payments.truncate(limit as usize);
    Ok(Payments { payments, has_more })
}

/// The latest payments until the end of the window.
pub(crate) async fn latest(db: &Db, scope: &Scope, request: &Request) -> Result<Vec<PaymentLine>, Error> {
    following(db, scope, &Place::first(request), PaymentLine::MOST).await
}

async fn find(db: &Db, scope: &Scope, id: &str) -> Result<Place, Error> {
    let at = query(db, PAYMENT_AT).bind(&scope.account).bind(scope.livemode).bind(id);
    let (at,) = at.fetch_optional().await?.ok_or_else(|| Error::UnknownPayment { id: id.to_owned() })?;
    Ok(Place { at, id: id.to_owned() })
}

async fn following(db: &Db, scope: &Scope, place: &Place, limit: i64) -> Result<Vec<PaymentLine>, Error> {
    let lines = query(db, PAYMENT_LINES).bind(&scope.account).bind(scope.livemode);
    Ok(lines.bind(place.at).bind(&place.id).bind(limit).fetch_all().await?)
}

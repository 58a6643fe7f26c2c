//! What the database lacks and Stripe can tell.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::rows::SubscriptionChangeRow;
use growth_db::{AssertSqlSafe, Db, Error, query, table};
use growth_domain::stamp::Scope;

use crate::answers::Ask;

/// A kind of thing that events leave out.
///
/// In the order in which they are asked for: a discount names its coupon, and an invoice's payments lead to fees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The discounts that a subscription names by their ids.
    Discount,
    /// The coupons of discounts, and to which products they are limited.
    Coupon,
    /// Prices that are named by their ids, and tiers.
    Price,
    /// Which payment paid an invoice.
    InvoicePayment,
    /// What Stripe took for a payment.
    Fee,
}

impl Kind {
    /// Every kind in its order.
    pub const ALL: [Self; 5] = [Self::Discount, Self::Coupon, Self::Price, Self::InvoicePayment, Self::Fee];

    /// The name for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discount => "discount",
            Self::Coupon => "coupon",
            Self::Price => "price",
            Self::InvoicePayment => "invoice_payment",
            Self::Fee => "fee",
        }
    }
}

/// A thing that is missing.
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    /// The connected account, empty for the own one.
    pub(crate) account: String,
    /// What is missing, or whose fee or payment is.
    pub(crate) id: String,
    /// Where to ask. For a discount it is not known yet: see [`find_subscriptions`].
    pub(crate) ask: Option<Ask>,
    /// The customer who has the discount.
    customer: Option<String>,
    /// Its place in the order in which things are looked for.
    pub(crate) place: Place,
}

/// Where a look through the database stopped.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    at: DateTime<Utc>,
    account: String,
    id: String,
}

/// How many things one look gives at most.
pub(crate) const PAGE: usize = 1000;

/// Looks for what is missing after a place: of payments the newest come first.
pub(crate) async fn look(
    db: &Db,
    kind: Kind,
    livemode: bool,
    now: DateTime<Utc>,
    after: Option<&Place>,
) -> Result<Vec<Missing>, Error> {
    let start = Place { at: END_OF_TIME, account: String::new(), id: String::new() };
    let after = after.unwrap_or(&start);
    let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let query = query(db, AssertSqlSafe(page_sql(kind))).bind(livemode);
    Ok(match told_before(kind, now) {
        None => {
            let rows = query.bind(&after.account).bind(&after.id).bind(page).fetch_all().await?;
            rows.into_iter().map(|row| named(kind, row)).collect()
        }
        Some(told_before) => {
            let query = query.bind(told_before).bind(after.at).bind(&after.account).bind(&after.id);
            let rows = query.bind(page).fetch_all().await?;
            rows.into_iter().filter_map(|row| of_payment(kind, row)).collect()
        }
    })
}

/// Counts all that is missing.
pub(crate) async fn count(db: &Db, kind: Kind, livemode: bool, now: DateTime<Utc>) -> Result<u64, Error> {
    let mut query = query(db, AssertSqlSafe(count_sql(kind))).bind(livemode);
    if let Some(told_before) = told_before(kind, now) {
        query = query.bind(told_before);
    }
    let (n,): (i64,) = query.fetch_one().await?;
    Ok(u64::try_from(n).unwrap_or_default())
}

/// Finds the subscriptions that name missing discounts, where their history tells.
///
/// Of several the one whose naming was told last, since a discount that is gone is shown no more.
pub(crate) async fn find_subscriptions(
    db: &Db,
    livemode: bool,
    missing: &mut [Missing],
) -> Result<(), Error> {
    let mut customers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for discount in missing.iter() {
        customers.entry(discount.account.clone()).or_default().extend(discount.customer.clone());
    }
    for (account, customers) in customers {
        let customers: Vec<String> = customers.into_iter().collect();
        let scope = Scope { account, livemode };
        let mut told = table::find::<SubscriptionChangeRow>(db, &scope, "customer", &customers).await?;
        told.sort_by_key(|row| (row.stamp_at, row.stamp_rank));
        for discount in missing.iter_mut().filter(|discount| discount.account == scope.account) {
            let last = told.iter().rev().find(|row| names(row, &discount.id));
            discount.ask = last.map(|row| Ask::Discounts { subscription: row.subscription.clone() });
        }
    }
    Ok(())
}

/// Later than any payment.
const END_OF_TIME: DateTime<Utc> = DateTime::from_timestamp(253_402_300_799, 0).unwrap();

/// Events tell most of it within seconds, and then there is nothing to ask.
const EVENTS_ARRIVE_WITHIN: TimeDelta = TimeDelta::minutes(1);
/// Stripe makes the balance transaction shortly after the charge.
const FEES_ARE_KNOWN_WITHIN: TimeDelta = TimeDelta::seconds(10);

/// Until when a payment has to have been paid for the rest of it to be missing; nothing for what payments do not have.
fn told_before(kind: Kind, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match kind {
        Kind::Discount | Kind::Coupon | Kind::Price => None,
        Kind::InvoicePayment => Some(now - EVENTS_ARRIVE_WITHIN),
        Kind::Fee => Some(now - FEES_ARE_KNOWN_WITHIN),
    }
}

/// Which rows of `pricing_references AS named`, or of `payments`, lack something in the mode `$1`.
///
/// A coupon is known whole once it shows the products it is limited to, or once it was read by itself: one without a
/// limit shows nothing, as does every event. Objects read by themselves are in the inbox as `file_`, their id, `_`
/// and 16 digits.
fn condition(kind: Kind) -> &'static str {
    match kind {
        Kind::Discount => {
            "named.livemode = $1 AND reference >= 'discount:' AND reference < 'discount;'
            AND NOT EXISTS (SELECT 1 FROM discounts WHERE discounts.account = named.account
                AND discounts.livemode = named.livemode AND discounts.id = substr(named.reference, 10))"
        }
        Kind::Coupon => {
            "named.livemode = $1 AND reference >= 'coupon:' AND reference < 'coupon;'
            AND NOT EXISTS (SELECT 1 FROM coupons WHERE coupons.account = named.account
                AND coupons.livemode = named.livemode AND coupons.id = substr(named.reference, 8)
                AND (terms ->> 'products' IS NOT NULL OR EXISTS (SELECT 1 FROM stripe_events AS seen
                    WHERE seen.account = named.account AND seen.livemode = named.livemode AND seen.source = 'api'
                        AND seen.id > 'file_' || coupons.id || '_' AND seen.id < 'file_' || coupons.id || '`'
                        AND length(seen.id) = length(coupons.id) + 22)))"
        }
        Kind::Price => {
            "named.livemode = $1 AND reference >= 'price:' AND reference < 'price;'
            AND NOT EXISTS (SELECT 1 FROM prices WHERE prices.account = named.account
                AND prices.livemode = named.livemode AND prices.id = substr(named.reference, 7)
                AND (tiers IS NOT NULL OR terms ->> 'billing_scheme' <> 'tiered'))"
        }
        Kind::InvoicePayment => {
            "livemode = $1 AND status = 'succeeded' AND id = invoice AND COALESCE(paid_at, created_at) < $2
            AND (method IS NULL OR method <> 'out_of_band')"
        }
        Kind::Fee => {
            "livemode = $1 AND status = 'succeeded' AND fee IS NULL AND COALESCE(paid_at, created_at) < $2
            AND (charge IS NOT NULL OR payment_intent IS NOT NULL)"
        }
    }
}

fn page_sql(kind: Kind) -> String {
    let condition = condition(kind);
    match kind {
        Kind::Discount | Kind::Coupon | Kind::Price => format!(
            "SELECT account, reference, MIN(customer) AS customer FROM pricing_references AS named
            WHERE {condition} AND (account, reference) > ($2, $3)
            GROUP BY account, reference ORDER BY account, reference LIMIT $4"
        ),
        Kind::InvoicePayment | Kind::Fee => format!(
            "SELECT account, id, charge, payment_intent, created_at FROM payments
            WHERE {condition} AND (created_at, account, id) < ($3, $4, $5)
            ORDER BY created_at DESC, account DESC, id DESC LIMIT $6"
        ),
    }
}

fn count_sql(kind: Kind) -> String {
    let condition = condition(kind);
    match kind {
        Kind::Discount | Kind::Coupon | Kind::Price => format!(
            "SELECT COUNT(*) AS n FROM (SELECT DISTINCT account, reference FROM pricing_references AS named
            WHERE {condition}) AS missing"
        ),
        Kind::InvoicePayment | Kind::Fee => format!("SELECT COUNT(*) AS n FROM payments WHERE {condition}"),
    }
}

pub(crate) fn statements() -> Vec<(String, String)> {
    let of = |kind: Kind| {
        let name = |what| format!("missing::{what} {}", kind.as_str());
        [(name("page"), page_sql(kind)), (name("count"), count_sql(kind))]
    };
    Kind::ALL.into_iter().flat_map(of).collect()
}

/// What a row of `pricing_references` names that is not there, or not whole.
fn named(kind: Kind, (account, reference, customer): (String, String, String)) -> Missing {
    let id = reference.split_once(':').map(|(_, id)| id.to_owned()).unwrap_or_default();
    let ask = match kind {
        Kind::Coupon => Some(Ask::Coupon(id.clone())),
        Kind::Price => Some(Ask::Price(id.clone())),
        Kind::Discount | Kind::InvoicePayment | Kind::Fee => None,
    };
    let place = Place { at: END_OF_TIME, account: account.clone(), id: reference };
    Missing { account, ask, id, customer: Some(customer), place }
}

type PaymentRow = (String, String, Option<String>, Option<String>, DateTime<Utc>);

/// What a payment lacks. The charge has the fee; the intent of a payment that is known by its invoice payment leads to
/// the charge.
fn of_payment(kind: Kind, (account, id, charge, intent, at): PaymentRow) -> Option<Missing> {
    let ask = match kind {
        Kind::InvoicePayment => Ask::InvoicePayments(id.clone()),
        _ => charge.map(Ask::Charge).or_else(|| intent.map(Ask::PaymentIntent))?,
    };
    let place = Place { at, account: account.clone(), id: id.clone() };
    Some(Missing { account, id, ask: Some(ask), customer: None, place })
}

fn names(row: &SubscriptionChangeRow, discount: &str) -> bool {
    let state = &row.state.0;
    let of_items = state.items.iter().flat_map(|item| &item.discounts);
    state.discounts.iter().chain(of_items).any(|id| id == discount)
}

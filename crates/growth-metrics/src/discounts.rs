//! Discounts that are about to end, and what their subscriptions pay more then.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, TimeDelta, Utc};
use growth_db::rows::{CouponRow, DiscountRow, PriceRow, SubscriptionChangeRow};
use growth_db::{Db, query, table};
use growth_domain::facts::{
    CouponTerms, DiscountTerms, InvoiceLine, PriceTerms, SubscriptionItem, SubscriptionState, Tier,
};
use growth_domain::insights::EndingDiscounts;
use growth_domain::pricing::{Catalog, Policy, price};
use growth_domain::stamp::Scope;
use growth_domain::timeline::counts;

use crate::error::Error;

growth_db::statements! {
    // Texts of instants sort like the instants.
    ENDING = "SELECT * FROM discounts
    WHERE account = $1 AND livemode = $2 AND terms ->> 'end' >= $3 AND terms ->> 'end' < $4";
}

/// By currency: of the subscriptions that count at an instant and go on, those whose discounts end within so
/// many days after it, and what these will pay more.
///
/// What they pay is the price by [`Policy::Conservative`], whatever policy the ledger has, since that is what they
/// are charged. Coupons for one invoice have no end, and are passed over; so is a subscription whose price only its
/// invoices tell.
pub(crate) async fn ending(
    db: &Db,
    scope: &Scope,
    at: DateTime<Utc>,
    days: u32,
) -> Result<BTreeMap<String, EndingDiscounts>, Error> {
    let until = at + TimeDelta::days(days.into());
    let day = |day: chrono::NaiveDate| day.format("%Y-%m-%d").to_string();
    let rows = query(db, ENDING)
        .bind(&scope.account)
        .bind(scope.livemode)
        .bind(day(at.date_naive()))
        .bind(day(until.date_naive() + Days::new(1)))
        .fetch_all::<DiscountRow>()
        .await?;
    let customers: BTreeSet<String> = rows.into_iter().filter_map(|row| row.customer).collect();
    let customers: Vec<String> = customers.into_iter().collect();
    let states = states(db, scope, &customers, at).await?;
    let known = Known::load(db, scope, &customers, &states).await?;
    let mut by_currency: BTreeMap<String, EndingDiscounts> = BTreeMap::new();
    for state in states.iter().filter(|state| counts(state) && !state.is_ending()) {
        let of_customer = known.discounts_of(&state.customer);
        let paid = |at| price(state, &of_customer, &known, Policy::Conservative, at).map(|mrr| mrr.net);
        let (Ok(now), Ok(then)) = (paid(at), paid(until)) else { continue };
        if then > now {
            let ending = by_currency.entry(state.currency.clone()).or_default();
            ending.subscriptions += 1;
            ending.more += then - now;
        }
    }
    Ok(by_currency)
}

/// The latest state before an instant of each subscription of some customers.
async fn states(
    db: &Db,
    scope: &Scope,
    customers: &[String],
    at: DateTime<Utc>,
) -> Result<Vec<SubscriptionState>, Error> {
    let mut rows = table::find::<SubscriptionChangeRow>(db, scope, "customer", customers).await?;
    rows.retain(|row| row.stamp_at < at);
    rows.sort_by(|a, b| {
        (&a.subscription, a.stamp_at, a.stamp_rank, &a.event_id).cmp(&(
            &b.subscription,
            b.stamp_at,
            b.stamp_rank,
            &b.event_id,
        ))
    });
    let mut latest: BTreeMap<String, SubscriptionState> = BTreeMap::new();
    for row in rows {
        latest.insert(row.subscription, row.state.0);
    }
    Ok(latest.into_values().collect())
}

/// Prices, discounts and coupons by their ids.
struct Known {
    prices: BTreeMap<String, PriceTerms>,
    discounts: BTreeMap<String, DiscountTerms>,
    coupons: BTreeMap<String, CouponTerms>,
    of_customers: BTreeMap<String, Vec<String>>,
}

impl Known {
    async fn load(
        db: &Db,
        scope: &Scope,
        customers: &[String],
        states: &[SubscriptionState],
    ) -> Result<Self, Error> {
        let items = || states.iter().flat_map(|state| &state.items);
        let listed = states.iter().flat_map(|state| &state.discounts);
        let listed = ids(listed.chain(items().flat_map(|item| &item.discounts)));
        let mut discounts = BTreeMap::new();
        let mut of_customers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in table::find::<DiscountRow>(db, scope, "customer", customers).await? {
            if row.of_customer {
                of_customers.entry(row.customer.unwrap_or_default()).or_default().push(row.id.clone());
                discounts.insert(row.id, row.terms.0);
            }
        }
        for row in table::find::<DiscountRow>(db, scope, "id", &listed).await? {
            discounts.insert(row.id, row.terms.0);
        }
        let coupons = ids(discounts.values().filter_map(|terms| terms.coupon.as_ref()));
        let coupons = table::find::<CouponRow>(db, scope, "id", &coupons).await?;
        let prices =
            table::find::<PriceRow>(db, scope, "id", &ids(items().map(|item| &item.price.id))).await?;
        let whole = |row: PriceRow| {
            let tiers = row.tiers.map(|tiers| tiers.0);
            (row.id, PriceTerms { tiers, ..row.terms.0 })
        };
        Ok(Self {
            prices: prices.into_iter().map(whole).collect(),
            discounts,
            coupons: coupons.into_iter().map(|row| (row.id, row.terms.0)).collect(),
            of_customers,
        })
    }

    fn discounts_of(&self, customer: &str) -> Vec<&DiscountTerms> {
        let ids = self.of_customers.get(customer).into_iter().flatten();
        ids.filter_map(|id| self.discounts.get(id)).collect()
    }
}

fn ids<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<String> {
    let unique: BTreeSet<&String> = ids.collect();
    unique.into_iter().cloned().collect()
}

impl Catalog for Known {
    fn price(&self, id: &str) -> Option<&PriceTerms> {
        self.prices.get(id)
    }

    fn tiers(&self, price: &str) -> Option<&[Tier]> {
        self.prices.get(price)?.tiers.as_deref()
    }

    fn discount(&self, id: &str) -> Option<&DiscountTerms> {
        self.discounts.get(id)
    }

    fn coupon(&self, id: &str) -> Option<&CouponTerms> {
        self.coupons.get(id)
    }

    fn invoice_line(&self, _: &SubscriptionItem) -> Option<&InvoiceLine> {
        None
    }
}

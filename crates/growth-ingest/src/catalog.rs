//! Products, prices, coupons and discounts, and whom a late one prices again.

use std::collections::BTreeSet;

use growth_db::rows::{CouponRow, DiscountRow, PriceRow, PricingReferenceRow, ProductRow};
use growth_db::{Error, Tx, table};
use growth_domain::facts::{CouponFact, DiscountFact, PriceFact, ProductFact, Tier};
use growth_domain::stamp::Scope;

use crate::latest::{self, stamped};

/// The facts of one batch.
#[derive(Default)]
pub(crate) struct CatalogFacts {
    pub(crate) products: Vec<ProductFact>,
    pub(crate) prices: Vec<PriceFact>,
    pub(crate) coupons: Vec<CouponFact>,
    pub(crate) discounts: Vec<DiscountFact>,
}

/// What a customer's MRR can depend on besides the customer's own subscriptions.
pub(crate) fn price_reference(id: &str) -> String {
    format!("price:{id}")
}
/// See [`price_reference`].
pub(crate) fn discount_reference(id: &str) -> String {
    format!("discount:{id}")
}
/// See [`price_reference`].
pub(crate) fn coupon_reference(id: &str) -> String {
    format!("coupon:{id}")
}

/// See [`price_reference`]: a price of the subscription may have to be read off its invoices.
pub(crate) fn invoices_reference(subscription: &str) -> String {
    format!("invoices:{subscription}")
}

/// Stores the facts and returns the customers whose MRR depends on what changed.
pub(crate) async fn store(
    tx: &mut Tx,
    scope: &Scope,
    facts: CatalogFacts,
) -> Result<BTreeSet<String>, Error> {
    let mut references = Vec::new();
    let mut customers = BTreeSet::new();
    let products = facts.products.into_iter().map(|fact| product_row(scope, fact)).collect();
    latest::store::<ProductRow>(tx, scope, products).await?;
    let prices = facts.prices.into_iter().map(|fact| price_row(scope, fact)).collect();
    for change in latest::store::<PriceRow>(tx, scope, prices).await? {
        let terms = |row: &PriceRow| (row.terms.clone(), row.tiers.clone());
        if change.before.as_ref().map(terms) != Some(terms(&change.after)) {
            references.push(price_reference(&change.after.id));
        }
    }
    let coupons = facts.coupons.into_iter().map(|fact| coupon_row(scope, fact)).collect();
    for change in latest::store::<CouponRow>(tx, scope, coupons).await? {
        if change.before.map(|row| row.terms) != Some(change.after.terms) {
            references.push(coupon_reference(&change.after.id));
        }
    }
    let discounts = facts.discounts.into_iter().map(|fact| discount_row(scope, fact)).collect();
    for change in latest::store::<DiscountRow>(tx, scope, discounts).await? {
        let before = change.before.as_ref();
        if before.map(|row| &row.terms) != Some(&change.after.terms) {
            references.push(discount_reference(&change.after.id));
            let of_customer = before.into_iter().chain([&change.after]).filter(|row| row.of_customer);
            customers.extend(of_customer.filter_map(|row| row.customer.clone()));
        }
    }
    let dependent = table::find::<PricingReferenceRow>(tx, scope, "reference", &references).await?;
    customers.extend(dependent.into_iter().map(|row| row.customer));
    Ok(customers)
}

pub(crate) fn product_row(scope: &Scope, fact: ProductFact) -> ProductRow {
    ProductRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: fact.id,
        stamp_at: fact.stamp.at,
        stamp_rank: fact.stamp.rank,
        stamp_event: fact.stamp.event_id,
        name: fact.name,
        deleted: fact.deleted,
    }
}

pub(crate) fn price_row(scope: &Scope, mut fact: PriceFact) -> PriceRow {
    let tiers = fact.terms.tiers.take();
    PriceRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: fact.terms.id.clone(),
        stamp_at: fact.stamp.at,
        stamp_rank: fact.stamp.rank,
        stamp_event: fact.stamp.event_id,
        terms: fact.terms.into(),
        tiers: tiers.map(Into::into),
        deleted: fact.deleted,
    }
}

pub(crate) fn coupon_row(scope: &Scope, fact: CouponFact) -> CouponRow {
    CouponRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: fact.terms.id.clone(),
        stamp_at: fact.stamp.at,
        stamp_rank: fact.stamp.rank,
        stamp_event: fact.stamp.event_id,
        terms: fact.terms.into(),
        deleted: fact.deleted,
    }
}

pub(crate) fn discount_row(scope: &Scope, fact: DiscountFact) -> DiscountRow {
    DiscountRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: fact.terms.id.clone(),
        stamp_at: fact.stamp.at,
        stamp_rank: fact.stamp.rank,
        stamp_event: fact.stamp.event_id,
        customer: fact.terms.customer.clone(),
        of_customer: fact.terms.subscription.is_none() && !fact.terms.narrow,
        terms: fact.terms.into(),
    }
}

stamped!(ProductRow by id);
stamped!(
    PriceRow by id,
    /// Most payloads leave the tiers out. A price's tiers never change, so any that were told stay.
    fn keeping(mut self, other: &Self) -> Self {
        let text = |tiers: &[Tier]| serde_json::to_string(tiers).unwrap_or_default();
        let ours = self.tiers.as_ref().map(|tiers| text(&tiers.0));
        if other.tiers.as_ref().map(|tiers| text(&tiers.0)) > ours {
            self.tiers.clone_from(&other.tiers);
        }
        self
    }
);
stamped!(
    CouponRow by id,
    /// `applies_to` is shown on request only, and never changes.
    fn keeping(mut self, other: &Self) -> Self {
        if other.terms.products > self.terms.products {
            self.terms.products.clone_from(&other.terms.products);
        }
        self
    }
);
stamped!(DiscountRow by id);

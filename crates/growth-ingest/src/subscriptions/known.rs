//! What is known besides the subscriptions of a set of customers.

use std::collections::{BTreeMap, BTreeSet};

use growth_db::rows::{CouponRow, DiscountRow, InvoiceRow, PriceRow, SubscriptionChangeRow};
use growth_db::{Error, Tx, table};
use growth_domain::facts::{
    CouponTerms, DiscountTerms, InvoiceLine, PriceTerms, SubscriptionFact, SubscriptionItem, Tier,
};
use growth_domain::pricing::Catalog;
use growth_domain::stamp::Scope;
use growth_domain::timeline::Bill;

use crate::catalog::{coupon_reference, discount_reference, invoices_reference, price_reference};

/// Prices, discounts and coupons by their ids, and invoices where they are needed.
#[derive(Default)]
pub(super) struct Known {
    prices: BTreeMap<String, PriceTerms>,
    discounts: BTreeMap<String, DiscountTerms>,
    coupons: BTreeMap<String, CouponTerms>,
    of_customers: BTreeMap<String, Vec<String>>,
    invoices: BTreeMap<String, Invoices>,
}

/// The invoices of one subscription that are neither draft nor void.
#[derive(Default)]
struct Invoices {
    /// In the order of their creation.
    bills: Vec<Bill>,
    /// The lines that are no prorations, those of the latest invoice first, each item's added up.
    lines: Vec<InvoiceLine>,
}

impl Known {
    pub(super) async fn load(
        tx: &mut Tx,
        scope: &Scope,
        customers: &[String],
        changes: &[SubscriptionChangeRow],
    ) -> Result<Self, Error> {
        let mut known = Self::default();
        for row in table::find::<DiscountRow>(&mut *tx, scope, "customer", customers).await? {
            if row.of_customer {
                known.of_customers.entry(row.customer.unwrap_or_default()).or_default().push(row.id.clone());
                known.discounts.insert(row.id, row.terms.0);
            }
        }
        known.of_customers.values_mut().for_each(|ids| ids.sort());
        let discounts: BTreeSet<String> = changes.iter().flat_map(discounts_in).cloned().collect();
        let discounts: Vec<String> = discounts.into_iter().collect();
        for row in table::find::<DiscountRow>(&mut *tx, scope, "id", &discounts).await? {
            known.discounts.insert(row.id, row.terms.0);
        }
        let coupons: BTreeSet<String> =
            known.discounts.values().filter_map(|terms| terms.coupon.clone()).collect();
        let coupons: Vec<String> = coupons.into_iter().collect();
        for row in table::find::<CouponRow>(&mut *tx, scope, "id", &coupons).await? {
            known.coupons.insert(row.id, row.terms.0);
        }
        let prices = changes.iter().flat_map(open_prices_in).cloned().collect();
        known.load_prices(tx, scope, prices).await?;
        let invoiced: BTreeSet<&String> =
            changes.iter().filter(|row| needs_invoices(row)).map(|row| &row.subscription).collect();
        let invoiced: Vec<String> = invoiced.into_iter().cloned().collect();
        known.load_invoices(tx, scope, &invoiced).await?;
        Ok(known)
    }

    /// Loads the invoices of subscriptions, and the prices that these name.
    pub(super) async fn load_bills(
        &mut self,
        tx: &mut Tx,
        scope: &Scope,
        subscriptions: &[String],
    ) -> Result<(), Error> {
        let unknown = subscriptions.iter().filter(|id| !self.invoices.contains_key(*id));
        let unknown: Vec<String> = unknown.cloned().collect();
        self.load_invoices(tx, scope, &unknown).await?;
        let prices = subscriptions.iter().flat_map(|id| self.billed_prices(id)).cloned().collect();
        self.load_prices(tx, scope, prices).await
    }

    async fn load_prices(
        &mut self,
        tx: &mut Tx,
        scope: &Scope,
        prices: BTreeSet<String>,
    ) -> Result<(), Error> {
        let prices: Vec<String> = prices.into_iter().collect();
        for row in table::find::<PriceRow>(tx, scope, "id", &prices).await? {
            let tiers = row.tiers.map(|tiers| tiers.0);
            self.prices.insert(row.id, PriceTerms { tiers, ..row.terms.0 });
        }
        Ok(())
    }

    async fn load_invoices(
        &mut self,
        tx: &mut Tx,
        scope: &Scope,
        subscriptions: &[String],
    ) -> Result<(), Error> {
        let mut rows = table::find::<InvoiceRow>(tx, scope, "subscription", subscriptions).await?;
        rows.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        rows.retain(|row| row.status != "void" && row.status != "draft");
        for row in rows {
            let subscription = row.subscription.unwrap_or_default();
            let of_this = |line: &InvoiceLine| line.subscription.as_ref() == Some(&subscription);
            let lines = row.lines.0.into_iter().filter(of_this).collect();
            let bill = Bill { reason: row.billing_reason, paid_at: row.paid_at, lines };
            self.invoices.entry(subscription).or_default().bills.push(bill);
        }
        for id in subscriptions {
            let Some(invoices) = self.invoices.get_mut(id) else { continue };
            for bill in invoices.bills.iter().rev() {
                let regular: Vec<InvoiceLine> =
                    bill.lines.iter().filter(|line| !line.proration).cloned().collect();
                invoices.lines.extend(InvoiceLine::by_item(&regular));
            }
        }
        Ok(())
    }

    pub(super) fn discounts_of(&self, customer: &str) -> Vec<&DiscountTerms> {
        let ids = self.of_customers.get(customer).into_iter().flatten();
        ids.filter_map(|id| self.discounts.get(id)).collect()
    }

    pub(super) fn bills_of(&self, subscription: &str) -> &[Bill] {
        self.invoices.get(subscription).map_or(&[], |invoices| &invoices.bills)
    }

    fn billed_prices(&self, subscription: &str) -> impl Iterator<Item = &String> {
        let lines = self.bills_of(subscription).iter().flat_map(|bill| &bill.lines);
        lines.filter_map(|line| line.price.as_ref())
    }

    /// Fills in the prices that the payload names by their id alone.
    pub(super) fn complete(&self, told: &mut SubscriptionFact) {
        let replaced = told.replaced.iter_mut().filter_map(|replaced| replaced.items.as_mut()).flatten();
        let items = told.state.items.iter_mut().chain(replaced);
        for item in items.filter(|item| item.price.is_named_only()) {
            if let Some(price) = self.prices.get(&item.price.id) {
                item.price.clone_from(price);
            }
        }
    }

    pub(super) fn for_subscription(&self, id: &str) -> KnownOf<'_> {
        KnownOf { known: self, lines: self.invoices.get(id).map_or(&[], |invoices| &invoices.lines) }
    }

    /// What the prices of a change depend on.
    pub(super) fn references(&self, row: &SubscriptionChangeRow) -> Vec<String> {
        let mut references: Vec<String> = open_prices_in(row).map(|id| price_reference(id)).collect();
        references.extend(needs_invoices(row).then(|| invoices_reference(&row.subscription)));
        let of_customer = self.of_customers.get(&row.customer).into_iter().flatten();
        for id in discounts_in(row).chain(of_customer) {
            references.push(discount_reference(id));
            let coupon = self.discounts.get(id).and_then(|terms| terms.coupon.as_deref());
            references.extend(coupon.map(coupon_reference));
        }
        references
    }

    /// What a subscription depends on that asks for its bills.
    pub(super) fn references_of_bills(&self, subscription: &str) -> Vec<String> {
        let mut references = vec![invoices_reference(subscription)];
        references.extend(self.billed_prices(subscription).map(|id| price_reference(id)));
        references
    }
}

/// Whether a price of the subscription may have to be read off its invoices.
fn needs_invoices(row: &SubscriptionChangeRow) -> bool {
    items_in(row).any(|item| {
        let price = &item.price;
        price.unit_amount.is_none()
            || price.billing_scheme == "tiered"
            || price.currency != row.state.currency
    })
}

/// The items after a change, and those before it.
fn items_in(row: &SubscriptionChangeRow) -> impl Iterator<Item = &SubscriptionItem> {
    let replaced = row.replaced.iter().filter_map(|replaced| replaced.items.as_ref());
    row.state.items.iter().chain(replaced.flatten())
}

fn discounts_in(row: &SubscriptionChangeRow) -> impl Iterator<Item = &String> {
    let replaced = row.replaced.iter().filter_map(|replaced| replaced.discounts.as_ref());
    let of_items = items_in(row).flat_map(|item| &item.discounts);
    row.state.discounts.iter().chain(replaced.flatten()).chain(of_items)
}

/// The prices that the payload does not show whole.
fn open_prices_in(row: &SubscriptionChangeRow) -> impl Iterator<Item = &String> {
    let prices = items_in(row).map(|item| &item.price);
    let is_open = |price: &&PriceTerms| {
        price.is_named_only() || (price.billing_scheme == "tiered" && price.tiers.is_none())
    };
    prices.filter(is_open).map(|price| &price.id)
}

/// What is known besides one subscription.
pub(super) struct KnownOf<'a> {
    known: &'a Known,
    lines: &'a [InvoiceLine],
}

impl Catalog for KnownOf<'_> {
    fn price(&self, id: &str) -> Option<&PriceTerms> {
        self.known.prices.get(id)
    }

    fn tiers(&self, price: &str) -> Option<&[Tier]> {
        self.known.prices.get(price)?.tiers.as_deref()
    }

    fn discount(&self, id: &str) -> Option<&DiscountTerms> {
        self.known.discounts.get(id)
    }

    fn coupon(&self, id: &str) -> Option<&CouponTerms> {
        self.known.coupons.get(id)
    }

    fn invoice_line(&self, item: &SubscriptionItem) -> Option<&InvoiceLine> {
        let of_item = |line: &&InvoiceLine| line.subscription_item.as_deref() == Some(item.id.as_str());
        let of_price = |line: &&InvoiceLine| line.price.as_deref() == Some(item.price.id.as_str());
        let as_many = |line: &&InvoiceLine| line.quantity == Some(item.quantity.unwrap_or(1));
        let of_price_lines = || self.lines.iter().filter(of_price);
        of_price_lines()
            .filter(of_item)
            .find(as_many)
            .or_else(|| of_price_lines().find(of_item))
            .or_else(|| of_price_lines().find(as_many))
            .or_else(|| of_price_lines().next())
    }
}

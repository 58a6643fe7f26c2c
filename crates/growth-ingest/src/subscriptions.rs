//! Subscriptions' history into timelines, and timelines into the ledger.

use std::collections::{BTreeMap, BTreeSet};

use growth_db::rows::{
    CouponRow, DiscountRow, InvoiceRow, MovementRow, PriceRow, PricingReferenceRow, SubscriptionChangeRow,
    SubscriptionMrrRow, SubscriptionRow,
};
use growth_db::{Error, Tx, table};
use growth_domain::facts::{
    CouponTerms, DiscountTerms, InvoiceLine, PriceTerms, SubscriptionFact, SubscriptionItem,
    SubscriptionState, Tier,
};
use growth_domain::money::Micros;
use growth_domain::movements::{self, Movement, Worth};
use growth_domain::pricing::{Catalog, Policy};
use growth_domain::stamp::{Scope, Stamp};
use growth_domain::timeline::{self, Segment, Timeline};

use crate::catalog::{coupon_reference, discount_reference, invoices_reference, price_reference};

/// Stores the facts and builds the ledger of their customers and of those in `repriced` again,
/// and of those with subscriptions in `invoiced` that have no price of their own.
pub(crate) async fn store(
    tx: &mut Tx,
    scope: &Scope,
    facts: Vec<SubscriptionFact>,
    repriced: BTreeSet<String>,
    invoiced: BTreeSet<String>,
    policy: Policy,
) -> Result<(), Error> {
    let mut customers = repriced;
    customers.extend(facts.iter().map(|fact| fact.state.customer.clone()));
    let rows: Vec<SubscriptionChangeRow> = facts.into_iter().map(|fact| change_row(scope, fact)).collect();
    table::upsert(tx, &rows).await?;
    let invoiced: Vec<String> = invoiced.iter().map(|id| invoices_reference(id)).collect();
    let by_invoice = table::find::<PricingReferenceRow>(&mut *tx, scope, "reference", &invoiced).await?;
    customers.extend(by_invoice.into_iter().map(|row| row.customer));
    build(tx, scope, customers.into_iter().collect(), policy).await
}

/// Builds timelines and movements of the customers from all that is stored.
pub(crate) async fn build(
    tx: &mut Tx,
    scope: &Scope,
    customers: Vec<String>,
    policy: Policy,
) -> Result<(), Error> {
    let changes = table::find::<SubscriptionChangeRow>(&mut *tx, scope, "customer", &customers).await?;
    if changes.is_empty() {
        return Ok(());
    }
    let known = Known::load(tx, scope, &customers, &changes).await?;
    let mut histories: BTreeMap<String, BTreeMap<String, Vec<SubscriptionFact>>> = BTreeMap::new();
    let mut references = BTreeSet::new();
    for row in changes {
        let mentioned = known.references(&row.customer, &row.state);
        references.extend(mentioned.into_iter().map(|reference| (reference, row.customer.clone())));
        let history = histories.entry(row.customer.clone()).or_default();
        let mut told = fact(row);
        known.complete(&mut told.state);
        history.entry(told.state.id.clone()).or_default().push(told);
    }
    let mut rows = Rows::default();
    for (customer, subscriptions) in &histories {
        let discounts = known.discounts_of(customer);
        let mut timelines = Vec::new();
        for (id, facts) in subscriptions {
            let catalog = known.for_subscription(id);
            let timeline = timeline::build(facts, &discounts, &catalog, policy);
            let currency = timeline.latest.as_ref().map(|state| state.currency.clone()).unwrap_or_default();
            timelines.push((id.as_str(), currency, timeline));
        }
        let worth = timelines.iter().flat_map(|(id, currency, built)| {
            built.segments.iter().map(move |segment| Worth {
                subscription: id,
                currency,
                at: segment.at,
                net: segment.mrr.net,
                reason: segment.reason,
                reconstructed: segment.reconstructed,
            })
        });
        let moved = movements::fold(worth, &[]);
        rows.movements.extend(moved.iter().map(|movement| movement_row(scope, customer, movement)));
        for (id, currency, built) in &timelines {
            let told_last = subscriptions[*id].iter().map(|fact| &fact.stamp).max();
            rows.subscriptions.extend(subscription_row(scope, built, told_last));
            rows.worth.extend(
                built.segments.iter().map(|segment| worth_row(scope, id, customer, currency, segment)),
            );
        }
    }
    let references: Vec<PricingReferenceRow> = references
        .into_iter()
        .map(|(reference, customer)| reference_row(scope, reference, customer))
        .collect();
    let kept: Vec<String> =
        references.iter().map(|row| format!("{} {}", row.reference, row.customer)).collect();
    let by = &["reference", "customer"];
    table::delete_except::<PricingReferenceRow>(tx, scope, "customer", &customers, by, &kept).await?;
    table::insert_new(tx, &references).await?;
    rows.write(tx, scope, &customers).await
}

/// What is written for a set of customers, replacing what was there.
#[derive(Default)]
struct Rows {
    subscriptions: Vec<SubscriptionRow>,
    worth: Vec<SubscriptionMrrRow>,
    movements: Vec<MovementRow>,
}

impl Rows {
    async fn write(mut self, tx: &mut Tx, scope: &Scope, customers: &[String]) -> Result<(), Error> {
        table::upsert(tx, &self.subscriptions).await?;
        let mut before = table::find::<SubscriptionMrrRow>(&mut *tx, scope, "customer", customers).await?;
        before.sort_by(|a, b| (&a.subscription, a.at).cmp(&(&b.subscription, b.at)));
        self.worth.sort_by(|a, b| (&a.subscription, a.at).cmp(&(&b.subscription, b.at)));
        let stale = customers_that_differ(&before, &self.worth, |row| &row.customer);
        table::delete::<SubscriptionMrrRow>(tx, scope, "customer", &stale).await?;
        self.worth.retain(|row| stale.binary_search(&row.customer).is_ok());
        table::insert_new(tx, &self.worth).await?;

        let mut before = table::find::<MovementRow>(&mut *tx, scope, "customer", customers).await?;
        before.sort_by(|a, b| (&a.customer, &a.currency, a.at).cmp(&(&b.customer, &b.currency, b.at)));
        let stale = customers_that_differ(&before, &self.movements, |row| &row.customer);
        table::delete::<MovementRow>(tx, scope, "customer", &stale).await?;
        self.movements.retain(|row| stale.binary_search(&row.customer).is_ok());
        table::insert_new(tx, &self.movements).await?;
        Ok(())
    }
}

/// The customers whose rows are not what they were, sorted.
fn customers_that_differ<T: PartialEq>(
    before: &[T],
    after: &[T],
    customer: impl Fn(&T) -> &String,
) -> Vec<String> {
    fn grouped<'a, T>(rows: &'a [T], customer: &impl Fn(&T) -> &String) -> BTreeMap<String, Vec<&'a T>> {
        let mut groups: BTreeMap<String, Vec<&T>> = BTreeMap::new();
        for row in rows {
            groups.entry(customer(row).clone()).or_default().push(row);
        }
        groups
    }
    let (before, after) = (grouped(before, &customer), grouped(after, &customer));
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    all.into_iter().filter(|id| before.get(*id) != after.get(*id)).cloned().collect()
}

/// Whether a price of the subscription may have to be read off its invoices.
fn needs_invoices(state: &SubscriptionState) -> bool {
    state.items.iter().any(|item| {
        let price = &item.price;
        price.unit_amount.is_none() || price.billing_scheme == "tiered" || price.currency != state.currency
    })
}

/// What is known besides the subscriptions of a set of customers.
#[derive(Default)]
struct Known {
    prices: BTreeMap<String, PriceTerms>,
    discounts: BTreeMap<String, DiscountTerms>,
    coupons: BTreeMap<String, CouponTerms>,
    of_customers: BTreeMap<String, Vec<String>>,
    /// By subscription, those of the latest invoice first, each item's added up.
    lines: BTreeMap<String, Vec<InvoiceLine>>,
}

impl Known {
    async fn load(
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
        let states = || changes.iter().map(|row| &row.state.0);
        let discounts: BTreeSet<String> = states().flat_map(discounts_in).cloned().collect();
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
        let prices: BTreeSet<String> = states().flat_map(open_prices_in).cloned().collect();
        let prices: Vec<String> = prices.into_iter().collect();
        for row in table::find::<PriceRow>(&mut *tx, scope, "id", &prices).await? {
            let tiers = row.tiers.map(|tiers| tiers.0);
            known.prices.insert(row.id, PriceTerms { tiers, ..row.terms.0 });
        }
        let invoiced: BTreeSet<String> = changes
            .iter()
            .filter(|row| needs_invoices(&row.state))
            .map(|row| row.subscription.clone())
            .collect();
        let invoiced: Vec<String> = invoiced.into_iter().collect();
        let mut invoices = table::find::<InvoiceRow>(tx, scope, "subscription", &invoiced).await?;
        invoices.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        for row in invoices.into_iter().filter(|row| row.status != "void" && row.status != "draft") {
            let lines = known.lines.entry(row.subscription.unwrap_or_default()).or_default();
            lines.extend(InvoiceLine::by_item(&row.lines));
        }
        Ok(known)
    }

    fn discounts_of(&self, customer: &str) -> Vec<&DiscountTerms> {
        let ids = self.of_customers.get(customer).into_iter().flatten();
        ids.filter_map(|id| self.discounts.get(id)).collect()
    }

    /// Fills in the prices that the payload names by their id alone.
    fn complete(&self, state: &mut SubscriptionState) {
        for item in state.items.iter_mut().filter(|item| item.price.is_named_only()) {
            if let Some(price) = self.prices.get(&item.price.id) {
                item.price.clone_from(price);
            }
        }
    }

    fn for_subscription(&self, id: &str) -> KnownOf<'_> {
        KnownOf { known: self, lines: self.lines.get(id).map_or(&[], Vec::as_slice) }
    }

    /// What the price of this state depends on.
    fn references(&self, customer: &str, state: &SubscriptionState) -> Vec<String> {
        let mut references: Vec<String> = open_prices_in(state).map(|id| price_reference(id)).collect();
        references.extend(needs_invoices(state).then(|| invoices_reference(&state.id)));
        let of_customer = self.of_customers.get(customer).into_iter().flatten();
        for id in discounts_in(state).chain(of_customer) {
            references.push(discount_reference(id));
            let coupon = self.discounts.get(id).and_then(|terms| terms.coupon.as_deref());
            references.extend(coupon.map(coupon_reference));
        }
        references
    }
}

fn discounts_in(state: &SubscriptionState) -> impl Iterator<Item = &String> {
    state.discounts.iter().chain(state.items.iter().flat_map(|item| &item.discounts))
}

/// The prices that the payload does not show whole.
fn open_prices_in(state: &SubscriptionState) -> impl Iterator<Item = &String> {
    let prices = state.items.iter().map(|item| &item.price);
    let is_open = |price: &&PriceTerms| {
        price.is_named_only() || (price.billing_scheme == "tiered" && price.tiers.is_none())
    };
    prices.filter(is_open).map(|price| &price.id)
}

/// What is known besides one subscription.
struct KnownOf<'a> {
    known: &'a Known,
    lines: &'a [InvoiceLine],
}

impl Catalog for KnownOf<'_> {
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

fn change_row(scope: &Scope, fact: SubscriptionFact) -> SubscriptionChangeRow {
    SubscriptionChangeRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        subscription: fact.state.id.clone(),
        event_id: fact.stamp.event_id,
        customer: fact.state.customer.clone(),
        stamp_at: fact.stamp.at,
        stamp_rank: fact.stamp.rank,
        from_event: fact.from_event,
        event_type: fact.event_type,
        status: fact.state.status.clone(),
        state: fact.state.into(),
    }
}

fn fact(row: SubscriptionChangeRow) -> SubscriptionFact {
    SubscriptionFact {
        stamp: Stamp { at: row.stamp_at, rank: row.stamp_rank, event_id: row.event_id },
        from_event: row.from_event,
        event_type: row.event_type,
        state: row.state.0,
    }
}

fn subscription_row(scope: &Scope, built: &Timeline, told_last: Option<&Stamp>) -> Option<SubscriptionRow> {
    let state = built.latest.as_ref()?;
    let last = built.segments.last();
    let item = state.items.first();
    Some(SubscriptionRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: state.id.clone(),
        customer: state.customer.clone(),
        currency: state.currency.clone(),
        status: state.status.clone(),
        price: item.map(|item| item.price.id.clone()),
        plan_name: item.and_then(|item| item.price.nickname.clone()),
        quantity: item.and_then(|item| item.quantity),
        created_at: state.created,
        trial_end: state.trial_end,
        period_start: state.period_start,
        period_end: state.period_end,
        cancel_at_period_end: state.cancel_at_period_end,
        cancel_at: state.cancel_at,
        canceled_at: state.canceled_at,
        ended_at: state.ended_at,
        paused: state.paused,
        mrr_micros: last.map_or(0, |segment| stored(segment.mrr.net)),
        unpriced: last.and_then(|segment| segment.unpriced.clone()),
        reconstructed: built.segments.iter().any(|segment| segment.reconstructed),
        stamp_at: told_last?.at,
    })
}

fn worth_row(
    scope: &Scope,
    id: &str,
    customer: &str,
    currency: &str,
    segment: &Segment,
) -> SubscriptionMrrRow {
    SubscriptionMrrRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        subscription: id.to_owned(),
        at: segment.at,
        customer: customer.to_owned(),
        currency: currency.to_owned(),
        status: segment.status.clone(),
        counted: segment.counted,
        list_micros: stored(segment.mrr.list),
        discount_micros: stored(segment.mrr.discount),
        net_micros: stored(segment.mrr.net),
        at_risk: segment.at_risk,
        ending: segment.ending,
        unpriced: segment.unpriced.clone(),
        reason: segment.reason.map(str::to_owned),
        reconstructed: segment.reconstructed,
    }
}

fn movement_row(scope: &Scope, customer: &str, movement: &Movement) -> MovementRow {
    MovementRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        customer: customer.to_owned(),
        currency: movement.currency.clone(),
        at: movement.at,
        kind: movement.kind.as_str().to_owned(),
        reason: movement.reason.clone(),
        delta_micros: stored(movement.delta),
        mrr_micros: stored(movement.mrr),
        reconstructed: movement.reconstructed,
    }
}

fn reference_row(scope: &Scope, reference: String, customer: String) -> PricingReferenceRow {
    PricingReferenceRow { account: scope.account.clone(), livemode: scope.livemode, reference, customer }
}

/// As the database keeps it: pricing refuses a subscription that would not fit.
fn stored(amount: Micros) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

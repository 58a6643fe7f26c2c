//! Subscriptions' history into timelines, and timelines into the ledger.

mod known;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use growth_db::rows::{
    MovementRow, PricingReferenceRow, SubscriptionChangeRow, SubscriptionMrrRow, SubscriptionRow,
};
use growth_db::{Error, Tx, table};
use growth_domain::facts::SubscriptionFact;
use growth_domain::movements::{self, Doubt, Worth};
use growth_domain::pricing::Policy;
use growth_domain::stamp::Scope;
use growth_domain::timeline::{self, Timeline};

use self::known::Known;
use self::rows::{change_row, fact, movement_row, reference_row, subscription_row, worth_row};
use crate::catalog::invoices_reference;

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
    let mut known = Known::load(tx, scope, &customers, &changes).await?;
    let mut references: BTreeSet<(String, String)> = BTreeSet::new();
    let mut histories: BTreeMap<String, BTreeMap<String, History>> = BTreeMap::new();
    for row in changes {
        references.extend(known.references(&row).into_iter().map(|name| (name, row.customer.clone())));
        let of_customer = histories.entry(row.customer.clone()).or_default();
        let history = of_customer.entry(row.subscription.clone()).or_default();
        let mut told = fact(row);
        known.complete(&mut told);
        history.facts.push(told);
    }
    for (customer, histories) in &mut histories {
        for (id, history) in histories.iter_mut() {
            history.build(id, customer, &known, policy);
        }
    }
    let asking = histories.values().flatten().filter(|(_, history)| history.timeline.asks_for_bills);
    let asking: Vec<String> = asking.map(|(id, _)| id.clone()).collect();
    known.load_bills(tx, scope, &asking).await?;
    let mut rows = Rows::default();
    for (customer, histories) in &mut histories {
        for (id, history) in histories.iter_mut().filter(|(_, history)| history.timeline.asks_for_bills) {
            history.build(id, customer, &known, policy);
            let mentioned = known.references_of_bills(id);
            references.extend(mentioned.into_iter().map(|name| (name, customer.clone())));
        }
        rows.add(scope, customer, histories);
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

/// The facts about one subscription, and what is made of them.
#[derive(Default)]
struct History {
    facts: Vec<SubscriptionFact>,
    timeline: Timeline,
}

impl History {
    fn build(&mut self, id: &str, customer: &str, known: &Known, policy: Policy) {
        let discounts = known.discounts_of(customer);
        let catalog = known.for_subscription(id);
        self.timeline = timeline::build(&self.facts, known.bills_of(id), &discounts, &catalog, policy);
    }

    fn currency(&self) -> &str {
        self.timeline.latest.as_ref().map_or("", |state| &state.currency)
    }

    fn worth<'a>(&'a self, id: &'a str) -> impl Iterator<Item = Worth<'a>> {
        self.timeline.segments.iter().map(move |segment| Worth {
            subscription: id,
            currency: self.currency(),
            at: segment.at,
            net: segment.mrr.net,
            reason: segment.reason,
            reconstructed: segment.reconstructed,
        })
    }

    fn doubts(&self) -> impl Iterator<Item = Doubt<'_>> {
        self.timeline.gaps.iter().map(|gap| Doubt { currency: self.currency(), gap: *gap })
    }
}

/// What is written for a set of customers, replacing what was there.
#[derive(Default)]
struct Rows {
    subscriptions: Vec<SubscriptionRow>,
    worth: Vec<SubscriptionMrrRow>,
    movements: Vec<MovementRow>,
}

impl Rows {
    /// Adds a customer with its subscriptions.
    fn add(&mut self, scope: &Scope, customer: &str, histories: &BTreeMap<String, History>) {
        let worth = histories.iter().flat_map(|(id, history)| history.worth(id));
        let doubts: Vec<Doubt<'_>> = histories.values().flat_map(History::doubts).collect();
        let moved = movements::fold(worth, &[], &doubts);
        self.movements.extend(moved.iter().map(|movement| movement_row(scope, customer, movement)));
        for (id, history) in histories {
            let told_last = history.facts.iter().map(|fact| &fact.stamp).max();
            self.subscriptions.extend(subscription_row(scope, &history.timeline, told_last));
            let row = |segment| worth_row(scope, id, customer, history.currency(), segment);
            self.worth.extend(history.timeline.segments.iter().map(row));
        }
    }

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

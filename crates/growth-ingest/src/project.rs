//! Facts into tables, one scope at a time, one projector at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use growth_db::rows::settings;
use growth_db::{Db, Error as DbError, Tx, query};
use growth_domain::facts::{Claim, CustomerFact, Fact, PaymentFact, SubscriptionFact};
use growth_domain::pricing::Policy;
use growth_domain::stamp::Scope;

use crate::catalog::{self, CatalogFacts};
use crate::error::Error;
use crate::{customers, forgotten, payments, subscriptions};

growth_db::statements! {
    CUSTOMERS = "SELECT DISTINCT account, livemode, customer FROM subscription_changes";
}
const CUSTOMERS_AT_A_TIME: usize = 500;

/// Keeps other projectors waiting until the transaction ends, and returns the policy to build with.
pub(crate) async fn lock(tx: &mut Tx) -> Result<Policy, Error> {
    Ok(Policy::from_str(&settings::lock(tx, settings::POLICY).await?)?)
}

/// Facts of several scopes.
#[derive(Default)]
pub(crate) struct Facts(BTreeMap<Scope, Vec<Fact>>);

impl Facts {
    pub(crate) fn add(&mut self, account: String, livemode: bool, facts: Vec<Fact>) {
        if !facts.is_empty() {
            self.0.entry(Scope { account, livemode }).or_default().extend(facts);
        }
    }

    /// Folds the facts into the tables.
    pub(crate) async fn apply(self, tx: &mut Tx, policy: Policy) -> Result<(), DbError> {
        for (scope, mut facts) in self.0 {
            forgotten::make_impersonal(tx, &scope, &mut facts).await?;
            apply(tx, &scope, facts, policy).await?;
        }
        Ok(())
    }
}

/// Folds the facts of one scope into the tables.
async fn apply(tx: &mut Tx, scope: &Scope, facts: Vec<Fact>, policy: Policy) -> Result<(), DbError> {
    let mut sorted = Sorted::default();
    for fact in facts {
        sorted.add(fact);
    }
    let repriced = catalog::store(tx, scope, sorted.catalog).await?;
    let attributed = customers::store(tx, scope, sorted.customers, sorted.claims).await?;
    let invoiced = payments::store(tx, scope, sorted.payments, attributed).await?;
    subscriptions::store(tx, scope, sorted.subscriptions, repriced, invoiced, policy).await
}

#[derive(Default)]
struct Sorted {
    catalog: CatalogFacts,
    customers: Vec<CustomerFact>,
    claims: Vec<Claim>,
    payments: Vec<PaymentFact>,
    subscriptions: Vec<SubscriptionFact>,
}

impl Sorted {
    fn add(&mut self, fact: Fact) {
        match fact {
            Fact::Payment(fact) => self.payments.push(fact),
            Fact::Subscription(fact) => self.subscriptions.push(*fact),
            Fact::Customer(fact) => self.customers.push(fact),
            Fact::Claim(fact) => self.claims.push(fact),
            Fact::Price(fact) => self.catalog.prices.push(fact),
            Fact::Product(fact) => self.catalog.products.push(fact),
            Fact::Coupon(fact) => self.catalog.coupons.push(fact),
            Fact::Discount(fact) => self.catalog.discounts.push(fact),
        }
    }
}

/// Builds the ledger of every customer again: under `policy`, which is kept as the policy from now on,
/// or under the policy it has. Returns the policy.
///
/// `progress` is told how many customers are done, of how many.
pub async fn rebuild(
    db: &Db,
    policy: Option<Policy>,
    mut progress: impl FnMut(usize, usize),
) -> Result<Policy, Error> {
    let mut tx = db.begin().await?;
    let policy = match policy {
        Some(policy) => {
            // Not `lock`, which would refuse a policy that only another version knows.
            settings::lock(&mut tx, settings::POLICY).await?;
            settings::set(&mut tx, settings::POLICY, &policy.to_string()).await?;
            policy
        }
        None => lock(&mut tx).await?,
    };
    let mut scopes: BTreeMap<Scope, BTreeSet<String>> = BTreeMap::new();
    for (account, livemode, customer) in
        query(&mut tx, CUSTOMERS).fetch_all::<(String, bool, String)>().await?
    {
        scopes.entry(Scope { account, livemode }).or_default().insert(customer);
    }
    let total = scopes.values().map(BTreeSet::len).sum();
    let mut done = 0;
    for (scope, customers) in scopes {
        let customers: Vec<String> = customers.into_iter().collect();
        for some in customers.chunks(CUSTOMERS_AT_A_TIME) {
            subscriptions::build(&mut tx, &scope, some.to_vec(), policy).await?;
            done += some.len();
            progress(done, total);
        }
    }
    tx.commit().await?;
    Ok(policy)
}

//! Customers, and which user of the application each one is.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use growth_db::rows::{CustomerClaimRow, CustomerRow};
use growth_db::{Error, Tx, table};
use growth_domain::attribution::{Link, Method, attribute};
use growth_domain::facts::{Claim, CustomerFact};
use growth_domain::stamp::{Scope, Stamp};

use crate::latest::{self, Latest, stamped};
use crate::users::Users;

/// Stores the facts and returns the customers whose user changed.
pub(crate) async fn store(
    tx: &mut Tx,
    scope: &Scope,
    facts: Vec<CustomerFact>,
    claims: Vec<Claim>,
) -> Result<BTreeSet<String>, Error> {
    let mut named: BTreeSet<String> = facts.iter().map(|fact| fact.id.clone()).collect();
    let claims = claims.into_iter().map(|claim| claim_row(scope, claim)).collect();
    for change in latest::store::<CustomerClaimRow>(tx, scope, claims).await? {
        named.extend(change.before.map(|row| row.customer));
        named.insert(change.after.customer);
    }
    let rows = facts.into_iter().map(|fact| customer_row(scope, fact)).collect();
    latest::store::<CustomerRow>(tx, scope, rows).await?;
    attribute_customers(tx, scope, named).await
}

/// Finds the user of each customer again and returns those whose user changed.
pub(crate) async fn attribute_customers(
    tx: &mut Tx,
    scope: &Scope,
    customers: BTreeSet<String>,
) -> Result<BTreeSet<String>, Error> {
    let ids: Vec<String> = customers.into_iter().collect();
    let mut links: BTreeMap<String, Vec<Link>> = BTreeMap::new();
    for claim in table::find::<CustomerClaimRow>(&mut *tx, scope, "customer", &ids).await? {
        links.entry(claim.customer.clone()).or_default().extend(links_of(claim));
    }
    let users = Users::named_by(tx, links.values().flatten()).await?;
    let mut known: BTreeMap<String, CustomerRow> = BTreeMap::new();
    for row in table::find::<CustomerRow>(&mut *tx, scope, "id", &ids).await? {
        known.insert(row.id.clone(), row);
    }
    let mut changed = BTreeSet::new();
    let mut rows = Vec::new();
    for id in ids {
        let user = attribute(links.get(&id).map_or(&[], Vec::as_slice), None, &users);
        let mut row = known.remove(&id).unwrap_or_else(|| only_named(scope, &id));
        let user_before = row.user_id;
        row.user_id = user.map(|(user, _)| user);
        row.attributed_by = user.map(|(_, method)| method.as_str().to_owned());
        if row.user_id != user_before {
            changed.insert(id);
        }
        rows.push(row);
    }
    table::upsert(tx, &rows).await?;
    Ok(changed)
}

/// The user of each customer that has one.
pub(crate) async fn users_of(
    tx: &mut Tx,
    scope: &Scope,
    customers: BTreeSet<String>,
) -> Result<BTreeMap<String, i64>, Error> {
    let ids: Vec<String> = customers.into_iter().collect();
    let rows = table::find::<CustomerRow>(tx, scope, "id", &ids).await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.id, row.user_id?))).collect())
}

fn links_of(claim: CustomerClaimRow) -> impl Iterator<Item = Link> {
    let stamp = claim.stamp();
    [
        (Method::ClientReferenceId, claim.client_reference_id),
        (Method::Metadata, claim.user_reference),
        (Method::Email, claim.email),
    ]
    .into_iter()
    .filter_map(move |(method, value)| Some(Link { method, value: value?, stamp: stamp.clone() }))
}

pub(crate) fn customer_row(scope: &Scope, fact: CustomerFact) -> CustomerRow {
    CustomerRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: fact.id,
        stamp_at: fact.stamp.at,
        stamp_rank: fact.stamp.rank,
        stamp_event: fact.stamp.event_id,
        created_at: fact.created,
        email: fact.email,
        name: fact.name,
        deleted: fact.deleted,
        user_id: None,
        attributed_by: None,
    }
}

/// A customer that only other objects told of so far; any fact about it is newer.
fn only_named(scope: &Scope, id: &str) -> CustomerRow {
    let stamp = Stamp { at: DateTime::UNIX_EPOCH, rank: 0, event_id: String::new() };
    let (id, created, email, name) = (id.to_owned(), None, None, None);
    customer_row(scope, CustomerFact { stamp, id, created, email, name, deleted: false })
}

pub(crate) fn claim_row(scope: &Scope, claim: Claim) -> CustomerClaimRow {
    CustomerClaimRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        source: claim.source,
        customer: claim.customer,
        stamp_at: claim.stamp.at,
        stamp_rank: claim.stamp.rank,
        stamp_event: claim.stamp.event_id,
        client_reference_id: claim.client_reference_id,
        user_reference: claim.user_id,
        email: claim.email,
    }
}

stamped!(
    CustomerRow by id,
    /// The user is found from claims, and the last event of a deleted customer may not say when it was created.
    fn keeping(mut self, other: &Self) -> Self {
        self.user_id = self.user_id.or(other.user_id);
        self.attributed_by = self.attributed_by.or_else(|| other.attributed_by.clone());
        self.created_at = self.created_at.or(other.created_at);
        self
    }
);
stamped!(CustomerClaimRow by source);

//! People who were forgotten: what Stripe told of them, and tells again, without what says who they are.

use std::collections::{BTreeMap, BTreeSet};

use growth_db::rows::inbox::{self, EventKey};
use growth_db::rows::users as directory;
use growth_db::rows::{
    CustomerClaimRow, CustomerRow, ForgottenCustomerRow, PaymentFactRow, PaymentRow, StripeEventRow,
};
use growth_db::{Error as DbError, Json, Tx, query, table};
use growth_domain::facts::Fact;
use growth_domain::stamp::Scope;
use growth_stripe::person;
use serde_json::Value;

use crate::error::Error;
use crate::intake::key;
use crate::{customers, payments, project, users};

growth_db::statements! {
    ANY = "SELECT EXISTS (SELECT 1 FROM users WHERE erased_at IS NOT NULL) AS any_forgotten";
    SALT = "SELECT value FROM settings WHERE key = 'erasure_salt'";
    ALL = "SELECT account, livemode, customer FROM forgotten_customers";
    CUSTOMERS_OF = "SELECT account, livemode, id FROM customers WHERE user_id = $1";
    GROUPS_OF = "SELECT DISTINCT account, livemode, group_id FROM payments WHERE user_id = $1";
    PAYMENTS_OF = "SELECT COUNT(*) AS n FROM payments WHERE user_id = $1";
}

/// A person to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `users.id`
    pub user_id: i64,
    /// The application's user id.
    pub external_id: String,
    /// E-mail address.
    pub email: Option<String>,
}

/// What was cleared of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// How many customers of Stripe's.
    pub customers: u64,
    /// How many payments have no user now.
    pub payments: u64,
    /// How many stored documents were rewritten.
    pub documents: u64,
}

/// Keeps others from applying Stripe's facts until the transaction ends. Whoever forgets a person takes this first.
///
/// # Errors
///
/// The database's.
pub async fn hold(tx: &mut Tx) -> Result<(), Error> {
    project::lock(tx).await.map(drop)
}

/// Takes what says who a person is out of everything that Stripe told, and out of what it will tell of the same
/// customers; payments stay, without a user.
///
/// The person has to be out of the directory of users already, and the transaction to [`hold`] the facts.
///
/// # Errors
///
/// The database's; the transaction should be rolled back then.
pub async fn forget(tx: &mut Tx, person: &Person) -> Result<Cleared, Error> {
    let (paid,): (i64,) = query(&mut *tx, PAYMENTS_OF).bind(person.user_id).fetch_one().await?;
    let mut known = scoped(query(&mut *tx, CUSTOMERS_OF).bind(person.user_id).fetch_all().await?);
    let mut groups = scoped(query(&mut *tx, GROUPS_OF).bind(person.user_id).fetch_all().await?);
    let named = users::named(tx, &person.external_id, person.email.as_deref()).await?;
    for (scope, named) in named.customers {
        let free = of_nobody_else(tx, &scope, named, person.user_id).await?;
        known.entry(scope).or_default().extend(free);
    }
    for (scope, named) in named.groups {
        let named: Vec<String> = named.into_iter().collect();
        let rows: Vec<PaymentRow> = table::find(&mut *tx, &scope, "group_id", &named).await?;
        let others: BTreeSet<&String> = rows
            .iter()
            .filter(|row| row.user_id.is_some_and(|user| user != person.user_id))
            .map(|row| &row.group_id)
            .collect();
        let own = named.iter().filter(|group| !others.contains(group)).cloned();
        groups.entry(scope).or_default().extend(own);
    }
    for (scope, customers) in &known {
        clear_customers(tx, scope, customers).await?;
        let ids: Vec<String> = customers.iter().cloned().collect();
        let rows: Vec<PaymentRow> = table::find(&mut *tx, scope, "customer", &ids).await?;
        groups.entry(scope.clone()).or_default().extend(rows.into_iter().map(|row| row.group_id));
    }
    for (scope, customers) in known.clone() {
        customers::attribute_customers(tx, &scope, customers.clone()).await?;
    }
    for (scope, groups) in groups {
        clear_payments(tx, &scope, groups).await?;
    }
    let customers: Vec<&String> = known.values().flatten().collect();
    let documents = clear_documents(tx, person, &customers).await?;
    Ok(Cleared {
        customers: customers.len() as u64,
        payments: u64::try_from(paid).unwrap_or_default(),
        documents,
    })
}

fn scoped(rows: Vec<(String, bool, String)>) -> BTreeMap<Scope, BTreeSet<String>> {
    users::by_scope(rows)
}

/// The customers of some who are no other user's: two people may have used one address.
async fn of_nobody_else(
    tx: &mut Tx,
    scope: &Scope,
    customers: BTreeSet<String>,
    user: i64,
) -> Result<Vec<String>, DbError> {
    let ids: Vec<String> = customers.iter().cloned().collect();
    let rows: Vec<CustomerRow> = table::find(tx, scope, "id", &ids).await?;
    let others: BTreeSet<String> = rows
        .into_iter()
        .filter(|row| row.user_id.is_some_and(|other| other != user))
        .map(|row| row.id)
        .collect();
    Ok(customers.into_iter().filter(|id| !others.contains(id)).collect())
}

async fn clear_customers(tx: &mut Tx, scope: &Scope, customers: &BTreeSet<String>) -> Result<(), DbError> {
    let ids: Vec<String> = customers.iter().cloned().collect();
    let forgotten: Vec<ForgottenCustomerRow> = ids
        .iter()
        .map(|customer| ForgottenCustomerRow {
            account: scope.account.clone(),
            livemode: scope.livemode,
            customer: customer.clone(),
        })
        .collect();
    table::insert_new(tx, &forgotten).await?;
    let rows: Vec<CustomerRow> = table::find(&mut *tx, scope, "id", &ids).await?;
    let rows: Vec<CustomerRow> =
        rows.into_iter().map(|row| CustomerRow { email: None, name: None, ..row }).collect();
    table::upsert(tx, &rows).await?;
    let claims: Vec<CustomerClaimRow> = table::find(&mut *tx, scope, "customer", &ids).await?;
    let claims: Vec<CustomerClaimRow> = claims
        .into_iter()
        .map(|row| CustomerClaimRow { client_reference_id: None, user_reference: None, email: None, ..row })
        .collect();
    table::upsert(tx, &claims).await?;
    Ok(())
}

async fn clear_payments(tx: &mut Tx, scope: &Scope, groups: BTreeSet<String>) -> Result<(), Error> {
    let ids: Vec<String> = groups.iter().cloned().collect();
    let mut facts: Vec<PaymentFactRow> = table::find(&mut *tx, scope, "group_id", &ids).await?;
    for row in &mut facts {
        let Json(fact) = &mut row.fact;
        fact.object.make_impersonal();
    }
    table::upsert(tx, &facts).await?;
    payments::store_and_fold(tx, scope, Vec::new(), groups).await?;
    Ok(())
}

/// Rewrites the stored documents that name the person, or one of the customers.
async fn clear_documents(tx: &mut Tx, person: &Person, customers: &[&String]) -> Result<u64, DbError> {
    let own = [Some(person.external_id.clone()), person.email.clone()].into_iter().flatten();
    let words: Vec<String> = own.chain(customers.iter().map(|id| (*id).clone())).collect();
    let mut cleared: BTreeSet<EventKey> = BTreeSet::new();
    for word in &words {
        for (key, payload) in inbox::mentioning(tx, word).await? {
            if cleared.contains(&key) {
                continue;
            }
            if let Some(payload) = impersonal(&payload, &words) {
                inbox::replace_payload(tx, &key, &payload).await?;
                cleared.insert(key);
            }
        }
    }
    Ok(cleared.len() as u64)
}

/// A document without what says who it is about; `None` where it mentions none of these words.
fn impersonal(payload: &str, words: &[String]) -> Option<String> {
    let mut document: Value = serde_json::from_str(payload).ok()?;
    if !person::mentions(&document, words) {
        return None;
    }
    person::make_impersonal(&mut document);
    Some(document.to_string())
}

/// Takes what says who they are about out of facts of customers who were forgotten.
pub(crate) async fn make_impersonal(tx: &mut Tx, scope: &Scope, facts: &mut [Fact]) -> Result<(), DbError> {
    if !any(tx).await? {
        return Ok(());
    }
    let customers: BTreeSet<String> = facts.iter().filter_map(Fact::customer).map(str::to_owned).collect();
    let customers: Vec<String> = customers.into_iter().collect();
    let forgotten: Vec<ForgottenCustomerRow> = table::find(&mut *tx, scope, "customer", &customers).await?;
    let forgotten: BTreeSet<String> = forgotten.into_iter().map(|row| row.customer).collect();
    // Who pays without a customer is known by the application's id alone.
    let references: BTreeSet<String> =
        facts.iter().flat_map(Fact::user_references).map(str::to_owned).collect();
    let people = forgotten_people(tx, &references).await?;
    for fact in facts {
        let by_customer = fact.customer().is_some_and(|customer| forgotten.contains(customer));
        if by_customer || fact.user_references().into_iter().any(|reference| people.contains(reference)) {
            fact.make_impersonal();
        }
    }
    Ok(())
}

/// Which of some of the application's ids are of people who were forgotten.
async fn forgotten_people(tx: &mut Tx, ids: &BTreeSet<String>) -> Result<BTreeSet<String>, DbError> {
    let (salt,): (String,) = query(&mut *tx, SALT).fetch_one().await?;
    let tombstones: BTreeMap<String, &String> =
        ids.iter().map(|id| (directory::tombstone(&salt, id), id)).collect();
    let wanted: Vec<&str> = tombstones.keys().map(String::as_str).collect();
    let found = directory::find(tx, &wanted).await?;
    let of_tombstone = |external_id: &String| tombstones.get(external_id).map(|id| (*id).clone());
    Ok(found.iter().filter_map(|user| of_tombstone(&user.external_id)).collect())
}

/// The same for stored documents.
pub(crate) async fn make_documents_impersonal(tx: &mut Tx, rows: &[StripeEventRow]) -> Result<(), DbError> {
    if !any(tx).await? {
        return Ok(());
    }
    let all: Vec<(String, bool, String)> = query(&mut *tx, ALL).fetch_all().await?;
    let mut documents: Vec<(&StripeEventRow, Value)> = Vec::new();
    let mut references = BTreeSet::new();
    for row in rows {
        if let Ok(document) = serde_json::from_str::<Value>(&row.payload) {
            person::user_references(&document, &mut references);
            documents.push((row, document));
        }
    }
    let people = forgotten_people(tx, &references).await?;
    for (row, mut document) in documents {
        let customers =
            all.iter().filter(|(account, livemode, _)| (account, livemode) == (&row.account, &row.livemode));
        let words: Vec<String> = customers.map(|(_, _, id)| id).chain(&people).cloned().collect();
        if person::mentions(&document, &words) {
            person::make_impersonal(&mut document);
            inbox::replace_payload(tx, &key(row), &document.to_string()).await?;
        }
    }
    Ok(())
}

async fn any(tx: &mut Tx) -> Result<bool, DbError> {
    let (any,) = query(tx, ANY).fetch_one().await?;
    Ok(any)
}

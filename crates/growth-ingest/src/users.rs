//! The application's users, as Stripe's objects name them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use growth_db::rows::UserRow;
use growth_db::rows::users as directory;
use growth_db::{AssertSqlSafe, Db, Engine, Error, Tx, query, table};
use growth_domain::attribution::{Directory, Link, Method};
use growth_domain::stamp::Scope;

use crate::{customers, payments, project};

/// The users that a set of links names.
#[derive(Debug, Default)]
pub(crate) struct Users {
    by_external_id: HashMap<String, i64>,
    by_email: HashMap<String, i64>,
}

impl Users {
    /// Looks the users up.
    pub(crate) async fn named_by(tx: &mut Tx, links: impl Iterator<Item = &Link>) -> Result<Self, Error> {
        let (mut ids, mut emails) = (BTreeSet::new(), BTreeSet::new());
        for link in links {
            match link.method {
                Method::Email => emails.insert(link.value.to_ascii_lowercase()),
                _ => ids.insert(link.value.clone()),
            };
        }
        let mut users = Self::default();
        for row in look_up(tx, "external_id", &ids).await? {
            users.by_external_id.insert(row.external_id, row.id);
        }
        let mut by_email = look_up(tx, "lower(email)", &emails).await?;
        by_email.sort_by(|a, b| (b.created_at, &b.external_id).cmp(&(a.created_at, &a.external_id)));
        for row in by_email {
            users.by_email.insert(row.email.unwrap_or_default().to_ascii_lowercase(), row.id);
        }
        Ok(users)
    }
}

impl Directory for Users {
    fn by_external_id(&self, external_id: &str) -> Option<i64> {
        self.by_external_id.get(external_id).copied()
    }
    fn by_email(&self, email: &str) -> Option<i64> {
        self.by_email.get(email).copied()
    }
}

async fn look_up(tx: &mut Tx, by: &'static str, values: &BTreeSet<String>) -> Result<Vec<UserRow>, Error> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<String> = values.iter().cloned().collect();
    let sql = look_up_sql(tx.engine(), by);
    Ok(query(tx, AssertSqlSafe(sql)).bind_texts(&values).fetch_all().await?)
}

/// What a link is found by when its user arrives.
pub(crate) fn reference(link: &Link) -> String {
    match link.method {
        Method::Email => email_reference(&link.value.to_ascii_lowercase()),
        _ => user_reference(&link.value),
    }
}

fn user_reference(external_id: &str) -> String {
    format!("user:{external_id}")
}

fn email_reference(address: &str) -> String {
    format!("email:{address}")
}

/// How many users are linked in one transaction.
const USERS_AT_A_TIME: u32 = 500;

/// Gives payments and customers that are already stored to users who came, or changed their address, later.
///
/// Whoever stores users puts them on a list; this takes some off it and returns how many, 0 at its end. A user whose
/// payments cannot be written is taken off alone, and told by the error after that. Any other error is the
/// database's; nothing was taken off then.
pub async fn link_waiting_users(db: &Db) -> Result<u64, crate::Error> {
    if !directory::any_unlinked(db).await? {
        return Ok(0);
    }
    let mut most = USERS_AT_A_TIME;
    loop {
        let mut tx = db.begin().await?;
        project::lock(&mut tx).await?;
        let users = directory::take_unlinked(&mut tx, most).await?;
        match link(&mut tx, &users).await {
            Ok(()) => {
                tx.commit().await?;
                return Ok(users.len() as u64);
            }
            Err(error) if error.is_about_data() && users.len() > 1 => most = (most / 2).max(1),
            Err(error) if error.is_about_data() => {
                drop(tx);
                let mut tx = db.begin().await?;
                directory::take_unlinked(&mut tx, 1).await?;
                tx.commit().await?;
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What a user's id or address names.
pub(crate) struct Named {
    pub(crate) customers: BTreeMap<Scope, BTreeSet<String>>,
    pub(crate) groups: BTreeMap<Scope, BTreeSet<String>>,
}

/// Looks up what an id and an address name, in any scope.
pub(crate) async fn named(tx: &mut Tx, external_id: &str, email: Option<&str>) -> Result<Named, Error> {
    let emails: Vec<String> = email.map(str::to_ascii_lowercase).into_iter().collect();
    let (customers, groups) = (customers_named_sql(tx.engine()), groups_named_sql(tx.engine()));
    let customers = query(&mut *tx, AssertSqlSafe(customers)).bind_texts(&[external_id]).bind_texts(&emails);
    let customers = by_scope(customers.fetch_all().await?);
    let references: Vec<String> = std::iter::once(user_reference(external_id))
        .chain(emails.iter().map(|email| email_reference(email)))
        .collect();
    let groups = query(tx, AssertSqlSafe(groups)).bind_texts(&references).fetch_all().await?;
    Ok(Named { customers, groups: by_scope(groups) })
}

async fn link(tx: &mut Tx, users: &[UserRow]) -> Result<(), Error> {
    let ids: Vec<&str> = users.iter().map(|user| user.external_id.as_str()).collect();
    let emails: Vec<String> =
        users.iter().filter_map(|user| Some(user.email.as_ref()?.to_ascii_lowercase())).collect();
    let (customers, groups) = (customers_named_sql(tx.engine()), groups_named_sql(tx.engine()));
    let customers = query(&mut *tx, AssertSqlSafe(customers)).bind_texts(&ids).bind_texts(&emails);
    let customers = by_scope(customers.fetch_all().await?);
    for (scope, customers) in customers {
        customers::attribute_customers(tx, &scope, customers.clone()).await?;
        payments::store(tx, &scope, Vec::new(), customers).await?;
    }
    let references: Vec<String> = ids
        .iter()
        .map(|id| user_reference(id))
        .chain(emails.iter().map(|email| email_reference(email)))
        .collect();
    let groups = by_scope(query(&mut *tx, AssertSqlSafe(groups)).bind_texts(&references).fetch_all().await?);
    for (scope, groups) in groups {
        payments::store_and_fold(tx, &scope, Vec::new(), groups).await?;
    }
    Ok(())
}

pub(crate) fn by_scope(rows: Vec<(String, bool, String)>) -> BTreeMap<Scope, BTreeSet<String>> {
    let mut scopes: BTreeMap<Scope, BTreeSet<String>> = BTreeMap::new();
    for (account, livemode, value) in rows {
        scopes.entry(Scope { account, livemode }).or_default().insert(value);
    }
    scopes
}

fn look_up_sql(engine: Engine, by: &str) -> String {
    format!("SELECT id, external_id, email, created_at FROM users WHERE {}", table::among(engine, by, "$1"))
}

/// The customers whom a user's id ($1) or address ($2) names, in any scope.
fn customers_named_sql(engine: Engine) -> String {
    format!(
        "SELECT DISTINCT account, livemode, customer FROM customer_claims WHERE {} OR {} OR {}",
        table::among(engine, "client_reference_id", "$1"),
        table::among(engine, "user_reference", "$1"),
        table::among(engine, "lower(email)", "$2")
    )
}

/// The groups of payments that name one of some references ($1), in any scope.
fn groups_named_sql(engine: Engine) -> String {
    format!(
        "SELECT DISTINCT account, livemode, group_id FROM payment_references WHERE {}",
        table::among(engine, "reference", "$1")
    )
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    [
        ("users::by_external_id", look_up_sql(engine, "external_id")),
        ("users::by_email", look_up_sql(engine, "lower(email)")),
        ("users::customers_named", customers_named_sql(engine)),
        ("users::groups_named", groups_named_sql(engine)),
    ]
    .map(|(name, sql)| (name.to_owned(), sql))
    .into()
}

//! The application's users, as Stripe's objects name them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use growth_db::rows::UserRow;
use growth_db::{Db, Engine, Error, Tx, query, table};
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
                Method::Email => emails.insert(link.value.to_lowercase()),
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
            users.by_email.insert(row.email.unwrap_or_default().to_lowercase(), row.id);
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
    let sql = match (tx.engine(), by) {
        (Engine::Sqlite, "external_id") => USERS_BY_ID_SQLITE,
        (Engine::Sqlite, _) => USERS_BY_EMAIL_SQLITE,
        (Engine::Postgres, "external_id") => USERS_BY_ID_POSTGRES,
        (Engine::Postgres, _) => USERS_BY_EMAIL_POSTGRES,
    };
    Ok(query(tx, sql).bind(table::json(values)?).fetch_all().await?)
}

const USERS_BY_ID_SQLITE: &str = "SELECT id, external_id, email, created_at FROM users
    WHERE external_id IN (SELECT value FROM json_each($1))";
const USERS_BY_ID_POSTGRES: &str = "SELECT id, external_id, email, created_at FROM users
    WHERE external_id = ANY (ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))";
const USERS_BY_EMAIL_SQLITE: &str = "SELECT id, external_id, email, created_at FROM users
    WHERE lower(email) IN (SELECT value FROM json_each($1))";
const USERS_BY_EMAIL_POSTGRES: &str = "SELECT id, external_id, email, created_at FROM users
    WHERE lower(email) = ANY (ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))";

/// The customers whom a user's id or address names, in any scope.
const CUSTOMERS_SQLITE: &str = "SELECT DISTINCT account, livemode, customer FROM customer_claims
    WHERE client_reference_id IN (SELECT value FROM json_each($1))
    OR user_reference IN (SELECT value FROM json_each($1)) OR lower(email) IN (SELECT value FROM json_each($2))";
const CUSTOMERS_POSTGRES: &str = "SELECT DISTINCT account, livemode, customer FROM customer_claims
    WHERE client_reference_id = ANY (ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))
    OR user_reference = ANY (ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))
    OR lower(email) = ANY (ARRAY(SELECT json_array_elements_text(CAST($2 AS json))))";
/// The groups of payments whom a user's id or address names, in any scope.
const GROUPS_SQLITE: &str = "SELECT DISTINCT account, livemode, group_id FROM payments
    WHERE user_reference IN (SELECT value FROM json_each($1)) OR lower(email) IN (SELECT value FROM json_each($2))";
const GROUPS_POSTGRES: &str = "SELECT DISTINCT account, livemode, group_id FROM payments
    WHERE user_reference = ANY (ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))
    OR lower(email) = ANY (ARRAY(SELECT json_array_elements_text(CAST($2 AS json))))";

/// Gives payments and customers that are already stored to users who came later.
///
/// `users` are external ids with their e-mail addresses; call it after the users are stored.
pub async fn link_users(db: &Db, users: &[(String, Option<String>)]) -> Result<(), crate::Error> {
    let ids: Vec<&String> = users.iter().map(|(id, _)| id).collect();
    let emails: Vec<String> =
        users.iter().filter_map(|(_, email)| Some(email.as_ref()?.to_lowercase())).collect();
    let (ids, emails) = (table::json(&ids)?, table::json(&emails)?);
    let mut tx = db.begin().await?;
    project::lock(&mut tx).await?;
    let (customers, groups) = match tx.engine() {
        Engine::Sqlite => (CUSTOMERS_SQLITE, GROUPS_SQLITE),
        Engine::Postgres => (CUSTOMERS_POSTGRES, GROUPS_POSTGRES),
    };
    let customers = by_scope(query(&mut tx, customers).bind(&ids).bind(&emails).fetch_all().await?);
    for (scope, customers) in customers {
        customers::attribute_customers(&mut tx, &scope, customers.clone()).await?;
        payments::store(&mut tx, &scope, Vec::new(), customers).await?;
    }
    let groups = by_scope(query(&mut tx, groups).bind(&ids).bind(&emails).fetch_all().await?);
    for (scope, groups) in groups {
        payments::store_and_fold(&mut tx, &scope, Vec::new(), groups).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn by_scope(rows: Vec<(String, bool, String)>) -> BTreeMap<Scope, BTreeSet<String>> {
    let mut scopes: BTreeMap<Scope, BTreeSet<String>> = BTreeMap::new();
    for (account, livemode, value) in rows {
        scopes.entry(Scope { account, livemode }).or_default().insert(value);
    }
    scopes
}

//! Visitors whom nobody has named yet.

use serde::Serialize;

use crate::engine::{Engine, Tx, built_query};
use crate::error::Error;
use crate::table::{Kind, among_numbers, json, rows};

/// A visitor.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct VisitorRow {
    /// Our number; its negative is the `user_id` of the visitor's events.
    pub id: i64,
    /// The application's id.
    pub anonymous_id: String,
    /// The user whom the visitor turned out to be.
    pub user_id: Option<i64>,
}

#[derive(Serialize)]
struct Seen<'a> {
    anonymous_id: &'a str,
}

#[derive(Serialize)]
struct Named {
    id: i64,
    user_id: i64,
}

/// Looks visitors up by their ids in the application, and adds those who are new.
///
/// Until the transaction ends nobody else writes for them or says who they are. No two may have the same id.
pub async fn hold(tx: &mut Tx, anonymous_ids: &[&str]) -> Result<Vec<VisitorRow>, Error> {
    if anonymous_ids.is_empty() {
        return Ok(Vec::new());
    }
    let seen: Vec<Seen<'_>> = anonymous_ids.iter().map(|anonymous_id| Seen { anonymous_id }).collect();
    let sql = hold_sql(tx.engine());
    Ok(built_query(tx, sql).bind(json(&seen)?).fetch_all().await?)
}

/// Says which users visitors are, by their numbers.
pub async fn name(tx: &mut Tx, named: &[(i64, i64)]) -> Result<(), Error> {
    if named.is_empty() {
        return Ok(());
    }
    let named: Vec<Named> = named.iter().map(|(id, user_id)| Named { id: *id, user_id: *user_id }).collect();
    let sql = name_sql(tx.engine());
    built_query(tx, sql).bind(json(&named)?).execute().await?;
    Ok(())
}

/// Forgets the visitors that some users were, which a later event with the same id makes new ones.
pub async fn forget(tx: &mut Tx, users: &[i64]) -> Result<u64, Error> {
    let sql = forget_sql(tx.engine());
    Ok(built_query(tx, sql).bind_numbers(users).execute().await?)
}

fn hold_sql(engine: Engine) -> String {
    format!(
        "{}INSERT INTO visitors (anonymous_id) SELECT anonymous_id FROM rows WHERE true ORDER BY anonymous_id \
         ON CONFLICT (anonymous_id) DO UPDATE SET anonymous_id = excluded.anonymous_id \
         RETURNING id, anonymous_id, user_id",
        rows(engine, &[("anonymous_id", Kind::Text)])
    )
}

fn name_sql(engine: Engine) -> String {
    format!(
        "{}UPDATE visitors SET user_id = rows.user_id FROM rows WHERE visitors.id = rows.id",
        rows(engine, &[("id", Kind::BigInt), ("user_id", Kind::BigInt)])
    )
}

fn forget_sql(engine: Engine) -> String {
    format!("DELETE FROM visitors WHERE {}", among_numbers(engine, "user_id", "$1"))
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    let made = [("hold", hold_sql(engine)), ("name", name_sql(engine)), ("forget", forget_sql(engine))];
    made.map(|(name, sql)| (format!("visitors::{name}"), sql)).to_vec()
}

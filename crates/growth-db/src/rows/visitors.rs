//! Visitors whom nobody has named yet.

use std::collections::HashSet;

use serde::Serialize;

use crate::engine::{Engine, Tx, built_query, query};
use crate::error::Error;
use crate::table::{Kind, among, among_numbers, json, rows};

statements! {
    ERASE = "UPDATE visitors SET anonymous_id = $1 WHERE id = $2";
}

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

/// Which of some ids there are.
pub async fn known(tx: &mut Tx, anonymous_ids: &[String]) -> Result<HashSet<String>, Error> {
    if anonymous_ids.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = known_sql(tx.engine());
    let known: Vec<(String,)> = built_query(tx, sql).bind_texts(anonymous_ids).fetch_all().await?;
    Ok(known.into_iter().map(|(id,)| id).collect())
}

/// The visitors that some users were, by number and id.
pub async fn of(tx: &mut Tx, users: &[i64]) -> Result<Vec<(i64, String)>, Error> {
    let sql = of_sql(tx.engine());
    Ok(built_query(tx, sql).bind_numbers(users).fetch_all().await?)
}

/// Takes a visitor's id away; `tombstone` is what remains in its place.
pub async fn erase(tx: &mut Tx, id: i64, tombstone: &str) -> Result<(), Error> {
    query(tx, ERASE).bind(tombstone).bind(id).execute().await?;
    Ok(())
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

fn known_sql(engine: Engine) -> String {
    format!("SELECT anonymous_id FROM visitors WHERE {}", among(engine, "anonymous_id", "$1"))
}

fn of_sql(engine: Engine) -> String {
    format!("SELECT id, anonymous_id FROM visitors WHERE {}", among_numbers(engine, "user_id", "$1"))
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    let made = [
        ("hold", hold_sql(engine)),
        ("name", name_sql(engine)),
        ("known", known_sql(engine)),
        ("of", of_sql(engine)),
    ];
    made.map(|(name, sql)| (format!("visitors::{name}"), sql)).to_vec()
}

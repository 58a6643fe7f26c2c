//! Who the users are: as the application tells them, or as events name them.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, SubsecRound, Utc};
use growth_db::rows::users::{self, SeenUser, ToldUser};
use growth_db::{Db, Error as DbError, SqlError, Tx};

use crate::accepted::{clean, filled_id};
use crate::error::Error;
use crate::event::User;

/// What became of a set of users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upserted {
    /// How many are new or differ from before.
    pub changed: u64,
    /// The position and what is wrong with each that was left out.
    pub rejected: Vec<(usize, String)>,
}

/// Adds or changes users, in one transaction. Of several with one id, the last counts.
///
/// What is told here stands above what events show: `created_at` stays as given, whatever events
/// come. An address that is left out does not remove a known one.
pub async fn upsert_users(db: &Db, users: &[User]) -> Result<Upserted, Error> {
    let mut upserted = Upserted::default();
    let mut by_id: BTreeMap<String, (Option<String>, &User)> = BTreeMap::new();
    for (index, user) in users.iter().enumerate() {
        match filled_id("external_id", &user.external_id) {
            Ok(id) => {
                let email = user.email.as_deref().map(clean).filter(|email| !email.is_empty());
                by_id.insert(id, (email, user));
            }
            Err(problem) => upserted.rejected.push((index, problem.to_string())),
        }
    }
    let told: Vec<ToldUser<'_>> = by_id
        .iter()
        .map(|(external_id, (email, user))| ToldUser {
            external_id,
            email: email.as_deref(),
            created_at: user.created_at.trunc_subsecs(6),
            is_admin: user.is_admin,
        })
        .collect();
    if told.is_empty() {
        return Ok(upserted);
    }
    let mut tx = db.begin().await?;
    upserted.changed = users::tell(&mut tx, &told).await?;
    tx.commit().await?;
    Ok(upserted)
}

/// Gives the numbers of users, each with the time it was seen at; creates those who are new.
pub(crate) async fn numbers(
    tx: &mut Tx,
    seen: &BTreeMap<&str, DateTime<Utc>>,
) -> Result<HashMap<String, i64>, DbError> {
    let all: Vec<&str> = seen.keys().copied().collect();
    let mut numbers = HashMap::new();
    let mut news: BTreeMap<&str, DateTime<Utc>> = seen.clone();
    for user in users::find(&mut *tx, &all).await? {
        let external_id = user.external_id.as_str();
        if seen.get(external_id).is_none_or(|at| !user.known_from_events || *at >= user.created_at) {
            news.remove(external_id);
        }
        numbers.insert(user.external_id, user.id);
    }
    let news: Vec<SeenUser<'_>> =
        news.into_iter().map(|(external_id, created_at)| SeenUser { external_id, created_at }).collect();
    for (id, external_id) in users::see(tx, &news).await? {
        numbers.insert(external_id, id);
    }
    // Another writer may have added some of them in the meantime.
    let others: Vec<&str> = all.into_iter().filter(|id| !numbers.contains_key(*id)).collect();
    numbers.extend(users::find(tx, &others).await?.into_iter().map(|user| (user.external_id, user.id)));
    Ok(numbers)
}

/// Looks up what [`numbers`] gave; an error for a user who was removed in that very moment.
pub(crate) fn number(numbers: &HashMap<String, i64>, external_id: &str) -> Result<i64, DbError> {
    numbers.get(external_id).copied().ok_or(DbError::Database(SqlError::RowNotFound))
}

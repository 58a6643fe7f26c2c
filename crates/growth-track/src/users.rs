//! Who the users are: as the application tells them, or as events name them.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use growth_db::rows::settings;
use growth_db::rows::users::{self, KnownUser, SeenUser, ToldUser};
use growth_db::{Db, Error as DbError, Tx};

use crate::accepted::{Problem, filled_id, id};
use crate::error::Error;
use crate::event::User;

/// The years in which somebody may have signed up.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2999;

/// What became of a set of users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upserted {
    /// How many are new or differ from before.
    pub changed: u64,
    /// How many were forgotten, and are not brought back.
    pub erased: usize,
    /// The position and what is wrong with each that was left out.
    pub rejected: Vec<(usize, String)>,
}

/// Adds or changes users, in one transaction. Of several with one id, the last counts.
///
/// What is told here stands above what events show: `created_at` stays as given, whatever events
/// come. An address that is left out does not remove a known one.
pub async fn upsert_users(db: &Db, users: &[User]) -> Result<Upserted, Error> {
    let mut upserted = Upserted::default();
    let mut by_id: BTreeMap<String, (Option<String>, DateTime<Utc>, bool)> = BTreeMap::new();
    for (index, user) in users.iter().enumerate() {
        match checked(user) {
            Ok((id, email, created_at)) => {
                let known = by_id.remove(&id).and_then(|(email, ..)| email);
                by_id.insert(id, (email.or(known), created_at, user.is_admin));
            }
            Err(problem) => upserted.rejected.push((index, problem.to_string())),
        }
    }
    if by_id.is_empty() {
        return Ok(upserted);
    }
    let mut tx = db.begin().await?;
    // Whoever forgets somebody holds this alone, so nobody is brought back in the meantime.
    let salt = settings::hold_tracking(&mut tx).await?.erasure_salt;
    let all: Vec<&str> = by_id.keys().map(String::as_str).collect();
    let known = users::find(&mut tx, &all).await?;
    let erased = erased(&mut tx, &salt, &all, &known).await?;
    upserted.erased = erased.len();
    let told: Vec<ToldUser<'_>> = by_id
        .iter()
        .filter(|(external_id, _)| !erased.contains(*external_id))
        .map(|(external_id, (email, created_at, is_admin))| ToldUser {
            external_id,
            email: email.as_deref(),
            created_at: *created_at,
            is_admin: *is_admin,
        })
        .collect();
    upserted.changed = users::tell(&mut tx, &told).await?;
    tx.commit().await?;
    Ok(upserted)
}

fn checked(user: &User) -> Result<(String, Option<String>, DateTime<Utc>), Problem> {
    let id = filled_id("external_id", user.external_id.as_str())?;
    let email = user.email.as_deref().map(|email| self::id("email", email.trim())).transpose()?;
    let created_at = user.created_at.trunc_subsecs(6);
    if !YEARS.contains(&created_at.year()) {
        return Err(Problem::SignUp(created_at));
    }
    Ok((id, email.filter(|email| !email.is_empty()), created_at))
}

/// Gives the numbers of users, each with the time it was seen at, of whom some are known; creates those who are new.
pub(crate) async fn numbers(
    tx: &mut Tx,
    seen: &BTreeMap<&str, DateTime<Utc>>,
    known: Vec<KnownUser>,
) -> Result<HashMap<String, i64>, DbError> {
    let all: Vec<&str> = seen.keys().copied().collect();
    let mut numbers = HashMap::new();
    let mut news: BTreeMap<&str, DateTime<Utc>> = seen.clone();
    for user in known {
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

/// Which of some ids, of which some are known, are of people who were forgotten.
pub(crate) async fn erased(
    tx: &mut Tx,
    salt: &str,
    external_ids: &[&str],
    known: &[KnownUser],
) -> Result<HashSet<String>, DbError> {
    if known.len() >= external_ids.len() {
        return Ok(HashSet::new());
    }
    let known: HashSet<&str> = known.iter().map(|user| user.external_id.as_str()).collect();
    let unknown = external_ids.iter().filter(|id| !known.contains(**id));
    let tombstones: HashMap<String, &str> = unknown.map(|id| (users::tombstone(salt, id), *id)).collect();
    let wanted: Vec<&str> = tombstones.keys().map(String::as_str).collect();
    let found = users::find(tx, &wanted).await?;
    Ok(found.into_iter().filter_map(|user| Some((*tombstones.get(&user.external_id)?).to_owned())).collect())
}

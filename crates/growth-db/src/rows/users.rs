//! The directory of users.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::engine::{Db, Engine, Target, Tx, built_query, query};
use crate::error::Error;
use crate::table::{Kind, among, differs, json, rows};

statements! {
    ERASE = "UPDATE users SET external_id = $1, email = NULL, is_admin = FALSE, erased_at = $2 WHERE id = $3";
    FIND_WHOLE = "SELECT id, external_id, email, created_at FROM users WHERE external_id = $1 AND erased_at IS NULL";
    FIND_ADMIN = "SELECT id, is_admin FROM users WHERE external_id = $1 AND erased_at IS NULL";
    MAKE_OLDER = "UPDATE users SET created_at = $1 WHERE id = $2 AND known_from_events AND created_at > $1";
    MAKE_ROOM = "UPDATE users SET external_id = $1 WHERE external_id = $2";
    LEAVE_LINKS = "DELETE FROM users_to_link WHERE user_id = $1";
    LIST = "SELECT u.external_id, u.email, u.created_at, u.is_admin, m.activated_at, m.last_seen_at
    FROM users u LEFT JOIN user_milestones m ON m.user_id = u.id
    WHERE u.erased_at IS NULL ORDER BY u.created_at DESC, u.id DESC LIMIT $1";
    COUNT = "SELECT COUNT(*) AS n FROM users WHERE erased_at IS NULL";
    ANY_UNLINKED = "SELECT EXISTS (SELECT 1 FROM users_to_link) AS any_unlinked";
}

/// A user of the product.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct UserRow {
    /// Our number.
    pub id: i64,
    /// The application's user id.
    pub external_id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// When the user signed up.
    pub created_at: DateTime<Utc>,
}

/// How much is known of a user.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct KnownUser {
    /// Our number.
    pub id: i64,
    /// The application's user id.
    pub external_id: String,
    /// When the user signed up.
    pub created_at: DateTime<Utc>,
    /// Whether only events named the user, so that an earlier one makes it older.
    pub known_from_events: bool,
}

/// A user as an event names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SeenUser<'a> {
    /// The application's user id.
    pub external_id: &'a str,
    /// When the event happened.
    pub created_at: DateTime<Utc>,
}

/// A user as the application tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldUser<'a> {
    /// The application's user id.
    pub external_id: &'a str,
    /// E-mail address; `None` leaves a known one as it is.
    pub email: Option<&'a str>,
    /// When the user signed up.
    pub created_at: DateTime<Utc>,
    /// Whether the user may see everything.
    pub is_admin: bool,
}

/// What an application tells of one of its users in passing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdentifiedUser<'a> {
    /// The application's user id.
    pub external_id: &'a str,
    /// E-mail address; `None` leaves a known one as it is.
    pub email: Option<&'a str>,
    /// When the user signed up; `None` leaves what is known as it is.
    pub signed_up_at: Option<DateTime<Utc>>,
    /// When it was told; a user who is new is as old.
    pub told_at: DateTime<Utc>,
}

impl IdentifiedUser<'_> {
    /// Whether it says more than that there is such a user.
    pub fn tells_something(&self) -> bool {
        self.email.is_some() || self.signed_up_at.is_some()
    }
}

/// A user as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ListedUser {
    /// The application's user id.
    pub external_id: String,
    /// E-mail address.
    pub email: Option<String>,
    /// When the user signed up.
    pub created_at: DateTime<Utc>,
    /// Whether the user may see everything.
    pub is_admin: bool,
    /// When the user was activated.
    pub activated_at: Option<DateTime<Utc>>,
    /// The last event.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// The users who came last, at most `most`.
pub async fn list(db: &Db, most: u32) -> Result<Vec<ListedUser>, Error> {
    Ok(query(db, LIST).bind(i64::from(most)).fetch_all().await?)
}

/// The number of a user who was not forgotten, and whether that is an admin, by the application's id.
pub async fn find_admin(db: &Db, external_id: &str) -> Result<Option<(i64, bool)>, Error> {
    Ok(query(db, FIND_ADMIN).bind(external_id).fetch_optional().await?)
}

/// How many users there are.
pub async fn count(db: &Db) -> Result<i64, Error> {
    let (n,) = query(db, COUNT).fetch_one().await?;
    Ok(n)
}

/// Adds or changes users as an application tells of them in passing; no two may have the same id.
pub async fn identify(tx: &mut Tx, users: &[IdentifiedUser<'_>]) -> Result<(), Error> {
    if users.is_empty() {
        return Ok(());
    }
    let sql = identify_sql(tx.engine());
    let changed: Vec<(i64,)> = built_query(&mut *tx, sql).bind(json(users)?).fetch_all().await?;
    let ids: Vec<i64> = changed.into_iter().map(|(id,)| id).collect();
    wait_for_links(tx, &ids).await
}

/// Makes users older who are known from later events only, by their numbers.
pub async fn make_older(tx: &mut Tx, firsts: &[(i64, DateTime<Utc>)]) -> Result<(), Error> {
    for (id, at) in firsts {
        query(&mut *tx, MAKE_OLDER).bind(*at).bind(*id).execute().await?;
    }
    Ok(())
}

/// What stands in the place of a forgotten person's id: whoever has the id can tell that it was this one, nobody else
/// can. The function `forgotten_as` says the same on Postgres.
pub fn tombstone(salt: &str, external_id: &str) -> String {
    let digest = Sha256::digest(format!("{salt}{external_id}"));
    digest.iter().fold("erased:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// Takes from a user everything that says who it was; `external_id` is what remains in the id's place.
pub async fn erase(tx: &mut Tx, id: i64, external_id: &str, at: DateTime<Utc>) -> Result<(), Error> {
    // Somebody who was brought back past the tombstone has it twice; the earlier one becomes one of many.
    query(&mut *tx, MAKE_ROOM).bind(format!("{external_id}:{id}")).bind(external_id).execute().await?;
    query(&mut *tx, ERASE).bind(external_id).bind(at).bind(id).execute().await?;
    query(tx, LEAVE_LINKS).bind(id).execute().await?;
    Ok(())
}

/// Looks one user up by the id in the application.
pub async fn find_whole(tx: &mut Tx, external_id: &str) -> Result<Option<UserRow>, Error> {
    Ok(query(tx, FIND_WHOLE).bind(external_id).fetch_optional().await?)
}

/// Looks users up by their ids in the application.
pub async fn find(on: impl Into<Target<'_>>, external_ids: &[&str]) -> Result<Vec<KnownUser>, Error> {
    if external_ids.is_empty() {
        return Ok(Vec::new());
    }
    let on = on.into();
    let sql = find_sql(on.engine());
    Ok(built_query(on, sql).bind_texts(external_ids).fetch_all().await?)
}

/// Adds users whom events name, and makes those older who are known from later events only.
///
/// No two of them may have the same id. Returns the number and the application's id of those
/// that it wrote.
pub async fn see(tx: &mut Tx, users: &[SeenUser<'_>]) -> Result<Vec<(i64, String)>, Error> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let sql = see_sql(tx.engine());
    let seen: Vec<(i64, String)> = built_query(&mut *tx, sql).bind(json(users)?).fetch_all().await?;
    wait_for_links(tx, &seen.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
    Ok(seen)
}

/// Adds or changes users as the application tells them; no two may have the same id. Returns
/// how many changed.
pub async fn tell(tx: &mut Tx, users: &[ToldUser<'_>]) -> Result<u64, Error> {
    if users.is_empty() {
        return Ok(0);
    }
    let sql = tell_sql(tx.engine());
    let changed: Vec<(i64,)> = built_query(&mut *tx, sql).bind(json(users)?).fetch_all().await?;
    let ids: Vec<i64> = changed.into_iter().map(|(id,)| id).collect();
    wait_for_links(tx, &ids).await?;
    Ok(ids.len() as u64)
}

/// Takes users off the list of those whose payments and customers were not looked for since they came or
/// changed, and returns them, at most `most`.
///
/// Whoever changes one of them in the meantime puts it on the list again.
pub async fn take_unlinked(tx: &mut Tx, most: u32) -> Result<Vec<UserRow>, Error> {
    let sql = take_unlinked_sql(tx.engine());
    let taken: Vec<(i64,)> = built_query(&mut *tx, sql).bind(i64::from(most)).fetch_all().await?;
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let taken: Vec<Waiting> = taken.into_iter().map(|(user_id,)| Waiting { user_id }).collect();
    let sql = by_id_sql(tx.engine());
    Ok(built_query(tx, sql).bind(json(&taken)?).fetch_all().await?)
}

/// Whether [`take_unlinked`] would find any.
pub async fn any_unlinked(db: &Db) -> Result<bool, Error> {
    let (any,): (bool,) = query(db, ANY_UNLINKED).fetch_one().await?;
    Ok(any)
}

async fn wait_for_links(tx: &mut Tx, ids: &[i64]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let sql = wait_sql(tx.engine());
    let waiting: Vec<Waiting> = ids.iter().map(|id| Waiting { user_id: *id }).collect();
    built_query(tx, sql).bind(json(&waiting)?).execute().await?;
    Ok(())
}

/// A row of `users_to_link`.
#[derive(Serialize)]
struct Waiting {
    user_id: i64,
}

/// Who is being written right now is taken later, and waited for by nobody.
fn take_unlinked_sql(engine: Engine) -> String {
    let free = if engine == Engine::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
    format!(
        "DELETE FROM users_to_link WHERE user_id IN \
         (SELECT user_id FROM users_to_link ORDER BY user_id LIMIT $1{free}) RETURNING user_id"
    )
}

fn find_sql(engine: Engine) -> String {
    format!(
        "SELECT id, external_id, created_at, known_from_events FROM users WHERE {}",
        among(engine, "external_id", "$1")
    )
}

fn see_sql(engine: Engine) -> String {
    format!(
        "{}INSERT INTO users (external_id, created_at, known_from_events) \
         SELECT external_id, created_at, true FROM rows WHERE true ORDER BY external_id \
         ON CONFLICT (external_id) DO UPDATE SET created_at = excluded.created_at \
         WHERE users.known_from_events AND excluded.created_at < users.created_at RETURNING id, external_id",
        rows(engine, &[("external_id", Kind::Text), ("created_at", Kind::Time)])
    )
}

fn tell_sql(engine: Engine) -> String {
    let columns = [
        ("external_id", Kind::Text),
        ("email", Kind::Text),
        ("created_at", Kind::Time),
        ("is_admin", Kind::Bool),
    ];
    format!(
        "{}INSERT INTO users (external_id, email, created_at, is_admin, known_from_events) \
         SELECT external_id, email, created_at, is_admin, false FROM rows WHERE true ORDER BY external_id \
         ON CONFLICT (external_id) DO UPDATE SET email = COALESCE(excluded.email, users.email), \
         created_at = excluded.created_at, is_admin = excluded.is_admin, known_from_events = false \
         WHERE (users.email, users.created_at, users.is_admin, users.known_from_events) {} \
         (COALESCE(excluded.email, users.email), excluded.created_at, excluded.is_admin, false) RETURNING id",
        rows(engine, &columns),
        differs(engine)
    )
}

fn identify_sql(engine: Engine) -> String {
    let columns = [
        ("external_id", Kind::Text),
        ("email", Kind::Text),
        ("signed_up_at", Kind::Time),
        ("told_at", Kind::Time),
    ];
    // What the new row would say, in the words of the one that is there.
    let created_at = "CASE WHEN NOT excluded.known_from_events \
         OR users.known_from_events AND excluded.created_at < users.created_at \
         THEN excluded.created_at ELSE users.created_at END";
    let known_from_events = "(users.known_from_events AND excluded.known_from_events)";
    format!(
        "{}INSERT INTO users (external_id, email, created_at, is_admin, known_from_events) \
         SELECT external_id, email, COALESCE(signed_up_at, told_at), false, signed_up_at IS NULL \
         FROM rows WHERE true ORDER BY external_id \
         ON CONFLICT (external_id) DO UPDATE SET email = COALESCE(excluded.email, users.email), \
         created_at = {created_at}, known_from_events = {known_from_events} \
         WHERE (users.email, users.created_at, users.known_from_events) {} \
         (COALESCE(excluded.email, users.email), {created_at}, {known_from_events}) RETURNING id",
        rows(engine, &columns),
        differs(engine)
    )
}

/// A user who is on the list stays there, even if somebody is about to take it off: that one waits for us.
fn wait_sql(engine: Engine) -> String {
    format!(
        "{}INSERT INTO users_to_link (user_id) SELECT user_id FROM rows WHERE true ORDER BY user_id \
         ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id",
        rows(engine, &[("user_id", Kind::BigInt)])
    )
}

fn by_id_sql(engine: Engine) -> String {
    format!(
        "{}SELECT id, external_id, email, created_at FROM users WHERE id IN (SELECT user_id FROM rows)",
        rows(engine, &[("user_id", Kind::BigInt)])
    )
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    let made = [
        ("take_unlinked", take_unlinked_sql(engine)),
        ("find", find_sql(engine)),
        ("see", see_sql(engine)),
        ("tell", tell_sql(engine)),
        ("identify", identify_sql(engine)),
        ("wait", wait_sql(engine)),
        ("by_id", by_id_sql(engine)),
    ];
    made.map(|(name, sql)| (format!("users::{name}"), sql)).to_vec()
}

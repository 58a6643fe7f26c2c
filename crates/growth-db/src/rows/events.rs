//! Product events and the receipts of their messages.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};

use crate::engine::{Db, Engine, Query, Tx, built_query, query};
use crate::error::Error;
use crate::rows::{EventRow, ReceiptRow};
use crate::table::{Table as _, among_numbers, bind_rows, insert_new_sql, json, names, whole_rows};

statements! {
    ANY = "SELECT COUNT(*) > 0 AS known FROM (SELECT 1 FROM daily_event LIMIT 1) AS one";
    DELETE_BEFORE = "DELETE FROM events WHERE created_at < $1";
    FORGET_RECEIPTS = "DELETE FROM event_receipts WHERE received_at < $1";
    SALT = "SELECT salt FROM daily_salts WHERE day = $1";
    BEGIN_SALT = "INSERT INTO daily_salts (day, salt) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING";
    END_SALTS = "DELETE FROM daily_salts WHERE day < $1";
}

const POSTGRES_PROPERTIES_INDEX: &str = "SELECT EXISTS (SELECT FROM pg_indexes
    WHERE schemaname = current_schema() AND indexname = 'events_properties') AS there";
const POSTGRES_PARTITIONS: &str = "SELECT CAST(relname AS TEXT) AS name FROM pg_inherits
    JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = CAST('events' AS regclass)";

/// A look into the catalogue's tables, since `to_regclass` may remember how it was before the lock.
const POSTGRES_MISSING: &str =
    "SELECT wanted.name FROM json_array_elements_text(CAST($1 AS json)) AS wanted(name)
    WHERE NOT EXISTS (SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = CAST('events' AS regclass) AND relname = wanted.name)";
const POSTGRES_LOCK: &str = "SELECT 1::bigint FROM (SELECT pg_advisory_xact_lock(7160119473)) AS locked";

/// Tells whether there are figures that were made of events.
pub async fn any(tx: &mut Tx) -> Result<bool, Error> {
    let (known,) = query(tx, ANY).fetch_one().await?;
    Ok(known)
}

/// Writes receipts down; returns source and message id of those that were new.
pub async fn store_receipts(tx: &mut Tx, receipts: &[ReceiptRow]) -> Result<Vec<(String, String)>, Error> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let sql = store_receipts_sql(tx.engine());
    Ok(bind_rows(built_query(tx, sql), receipts)?.fetch_all().await?)
}

/// What tells events apart: the user, the time, and a number.
pub type EventKey = (i64, DateTime<Utc>, i64);

/// Stores events whose key is new; returns the keys of those that were there before.
///
/// Postgres needs [`make_partitions`] for their months first. It is first asked to store them as if all were new, which
/// is a quarter less work for it than to look for each first, and undone where one is not.
pub async fn store(tx: &mut Tx, events: &[EventRow]) -> Result<HashSet<EventKey>, Error> {
    if events.is_empty() {
        return Ok(HashSet::new());
    }
    if tx.engine() == Engine::Postgres && events.len() >= AS_IF_NEW {
        query(&mut *tx, SAVEPOINT).execute().await?;
        let stored = bind_rows(built_query(&mut *tx, store_as_new_sql()), events)?.execute().await;
        match stored {
            Ok(_) => {
                query(tx, RELEASE).execute().await?;
                return Ok(HashSet::new());
            }
            Err(error)
                if error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) =>
            {
                query(&mut *tx, UNDO).execute().await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut known: HashSet<EventKey> =
        events.iter().map(|event| (event.user_id, event.created_at, event.id)).collect();
    let stored: Vec<EventKey> = match tx.engine() {
        Engine::Postgres => {
            bind_rows(built_query(tx, store_sql(Engine::Postgres)), events)?.fetch_all().await?
        }
        Engine::Sqlite => store_embedded(tx, events).await?,
    };
    for key in stored {
        known.remove(&key);
    }
    Ok(known)
}

/// How many rows one statement of SQLite's has, which takes 32,766 values at most.
const EMBEDDED_ROWS: usize = 500;

/// Binds values one by one: for rows as wide and as many as these, SQLite takes longer to read them out of JSON.
async fn store_embedded(tx: &mut Tx, events: &[EventRow]) -> Result<Vec<EventKey>, Error> {
    let mut stored = Vec::with_capacity(events.len());
    for some in events.chunks(EMBEDDED_ROWS) {
        let mut query = built_query(&mut *tx, store_embedded_sql(some.len()));
        for event in some {
            query = query
                .bind(event.user_id)
                .bind(event.created_at)
                .bind(event.id)
                .bind(&event.event_name)
                .bind(&event.event_category)
                .bind(&event.app_name)
                .bind(&event.session_id)
                .bind(&event.properties)
                .bind(event.duration_ms)
                .bind(&event.status)
                .bind(&event.error_message)
                .bind(&event.ip_hash)
                .bind(&event.user_agent)
                .bind(&event.referrer)
                .bind(event.active)
                .bind(&event.ip);
        }
        stored.extend(query.fetch_all::<EventKey>().await?);
    }
    Ok(stored)
}

fn store_embedded_sql(rows: usize) -> String {
    // Each `$1` has a name, which SQLite looks for among all others.
    let row = format!("({})", vec!["?"; EventRow::COLUMNS.len()].join(", "));
    format!(
        "INSERT INTO events ({}) VALUES {} ON CONFLICT (user_id, created_at, id) DO NOTHING RETURNING user_id, created_at, id",
        names::<EventRow>(),
        vec![row; rows].join(", ")
    )
}

/// For fewer, an attempt that may have to be undone is not worth two statements more.
const AS_IF_NEW: usize = 200;
const SAVEPOINT: &str = "SAVEPOINT as_if_new";
const RELEASE: &str = "RELEASE SAVEPOINT as_if_new";
const UNDO: &str = "ROLLBACK TO SAVEPOINT as_if_new";

fn store_receipts_sql(engine: Engine) -> String {
    insert_new_sql::<ReceiptRow>(engine) + " RETURNING source, message_id"
}

fn store_as_new_sql() -> String {
    let engine = Engine::Postgres;
    let (rows, names) = (whole_rows::<EventRow>(engine), names::<EventRow>());
    format!("{rows}INSERT INTO events ({names}) SELECT {names} FROM rows ORDER BY user_id, created_at, id")
}

fn store_sql(engine: Engine) -> String {
    insert_new_sql::<EventRow>(engine) + " RETURNING user_id, created_at, id"
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    vec![
        ("events::store_receipts".to_owned(), store_receipts_sql(engine)),
        ("events::store".to_owned(), store_sql(engine)),
        ("events::delete_of".to_owned(), delete_of_sql(engine)),
        ("events::give".to_owned(), give_sql()),
        ("events::read of".to_owned(), of_users_sql(engine)),
        ("events::count before".to_owned(), count_sql(engine, Which::Before(DateTime::UNIX_EPOCH))),
    ]
}

/// The part of a raw event that its rollups are made of.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CountedRow {
    /// `users.id`, 0 for none, negative for a visitor.
    pub user_id: i64,
    /// When it happened.
    pub created_at: DateTime<Utc>,
    /// What reading goes on after: the number that tells events of one user in the same microsecond apart, or the row's
    /// place in the table.
    pub id: i64,
    /// A name of the catalogue, or a custom one.
    pub event_name: String,
    /// The application.
    pub app_name: String,
    /// `success`, `failed` or `pending`.
    pub status: String,
    /// Milliseconds.
    pub duration_ms: Option<i64>,
    /// Whether it shows that the user is there.
    pub active: bool,
    /// The property `contacts`, as JSON.
    pub contacts: Option<String>,
}

/// Which raw events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// All of them.
    All,
    /// Those that happened before an instant.
    Before(DateTime<Utc>),
    /// Those of some users.
    Of(&'a [i64]),
}

/// Reads raw events piece by piece: those of users in the order of their keys, others as they are stored, since to look
/// each up by its key would read the whole table once for a few users.
///
/// On Postgres it is to be read to its end, or no partition can be dropped in the same transaction.
#[derive(Debug)]
pub struct Pieces<'a> {
    which: Which<'a>,
    most: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    Begin,
    After(EventKey),
    End,
}

impl<'a> Pieces<'a> {
    /// Begins before the first one; a piece has `most` events, the last one fewer.
    pub fn new(which: Which<'a>, most: u32) -> Self {
        Self { which, most, state: State::Begin }
    }

    /// Reads the next events; none where there are none left.
    pub async fn next(&mut self, tx: &mut Tx) -> Result<Vec<CountedRow>, Error> {
        let after = match self.state {
            State::Begin => (i64::MIN, DateTime::UNIX_EPOCH, i64::MIN),
            State::After(key) => key,
            State::End => return Ok(Vec::new()),
        };
        let rows: Vec<CountedRow> = match (self.which, tx.engine()) {
            (Which::Of(users), engine) => {
                let (user, at, id) = after;
                let query = built_query(&mut *tx, of_users_sql(engine)).bind(user).bind(at).bind(id);
                query.bind(i64::from(self.most)).bind_numbers(users).fetch_all().await?
            }
            (which, Engine::Sqlite) => {
                let query = built_query(&mut *tx, stored_sql(Engine::Sqlite, which)).bind(after.2);
                bind_which(query.bind(i64::from(self.most)), which).fetch_all().await?
            }
            (which, Engine::Postgres) => {
                if matches!(self.state, State::Begin) {
                    let rows = stored_sql(Engine::Postgres, which);
                    let begin = format!("DECLARE raw_events NO SCROLL CURSOR FOR {rows}");
                    bind_which(built_query(&mut *tx, begin), which).execute().await?;
                }
                built_query(&mut *tx, format!("FETCH {} FROM raw_events", self.most)).fetch_all().await?
            }
        };
        self.state = match rows.last() {
            Some(last) if rows.len() >= self.most as usize => {
                State::After((last.user_id, last.created_at, last.id))
            }
            _ => State::End,
        };
        let by_cursor = tx.engine() == Engine::Postgres && !matches!(self.which, Which::Of(_));
        if by_cursor && matches!(self.state, State::End) {
            query(tx, "CLOSE raw_events").execute().await?;
        }
        Ok(rows)
    }
}

/// Binds what [`which_sql`] names.
fn bind_which<'c>(query: Query<'c>, which: Which<'_>) -> Query<'c> {
    match which {
        Which::All => query,
        Which::Before(end) => query.bind(end),
        Which::Of(users) => query.bind_numbers(users),
    }
}

/// How many raw events there are.
pub async fn count(tx: &mut Tx, which: Which<'_>) -> Result<u64, Error> {
    let sql = count_sql(tx.engine(), which);
    let (n,): (i64,) = bind_which(built_query(tx, sql), which).fetch_one().await?;
    Ok(u64::try_from(n).unwrap_or_default())
}

/// Deletes the raw events of some users; returns how many there were.
pub async fn delete_of(tx: &mut Tx, users: &[i64]) -> Result<u64, Error> {
    let sql = delete_of_sql(tx.engine());
    Ok(built_query(tx, sql).bind_numbers(users).execute().await?)
}

/// Makes the events of one user those of another. What is distributed by user cannot be updated, only written anew.
pub async fn give(tx: &mut Tx, from: i64, to: i64) -> Result<(), Error> {
    built_query(&mut *tx, give_sql()).bind(to).bind(from).execute().await?;
    delete_of(tx, &[from]).await?;
    Ok(())
}

/// Deletes the raw events that happened before the first day of a UTC month; on Postgres whole partitions are dropped.
pub async fn delete_before(tx: &mut Tx, month: NaiveDate) -> Result<(), Error> {
    if tx.engine() == Engine::Sqlite {
        let start = month.and_time(chrono::NaiveTime::MIN).and_utc();
        query(tx, DELETE_BEFORE).bind(start).execute().await?;
        return Ok(());
    }
    let names: Vec<(String,)> = query(&mut *tx, POSTGRES_PARTITIONS).fetch_all().await?;
    for (name,) in names.into_iter().filter(|(name,)| name.starts_with("events_") && *name < partition(month))
    {
        built_query(&mut *tx, format!("DROP TABLE {name}")).execute().await?;
    }
    Ok(())
}

/// Forgets receipts that are older than any retry.
pub async fn forget_receipts(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    Ok(query(tx, FORGET_RECEIPTS).bind(before).execute().await?)
}

/// Forgets the salts of days before one.
pub async fn forget_salts(tx: &mut Tx, before: NaiveDate) -> Result<u64, Error> {
    Ok(query(tx, END_SALTS).bind(before).execute().await?)
}

/// Gives what addresses of a day are hashed with, which is `fresh` where nobody has begun the day.
///
/// The salts of earlier days go: nobody can tell then whose address a hash was.
pub async fn daily_salt(tx: &mut Tx, day: NaiveDate, fresh: &str) -> Result<String, Error> {
    if let Some((salt,)) = query(&mut *tx, SALT).bind(day).fetch_optional().await? {
        return Ok(salt);
    }
    query(&mut *tx, BEGIN_SALT).bind(day).bind(fresh).execute().await?;
    // A server whose clock is a little behind may still be in the day before.
    query(&mut *tx, END_SALTS).bind(day - Days::new(1)).execute().await?;
    let (salt,) = query(tx, SALT).bind(day).fetch_one().await?;
    Ok(salt)
}

/// Where the rows of `which` are, from the placeholder `$n` on.
fn which_sql(engine: Engine, which: Which<'_>, n: u8) -> String {
    match which {
        Which::All => "true".to_owned(),
        Which::Before(_) => format!("created_at < ${n}"),
        Which::Of(_) => among_numbers(engine, "user_id", &format!("${n}")),
    }
}

/// What of an event is counted; `id` is what stands for its place.
fn counted_sql(engine: Engine, id: &str) -> String {
    let contacts = match engine {
        Engine::Sqlite => "properties -> '$.contacts'",
        Engine::Postgres => "CAST(properties -> 'contacts' AS TEXT)",
    };
    format!(
        "SELECT user_id, created_at, {id} AS id, event_name, app_name, status, duration_ms, active, \
         {contacts} AS contacts FROM events"
    )
}

/// Events of the users `$5` in the order of their keys, at most `$4` after the key `($1, $2, $3)`.
fn of_users_sql(engine: Engine) -> String {
    format!(
        "{} WHERE (user_id, created_at, id) > ($1, $2, $3) AND {} ORDER BY user_id, created_at, id LIMIT $4",
        counted_sql(engine, "id"),
        which_sql(engine, Which::Of(&[]), 5)
    )
}

/// Events as they are stored: on SQLite at most `$2` after the place `$1`, on Postgres all of them, for a cursor.
fn stored_sql(engine: Engine, which: Which<'_>) -> String {
    match engine {
        // The plus keeps SQLite from an index that leads elsewhere.
        Engine::Sqlite => format!(
            "{} WHERE rowid > $1 AND +{} ORDER BY rowid LIMIT $2",
            counted_sql(engine, "rowid"),
            which_sql(engine, which, 3)
        ),
        Engine::Postgres => format!("{} WHERE {}", counted_sql(engine, "id"), which_sql(engine, which, 1)),
    }
}

fn count_sql(engine: Engine, which: Which<'_>) -> String {
    format!("SELECT COUNT(*) AS n FROM events WHERE {}", which_sql(engine, which, 1))
}

fn delete_of_sql(engine: Engine) -> String {
    format!("DELETE FROM events WHERE {}", among_numbers(engine, "user_id", "$1"))
}

fn give_sql() -> String {
    let rest = names::<EventRow>().replace("user_id, created_at, id, ", "");
    // Both were counted, so both stay: numbers are never below 0 otherwise.
    format!(
        "INSERT INTO events (user_id, created_at, id, {rest}) SELECT CAST($1 AS BIGINT), created_at, \
         CASE WHEN EXISTS (SELECT 1 FROM events AS own WHERE own.user_id = $1 AND own.created_at = events.created_at \
         AND own.id = events.id) THEN -id ELSE id END, {rest} FROM events WHERE user_id = $2 \
         ON CONFLICT (user_id, created_at, id) DO NOTHING"
    )
}

/// Makes sure that Postgres has a place for the events of these UTC months.
///
/// It has a transaction of its own: one that has written would wait for writers that wait for it.
/// Safe to run in many processes at once; nobody who reads or writes events has to wait for it.
pub async fn make_partitions(db: &Db, months: &BTreeSet<NaiveDate>) -> Result<(), Error> {
    if db.engine() == Engine::Sqlite {
        return Ok(());
    }
    let partitions: Vec<(String, NaiveDate)> =
        months.iter().map(|month| (partition(*month), *month)).collect();
    let names = json(&partitions.iter().map(|(name, _)| name).collect::<Vec<_>>())?;
    if query(db, POSTGRES_MISSING).bind(&names).fetch_all::<(String,)>().await?.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    query(&mut tx, POSTGRES_LOCK).fetch_one::<(i64,)>().await?;
    let missing: BTreeSet<String> = query(&mut tx, POSTGRES_MISSING)
        .bind(&names)
        .fetch_all()
        .await?
        .into_iter()
        .map(|(name,)| name)
        .collect();
    for (name, month) in partitions.iter().filter(|(name, _)| missing.contains(name)) {
        // `CREATE TABLE … PARTITION OF` would lock everybody out of `events`, attaching does not.
        built_query(&mut tx, format!("CREATE TABLE {name} (LIKE events INCLUDING DEFAULTS)"))
            .execute()
            .await?;
        // The policies of `events` do not hold for who asks a partition itself: that is for the owner alone.
        built_query(&mut tx, format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")).execute().await?;
        built_query(&mut tx, attach_sql(name, *month)).execute().await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Makes an index on the properties of events on Postgres, where it is missing; returns whether it was made.
///
/// Nothing of the product reads it, and it costs more than all other indexes together.
pub async fn make_properties_index(db: &Db) -> Result<bool, Error> {
    if db.engine() == Engine::Sqlite {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    query(&mut tx, POSTGRES_LOCK).fetch_one::<(i64,)>().await?;
    let (there,): (bool,) = query(&mut tx, POSTGRES_PROPERTIES_INDEX).fetch_one().await?;
    if !there {
        let sql = "CREATE INDEX events_properties ON events USING gin (properties jsonb_path_ops)";
        query(&mut tx, sql).execute().await?;
    }
    tx.commit().await?;
    Ok(!there)
}

/// For how many months after this one there is a place for events.
pub const MONTHS_AHEAD: u32 = 2;

/// The first day of an instant's UTC month, and those of as many months after it.
pub fn months_from(at: DateTime<Utc>, more: u32) -> BTreeSet<NaiveDate> {
    let first = at.date_naive().with_day(1).unwrap_or_default();
    (0..=more).filter_map(|n| first.checked_add_months(Months::new(n))).collect()
}

fn partition(month: NaiveDate) -> String {
    month.format("events_%Y_%m").to_string()
}

fn attach_sql(name: &str, month: NaiveDate) -> String {
    let first = month.with_day(1).unwrap_or(month);
    let next = first + Months::new(1);
    format!(
        "ALTER TABLE events ATTACH PARTITION {name} \
         FOR VALUES FROM ('{first}T00:00:00Z') TO ('{next}T00:00:00Z')"
    )
}

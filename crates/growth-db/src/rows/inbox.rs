//! Stripe's events as they came.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use growth_domain::stamp::Scope;
use serde::Serialize;

use crate::engine::{Db, Engine, Query, Target, Tx, built_query, query};
use crate::error::Error;
use crate::table::{self, Kind};

table! {
    /// An event of the raw inbox.
    pub struct StripeEventRow: "stripe_events" ("account", "livemode", "id") {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// Stripe's event id, or one made for an object that came without an event.
        id: String,
        /// The event's type, or the object's kind.
        event_type: String,
        /// Stripe's time, or the time the object was read.
        created: DateTime<Utc>,
        /// The API version of the payload.
        api_version: Option<String>,
        /// `webhook`, `events_api`, `api` or `file`.
        source: String,
        /// When it arrived.
        received_at: DateTime<Utc>,
        /// See [`EventState`].
        state: String,
        /// How often it was tried to apply it, or came again after that had failed.
        attempts: i64,
        /// Why it failed.
        last_error: Option<String>,
        /// The event as it was sent.
        payload: String,
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventState {
    /// Stored, not yet applied.
    Pending,
    /// Its facts are in the tables.
    Applied,
    /// It could not be read or applied; kept with its error.
    Failed,
    /// Of a type that no figure needs; kept.
    Ignored,
}

impl EventState {
    /// The text in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
        }
    }
}

/// What names an event: account, livemode, id.
pub type EventKey = (String, bool, String);

statements! {
    ANY_PENDING = "SELECT EXISTS (SELECT 1 FROM stripe_events WHERE state = 'pending') AS any_pending";
    IS_STORED = "SELECT EXISTS (SELECT 1 FROM stripe_events WHERE account = $1 AND livemode = $2 AND payload = $3
        AND (id = $4 OR id LIKE $5)) AS is_stored";
    REPLACE_PAYLOAD = "UPDATE stripe_events SET payload = $1 WHERE account = $2 AND livemode = $3 AND id = $4";
    WAITING = "SELECT COUNT(*) AS n, MIN(received_at) AS oldest FROM stripe_events WHERE state = 'pending'";
}

/// Stores events whose key is new, in one statement that is a transaction of its own; several may have one key.
///
/// Returns the keys of those that were stored. It does not wait for whoever applies an earlier copy. On a [`Target::Db`] of the
/// embedded engine it fails: that one only reads.
pub async fn receive(on: impl Into<Target<'_>>, events: &[StripeEventRow]) -> Result<Vec<EventKey>, Error> {
    insert(on.into(), RECEIVE_TAIL, events).await
}

/// Gives events that could not be read another chance, each with its new text; returns the keys of those.
pub async fn try_again(on: impl Into<Target<'_>>, events: &[StripeEventRow]) -> Result<Vec<EventKey>, Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let on = on.into();
    let sql = try_again_sql(on.engine());
    Ok(table::bind_rows(built_query(on, sql), events)?.fetch_all().await?)
}

/// Stores events whose key is new, whose row is [`EventState::Failed`], or whose row is [`EventState::Pending`]
/// while they have not failed themselves; no two of them may have the same key.
///
/// Returns the keys of those that were stored.
pub async fn store(tx: &mut Tx, events: &[StripeEventRow]) -> Result<Vec<EventKey>, Error> {
    insert(Target::Tx(tx), STORE_TAIL, events).await
}

/// The events that wait longest, in the order in which they came: at most `most` of them, and no more than about
/// `bytes` of text unless one alone is larger.
pub async fn pending(
    on: impl Into<Target<'_>>,
    most: usize,
    bytes: usize,
) -> Result<Vec<StripeEventRow>, Error> {
    let sql = pending_sql();
    Ok(built_query(on, sql).bind(bound(most)).bind(bound(bytes)).fetch_all().await?)
}

/// Those of the ids that are stored.
pub async fn known_ids(tx: &mut Tx, scope: &Scope, ids: Vec<String>) -> Result<BTreeSet<String>, Error> {
    let sql = known_ids_sql(tx.engine());
    let query = built_query(tx, sql).bind_texts(&ids).bind(&scope.account).bind(scope.livemode);
    let known: Vec<(String,)> = query.fetch_all().await?;
    Ok(known.into_iter().map(|(id,)| id).collect())
}

/// Whether the payload of a row is stored already under an id, or under that id and `#…`.
pub async fn is_stored(tx: &mut Tx, row: &StripeEventRow, id: &str) -> Result<bool, Error> {
    let query = query(tx, IS_STORED).bind(&row.account).bind(row.livemode).bind(&row.payload);
    let (any,): (bool,) = query.bind(id).bind(format!("{id}#%")).fetch_one().await?;
    Ok(any)
}

/// Whether any event waits.
pub async fn any_pending(db: &Db) -> Result<bool, Error> {
    let (any,): (bool,) = query(db, ANY_PENDING).fetch_one().await?;
    Ok(any)
}

/// How many events wait, and since when the oldest of them does.
pub async fn waiting(db: &Db) -> Result<(u64, Option<DateTime<Utc>>), Error> {
    let (n, oldest): (i64, Option<DateTime<Utc>>) = query(db, WAITING).fetch_one().await?;
    Ok((u64::try_from(n).unwrap_or_default(), oldest))
}

/// Which stored events are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those in one of these states; all where there is none.
    pub states: Vec<EventState>,
    /// Those that came at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Those of this type; all where there is none.
    pub event_types: Vec<String>,
}

/// How many events are meant by a filter.
pub async fn count(db: &Db, filter: &Filter) -> Result<u64, Error> {
    let query = filter.bind(built_query(db, count_sql(db.engine())));
    let (n,): (i64,) = query.fetch_one().await?;
    Ok(u64::try_from(n).unwrap_or_default())
}

/// The events meant by a filter that come after `after` in the order of their keys, as many as [`pending`] gives.
pub async fn stored(
    on: impl Into<Target<'_>>,
    filter: &Filter,
    after: &EventKey,
    most: usize,
    bytes: usize,
) -> Result<Vec<StripeEventRow>, Error> {
    let on = on.into();
    let sql = stored_sql(on.engine());
    let query = filter.bind(built_query(on, sql)).bind(&after.0).bind(after.1).bind(&after.2);
    Ok(query.bind(bound(most)).bind(bound(bytes)).fetch_all().await?)
}

/// What became of an event that was applied or tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// See [`StripeEventRow::account`].
    pub account: String,
    /// See [`StripeEventRow::livemode`].
    pub livemode: bool,
    /// See [`StripeEventRow::id`].
    pub id: String,
    /// See [`StripeEventRow::attempts`], as it was when the event was read.
    pub attempts: i64,
    /// The text of an [`EventState`].
    pub state: &'static str,
    /// Why it failed.
    pub last_error: Option<String>,
}

/// Writes what became of events; no two of them may have the same key. One of which another copy came meanwhile is
/// left alone, and waits for its turn.
pub async fn settle(tx: &mut Tx, settled: &[Settled]) -> Result<(), Error> {
    if settled.is_empty() {
        return Ok(());
    }
    let sql = settle_sql(tx.engine());
    built_query(tx, sql).bind(table::json(settled)?).execute().await?;
    Ok(())
}

async fn insert(
    target: Target<'_>,
    tail: &'static str,
    events: &[StripeEventRow],
) -> Result<Vec<EventKey>, Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let sql = insert_sql(target.engine(), tail);
    Ok(table::bind_rows(built_query(target, sql), events)?.fetch_all().await?)
}

fn bound(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl Filter {
    fn bind<'c>(&self, query: Query<'c>) -> Query<'c> {
        let all = [EventState::Pending, EventState::Applied, EventState::Failed, EventState::Ignored];
        let states = if self.states.is_empty() { &all[..] } else { &self.states };
        let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
        let since = self.since.unwrap_or(DateTime::UNIX_EPOCH);
        query.bind_texts(&states).bind(since).bind(self.event_types.is_empty()).bind_texts(&self.event_types)
    }
}

/// What is written at once leaves every other row alone: to look at its state would wait for whoever applies it.
const RECEIVE_TAIL: &str = "(account, livemode, id) DO NOTHING RETURNING account, livemode, id";

/// A failed event is repaired by another copy of it. One that waits may as well be applied now, but no broken copy
/// takes its place.
const STORE_TAIL: &str = "(account, livemode, id) DO UPDATE SET \
    event_type = excluded.event_type, created = excluded.created, api_version = excluded.api_version, \
    source = excluded.source, received_at = excluded.received_at, state = excluded.state, \
    attempts = stripe_events.attempts + 1, last_error = excluded.last_error, payload = excluded.payload \
    WHERE stripe_events.state = 'failed' OR (stripe_events.state = 'pending' AND excluded.state <> 'failed') RETURNING account, livemode, id";

fn insert_sql(engine: Engine, tail: &str) -> String {
    table::insert_sql::<StripeEventRow>(engine) + tail
}

fn try_again_sql(engine: Engine) -> String {
    format!(
        "{}UPDATE stripe_events SET state = 'pending', attempts = stripe_events.attempts + 1, api_version = rows.api_version, source = rows.source, \
         received_at = rows.received_at, payload = rows.payload FROM rows \
         WHERE stripe_events.account = rows.account AND stripe_events.livemode = rows.livemode \
         AND stripe_events.id = rows.id AND stripe_events.state = 'failed' \
         RETURNING stripe_events.account, stripe_events.livemode, stripe_events.id",
        table::whole_rows::<StripeEventRow>(engine)
    )
}

/// Of the first `$n` events of `found`, those that begin within `$n + 1` bytes.
fn within_bytes(found: &str, order: &str, n: usize) -> String {
    let (names, bytes) = (table::names::<StripeEventRow>(), n + 1);
    format!(
        "SELECT {names} FROM (SELECT {names}, octet_length(payload) AS size, \
         SUM(octet_length(payload)) OVER (ORDER BY {order}) AS upto \
         FROM (SELECT {names} FROM stripe_events WHERE {found} ORDER BY {order} LIMIT ${n}) AS found) AS sized \
         WHERE upto - size < ${bytes} ORDER BY {order}"
    )
}

fn pending_sql() -> String {
    within_bytes("state = 'pending'", "received_at, account, livemode, id", 1)
}

fn known_ids_sql(engine: Engine) -> String {
    let among = table::among(engine, "id", "$1");
    format!("SELECT id FROM stripe_events WHERE account = $2 AND livemode = $3 AND {among}")
}

fn filter_sql(engine: Engine) -> String {
    let (states, types) = (table::among(engine, "state", "$1"), table::among(engine, "event_type", "$4"));
    format!("{states} AND received_at >= $2 AND ($3 OR {types})")
}

fn count_sql(engine: Engine) -> String {
    format!("SELECT COUNT(*) AS n FROM stripe_events WHERE {}", filter_sql(engine))
}

fn stored_sql(engine: Engine) -> String {
    let found = format!("{} AND (account, livemode, id) > ($5, $6, $7)", filter_sql(engine));
    within_bytes(&found, "account, livemode, id", 8)
}

fn settle_sql(engine: Engine) -> String {
    let columns = [
        ("account", Kind::Text),
        ("livemode", Kind::Bool),
        ("id", Kind::Text),
        ("attempts", Kind::BigInt),
        ("state", Kind::Text),
        ("last_error", Kind::Text),
    ];
    format!(
        "{}UPDATE stripe_events SET state = rows.state, last_error = rows.last_error, \
         attempts = stripe_events.attempts + 1 FROM rows WHERE stripe_events.account = rows.account \
         AND stripe_events.livemode = rows.livemode AND stripe_events.id = rows.id \
         AND stripe_events.attempts = rows.attempts",
        table::rows(engine, &columns)
    )
}

/// The stored documents in which a text occurs, whatever the case of its letters and whatever it is part of.
pub async fn mentioning(tx: &mut Tx, text: &str) -> Result<Vec<(EventKey, String)>, Error> {
    let sql = mentioning_sql(tx.engine());
    let found: Vec<(String, bool, String, String)> =
        built_query(tx, sql).bind(text.to_lowercase()).fetch_all().await?;
    Ok(found.into_iter().map(|(account, livemode, id, payload)| ((account, livemode, id), payload)).collect())
}

/// Puts another text in the place of a stored document.
pub async fn replace_payload(tx: &mut Tx, key: &EventKey, payload: &str) -> Result<(), Error> {
    let (account, livemode, id) = key;
    query(tx, REPLACE_PAYLOAD).bind(payload).bind(account).bind(*livemode).bind(id).execute().await?;
    Ok(())
}

fn mentioning_sql(engine: Engine) -> String {
    let position = match engine {
        Engine::Sqlite => "instr(lower(payload), $1)",
        Engine::Postgres => "strpos(lower(payload), $1)",
    };
    format!("SELECT account, livemode, id, payload FROM stripe_events WHERE {position} > 0")
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    let made = [
        ("store", insert_sql(engine, STORE_TAIL)),
        ("receive", insert_sql(engine, RECEIVE_TAIL)),
        ("try_again", try_again_sql(engine)),
        ("pending", pending_sql()),
        ("known_ids", known_ids_sql(engine)),
        ("count", count_sql(engine)),
        ("stored", stored_sql(engine)),
        ("settle", settle_sql(engine)),
        ("mentioning", mentioning_sql(engine)),
    ];
    made.map(|(name, sql)| (format!("stripe_events::{name}"), sql)).to_vec()
}

//! Stripe's events as they came.

use crate::engine::{Engine, Tx, built_query};
use crate::error::Error;
use crate::table::{self, Table};
use chrono::{DateTime, Utc};

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
        /// `webhook`, `events_api` or `file`.
        source: String,
        /// When it arrived.
        received_at: DateTime<Utc>,
        /// See [`EventState`].
        state: String,
        /// How often it was tried.
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
    /// It could not be read; kept with its error.
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

/// Stores events whose key is new or whose row is [`EventState::Failed`]; no two of them may have the same key.
///
/// Returns the keys (account, livemode, id) of those that were stored.
pub async fn store(tx: &mut Tx, events: &[StripeEventRow]) -> Result<Vec<(String, bool, String)>, Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let sql = store_sql(tx.engine());
    let mut bound = built_query(&mut *tx, sql);
    bound = match bound.engine() {
        Engine::Sqlite => bound.bind(table::json(events)?),
        Engine::Postgres => bind_arrays(bound, events),
    };
    Ok(bound.fetch_all().await?)
}

/// Concurrent writers that take keys in one order never wait for each other in a circle.
const STORE_ORDER: &str = "ORDER BY account, livemode, id";

/// A failed event is repaired by another copy of it; any other is never written again.
const STORE_TAIL: &str = "ON CONFLICT (account, livemode, id) DO UPDATE SET \
    event_type = excluded.event_type, created = excluded.created, api_version = excluded.api_version, \
    source = excluded.source, received_at = excluded.received_at, state = excluded.state, \
    attempts = stripe_events.attempts + 1, last_error = excluded.last_error, payload = excluded.payload \
    WHERE stripe_events.state = 'failed' RETURNING account, livemode, id";

/// The two forms of the one hot insert: arrays are the fastest way into Postgres, where payloads
/// would otherwise be escaped into JSON and out again.
fn store_sql(engine: Engine) -> String {
    let names = StripeEventRow::COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    match engine {
        Engine::Sqlite => format!(
            "{}INSERT INTO stripe_events ({names}) SELECT {names} FROM rows WHERE true {STORE_ORDER} {STORE_TAIL}",
            table::rows(engine, StripeEventRow::COLUMNS)
        ),
        Engine::Postgres => format!(
            "INSERT INTO stripe_events ({names}) SELECT {names} FROM UNNEST(\
             $1::text[], $2::bool[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], \
             $8::timestamptz[], $9::text[], $10::bigint[], $11::text[], $12::text[]) AS given({names}) \
             {STORE_ORDER} {STORE_TAIL}"
        ),
    }
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    vec![("stripe_events::store".to_owned(), store_sql(engine))]
}

fn bind_arrays<'c>(query: crate::Query<'c>, events: &[StripeEventRow]) -> crate::Query<'c> {
    fn column<'a, T>(events: &'a [StripeEventRow], of: impl Fn(&'a StripeEventRow) -> T) -> Vec<T> {
        events.iter().map(of).collect()
    }
    query
        .bind_postgres(column(events, |e| e.account.as_str()))
        .bind_postgres(column(events, |e| e.livemode))
        .bind_postgres(column(events, |e| e.id.as_str()))
        .bind_postgres(column(events, |e| e.event_type.as_str()))
        .bind_postgres(column(events, |e| e.created))
        .bind_postgres(column(events, |e| e.api_version.as_deref()))
        .bind_postgres(column(events, |e| e.source.as_str()))
        .bind_postgres(column(events, |e| e.received_at))
        .bind_postgres(column(events, |e| e.state.as_str()))
        .bind_postgres(column(events, |e| e.attempts))
        .bind_postgres(column(events, |e| e.last_error.as_deref()))
        .bind_postgres(column(events, |e| e.payload.as_str()))
}

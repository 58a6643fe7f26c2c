//! Backfills, and which part of which list each of them has read.

use chrono::{DateTime, Utc};

use crate::engine::{Db, Engine, Tx, built_query, query};
use crate::error::Error;
use crate::table::differs;

table! {
    /// A backfill.
    pub struct BackfillRunRow: "backfill_runs" ("account", "livemode", "started_at") {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// When it began.
        started_at: DateTime<Utc>,
        /// The beginning of what it reads.
        from_at: DateTime<Utc>,
        /// The end of what it reads.
        until_at: DateTime<Utc>,
        /// When everything was read.
        finished_at: Option<DateTime<Utc>>,
    }
}

table! {
    /// A part of a list, from one second to another.
    pub struct BackfillSliceRow: "backfill_slices" ("account", "livemode", "started_at", "list", "number") {
        /// The connected account, empty for the own one.
        account: String,
        /// Live or test mode.
        livemode: bool,
        /// The backfill's [`BackfillRunRow::started_at`].
        started_at: DateTime<Utc>,
        /// The list's name.
        list: String,
        /// Its number in the list.
        number: i64,
        /// The first second of it.
        from_at: DateTime<Utc>,
        /// The last second of it.
        until_at: DateTime<Utc>,
        /// The last object of it that was stored.
        after_id: Option<String>,
        /// When that object was created.
        after_at: Option<DateTime<Utc>>,
        /// Whether all of it was read.
        done: bool,
    }
}

statements! {
    UNFINISHED = "SELECT account, livemode, started_at, from_at, until_at, finished_at FROM backfill_runs \
        WHERE account = $1 AND livemode = $2 AND finished_at IS NULL ORDER BY started_at DESC LIMIT 1";
    SLICES = "SELECT account, livemode, started_at, list, number, from_at, until_at, after_id, after_at, done \
        FROM backfill_slices WHERE account = $1 AND livemode = $2 AND started_at = $3 ORDER BY list, number";
    FORGET_SLICES = "DELETE FROM backfill_slices WHERE account = $1 AND livemode = $2";
    FORGET_RUN = "DELETE FROM backfill_runs WHERE account = $1 AND livemode = $2 AND finished_at IS NULL";
}

/// The backfill of an account that was begun last and is not finished.
pub async fn unfinished(db: &Db, account: &str, livemode: bool) -> Result<Option<BackfillRunRow>, Error> {
    Ok(query(db, UNFINISHED).bind(account).bind(livemode).fetch_optional().await?)
}

/// The slices of a backfill.
pub async fn slices(db: &Db, run: &BackfillRunRow) -> Result<Vec<BackfillSliceRow>, Error> {
    let query = query(db, SLICES).bind(&run.account).bind(run.livemode).bind(run.started_at);
    Ok(query.fetch_all().await?)
}

/// Forgets what backfills of an account are not finished, and every slice of finished ones.
pub async fn forget(tx: &mut Tx, account: &str, livemode: bool) -> Result<(), Error> {
    for sql in [FORGET_SLICES, FORGET_RUN] {
        query(&mut *tx, sql).bind(account).bind(livemode).execute().await?;
    }
    Ok(())
}

/// Moves a slice on, where it still is at the place `from`; tells whether it was.
pub async fn advance(tx: &mut Tx, slice: &BackfillSliceRow, from: Option<&str>) -> Result<bool, Error> {
    let sql = advance_sql(tx.engine());
    let query = built_query(tx, sql).bind(slice.from_at).bind(&slice.after_id).bind(slice.after_at);
    let query = query.bind(slice.done).bind(&slice.account).bind(slice.livemode).bind(slice.started_at);
    Ok(query.bind(&slice.list).bind(slice.number).bind(from).execute().await? > 0)
}

fn advance_sql(engine: Engine) -> String {
    let differs = differs(engine);
    format!(
        "UPDATE backfill_slices SET from_at = $1, after_id = $2, after_at = $3, done = $4 WHERE account = $5 \
         AND livemode = $6 AND started_at = $7 AND list = $8 AND number = $9 AND NOT done \
         AND NOT (after_id {differs} $10)"
    )
}

pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    vec![("backfill_slices::advance".to_owned(), advance_sql(engine))]
}

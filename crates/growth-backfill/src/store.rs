//! How far a backfill has come, in the database.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use growth_db::rows::backfill::{self, BackfillRunRow, BackfillSliceRow};
use growth_db::{Db, Tx, table};
use growth_domain::stamp::Scope;

use crate::error::Error;
use crate::lists::List;
use crate::reader::Advance;
use crate::slices::{Numbers, Slice};

const SECOND: TimeDelta = TimeDelta::seconds(1);
/// How long after its beginning a backfill is gone on with: what it has read is no older than that.
const GOES_ON: TimeDelta = TimeDelta::days(1);
/// How much of what was read is read again where a list goes on: a list may show late what was created then.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// The window of a backfill and the slices in which it is read. It is stored with the first page, so that one that
/// gets no answer leaves nothing.
#[derive(Debug)]
pub(crate) struct Plan {
    run: BackfillRunRow,
    /// As they are stored.
    pub(crate) slices: Vec<Slice>,
    /// How many of them the backfill had that is gone on with; they come first.
    known: usize,
    pub(crate) numbers: Numbers,
    /// Whether it goes on with an earlier backfill.
    pub(crate) resumed: bool,
    stored: bool,
}

impl Plan {
    /// Plans to read everything from `from` to `until`, without what an unfinished backfill of the last day has
    /// read already.
    pub(crate) async fn load(
        db: &Db,
        scope: &Scope,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        resume: bool,
    ) -> Result<Self, Error> {
        let (from, until) = (from.trunc_subsecs(0), until.trunc_subsecs(0));
        let unfinished =
            if resume { backfill::unfinished(db, &scope.account, scope.livemode).await? } else { None };
        let unfinished = unfinished.filter(|run| run.started_at >= until - GOES_ON);
        let slices: Vec<Slice> = match &unfinished {
            Some(run) => backfill::slices(db, run).await?.into_iter().filter_map(slice).collect(),
            None => Vec::new(),
        };
        let numbers = Numbers::after(&slices);
        let resumed = unfinished.is_some();
        let mut run = unfinished.unwrap_or_else(|| BackfillRunRow {
            account: scope.account.clone(),
            livemode: scope.livemode,
            started_at: until,
            from_at: from,
            until_at: until,
            finished_at: None,
        });
        run.from_at = run.from_at.min(from);
        run.until_at = run.until_at.max(until);
        let known = slices.len();
        let mut plan = Self { run, slices, known, numbers, resumed, stored: false };
        for list in [&[List::Events][..], &List::CATALOGUE, &List::REST, &List::LAST].concat() {
            plan.cover(list, list.from(from, until), until);
        }
        Ok(plan)
    }

    /// Adds what no slice of a list has. Those that are there lie side by side.
    fn cover(&mut self, list: List, from: DateTime<Utc>, until: DateTime<Utc>) {
        let known = || self.slices.iter().filter(|slice| slice.list == list);
        let (first, last) = (known().map(|slice| slice.from).min(), known().map(|slice| slice.until).max());
        let missing = match first.zip(last) {
            Some((first, last)) if until > last => vec![(from, first - SECOND), (last - OVERLAP, until)],
            Some((first, _)) => vec![(from, first - SECOND)],
            None => vec![(from, until)],
        };
        for (from, until) in missing {
            let added = Slice::new(list, self.numbers.next(list), from, until);
            self.slices.extend(added);
        }
    }

    /// The first second of the window.
    pub(crate) fn from(&self) -> DateTime<Utc> {
        self.run.from_at
    }

    /// The last second of the window.
    pub(crate) fn until(&self) -> DateTime<Utc> {
        self.run.until_at
    }

    /// Stores that slices moved on; an error where somebody else moved one of them.
    pub(crate) async fn store(&self, tx: &mut Tx, advances: &[Advance]) -> Result<(), Error> {
        if !self.stored {
            if !self.resumed {
                backfill::forget(tx, &self.run.account, self.run.livemode).await?;
            }
            table::upsert(tx, std::slice::from_ref(&self.run)).await?;
            self.insert(tx, self.slices.iter().skip(self.known)).await?;
        }
        self.insert(tx, advances.iter().flat_map(|advance| &advance.given)).await?;
        for Advance { before, slice, .. } in advances {
            if !backfill::advance(tx, &self.row(slice), before.as_deref()).await? {
                return Err(Error::Taken);
            }
        }
        Ok(())
    }

    /// Remembers what was stored, or would have been.
    pub(crate) fn stored(&mut self, advances: Vec<Advance>) {
        self.stored = true;
        for advance in advances {
            advance.bring_on(&mut self.slices);
        }
    }

    /// Stores that everything was read, and forgets the slices.
    pub(crate) async fn finish(&self, tx: &mut Tx, at: DateTime<Utc>) -> Result<(), Error> {
        backfill::forget(tx, &self.run.account, self.run.livemode).await?;
        let run = BackfillRunRow { finished_at: Some(at), ..self.run.clone() };
        table::upsert(tx, &[run]).await?;
        Ok(())
    }

    async fn insert<'a>(&self, tx: &mut Tx, slices: impl Iterator<Item = &'a Slice>) -> Result<(), Error> {
        let rows: Vec<BackfillSliceRow> = slices.map(|slice| self.row(slice)).collect();
        let new = table::insert_new(tx, &rows).await?;
        // A number that is there already is somebody else's.
        if new == rows.len() as u64 { Ok(()) } else { Err(Error::Taken) }
    }

    fn row(&self, slice: &Slice) -> BackfillSliceRow {
        BackfillSliceRow {
            account: self.run.account.clone(),
            livemode: self.run.livemode,
            started_at: self.run.started_at,
            list: slice.list.as_str().to_owned(),
            number: slice.number,
            from_at: slice.from,
            until_at: slice.until,
            after_id: slice.after.as_ref().map(|(id, _)| id.clone()),
            after_at: slice.after.as_ref().map(|(_, at)| *at),
            done: slice.done,
        }
    }
}

/// A slice of which this program knows the list.
fn slice(row: BackfillSliceRow) -> Option<Slice> {
    Some(Slice {
        list: List::by_name(&row.list)?,
        number: row.number,
        from: row.from_at,
        until: row.until_at,
        after: row.after_id.zip(row.after_at),
        done: row.done,
    })
}

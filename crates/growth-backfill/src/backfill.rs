//! The backfill: slices read side by side, pages stored one after the other.

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::Db;
use growth_domain::stamp::Scope;
use growth_ingest::readings::{Page, Reading, Seen, Verdict};
use growth_stripe_client::Client;

use crate::clock::Clock;
use crate::error::Error;
use crate::lists::List;
use crate::reader::{Advance, Read, Reader};
use crate::slices::share_read;
use crate::spool::{Spool, Spooled};
use crate::store::Plan;
use crate::summary::{Summary, missing, unattributed};

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The connected account whose history is read, empty for the key's own.
    pub account: String,
    /// How many days back.
    pub days: u16,
    /// Write nothing, and find what would be written.
    pub dry_run: bool,
    /// Begin again where an earlier backfill was interrupted.
    pub restart: bool,
    /// The time at which it begins.
    pub now: DateTime<Utc>,
}

/// Something that a backfill did.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// It has its window.
    Began {
        /// Whether it goes on with an earlier one.
        resumed: bool,
        /// The first second.
        from: DateTime<Utc>,
        /// The last second.
        until: DateTime<Utc>,
    },
    /// A page was read.
    Read {
        /// Of which list.
        list: List,
        /// How many objects it had.
        objects: usize,
        /// How much of the list's time is read, from 0 to 1.
        share: f64,
    },
    /// Objects were taken in, or would be.
    TakenIn {
        /// Of which list.
        list: List,
        /// What they were.
        seen: &'a Seen,
    },
    /// A part of a list is left out.
    LeftOut {
        /// Of which list.
        list: List,
        /// Why.
        reason: &'a str,
    },
}

/// Brings in the history of an account.
#[derive(Debug)]
pub struct Backfill {
    db: Db,
    client: Client,
    options: Options,
}

impl Backfill {
    /// Makes a backfill of the live or test data that the client's key opens.
    pub fn new(db: Db, client: Client, options: Options) -> Self {
        Self { db, client, options }
    }

    /// Reads everything that is not read yet.
    ///
    /// What Stripe refuses or fails to tell is left out and told in the summary. An error is the database's, or that
    /// Stripe told nothing at all.
    pub async fn run(&self, watch: &mut (dyn FnMut(Step<'_>) + Send)) -> Result<Summary, Error> {
        let Options { account, days, dry_run, restart, now } = &self.options;
        let scope = Scope { account: account.clone(), livemode: self.client.livemode() };
        let clock = Clock::set(*now);
        let from = *now - TimeDelta::days(i64::from(*days));
        let plan = Plan::load(&self.db, &scope, from, *now, !restart && !dry_run).await?;
        watch(Step::Began { resumed: plan.resumed, from: plan.from(), until: plan.until() });
        let summary = Summary::new(*dry_run, plan.resumed, plan.from(), plan.until());
        let spool = if *dry_run { Some(Spool::new()?) } else { None };
        let reader = Reader::new(self.client.clone(), account.clone(), clock);
        let mut run = Run { backfill: self, clock, scope, plan, reader, summary, spool, watch };
        // What events tell exactly needs no reading.
        run.read(&[List::Events]).await?;
        run.read(&List::of_objects().collect::<Vec<List>>()).await?;
        run.finish().await
    }
}

/// A backfill under way.
struct Run<'a> {
    backfill: &'a Backfill,
    clock: Clock,
    scope: Scope,
    plan: Plan,
    reader: Reader,
    summary: Summary,
    spool: Option<Spool>,
    watch: &'a mut (dyn FnMut(Step<'_>) + Send),
}

impl Run<'_> {
    async fn read(&mut self, lists: &[List]) -> Result<(), Error> {
        let open = self.plan.slices.iter().filter(|slice| lists.contains(&slice.list) && !slice.done);
        self.reader.add(open.cloned());
        while let Some(round) = self.reader.next(&mut self.plan.numbers).await? {
            for (list, reason) in &round.left_out {
                (self.watch)(Step::LeftOut { list: *list, reason });
            }
            self.keep(round.pages).await?;
        }
        Ok(())
    }

    /// Stores pages in one transaction, together with how far their slices have come.
    async fn keep(&mut self, pages: Vec<Read>) -> Result<(), Error> {
        if pages.is_empty() {
            return Ok(());
        }
        let (mut advances, mut spooled) = (Vec::new(), Vec::new());
        for Read { asked_at, entries, advance } in pages {
            advances.push(advance);
            spooled.push(Spooled { asked_at, entries });
        }
        let lists: Vec<(List, usize)> = advances
            .iter()
            .zip(&spooled)
            .map(|(advance, page)| (advance.slice.list, page.entries.len()))
            .collect();
        if let Some(spool) = &mut self.spool {
            spooled.iter().try_for_each(|page| spool.push(page))?;
        } else {
            match self.store(&spooled, &advances).await {
                Err(Error::Database(error)) if error.is_about_data() => {
                    self.store_apart(spooled, &advances).await?;
                }
                stored => stored?,
            }
        }
        self.plan.stored(advances);
        for (list, objects) in lists {
            let share = share_read(&self.plan.slices, list);
            (self.watch)(Step::Read { list, objects, share });
        }
        Ok(())
    }

    async fn store(&mut self, pages: &[Spooled], advances: &[Advance]) -> Result<(), Error> {
        let mut reading = Reading::begin(&self.backfill.db).await?;
        let mut taken = Vec::new();
        for page in pages {
            taken.extend(take_in(&mut reading, &self.scope, page).await?);
        }
        self.plan.store(reading.tx(), advances).await?;
        reading.commit().await?;
        self.tell(taken);
        Ok(())
    }

    /// Stores objects one by one, so that one that the database refuses does not take others with it.
    async fn store_apart(&mut self, pages: Vec<Spooled>, advances: &[Advance]) -> Result<(), Error> {
        for Spooled { asked_at, entries } in pages {
            for (list, entry) in entries {
                let id = entry["id"].as_str().unwrap_or_default().to_owned();
                let page = Spooled { asked_at, entries: vec![(list, entry)] };
                match self.store(&[page], &[]).await {
                    Err(Error::Database(error)) if error.is_about_data() => {
                        let verdict = Verdict::Unreadable(format!("{id}: {error}"));
                        let seen = Seen { id, verdict, amount: None, incomplete: Vec::new() };
                        self.tell(vec![(list, seen)]);
                    }
                    stored => stored?,
                }
            }
        }
        self.store(&[], advances).await
    }

    fn tell(&mut self, taken: Vec<(List, Seen)>) {
        for (list, seen) in taken {
            self.summary.add(list, &seen);
            (self.watch)(Step::TakenIn { list, seen: &seen });
        }
    }

    async fn finish(mut self) -> Result<Summary, Error> {
        self.summary.missing = missing(&self.plan.slices, |slice| self.reader.reason(slice));
        let from = self.plan.from();
        if let Some(spool) = self.spool.take() {
            let mut reading = Reading::begin(&self.backfill.db).await?;
            for page in spool.pages()? {
                let taken = take_in(&mut reading, &self.scope, &page?).await?;
                self.tell(taken);
            }
            self.summary.unattributed = unattributed(reading.tx(), &self.scope, from).await?;
            return Ok(self.summary);
        }
        self.summary.unattributed = unattributed(&self.backfill.db, &self.scope, from).await?;
        if self.summary.missing.is_empty() {
            let mut tx = self.backfill.db.begin().await?;
            self.plan.finish(&mut tx, self.clock.now()).await?;
            tx.commit().await?;
        }
        Ok(self.summary)
    }
}

async fn take_in(reading: &mut Reading, scope: &Scope, page: &Spooled) -> Result<Vec<(List, Seen)>, Error> {
    let entries = page.entries.iter().map(|(_, entry)| entry.clone()).collect();
    let seen = reading.take_in(Page { scope: scope.clone(), asked_at: page.asked_at, entries }).await?;
    Ok(page.entries.iter().map(|(list, _)| *list).zip(seen).collect())
}

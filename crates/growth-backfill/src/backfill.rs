//! The backfill: slices read side by side, pages stored one after the other.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use chrono::{DateTime, Utc};
use growth_db::{Db, Filling};
use growth_domain::stamp::Scope;
use growth_ingest::readings::{Page, Reading, Seen, Verdict};
use growth_stripe_client::Client;

use crate::clock::Clock;
use crate::error::Error;
use crate::figures::Figures;
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
    /// The beginning of the window; it ends with `now`.
    pub from: DateTime<Utc>,
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
    /// An object was taken in, or would be.
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
        let Options { account, from, dry_run, restart, now } = &self.options;
        let scope = Scope { account: account.clone(), livemode: self.client.livemode() };
        let clock = Clock::set(*now);
        let plan = Plan::load(&self.db, &scope, *from, *now, !restart && !dry_run).await?;
        watch(Step::Began { resumed: plan.resumed, from: plan.from(), until: plan.until() });
        let mut summary = Summary::new(&scope, *dry_run, plan.resumed, plan.from(), plan.until());
        summary.before = Figures::of(&self.db, &scope, plan.from()).await?;
        let spool = if *dry_run { Some(Spool::new()?) } else { None };
        let reader = Reader::new(self.client.clone(), account.clone(), clock);
        let met = Met::default();
        let filling = Filling::default();
        let mut run = Run { backfill: self, clock, scope, plan, reader, summary, met, filling, spool, watch };
        // What events tell exactly needs no reading, and what the catalogue has need not be told by subscriptions.
        for lists in [&[List::Events][..], &List::CATALOGUE, &List::REST, &List::LAST] {
            run.read(lists).await?;
        }
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
    met: Met,
    filling: Filling,
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
        let lists: Vec<(List, usize)> =
            pages.iter().map(|page| (page.advance.slice.list, page.own())).collect();
        let (mut advances, mut spooled) = (Vec::new(), Vec::new());
        for Read { asked_at, entries, advance } in pages {
            spooled.push(Spooled { list: advance.slice.list, asked_at, entries });
            advances.push(advance);
        }
        if let Some(spool) = &mut self.spool {
            spooled.iter().try_for_each(|page| spool.push(page))?;
        } else {
            let objects = spooled.iter().map(|page| page.entries.len() as u64).sum();
            match self.store(&spooled, &advances).await {
                Err(Error::Database(error)) if error.is_about_data() => {
                    self.store_apart(spooled, &advances).await?;
                }
                stored => stored?,
            }
            self.filling.add(objects, &self.backfill.db).await?;
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
        for Spooled { list: own, asked_at, entries } in pages {
            for (list, entry) in entries {
                let id = entry["id"].as_str().unwrap_or_default().to_owned();
                let page = Spooled { list: own, asked_at, entries: vec![(list, entry)] };
                match self.store(&[page], &[]).await {
                    Err(Error::Database(error)) if error.is_about_data() => {
                        let verdict = Verdict::Unreadable(format!("{id}: {error}"));
                        let seen = Seen { id, verdict, amount: None, incomplete: Vec::new() };
                        self.tell(vec![Taken { list, own, seen }]);
                    }
                    stored => stored?,
                }
            }
        }
        self.store(&[], advances).await
    }

    fn tell(&mut self, taken: Vec<Taken>) {
        for taken in taken.into_iter().filter(|taken| self.met.is_first(taken)) {
            let Taken { list, seen, .. } = taken;
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
            self.summary.after = Figures::of(reading.tx(), &self.scope, from).await?;
            return Ok(self.summary);
        }
        self.summary.unattributed = unattributed(&self.backfill.db, &self.scope, from).await?;
        self.summary.after = Figures::of(&self.backfill.db, &self.scope, from).await?;
        if self.summary.missing.is_empty() {
            let mut tx = self.backfill.db.begin().await?;
            self.plan.finish(&mut tx, self.clock.now()).await?;
            tx.commit().await?;
        }
        Ok(self.summary)
    }
}

async fn take_in(reading: &mut Reading, scope: &Scope, page: &Spooled) -> Result<Vec<Taken>, Error> {
    let entries = page.entries.iter().map(|(_, entry)| entry.clone()).collect();
    let seen = reading.take_in(Page { scope: scope.clone(), asked_at: page.asked_at, entries }).await?;
    let lists = page.entries.iter().map(|(list, _)| *list);
    Ok(lists.zip(seen).map(|(list, seen)| Taken { list, own: page.list, seen }).collect())
}

/// An object that was taken in.
struct Taken {
    /// The list that it belongs to.
    list: List,
    /// The list that showed it.
    own: List,
    seen: Seen,
}

/// Customers who were taken in with a subscription or a payment of theirs, by the hashes of their ids: their own list
/// shows most of them once more, and each counts once.
#[derive(Default)]
struct Met {
    customers: HashSet<u64>,
    hash: RandomState,
}

impl Met {
    fn is_first(&mut self, taken: &Taken) -> bool {
        let Taken { list, own, seen } = taken;
        let is_known = seen.verdict == Verdict::Unchanged;
        if *list != List::Customers {
            return true;
        }
        if *own != List::Customers {
            return !is_known && self.customers.insert(self.hash.hash_one(&seen.id));
        }
        !(is_known && self.customers.contains(&self.hash.hash_one(&seen.id)))
    }
}

//! Taking things in from a file: progress, problems, rejects, and what it came to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use futures_util::{StreamExt, stream};
use growth_db::{Db, Filling};
use growth_ingest::link_waiting_users;
use growth_track::Recorded;

use crate::failure::{Outcome, misuse};
use crate::printer::{Printer, Unit, Warnings};
use crate::records::{self, Batch, Line, Rejects, Thing};

/// How many batches are on their way into a server at a time.
const AT_ONCE: usize = 2;

/// Things that can be stored.
pub(crate) trait Stored: Thing {
    /// Stores some; returns what became of them.
    async fn store(db: &Db, things: Vec<Self>, shared: &Self::Shared) -> anyhow::Result<Recorded>;
}

/// Reads a file, stores what is good in it and tells what is not.
pub(crate) async fn take_in<T: Stored>(
    db: &Db,
    path: &Path,
    rejects: Option<&PathBuf>,
    shared: Arc<T::Shared>,
    doing: &'static str,
    printer: &Printer,
) -> anyhow::Result<Sums> {
    if rejects.is_some_and(|rejects| is_same_file(rejects, path)) {
        return Err(misuse("--rejects: this is the file that is read, name another one"));
    }
    let name = records::name(path);
    let mut records = records::read::<T>(path, Arc::clone(&shared)).await?;
    let mut rejects = rejects.map(|path| Rejects::create(path, records.header.as_deref())).transpose()?;
    let mut sums = Sums::default();
    let mut warnings = Warnings::new(printer);
    let mut filling = Filling::default();
    let mut progress = printer.progress(doing, records.size, Unit::Bytes);
    // What a server does for one batch goes on beside what is done for the next one here.
    let at_once = if matches!(db, Db::Sqlite { .. }) { 1 } else { AT_ONCE };
    let batches = stream::poll_fn(|context| records.batches.poll_recv(context));
    let stored = batches.map(|batch| store(db, batch, &shared, &name)).buffered(at_once);
    let mut stored = std::pin::pin!(stored);
    while let Some(batch) = stored.next().await {
        let (recorded, problems, position) = batch?;
        for (line, problem) in &problems {
            warnings.tell(&format!("{name}, line {}: {problem}", line.number));
            if let Some(rejects) = &mut rejects {
                rejects.write(&line.text)?;
            }
        }
        sums.stored += recorded.stored as u64;
        sums.duplicates += recorded.duplicates as u64;
        sums.erased += recorded.erased as u64;
        sums.rejected += problems.len() as u64;
        filling.add(recorded.stored as u64, db).await?;
        progress.at(position);
    }
    drop(progress);
    if let Some(rejects) = rejects {
        rejects.finish()?;
    }
    while link_waiting_users(db).await? > 0 {}
    Ok(sums)
}

/// Whether two paths lead to one file, by whatever name.
fn is_same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Stores a batch; returns what became of it, what is wrong with which lines, and how far the file is read.
async fn store<T: Stored>(
    db: &Db,
    batch: io::Result<Batch<T>>,
    shared: &T::Shared,
    name: &str,
) -> anyhow::Result<(Recorded, Vec<(Line, String)>, u64)> {
    let Batch { things, lines, broken, position } =
        batch.with_context(|| format!("{name} was read up to here"))?;
    let recorded = T::store(db, things, shared).await?;
    let mut problems = broken;
    for (index, problem) in &recorded.rejected {
        problems.push((lines[*index].clone(), problem.clone()));
    }
    problems.sort_by_key(|(line, _)| line.number);
    Ok((recorded, problems, position))
}

/// What taking things in came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) stored: u64,
    pub(crate) duplicates: u64,
    pub(crate) erased: u64,
    pub(crate) rejected: u64,
}

impl Sums {
    /// Prints what it came to, and tells whether all was taken.
    pub(crate) fn tell(self, what: &str, stored: &str, printer: &Printer) -> anyhow::Result<Outcome> {
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED).set_header(["what", what]);
        let rows = [
            (stored, self.stored),
            ("known before, nothing changed", self.duplicates),
            ("of people who were forgotten, not stored", self.erased),
            ("rejected, told above", self.rejected),
        ];
        for (i, (what, n)) in rows.into_iter().enumerate() {
            if n > 0 || i == 0 {
                table.add_row([what.to_owned(), indicatif::HumanCount(n).to_string()]);
            }
        }
        printer.done(&table.to_string())?;
        Ok(if self.rejected == 0 { Outcome::Done } else { Outcome::LeftUndone })
    }
}

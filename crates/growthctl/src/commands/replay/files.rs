//! Recorded events and objects from files.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{SubsecRound, Utc};
use growth_db::{Db, Filling};
use growth_ingest::{Intake, Prepared, Source, Summary, prepare, store};
use serde_json::Value;
use tokio::sync::mpsc;

use super::table;
use crate::asked::Mode;
use crate::database;
use crate::documents::Documents;
use crate::failure::{Outcome, misuse};
use crate::printer::{Printer, Unit, Warnings};
use crate::settings::Settings;

/// How many documents, and how many bytes of them, are applied at a time.
const BATCH: usize = 1000;
const BATCH_BYTES: usize = 4 << 20;
/// Batches that are read ahead.
const AHEAD: usize = 1;

/// Takes in files and tells what became of it.
pub(super) async fn take_in(
    files: &[PathBuf],
    mode: Mode,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let total = sizes(files)?;
    let db = database::open_or_create(settings, printer).await?;
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let mut received_at = Utc::now().trunc_subsecs(6);
    let mut read = Read { left_out: 0, summary: Summary::default(), warnings: Warnings::new(printer) };
    let mut progress = printer.progress("replaying", total, Unit::Bytes);
    let (mut done_before, mut filling) = (0, Filling::default());
    for path in files {
        let livemode = mode == Mode::Live;
        let intake = Intake { source: Source::File, received_at, livemode, account: String::new() };
        let mut batches = batches_of(path.clone(), intake);
        while let Some(batch) = batches.recv().await {
            let batch = batch.with_context(|| format!("cannot read {}", path.display()))?;
            let position = done_before + batch.position;
            received_at = batch.prepared.next_received_at;
            let documents = batch.lines.len() as u64;
            read.take_in(&db, path, batch).await?;
            filling.add(documents, &db).await?;
            progress.at(position);
        }
        done_before += size(path).unwrap_or(0);
    }
    drop(progress);
    db.close().await;
    let Read { left_out, summary, .. } = read;
    if summary.mode_assumed > 0 {
        printer.warning(&mode_assumed(summary.mode_assumed, mode));
    }
    let left_out_rows = if left_out > 0 { vec![("problems told above", left_out)] } else { Vec::new() };
    let counts = [
        ("in the figures", summary.applied),
        ("known before, nothing changed", summary.duplicates),
        ("kept, not needed for the figures", summary.ignored),
        ("kept, could not be read", summary.failed),
        ("refused, not of Stripe", summary.refused),
    ];
    printer.done(&table(&summary.by_type, counts.into_iter().chain(left_out_rows)))?;
    Ok(if left_out == 0 && summary.is_complete() { Outcome::Done } else { Outcome::LeftUndone })
}

/// The number of bytes to read, where it is known.
fn sizes(files: &[PathBuf]) -> anyhow::Result<Option<u64>> {
    for path in files.iter().filter(|path| !is_stdin(path)) {
        let file =
            File::open(path).map_err(|error| misuse(format!("cannot read {}: {error}", path.display())))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(misuse(format!("{} is a folder: name the files in it", path.display())));
        }
    }
    Ok(files.iter().map(|path| size(path)).sum())
}

fn size(path: &Path) -> Option<u64> {
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    (!is_stdin(path)).then_some(metadata.len())
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Documents that are applied together.
struct Batch {
    prepared: Prepared,
    /// The lines on which they begin.
    lines: Vec<u64>,
    /// What is no document, with its line.
    broken: Vec<(u64, String)>,
    /// How far the file is read, in bytes.
    position: u64,
}

type Batches = mpsc::Sender<io::Result<Batch>>;

/// Reads a file on a thread of its own, so that reading and storing overlap.
fn batches_of(path: PathBuf, intake: Intake) -> mpsc::Receiver<io::Result<Batch>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let result = if is_stdin(&path) {
            read_batches(io::stdin().lock(), intake, &sender)
        } else {
            File::open(&path)
                .and_then(|file| read_batches(BufReader::with_capacity(1 << 20, file), intake, &sender))
        };
        if let Err(error) = result {
            // A receiver that is gone has failed already.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn read_batches(input: impl BufRead, mut intake: Intake, sender: &Batches) -> io::Result<()> {
    let mut source = Documents::new(input);
    let (mut documents, mut lines, mut broken, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    loop {
        let next = source.next()?;
        let at_end = next.is_none();
        if let Some(document) = next {
            let parsed = document.text.and_then(|text| match serde_json::from_str::<Value>(&text) {
                Ok(value) => Ok((text, value)),
                Err(error) => Err(format!("this is not JSON: {error}")),
            });
            match parsed {
                Ok((text, value)) => {
                    bytes += text.len();
                    documents.push((text, value));
                    lines.push(document.line);
                }
                Err(what) => broken.push((document.line, what)),
            }
        }
        if at_end || documents.len() >= BATCH || bytes >= BATCH_BYTES {
            bytes = 0;
            let prepared = prepare(&intake, std::mem::take(&mut documents));
            intake.received_at = prepared.next_received_at;
            let batch = Batch {
                prepared,
                lines: std::mem::take(&mut lines),
                broken: std::mem::take(&mut broken),
                position: source.bytes,
            };
            if sender.blocking_send(Ok(batch)).is_err() || at_end {
                return Ok(());
            }
        }
    }
}

/// What was read so far.
struct Read<'a> {
    left_out: u64,
    summary: Summary,
    warnings: Warnings<'a>,
}

impl Read<'_> {
    async fn take_in(&mut self, db: &Db, path: &Path, batch: Batch) -> anyhow::Result<()> {
        let Batch { prepared, lines, broken, .. } = batch;
        let mut summary = store(db, prepared).await?;
        let mut problems: Vec<(u64, String)> = std::mem::take(&mut summary.problems)
            .into_iter()
            .map(|problem| (lines.get(problem.document).copied().unwrap_or(0), problem.message))
            .collect();
        self.left_out += (problems.len() + broken.len()) as u64;
        summary.refused += broken.len() as u64;
        problems.extend(broken);
        problems.sort();
        let name = if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() };
        for (line, message) in problems {
            self.warnings.tell(&format!("{name}, line {line}: {message}"));
        }
        self.summary.add(summary);
        Ok(())
    }
}

fn mode_assumed(objects: u64, mode: Mode) -> String {
    let (what, were) = if objects == 1 { ("object does", "was") } else { ("objects do", "were") };
    let mode = if mode == Mode::Live { "live" } else { "test" };
    let count = indicatif::HumanCount(objects);
    format!("{count} {what} not say whether live or test, and {were} taken as {mode}: see --mode")
}

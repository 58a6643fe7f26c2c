//! `growthctl track --file`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use growth_db::Db;
use growth_domain::catalogue::suggest;
use growth_track::lines::{check_event_header, event_of_fields, event_of_json};
use growth_track::{Event, Once, Recorded, record_all};

use sha2::{Digest, Sha256};

use super::now;
use crate::database;
use crate::failure::Outcome;
use crate::imports::{Stored, take_in};
use crate::printer::Printer;
use crate::records::Thing;
use crate::settings::Settings;

/// An event of a file.
struct Line(Event);

/// What all events of a file share.
struct Shared {
    source: String,
    /// Whether events without an id get one of their number.
    numbered: bool,
    track: growth_track::Settings,
    /// Names that are almost those of the catalogue, and how often they came.
    near: Mutex<BTreeMap<String, u64>>,
}

impl Shared {
    /// Gives an event without an id one that is made of its number and what it says: lines that were rejected, corrected
    /// and taken in from a file of their own have other numbers than in the first file.
    fn identified(&self, mut event: Event, number: u64, said: impl FnOnce() -> String) -> Event {
        if self.numbered && event.message_id.is_none() {
            event.message_id = Some(format!("line-{number}-{}", said()));
        }
        event
    }
}

/// The beginning of the digest of some words.
fn digest(words: &[&str]) -> String {
    let digest = Sha256::digest(words.join("\u{1F}"));
    digest.iter().take(8).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

impl Thing for Line {
    type Shared = Shared;

    fn of_json(line: &str, number: u64, shared: &Shared) -> Result<Self, String> {
        event_of_json(line, &shared.source)
            .map(|event| Self(shared.identified(event, number, || digest(&[line]))))
    }

    fn of_fields<'a>(
        fields: impl Iterator<Item = (&'a str, &'a str)>,
        number: u64,
        shared: &Shared,
    ) -> Result<Self, String> {
        let fields: Vec<(&str, &str)> = fields.collect();
        let said = || digest(&fields.iter().map(|(_, value)| *value).collect::<Vec<_>>());
        event_of_fields(fields.iter().copied(), &shared.source)
            .map(|event| Self(shared.identified(event, number, said)))
    }

    fn check_header<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String> {
        check_event_header(names)
    }
}

impl Stored for Line {
    async fn store(db: &Db, things: Vec<Self>, shared: &Shared) -> anyhow::Result<Recorded> {
        let events: Vec<Event> = things.into_iter().map(|Self(event)| event).collect();
        let mut names: BTreeMap<&str, u64> = BTreeMap::new();
        for event in &events {
            *names.entry(&event.name).or_default() += 1;
        }
        for (name, n) in names.into_iter().filter(|(name, _)| suggest(name).is_some()) {
            let mut near = shared.near.lock().unwrap_or_else(PoisonError::into_inner);
            *near.entry(name.to_owned()).or_default() += n;
        }
        Ok(record_all(db, events, &shared.track).await?)
    }
}

/// Takes a file of events in.
pub(super) async fn run(
    file: &Path,
    rejects: Option<&PathBuf>,
    import_id: Option<String>,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let db = database::open_or_create(settings, printer).await?;
    let track = growth_track::Settings {
        counting: settings.counting.clone(),
        once: Once::Key,
        store_ip: settings.collector.store_ip,
        ..growth_track::Settings::new(now())
    };
    let shared = Arc::new(Shared {
        source: import_id.as_ref().map_or_else(|| "file".to_owned(), |name| format!("import/{name}")),
        numbered: import_id.is_some(),
        track,
        near: Mutex::default(),
    });
    let sums = take_in::<Line>(&db, file, rejects, Arc::clone(&shared), "recording", printer).await;
    db.close().await;
    let sums = sums?;
    let near = shared.near.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, n) in near.iter() {
        if let Some(meant) = suggest(name) {
            printer.warning(&format!("{name} is not in the catalogue (on {n} lines): is {meant} meant?"));
        }
    }
    sums.tell("events", "recorded", printer)
}

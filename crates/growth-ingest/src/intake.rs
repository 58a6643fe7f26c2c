//! Documents into the inbox and on into the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::rows::inbox::{self, EventKey, EventState, StripeEventRow};
use growth_db::{Db, query};
use growth_stripe::envelope::{self, Event, PlainObject, read};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::forgotten;
use crate::project::{self, Facts};
use crate::told::Told;

growth_db::statements! {
    IN_USE = "SELECT EXISTS (SELECT 1 FROM stripe_events) OR EXISTS (SELECT 1 FROM users) AS in_use";
}

/// By which door a document came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Sent by Stripe.
    Webhook,
    /// Read from `/v1/events`.
    EventsApi,
    /// From a file of recorded events or objects.
    File,
    /// Read from Stripe's API, object by object.
    Api,
}

impl Source {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::EventsApi => "events_api",
            Self::File => "file",
            Self::Api => "api",
        }
    }
}

/// What is known about documents besides their text.
#[derive(Clone, Debug)]
pub struct Intake {
    /// By which door they came.
    pub source: Source,
    /// When the first of them came. Plain objects are stamped with it, each a microsecond later than the
    /// one before, so that of two about the same thing the one that was read later wins.
    pub received_at: DateTime<Utc>,
    /// The mode of objects that do not say, such as refunds by themselves.
    pub livemode: bool,
    /// The connected account that plain objects are of; empty for the own one.
    pub account: String,
}

/// What became of a set of documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events and objects read, those in lists one by one.
    pub read: u64,
    /// Stored and in the figures.
    pub applied: u64,
    /// Stored before: changed nothing.
    pub duplicates: u64,
    /// Stored, of a kind that the figures do not need.
    pub ignored: u64,
    /// Stored, but unreadable: kept with the error.
    pub failed: u64,
    /// Not of Stripe: not stored.
    pub refused: u64,
    /// Of those in the figures, how many are in [`Intake::livemode`] because they do not say their mode.
    pub mode_assumed: u64,
    /// By event type or kind of object: how many were stored.
    pub by_type: BTreeMap<String, u64>,
    /// What was left out and why.
    pub problems: Vec<Problem>,
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The number of the document in its set, from 0.
    pub document: usize,
    /// What it is and what is wrong with it.
    pub message: String,
}

impl Summary {
    /// Whether everything that was read is in the figures or is not needed for them.
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && self.refused == 0 && self.problems.is_empty()
    }

    /// Adds the summary of another set; its problems keep their documents' numbers in that set.
    pub fn add(&mut self, other: Self) {
        self.read += other.read;
        self.applied += other.applied;
        self.duplicates += other.duplicates;
        self.ignored += other.ignored;
        self.failed += other.failed;
        self.refused += other.refused;
        self.mode_assumed += other.mode_assumed;
        for (kind, count) in other.by_type {
            *self.by_type.entry(kind).or_default() += count;
        }
        self.problems.extend(other.problems);
    }
}

/// A document on its way in.
struct Document {
    row: StripeEventRow,
    /// Its number in the set it came in.
    number: usize,
    /// Whether its mode is the one that was assumed.
    mode_assumed: bool,
    told: Told,
}

/// Documents that are read and ready to be stored.
pub struct Prepared {
    documents: Vec<Document>,
    summary: Summary,
    /// When the next set of the same run comes, see [`Intake::received_at`].
    pub next_received_at: DateTime<Utc>,
}

/// Reads documents (events, objects, pages of lists) into facts. No database is needed for it.
///
/// Documents that cannot be read stop nobody: they are counted and told in the summary.
pub fn prepare(intake: &Intake, documents: Vec<(String, Value)>) -> Prepared {
    let mut prepared =
        Prepared { documents: Vec::new(), summary: Summary::default(), next_received_at: intake.received_at };
    for (number, (text, value)) in documents.into_iter().enumerate() {
        intake.prepare(number, text, value, &mut prepared);
    }
    prepared.summary.read = prepared.documents.len() as u64;
    // Of several copies the first counts, but for a broken one beside a good one.
    let readable: BTreeSet<_> =
        prepared.documents.iter().filter(|d| !d.is_broken()).map(Document::key).collect();
    let mut seen = BTreeSet::new();
    prepared.documents.retain(|document| {
        let key = document.key();
        !(document.is_broken() && readable.contains(&key)) && seen.insert(key)
    });
    prepared.summary.duplicates = prepared.summary.read - prepared.documents.len() as u64;
    prepared
}

/// Reads documents and stores them: [`prepare`] and [`store`] in one.
pub async fn ingest(db: &Db, intake: Intake, documents: Vec<(String, Value)>) -> Result<Summary, Error> {
    store(db, prepare(&intake, documents)).await
}

/// Stores documents and folds what is new into the tables, all in one transaction.
pub async fn store(db: &Db, prepared: Prepared) -> Result<Summary, Error> {
    let Prepared { documents, mut summary, .. } = prepared;
    if documents.is_empty() {
        return Ok(summary);
    }
    let (rows, told): (Vec<StripeEventRow>, Vec<_>) = documents
        .into_iter()
        .map(|Document { row, number, mode_assumed, told }| (row, (number, mode_assumed, told)))
        .unzip();
    let mut tx = db.begin().await?;
    let policy = project::lock(&mut tx).await?;
    let new: BTreeSet<EventKey> = inbox::store(&mut tx, &rows).await?.into_iter().collect();
    forgotten::make_documents_impersonal(&mut tx, &rows).await?;
    let mut facts = Facts::default();
    for (row, (number, mode_assumed, told)) in rows.into_iter().zip(told) {
        if !new.contains(&key(&row)) {
            summary.duplicates += 1;
            continue;
        }
        match told.state {
            EventState::Applied => {
                summary.applied += 1;
                summary.mode_assumed += u64::from(mode_assumed);
            }
            EventState::Ignored => summary.ignored += 1,
            _ => summary.failed += 1,
        }
        let problem = |message| Problem { document: number, message };
        summary.problems.extend(row.last_error.into_iter().chain(told.incomplete).map(problem));
        *summary.by_type.entry(row.event_type).or_default() += 1;
        facts.add(row.account, row.livemode, told.facts);
    }
    facts.apply(&mut tx, policy).await?;
    tx.commit().await?;
    Ok(summary)
}

/// Whether neither history nor users are stored.
pub async fn is_empty(db: &Db) -> Result<bool, Error> {
    let (in_use,): (bool,) = query(db, IN_USE).fetch_one().await?;
    Ok(!in_use)
}

impl Document {
    fn key(&self) -> EventKey {
        key(&self.row)
    }

    fn is_broken(&self) -> bool {
        self.told.state == EventState::Failed
    }
}

/// What names an event in the inbox.
pub(crate) fn key(row: &StripeEventRow) -> EventKey {
    (row.account.clone(), row.livemode, row.id.clone())
}

impl Intake {
    fn prepare(&self, number: usize, text: String, value: Value, prepared: &mut Prepared) {
        match read(value) {
            Ok(envelope::Document::Event(event)) => {
                let (row, mode_assumed) = event_row(self, text, &event);
                let told = Told::by_event(&event, &row.id);
                prepared.documents.push(finish(number, mode_assumed, row, told));
            }
            Ok(envelope::Document::Object(object)) => {
                let read_at = prepared.next_received_at;
                prepared.next_received_at += TimeDelta::microseconds(1);
                prepared.documents.push(self.object(number, text, &object, read_at));
            }
            Ok(envelope::Document::List(entries)) => {
                for entry in entries {
                    self.prepare(number, entry.to_string(), entry, prepared);
                }
            }
            Ok(envelope::Document::Thin { id, event_type }) => {
                let row = thin_row(self, text, id, event_type);
                prepared.documents.push(finish(number, false, row, Told::nothing()));
            }
            Err(error) => {
                prepared.summary.refused += 1;
                prepared.summary.problems.push(Problem { document: number, message: error.to_string() });
            }
        }
    }

    fn object(&self, number: usize, text: String, object: &PlainObject, read_at: DateTime<Utc>) -> Document {
        let id = made_id(&object.id, &text);
        let told = Told::by_object(&object.object, &object.kind, read_at, &id);
        let row = StripeEventRow { created: read_at, ..self.object_row(text, id, object) };
        finish(number, object.livemode.is_none(), row, told)
    }

    /// The row of a plain object that nothing was made of yet.
    pub(crate) fn object_row(&self, text: String, id: String, object: &PlainObject) -> StripeEventRow {
        let row = row(self, text, id, object.kind.clone(), object.livemode);
        StripeEventRow { account: self.account.clone(), ..row }
    }
}

fn finish(number: usize, mode_assumed: bool, mut row: StripeEventRow, told: Told) -> Document {
    told.state.as_str().clone_into(&mut row.state);
    row.last_error.clone_from(&told.error);
    row.attempts = 1;
    Document { row, number, mode_assumed, told }
}

/// The row of an event that nothing was made of yet, and whether its mode was assumed.
pub(crate) fn event_row(intake: &Intake, text: String, event: &Event) -> (StripeEventRow, bool) {
    let id = event.id.clone().unwrap_or_else(|| made_id("noid", &text));
    let livemode = event.livemode.or_else(|| event.object.get("livemode").and_then(Value::as_bool));
    let mut row = row(intake, text, id, event.event_type.clone(), livemode);
    row.created = event.created;
    row.account.clone_from(&event.account);
    row.api_version.clone_from(&event.api_version);
    (row, livemode.is_none())
}

/// The row of an event that names an object without showing it.
pub(crate) fn thin_row(
    intake: &Intake,
    text: String,
    id: Option<String>,
    event_type: String,
) -> StripeEventRow {
    let id = id.unwrap_or_else(|| made_id("thin", &text));
    row(intake, text, id, event_type, None)
}

fn row(
    intake: &Intake,
    text: String,
    id: String,
    event_type: String,
    livemode: Option<bool>,
) -> StripeEventRow {
    StripeEventRow {
        account: String::new(),
        livemode: livemode.unwrap_or(intake.livemode),
        id,
        event_type,
        created: intake.received_at,
        api_version: None,
        source: intake.source.as_str().to_owned(),
        received_at: intake.received_at,
        state: EventState::Pending.as_str().to_owned(),
        attempts: 0,
        last_error: None,
        payload: text,
    }
}

/// An id for a document that has none of its own: the same text has the same.
fn made_id(prefix: &str, text: &str) -> String {
    Sha256::digest(text).iter().take(8).fold(format!("file_{prefix}_"), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

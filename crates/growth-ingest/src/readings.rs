//! Objects as Stripe's API shows them today: what is news goes in, what is known changes nothing.
//!
//! A reading passes the same gate as an event, stamped with the time at which Stripe was asked. An object that tells
//! nothing which the tables do not tell already leaves no trace, so that reading everything again writes nothing.

mod known;
mod latest;
mod payments;
mod subscriptions;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use growth_db::rows::inbox::{self, EventKey, EventState, StripeEventRow};
use growth_db::{Db, Tx};
use growth_domain::facts::{Fact, PaymentObject};
use growth_domain::pricing::Policy;
use growth_domain::stamp::Scope;
use growth_stripe::envelope::{Document, read};
use growth_stripe::extract::is_needed;
use serde_json::Value;

use crate::error::Error;
use crate::intake::{Intake, Source, event_row, key};
use crate::project::{self, Facts};
use crate::told::Told;

use known::Known;

/// A page of a list, as Stripe answered it.
#[derive(Clone, Debug)]
pub struct Page {
    /// Whose data it is.
    pub scope: Scope,
    /// When Stripe was asked for it, in whole seconds and by Stripe's clock.
    pub asked_at: DateTime<Utc>,
    /// Its entries: objects, or events of `/v1/events`.
    pub entries: Vec<Value>,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The object's or event's id.
    pub id: String,
    /// What it is to the tables.
    pub verdict: Verdict,
    /// The money that the object stands for, in minor units of a lower-case currency.
    pub amount: Option<(i64, String)>,
    /// What it shows in part only, in words.
    pub incomplete: Vec<String>,
}

/// What an entry is to the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was known of it.
    New,
    /// It was known, and tells something else or more now.
    Updated,
    /// It tells nothing new.
    Unchanged,
    /// No figure needs it; it is not stored.
    Ignored,
    /// It cannot be read: kept with its error, which these words are.
    Unreadable(String),
}

/// A transaction that takes in pages; rolled back when dropped.
///
/// It holds the lock that keeps other projectors waiting, so it should not live long.
#[derive(Debug)]
pub struct Reading {
    tx: Tx,
    policy: Policy,
}

impl Reading {
    /// Begins.
    pub async fn begin(db: &Db) -> Result<Self, Error> {
        let mut tx = db.begin().await?;
        let policy = project::lock(&mut tx).await?;
        Ok(Self { tx, policy })
    }

    /// Takes in a page, and tells what each entry was, in their order.
    pub async fn take_in(&mut self, page: Page) -> Result<Vec<Seen>, Error> {
        let Page { scope, asked_at, entries } = page;
        let ids = entries.iter().filter_map(|entry| entry["id"].as_str()).map(reading_id).collect();
        let taken: BTreeSet<String> = inbox::known_ids(&mut self.tx, &scope, ids).await?;
        let documents: Vec<Entry> =
            entries.into_iter().map(|entry| Entry::of(&scope, asked_at, &taken, entry)).collect();
        let mut known = Known::load(&mut self.tx, &scope, documents.iter().filter(|d| !d.is_event())).await?;
        let events = self.store_events(&documents).await?;

        let (mut facts, mut rows) = (Facts::default(), Vec::new());
        let mut seen = Vec::with_capacity(documents.len());
        for document in documents {
            let amount = document.told.facts.first().and_then(amount);
            let verdict = match (&document.told.state, &document.row) {
                (EventState::Failed, _) | (_, None) => {
                    Verdict::Unreadable(document.told.error.clone().unwrap_or_default())
                }
                (EventState::Ignored, _) => Verdict::Ignored,
                (_, Some(row)) if document.is_event() => {
                    if events.contains(&key(row)) {
                        Verdict::New
                    } else {
                        Verdict::Unchanged
                    }
                }
                _ => known.judge(&document.id, &document.told.facts),
            };
            let Entry { id, row, told } = document;
            let is_event = row.as_ref().is_some_and(|row| row.source == Source::EventsApi.as_str());
            if matches!(verdict, Verdict::New | Verdict::Updated) {
                facts.add(scope.account.clone(), scope.livemode, told.facts);
            }
            let is_kept = match (&verdict, &row) {
                (Verdict::Unchanged | Verdict::Ignored, _) | (_, None) => false,
                (Verdict::Unreadable(_), Some(row)) => {
                    !inbox::is_stored(&mut self.tx, row, &reading_id(&id)).await?
                }
                _ => true,
            };
            if is_kept && !is_event {
                rows.extend(row);
            }
            seen.push(Seen { id, verdict, amount, incomplete: told.incomplete });
        }
        inbox::store(&mut self.tx, &rows).await?;
        facts.apply(&mut self.tx, self.policy).await?;
        Ok(seen)
    }

    /// Stores the events among the entries that are needed, and returns those that were not known.
    async fn store_events(&mut self, documents: &[Entry]) -> Result<BTreeSet<EventKey>, Error> {
        let events = documents.iter().filter(|document| document.is_event());
        let rows: BTreeMap<EventKey, StripeEventRow> = events
            .filter_map(|document| document.row.clone())
            .filter(|row| row.state != EventState::Ignored.as_str())
            .map(|row| (key(&row), row))
            .collect();
        let rows: Vec<StripeEventRow> = rows.into_values().collect();
        Ok(inbox::store(&mut self.tx, &rows).await?.into_iter().collect())
    }

    /// The transaction, for what must become lasting together with the pages.
    pub fn tx(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// Makes what was taken in last.
    pub async fn commit(self) -> Result<(), Error> {
        Ok(self.tx.commit().await?)
    }
}

/// An entry that was read, and the row by which it would be kept; none where it is nothing of Stripe's.
struct Entry {
    id: String,
    row: Option<StripeEventRow>,
    told: Told,
}

impl Entry {
    fn of(scope: &Scope, asked_at: DateTime<Utc>, taken: &BTreeSet<String>, entry: Value) -> Self {
        let shown = entry["id"].as_str().unwrap_or("an entry without id").to_owned();
        let text = entry.to_string();
        let intake = |source| Intake {
            source,
            received_at: asked_at,
            livemode: scope.livemode,
            account: scope.account.clone(),
        };
        match read(entry) {
            Ok(Document::Event(event)) => {
                let (mut row, _) = event_row(&intake(Source::EventsApi), text, &event);
                // Stripe leaves out whose event it is where one account alone is asked for.
                row.account.clone_from(&scope.account);
                row.livemode = scope.livemode;
                let told = if is_needed(&event) { Told::by_event(&event, &row.id) } else { Told::nothing() };
                Self { id: row.id.clone(), row: Some(settled(row, &told)), told }
            }
            Ok(Document::Object(object)) => {
                let mut id = reading_id(&object.id);
                if taken.contains(&id) {
                    id = format!("{id}#{}", asked_at.timestamp());
                }
                let told = Told::by_object(&object.object, &object.kind, asked_at, &id);
                let row = intake(Source::Api).object_row(text, id, &object);
                Self { id: object.id, row: Some(settled(row, &told)), told }
            }
            Ok(Document::List(_) | Document::Thin { .. }) => Self {
                told: Told::failed(&shown, "entry", "is neither an object nor an event"),
                id: shown,
                row: None,
            },
            Err(error) => {
                Self { told: Told::failed(&shown, "entry", &error.to_string()), id: shown, row: None }
            }
        }
    }

    fn is_event(&self) -> bool {
        self.row.as_ref().is_some_and(|row| row.source == Source::EventsApi.as_str())
    }
}

fn settled(mut row: StripeEventRow, told: &Told) -> StripeEventRow {
    told.state.as_str().clone_into(&mut row.state);
    row.last_error.clone_from(&told.error);
    row.attempts = 1;
    row
}

/// The id under which the first reading of an object is kept.
fn reading_id(object: &str) -> String {
    format!("backfill_{object}")
}

/// The money that an object stands for.
fn amount(fact: &Fact) -> Option<(i64, String)> {
    let Fact::Payment(fact) = fact else { return None };
    match &fact.object {
        PaymentObject::PaymentIntent(intent) => {
            (intent.status == "succeeded").then(|| (intent.amount_received, intent.currency.clone()))
        }
        PaymentObject::Charge(charge) => (charge.status == "succeeded" && charge.captured)
            .then(|| (charge.amount_captured, charge.currency.clone())),
        PaymentObject::Invoice(invoice) => {
            (invoice.status == "paid").then(|| (invoice.amount_paid, invoice.currency.clone()))
        }
        PaymentObject::InvoicePayment(paid) => {
            (paid.status == "paid").then(|| (paid.amount_paid, paid.currency.clone()))
        }
        PaymentObject::Refund(refund) => (!matches!(refund.status.as_str(), "failed" | "canceled"))
            .then(|| (refund.amount, refund.currency.clone())),
        PaymentObject::Dispute(dispute) => Some((dispute.amount, dispute.currency.clone())),
        PaymentObject::CheckoutSession(session) => Some((session.amount_total?, session.currency.clone()?))
            .filter(|_| session.payment_status == "paid"),
    }
}

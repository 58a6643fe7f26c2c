//! Every object that Stripe was recorded to send can be read, whatever its API version.
//!
//! The recordings are not part of the project. Where they are absent the test
//! says so and reads the samples alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, Table, presets};
use growth_domain::facts::{InvoiceLine, PaymentObject, SubscriptionItem};
use growth_stripe::envelope::{self, Document, ReadError};
use growth_stripe::extract::{self, ExtractError, Extraction};
use serde_json::{Value, json};

use crate::samples::{NOW, at, one_of_each, payments, subscriptions};

/// The kinds that are read, and how many of each the recordings hold at least as a document or entry of a list.
const KINDS: [(&str, u32); 14] = [
    ("checkout.session", 15),
    ("payment_intent", 55),
    ("charge", 35),
    ("invoice_payment", 25),
    ("refund", 12),
    ("dispute", 10),
    ("invoice", 30),
    ("subscription", 25),
    ("customer", 150),
    ("coupon", 10),
    ("discount", 10),
    ("price", 10),
    ("plan", 20),
    ("product", 10),
];

/// How many objects of one kind were found in one API version.
#[derive(Clone, Copy, Default)]
struct Count {
    /// Those that are a document, or stand in a list or event.
    read: u32,
    /// Those inside other objects, read as if they stood alone.
    nested: u32,
}

/// What was found in documents of one API version.
#[derive(Default)]
struct Version {
    kinds: BTreeMap<String, Count>,
    facts: usize,
    ignored: u32,
    error_bodies: u32,
}

#[derive(Default)]
struct Survey {
    versions: BTreeMap<String, Version>,
    failures: Vec<String>,
    linked_invoices: u32,
}

#[test]
fn every_recorded_object_is_read() {
    let mut samples = Survey::default();
    for (event_type, object) in one_of_each() {
        let data = json!({ "object": object });
        let event = json!({ "object": "event", "type": event_type, "created": NOW, "data": data });
        samples.document("samples", event);
    }
    say(&samples.table());
    assert_eq!(samples.failures, Vec::<String>::new());
    for (kind, _) in KINDS {
        assert!(samples.read_of(kind) > 0, "no sample of kind {kind}");
    }

    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/stripe-data");
    if !recordings.is_dir() {
        say(&format!("no recordings at {}: only the samples were read", recordings.display()));
        return;
    }
    let mut recorded = Survey::default();
    recorded.folder(&recordings.join("composed-events"), |survey, version, document| {
        survey.document(version, document);
    });
    recorded.folder(&recordings.join("pay-rails-vcr"), |survey, version, mut exchange| {
        survey.document(version, body(&mut exchange));
    });
    recorded.examples(&recordings.join("openapi-fixtures"));
    say(&recorded.table());

    assert_eq!(recorded.failures, Vec::<String>::new());
    for (kind, least) in KINDS {
        let read = recorded.read_of(kind);
        assert!(read >= least, "only {read} of at least {least} objects of kind {kind} were read");
    }
    assert!(recorded.linked_invoices >= 15, "only {} invoices name their payer", recorded.linked_invoices);
    let error_bodies: u32 = recorded.versions.values().map(|version| version.error_bodies).sum();
    assert!(error_bodies >= 30, "only {error_bodies} error bodies were known as such");
}

impl Survey {
    /// Reads a folder of folders, each named after an API version.
    fn folder(&mut self, folder: &Path, read: impl Fn(&mut Self, &str, Value)) {
        for of_version in entries(folder) {
            let version = name(&of_version);
            for file in entries(&of_version) {
                read(self, &version, parsed(&file));
            }
        }
    }

    /// Reads files named after an API version, each with one example of every kind.
    fn examples(&mut self, folder: &Path) {
        for file in entries(folder) {
            let version = name(&file).trim_end_matches(".json").to_owned();
            let mut examples = parsed(&file);
            let Value::Object(examples) = examples["resources"].take() else {
                panic!("no examples in {}", file.display())
            };
            for (_, example) in examples {
                self.document(&version, example);
            }
        }
    }

    fn document(&mut self, version: &str, document: Value) {
        match envelope::read(document) {
            Ok(Document::Event(event)) => {
                self.object(version, &event.object, extract::facts_of_event(&event, "evt_1"));
            }
            Ok(Document::Object(plain)) => {
                let shown = extract::facts_of_object(&plain.object, at(NOW), "backfill_1");
                self.object(version, &plain.object, shown);
            }
            Ok(Document::List(entries)) => {
                for entry in entries {
                    self.document(version, entry);
                }
            }
            Ok(Document::Thin { .. }) => self.version(version).ignored += 1,
            Err(ReadError::Refused { .. }) => self.version(version).error_bodies += 1,
            Err(error) => self.failures.push(format!("{version}: {error}")),
        }
    }

    fn object(&mut self, version: &str, object: &Value, result: Result<Extraction, ExtractError>) {
        match result {
            Ok(extraction) if extraction.handled => {
                self.check(version, object, &extraction);
                self.version(version).facts += extraction.facts.len();
                self.count(version, object).read += 1;
            }
            Ok(_) => self.version(version).ignored += 1,
            Err(error) => self.failures.push(format!("{version}: {error}")),
        }
        self.nested(version, object);
    }

    /// Reads the objects inside an object as if they stood alone.
    fn nested(&mut self, version: &str, value: &Value) {
        let children: Vec<&Value> = match value {
            Value::Array(entries) => entries.iter().collect(),
            Value::Object(fields) => fields.values().collect(),
            _ => return,
        };
        for child in children {
            match extract::facts_of_object(child, at(NOW), "backfill_1") {
                Ok(extraction) if extraction.handled => {
                    self.check(version, child, &extraction);
                    self.count(version, child).nested += 1;
                }
                Ok(_) => {}
                Err(error) => self.failures.push(format!("{version}, inside another object: {error}")),
            }
            self.nested(version, child);
        }
    }

    /// Looks for what must have been found, by other means than the extraction's own.
    fn check(&mut self, version: &str, object: &Value, extraction: &Extraction) {
        let is_known = |value: &Value| !value.is_null();
        let mut problems = Vec::new();
        if extraction.facts.is_empty() {
            problems.push("tells nothing");
        }
        for state in subscriptions(extraction) {
            let is_priced = |item: &SubscriptionItem| {
                item.price.unit_amount.is_some() && item.price.recurring.is_some() && item.quantity.is_some()
            };
            if state.items.is_empty() || !state.items.iter().all(is_priced) {
                problems.push("has an item without a price");
            }
            if state.period_start.is_none() || state.period_end.is_none() {
                problems.push("has no period");
            }
        }
        for payment in payments(extraction) {
            let customer = match &payment {
                PaymentObject::CheckoutSession(session) => &session.customer,
                PaymentObject::PaymentIntent(intent) => &intent.customer,
                PaymentObject::Charge(charge) => &charge.customer,
                PaymentObject::Invoice(invoice) => &invoice.customer,
                _ => continue,
            };
            if is_known(&object["customer"]) && customer.is_none() {
                problems.push("has lost its customer");
            }
        }
        if let Some(PaymentObject::Invoice(invoice)) = payments(extraction).into_iter().next() {
            let listed = object["payments"]["data"].as_array().into_iter().flatten();
            let mut intents = listed.map(|payment| &payment["payment"]["payment_intent"]);
            if invoice.status == "paid" && (is_known(&object["payment_intent"]) || intents.any(is_known)) {
                self.linked_invoices += 1;
                if invoice.payment_intents.is_empty() {
                    problems.push("has lost the intent that pays it");
                }
            }
            let told = [&object["subscription"], &object["parent"]["subscription_details"]["subscription"]];
            if told.into_iter().any(is_known) && invoice.subscription.is_none() {
                problems.push("has lost its subscription");
            }
            let mut lines = object["lines"]["data"].as_array().into_iter().flatten().zip(&invoice.lines);
            let is_lost = |(line, read): (&Value, &InvoiceLine)| {
                let told = [&line["price"], &line["pricing"]["price_details"]["price"]];
                told.into_iter().any(is_known) && read.price.is_none()
            };
            if lines.any(is_lost) {
                problems.push("has lost the price of a line");
            }
        }
        for problem in problems {
            self.failures.push(format!("{version}: {} {} {problem}", object["object"], object["id"]));
        }
    }

    fn version(&mut self, version: &str) -> &mut Version {
        self.versions.entry(version.to_owned()).or_default()
    }

    fn count(&mut self, version: &str, object: &Value) -> &mut Count {
        let kind = object["object"].as_str().expect("a handled object names its kind").to_owned();
        self.version(version).kinds.entry(kind).or_default()
    }

    fn read_of(&self, kind: &str) -> u32 {
        self.versions.values().filter_map(|version| version.kinds.get(kind)).map(|count| count.read).sum()
    }

    /// Shows for each API version how many objects of each kind were read, as documents and (+) inside others.
    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN);
        let kinds = KINDS.map(|(kind, _)| kind);
        let before = ["version"].into_iter();
        table.set_header(before.chain(kinds).chain(["facts", "other kinds", "error bodies"]));
        for (name, version) in &self.versions {
            let mut row = vec![name.clone()];
            row.extend(kinds.iter().map(|kind| match version.kinds.get(*kind) {
                None => String::new(),
                Some(Count { read, nested: 0 }) => read.to_string(),
                Some(Count { read, nested }) => format!("{read}+{nested}"),
            }));
            row.extend([
                version.facts.to_string(),
                version.ignored.to_string(),
                version.error_bodies.to_string(),
            ]);
            table.add_row(row);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.to_string()
    }
}

/// The body of a recorded HTTP exchange, which may be JSON or JSON in a text.
fn body(exchange: &mut Value) -> Value {
    match exchange["body"].take() {
        Value::String(text) => serde_json::from_str(&text).expect("the body is JSON"),
        body => body,
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths
}

fn parsed(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn name(path: &Path) -> String {
    path.file_name().expect("an entry has a name").to_string_lossy().into_owned()
}

#[expect(clippy::disallowed_macros, reason = "the test harness shows what a test prints")]
fn say(text: &str) {
    println!("{text}");
}

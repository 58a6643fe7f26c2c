//! What one Stripe object says, as facts of the domain.
//!
//! The object's own `object` field decides who reads it, for
//! `charge.refund.updated` carries a refund and `customer.discount.created` a
//! discount. The event type only adds what the object does not say: that it
//! was deleted, that a payment failed, that funds of a dispute moved.

use chrono::{DateTime, Utc};
use growth_domain::facts::{Fact, PaymentFact, PaymentObject};
use growth_domain::stamp::Stamp;
use serde_json::{Map, Value};

use crate::envelope::Event;
use crate::fields::Fields;
use crate::{catalog, customers, invoices, payments, subscriptions};

/// The facts in one document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extraction {
    /// What the object says, at most one fact for each object it shows.
    pub facts: Vec<Fact>,
    /// False for a kind of object that the figures do not need: keep it and ignore it.
    pub handled: bool,
    /// Lists that the object shows in part, though the figures need them whole.
    pub cut: Vec<Cut>,
}

/// A list inside an object that shows fewer entries than it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The id of the object that holds the list.
    pub object: String,
    /// `items` of a subscription, `lines` of an invoice or `refunds` of a charge.
    pub list: &'static str,
    /// How many entries it shows.
    pub shown: usize,
    /// How many it has, where it says so.
    pub total: Option<u64>,
}

/// An object that lacks what the figures need of it, or shows it in an unexpected form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {id}: {path} {problem}")]
pub struct ExtractError {
    /// The kind of object, as in its field `object`.
    pub kind: &'static str,
    /// The object's id, `without id` where it has none.
    pub id: String,
    /// Where in the object, such as `items.data[0].price.currency`.
    pub path: String,
    /// What is wrong there, to be read after the path.
    pub problem: String,
}

/// Reads the facts of an event, stamped with the event's time.
///
/// `event_id` is the event's id, or the one made for an event without id.
pub fn facts_of_event(event: &Event, event_id: &str) -> Result<Extraction, ExtractError> {
    read(&event.object, &Origin::event(event, event_id))
}

/// Reads the facts of a plain object, stamped with the time at which it was read.
///
/// `id` is the id made for this reading of the object; it takes the place of an event's id.
pub fn facts_of_object(object: &Value, read_at: DateTime<Utc>, id: &str) -> Result<Extraction, ExtractError> {
    let origin = Origin { at: read_at, event_id: id, event_type: "", from_event: false, previous: None };
    read(object, &origin)
}

/// Whether the figures need what an event is about; [`Extraction::handled`] says the same after reading it.
pub fn is_needed(event: &Event) -> bool {
    let origin = Origin::event(event, "");
    event.object.as_object().is_some_and(|map| reader_of(map).is_some() && !is_preview(map, &origin))
}

/// Who tells a fact, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    /// The event's time, or that of reading a plain object.
    pub(crate) at: DateTime<Utc>,
    /// The event's id, or the one made for a plain object.
    pub(crate) event_id: &'a str,
    /// The event's type; empty for a plain object, and for an object inside another.
    pub(crate) event_type: &'a str,
    /// Whether an event tells it.
    pub(crate) from_event: bool,
    /// What the event says it replaced of its object.
    pub(crate) previous: Option<&'a Map<String, Value>>,
}

impl<'a> Origin<'a> {
    fn event(event: &'a Event, event_id: &'a str) -> Self {
        Self {
            at: event.created,
            event_id,
            event_type: &event.event_type,
            from_event: true,
            previous: event.previous.as_ref(),
        }
    }

    /// The same occasion, for an object inside the one that the event is about.
    pub(crate) fn inside(&self) -> Self {
        Self { event_type: "", previous: None, ..*self }
    }

    /// The stamp of a fact of this rank.
    pub(crate) fn stamp(&self, rank: i64) -> Stamp {
        Stamp { at: self.at, rank, event_id: self.event_id.to_owned() }
    }

    /// Whether the event says that its object was deleted.
    pub(crate) fn deletes(&self) -> bool {
        self.event_type.ends_with(".deleted")
    }
}

impl Extraction {
    /// Adds a fact, unless one about the same object is there: an object may be
    /// shown in several places of another, and the first place tells most.
    pub(crate) fn push(&mut self, fact: Fact) {
        if !self.facts.iter().any(|known| subject(known) == subject(&fact)) {
            self.facts.push(fact);
        }
    }

    /// Adds a fact about a payment.
    pub(crate) fn push_payment(&mut self, origin: &Origin<'_>, rank: i64, object: PaymentObject) {
        let fact = PaymentFact { stamp: origin.stamp(rank), from_event: origin.from_event, object };
        self.push(Fact::Payment(fact));
    }
}

type Reader = fn(&Fields<'_>, &Origin<'_>, &mut Extraction) -> Result<(), ExtractError>;

fn read(object: &Value, origin: &Origin<'_>) -> Result<Extraction, ExtractError> {
    let mut extraction = Extraction::default();
    if let Value::Object(map) = object
        && let Some((kind, reader)) = reader_of(map)
        && !is_preview(map, origin)
    {
        extraction.handled = true;
        reader(&Fields::open(map, kind), origin, &mut extraction)?;
    }
    Ok(extraction)
}

fn reader_of(object: &Map<String, Value>) -> Option<(&'static str, Reader)> {
    let found: (&'static str, Reader) = match object.get("object")?.as_str()? {
        "charge" => ("charge", payments::charge),
        "checkout.session" => ("checkout.session", payments::checkout_session),
        "coupon" => ("coupon", catalog::coupon),
        "customer" => ("customer", customers::customer),
        "discount" => ("discount", catalog::discount),
        "dispute" => ("dispute", payments::dispute),
        "invoice" => ("invoice", invoices::invoice),
        "invoice_payment" => ("invoice_payment", payments::invoice_payment),
        "payment_intent" => ("payment_intent", payments::payment_intent),
        "plan" => ("plan", catalog::plan),
        "price" => ("price", catalog::price),
        "product" => ("product", catalog::product),
        "refund" => ("refund", payments::refund),
        "subscription" => ("subscription", subscriptions::subscription),
        _ => return None,
    };
    Some(found)
}

/// Whether this is an invoice that does not exist yet; newer versions give it an id all the same.
fn is_preview(object: &Map<String, Value>, origin: &Origin<'_>) -> bool {
    let id = object.get("id").and_then(Value::as_str).unwrap_or_default();
    origin.event_type == "invoice.upcoming" || id.starts_with("upcoming_in_")
}

fn subject(fact: &Fact) -> (&'static str, &str) {
    match fact {
        Fact::Payment(fact) => match &fact.object {
            PaymentObject::CheckoutSession(session) => ("checkout.session", &session.id),
            PaymentObject::PaymentIntent(intent) => ("payment_intent", &intent.id),
            PaymentObject::Charge(charge) => ("charge", &charge.id),
            PaymentObject::Invoice(invoice) => ("invoice", &invoice.id),
            PaymentObject::InvoicePayment(payment) => ("invoice_payment", &payment.id),
            PaymentObject::Refund(refund) => ("refund", &refund.id),
            PaymentObject::Dispute(dispute) => ("dispute", &dispute.id),
        },
        Fact::Subscription(fact) => ("subscription", &fact.state.id),
        Fact::Customer(fact) => ("customer", &fact.id),
        Fact::Claim(claim) => ("claim", &claim.source),
        Fact::Price(fact) => ("price", &fact.terms.id),
        Fact::Product(fact) => ("product", &fact.id),
        Fact::Coupon(fact) => ("coupon", &fact.terms.id),
        Fact::Discount(fact) => ("discount", &fact.terms.id),
    }
}

//! The facts of a group, each object's in their order.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::facts::{
    Charge, CheckoutSession, Dispute, Invoice, InvoiceLine, InvoicePayment, PaymentFact, PaymentIntent,
    PaymentObject, Refund,
};
use crate::rank;
use crate::stamp::Stamp;

/// A fact about one kind of object, with its stamp.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a, T> {
    pub(super) stamp: &'a Stamp,
    pub(super) from_event: bool,
    pub(super) object: &'a T,
}

/// The facts of a group by kind and object.
///
/// Each object's are in order of how final they are, and then of their stamps: a fact that is stamped late,
/// or an old copy of an object that is read today, never undoes an end.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) sessions: BTreeMap<&'a str, Vec<Told<'a, CheckoutSession>>>,
    pub(super) intents: BTreeMap<&'a str, Vec<Told<'a, PaymentIntent>>>,
    pub(super) charges: BTreeMap<&'a str, Vec<Told<'a, Charge>>>,
    pub(super) invoices: BTreeMap<&'a str, Vec<Told<'a, Invoice>>>,
    pub(super) invoice_payments: BTreeMap<&'a str, Vec<Told<'a, InvoicePayment>>>,
    pub(super) refunds: BTreeMap<&'a str, Vec<Told<'a, Refund>>>,
    pub(super) disputes: BTreeMap<&'a str, Vec<Told<'a, Dispute>>>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(facts: &'a [PaymentFact]) -> Self {
        let mut ordered: Vec<&PaymentFact> = facts.iter().collect();
        ordered.sort_by_key(|fact| place(fact));
        let mut sorted = Self::default();
        for PaymentFact { stamp, from_event, object } in ordered {
            let from_event = *from_event;
            macro_rules! add {
                ($field:ident, $object:expr) => {
                    sorted.$field.entry($object.id.as_str()).or_default().push(Told {
                        stamp,
                        from_event,
                        object: $object,
                    })
                };
            }
            match object {
                PaymentObject::CheckoutSession(object) => add!(sessions, object),
                PaymentObject::PaymentIntent(object) => add!(intents, object),
                PaymentObject::Charge(object) => add!(charges, object),
                PaymentObject::Invoice(object) => add!(invoices, object.as_ref()),
                PaymentObject::InvoicePayment(object) => add!(invoice_payments, object),
                PaymentObject::Refund(object) => add!(refunds, object),
                PaymentObject::Dispute(object) => add!(disputes, object),
            }
        }
        sorted
    }
}

/// Where a fact stands among those about its object.
///
/// Several refunds of one charge can share a second and a rank, and their sum only grows.
fn place(fact: &PaymentFact) -> (u8, DateTime<Utc>, i64, i64, &str) {
    let refunded = match &fact.object {
        PaymentObject::Charge(charge) => charge.amount_refunded,
        _ => 0,
    };
    let stamp = &fact.stamp;
    (rank::finality(&fact.object), stamp.at, stamp.rank, refunded, &stamp.event_id)
}

/// The most final of an object's facts, of equally final ones the latest. The lists of [`Facts`] are never
/// empty.
pub(super) fn latest<'a, T>(told: &[Told<'a, T>]) -> Option<&'a T> {
    told.last().map(|told| told.object)
}

/// When it was first told.
pub(super) fn earliest<'s, 'a: 's, T: 'a>(
    told: impl IntoIterator<Item = &'s Told<'a, T>>,
) -> Option<DateTime<Utc>> {
    told.into_iter().map(|told| told.stamp.at).min()
}

/// The lines of an invoice's latest fact. New API versions show a line's price by its id alone: what earlier facts
/// told of the same price stays known.
pub(super) fn lines(told: &[Told<'_, Invoice>]) -> Vec<InvoiceLine> {
    let Some(invoice) = latest(told) else { return Vec::new() };
    let earlier = || told.iter().rev().flat_map(|told| &told.object.lines);
    let completed = |line: &InvoiceLine| {
        let same_price = |other: &&InvoiceLine| other.price == line.price && other.interval.is_some();
        let known = line.price.as_ref().and_then(|_| earlier().find(same_price));
        let known = known.filter(|_| line.interval.is_none()).cloned();
        let Some(InvoiceLine { price_nickname, interval, interval_count, .. }) = known else {
            return line.clone();
        };
        let price_nickname = line.price_nickname.clone().or(price_nickname);
        InvoiceLine { price_nickname, interval, interval_count, ..line.clone() }
    };
    invoice.lines.iter().map(completed).collect()
}

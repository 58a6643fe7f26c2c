//! Payments as a fold of facts.
//!
//! One subscription payment is told by up to six events of six objects, and in
//! new API versions the intent and the charge no longer say which invoice they
//! belong to. So facts that share an id form a group, and this fold turns the
//! whole group into payments, refunds, disputes and invoices. It looks at the
//! set of facts and their stamps only, so the order of arrival cannot matter.
//!
//! A payment is one payment intent; a charge where there is no intent; an
//! invoice where neither is known; a checkout session where nothing else is.

mod aliases;
mod links;
mod money_back;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

pub use aliases::{aliases, group_id};
pub use money_back::{DisputeState, RefundState};

use crate::attribution::{Link, Method};
use crate::facts::{
    Charge, CheckoutSession, Invoice, InvoiceLine, InvoicePayment, PaymentFact, PaymentIntent, PaymentObject,
};
use crate::stamp::Stamp;
use links::Links;

/// What a group of facts amounts to, each list sorted by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The payments.
    pub payments: Vec<Payment>,
    /// The refunds, with or without a known payment.
    pub refunds: Vec<RefundState>,
    /// The disputes, with or without a known payment.
    pub disputes: Vec<DisputeState>,
    /// The invoices.
    pub invoices: Vec<InvoiceState>,
}

/// How far a payment came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The money came.
    Succeeded,
    /// The last attempt failed.
    Failed,
    /// It was given up.
    Canceled,
    /// It is not decided.
    Pending,
}

impl Status {
    /// The text in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Pending => "pending",
        }
    }
}

/// One payment. Amounts are in the minor unit of `currency`.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// Intent, else charge, else invoice, else checkout session.
    pub id: String,
    /// The earliest event, by time and id, that tells of it.
    pub event_id: String,
    /// `pi_…`
    pub payment_intent: Option<String>,
    /// The charge that succeeded, else the latest.
    pub charge: Option<String>,
    /// `in_…`
    pub invoice: Option<String>,
    /// `cs_…`
    pub checkout_session: Option<String>,
    /// `sub_…`
    pub subscription: Option<String>,
    /// `cus_…`
    pub customer: Option<String>,
    /// What its own objects say about who paid.
    pub links: Vec<Link>,
    /// Received where it succeeded, else asked for.
    pub amount: i64,
    /// Lower-case currency code.
    pub currency: String,
    /// How far it came.
    pub status: Status,
    /// The price of the main invoice line.
    pub price: Option<String>,
    /// What was bought, in words.
    pub plan_name: Option<String>,
    /// `month`, `year`, `3 months`, …
    pub billing_period: Option<String>,
    /// `card`, …; `out_of_band` for an invoice paid outside Stripe.
    pub method: Option<String>,
    /// Why it failed, as a code; only for failed payments.
    pub failure_code: Option<String>,
    /// Why it failed, in words; only for failed payments.
    pub failure_reason: Option<String>,
    /// Minor units given back.
    pub refund_amount: i64,
    /// When it was last given back.
    pub refunded_at: Option<DateTime<Utc>>,
    /// Why it was last given back.
    pub refund_reason: Option<String>,
    /// Minor units of `fee_currency`; `None` where no fact told it.
    pub fee: Option<i64>,
    /// Lower-case currency code.
    pub fee_currency: Option<String>,
    /// When it succeeded, by the best evidence: charge, invoice payment, invoice, event.
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
}

/// An invoice's latest state.
#[derive(Clone, Debug, PartialEq)]
pub struct InvoiceState {
    /// The latest fact.
    pub latest: Invoice,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When an attempt to pay it first failed.
    pub first_failed_at: Option<DateTime<Utc>>,
    /// Its subscription lines that are no prorations.
    pub lines: Vec<InvoiceLine>,
}

/// A fact about one kind of object, with its stamp.
#[derive(Clone, Copy, Debug)]
struct Told<'a, T> {
    stamp: &'a Stamp,
    from_event: bool,
    object: &'a T,
}

/// The facts of a group by kind and object, each object's in order of their stamps.
#[derive(Debug, Default)]
struct Facts<'a> {
    sessions: BTreeMap<&'a str, Vec<Told<'a, CheckoutSession>>>,
    intents: BTreeMap<&'a str, Vec<Told<'a, PaymentIntent>>>,
    charges: BTreeMap<&'a str, Vec<Told<'a, Charge>>>,
    invoices: BTreeMap<&'a str, Vec<Told<'a, Invoice>>>,
    invoice_payments: BTreeMap<&'a str, Vec<Told<'a, InvoicePayment>>>,
    refunds: BTreeMap<&'a str, Vec<Told<'a, crate::facts::Refund>>>,
    disputes: BTreeMap<&'a str, Vec<Told<'a, crate::facts::Dispute>>>,
}

impl<'a> Facts<'a> {
    fn of(facts: &'a [PaymentFact]) -> Self {
        let mut ordered: Vec<&PaymentFact> = facts.iter().collect();
        ordered.sort_by(|a, b| a.stamp.cmp(&b.stamp));
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

/// The latest of an object's facts. The lists of [`Facts`] are never empty.
fn latest<'a, T>(told: &[Told<'a, T>]) -> Option<&'a T> {
    told.last().map(|told| told.object)
}

/// Folds the facts of one group. The same set gives the same result in any order.
pub fn fold(facts: &[PaymentFact]) -> Group {
    let facts = Facts::of(facts);
    let links = Links::of(&facts);
    let refunds = money_back::refunds(&facts, &links);
    let mut used = BTreeSet::new();
    let mut payments: Vec<Payment> = links
        .anchors
        .iter()
        .filter_map(|(id, parts)| payment(id, parts, &facts, &links, &mut used))
        .collect();
    let ids: BTreeSet<String> = payments.iter().map(|payment| payment.id.clone()).collect();
    let refunds = refunds.into_iter().map(|refund| refund.with_payment_in(&ids)).collect::<Vec<_>>();
    for payment in &mut payments {
        give_back(payment, &refunds);
    }
    Group {
        payments,
        refunds,
        disputes: money_back::disputes(&facts, &links, &ids),
        invoices: facts.invoices.values().filter_map(|told| invoice_state(told)).collect(),
    }
}

fn give_back(payment: &mut Payment, refunds: &[RefundState]) {
    let counted = refunds
        .iter()
        .filter(|refund| refund.counted && refund.payment.as_deref() == Some(payment.id.as_str()));
    for refund in counted {
        payment.refund_amount += refund.amount;
        if payment.refunded_at.is_none_or(|at| at <= refund.created_at) {
            payment.refunded_at = Some(refund.created_at);
            payment.refund_reason = refund.reason.clone().or(payment.refund_reason.take());
        }
    }
}

/// What belongs to one payment.
#[derive(Debug, Default)]
struct Parts<'a> {
    charges: BTreeSet<&'a str>,
    invoices: BTreeSet<&'a str>,
    sessions: BTreeSet<&'a str>,
    invoice_payments: BTreeSet<&'a str>,
}

/// The latest facts about the objects of one payment.
struct View<'f, 'a> {
    intent: Option<&'f [Told<'a, PaymentIntent>]>,
    /// The charge that succeeded, else the latest.
    charge: Option<&'f [Told<'a, Charge>]>,
    invoice_payment: Option<&'a InvoicePayment>,
    invoice: Option<&'a Invoice>,
    /// Whether an attempt to pay the invoice ever failed.
    invoice_failed: bool,
    session: Option<&'f [Told<'a, CheckoutSession>]>,
}

fn charge_succeeded(charge: &Charge) -> bool {
    charge.status == "succeeded" && charge.captured
}

fn payment<'a>(
    id: &str,
    parts: &Parts<'a>,
    facts: &Facts<'a>,
    links: &Links<'a>,
    used: &mut BTreeSet<String>,
) -> Option<Payment> {
    let charge = parts
        .charges
        .iter()
        .filter_map(|id| facts.charges.get(id))
        .max_by_key(|told| (latest(told).is_some_and(charge_succeeded), told.last().map(|told| told.stamp)))
        .map(Vec::as_slice);
    let invoice_payment = parts
        .invoice_payments
        .iter()
        .filter_map(|id| facts.invoice_payments.get(id))
        .filter_map(|told| latest(told))
        .max_by_key(|paid| (paid.status == "paid", paid.amount_paid));
    let view = View {
        intent: facts.intents.get(id).map(Vec::as_slice),
        charge,
        invoice_payment,
        invoice: parts.invoices.iter().filter_map(|id| facts.invoices.get(id)).find_map(|told| latest(told)),
        invoice_failed: parts
            .invoices
            .iter()
            .filter_map(|id| facts.invoices.get(id))
            .flatten()
            .any(|told| told.object.payment_failed),
        session: parts.sessions.iter().find_map(|id| facts.sessions.get(id)).map(Vec::as_slice),
    };
    // An invoice speaks for a payment only where no other payment could have paid it.
    let alone = parts.invoices.iter().all(|invoice| links.payers(invoice) <= 1);
    let status = status(&view, alone)?;
    let (amount, currency) = amount(&view, status, alone)?;
    let event_id = first_event(id, parts, facts, alone, used)?;

    let intent = view.intent.and_then(latest);
    let charge = view.charge.and_then(latest);
    let session = view.session.and_then(latest);
    let line = view.invoice.and_then(|invoice| main_line(&invoice.lines));
    let fee = view.charge.and_then(|told| told.iter().rev().find(|told| told.object.fee.is_some()));
    let failed = (status == Status::Failed).then_some((charge, intent));
    Some(Payment {
        id: id.to_owned(),
        event_id,
        payment_intent: id.starts_with("pi_").then(|| id.to_owned()),
        charge: charge
            .map(|charge| charge.id.clone())
            .or_else(|| intent?.charge.clone())
            .or_else(|| view.invoice_payment?.charge.clone())
            .or_else(|| {
                (parts.charges.len() == 1).then(|| parts.charges.first().map(|id| (*id).to_owned()))?
            }),
        invoice: parts.invoices.first().map(|id| (*id).to_owned()),
        checkout_session: session.map(|session| session.id.clone()),
        subscription: view
            .invoice
            .and_then(|invoice| invoice.subscription.clone())
            .or_else(|| session?.subscription.clone()),
        customer: charge
            .and_then(|charge| charge.customer.clone())
            .or_else(|| intent?.customer.clone())
            .or_else(|| view.invoice?.customer.clone())
            .or_else(|| session?.customer.clone()),
        links: attribution_links(&view, facts, parts),
        amount,
        currency,
        status,
        price: line.and_then(|line| line.price.clone()),
        plan_name: line.and_then(|line| line.price_nickname.clone().or_else(|| line.description.clone())),
        billing_period: line.and_then(billing_period),
        method: charge.and_then(|charge| charge.method.clone()).or_else(|| {
            view.invoice.is_some_and(|invoice| invoice.paid_out_of_band).then(|| "out_of_band".to_owned())
        }),
        failure_code: failed.and_then(|(charge, intent)| {
            charge.and_then(|c| c.failure_code.clone()).or_else(|| intent?.failure_code.clone())
        }),
        failure_reason: failed.and_then(|(charge, intent)| {
            charge.and_then(|c| c.failure_message.clone()).or_else(|| intent?.failure_message.clone())
        }),
        refund_amount: 0,
        refunded_at: None,
        refund_reason: None,
        fee: fee.and_then(|told| told.object.fee),
        fee_currency: fee.and_then(|told| told.object.fee_currency.clone()),
        paid_at: (status == Status::Succeeded).then(|| paid_at(&view)).flatten(),
        created_at: created_at(&view, facts, parts)?,
    })
}

/// How far the payment came; `None` where the facts tell of no attempt to pay.
fn status(view: &View<'_, '_>, alone: bool) -> Option<Status> {
    let (intent, charge) = (view.intent.and_then(latest), view.charge.and_then(latest));
    let canceled = intent.is_some_and(|intent| intent.status == "canceled");
    let succeeded = charge.is_some_and(charge_succeeded)
        || intent.is_some_and(|intent| intent.status == "succeeded")
        || view.invoice_payment.is_some_and(|paid| paid.status == "paid")
        || (alone
            && !canceled
            && view.invoice.is_some_and(|invoice| invoice.status == "paid" && invoice.amount_paid > 0))
        || view.session.and_then(latest).is_some_and(|session| session.payment_status == "paid");
    if succeeded {
        return Some(Status::Succeeded);
    }
    if canceled {
        return Some(Status::Canceled);
    }
    let failed = charge.is_some_and(|charge| charge.status == "failed")
        || intent.is_some_and(|intent| intent.failure_code.is_some() || intent.failure_message.is_some())
        || (alone && view.invoice_failed);
    if failed {
        return Some(Status::Failed);
    }
    (charge.is_some() || intent.is_some()).then_some(Status::Pending)
}

fn amount(view: &View<'_, '_>, status: Status, alone: bool) -> Option<(i64, String)> {
    let (intent, charge) = (view.intent.and_then(latest), view.charge.and_then(latest));
    let session = view.session.and_then(latest);
    let invoice = view.invoice.filter(|_| alone);
    let (amount, currency) = if status == Status::Succeeded {
        charge
            .filter(|charge| charge_succeeded(charge))
            .map(|charge| (charge.amount_captured, charge.currency.clone()))
            .or_else(|| {
                let intent = intent.filter(|intent| intent.amount_received > 0)?;
                Some((intent.amount_received, intent.currency.clone()))
            })
            .or_else(|| {
                let paid = view.invoice_payment.filter(|paid| paid.status == "paid")?;
                Some((paid.amount_paid, paid.currency.clone()))
            })
            .or_else(|| invoice.map(|invoice| (invoice.amount_paid, invoice.currency.clone())))
            .or_else(|| Some((session?.amount_total?, session?.currency.clone()?)))?
    } else {
        intent
            .map(|intent| (intent.amount, intent.currency.clone()))
            .or_else(|| charge.map(|charge| (charge.amount, charge.currency.clone())))
            .or_else(|| invoice.map(|invoice| (invoice.amount_due, invoice.currency.clone())))?
    };
    (amount != 0).then_some((amount, currency))
}

fn paid_at(view: &View<'_, '_>) -> Option<DateTime<Utc>> {
    let charge = view.charge.and_then(latest).filter(|charge| charge_succeeded(charge));
    charge
        .and_then(|charge| charge.created)
        .or_else(|| view.invoice_payment?.paid_at)
        .or_else(|| view.invoice?.paid_at)
        .or_else(|| told_at(view.intent?, |intent| intent.status == "succeeded", |intent| intent.created))
        .or_else(|| {
            told_at(view.session?, |session| session.payment_status == "paid", |session| session.created)
        })
        .or_else(|| view.invoice_payment?.created)
        .or_else(|| view.invoice?.created)
}

/// The time of the first event that tells it, else the object's own time.
fn told_at<T>(
    told: &[Told<'_, T>],
    tells: impl Fn(&T) -> bool,
    own: impl Fn(&T) -> Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let mut telling = told.iter().filter(|told| tells(told.object));
    let first = telling.clone().find(|told| told.from_event).map(|told| told.stamp.at);
    first.or_else(|| telling.find_map(|told| own(told.object).or(Some(told.stamp.at))))
}

fn created_at(view: &View<'_, '_>, facts: &Facts<'_>, parts: &Parts<'_>) -> Option<DateTime<Utc>> {
    let charges =
        parts.charges.iter().filter_map(|id| facts.charges.get(id)).filter_map(|told| latest(told)?.created);
    let own = view.intent.and_then(latest).and_then(|intent| intent.created);
    own.into_iter()
        .chain(charges)
        .min()
        .or_else(|| view.invoice_payment?.created)
        .or_else(|| view.invoice?.created)
        .or_else(|| view.session.and_then(latest)?.created)
        .or_else(|| paid_at(view))
        .or_else(|| view.session?.first().map(|told| told.stamp.at))
        .or_else(|| view.intent?.first().map(|told| told.stamp.at))
        .or_else(|| view.charge?.first().map(|told| told.stamp.at))
}

/// The earliest event, by (time, id), that tells of the payment. No event stands for two payments.
fn first_event(
    id: &str,
    parts: &Parts<'_>,
    facts: &Facts<'_>,
    alone: bool,
    used: &mut BTreeSet<String>,
) -> Option<String> {
    fn stamps<'s, T>(told: Option<&'s Vec<Told<'_, T>>>) -> impl Iterator<Item = &'s Stamp> {
        told.into_iter().flatten().map(|told| told.stamp)
    }
    let mut all: Vec<&Stamp> = stamps(facts.intents.get(id)).collect();
    all.extend(parts.charges.iter().flat_map(|id| stamps(facts.charges.get(id))));
    all.extend(parts.invoice_payments.iter().flat_map(|id| stamps(facts.invoice_payments.get(id))));
    all.extend(parts.sessions.iter().flat_map(|id| stamps(facts.sessions.get(id))));
    if alone {
        all.extend(parts.invoices.iter().flat_map(|id| stamps(facts.invoices.get(id))));
    }
    all.sort_by(|a, b| (a.at, &a.event_id).cmp(&(b.at, &b.event_id)));
    let free = all.iter().map(|stamp| &stamp.event_id).find(|event| !used.contains(*event));
    // Two payments told by one event alone: the second is named after itself.
    let event = free.cloned().or_else(|| Some(format!("{}#{id}", all.first()?.event_id)))?;
    used.insert(event.clone());
    Some(event)
}

fn attribution_links(view: &View<'_, '_>, facts: &Facts<'_>, parts: &Parts<'_>) -> Vec<Link> {
    let mut links = Vec::new();
    let mut add = |method, value: &Option<String>, stamp: &Stamp| {
        if let Some(value) = value {
            links.push(Link { method, value: value.clone(), stamp: stamp.clone() });
        }
    };
    for told in parts.sessions.iter().filter_map(|id| facts.sessions.get(id)?.last()) {
        add(Method::ClientReferenceId, &told.object.client_reference_id, told.stamp);
        add(Method::Metadata, &told.object.user_id, told.stamp);
        add(Method::Email, &told.object.email, told.stamp);
    }
    if let Some(told) = view.intent.and_then(<[_]>::last) {
        add(Method::Metadata, &told.object.user_id, told.stamp);
        add(Method::Email, &told.object.email, told.stamp);
    }
    if let Some(told) = view.charge.and_then(<[_]>::last) {
        add(Method::Metadata, &told.object.user_id, told.stamp);
        add(Method::Email, &told.object.email, told.stamp);
    }
    for told in parts.invoices.iter().filter_map(|id| facts.invoices.get(id)?.last()) {
        add(Method::Metadata, &told.object.user_id, told.stamp);
        add(Method::Email, &told.object.email, told.stamp);
    }
    links
}

/// The line that says best what was bought: the largest that is no proration, else the largest.
fn main_line(lines: &[InvoiceLine]) -> Option<&InvoiceLine> {
    lines.iter().rev().max_by_key(|line| (!line.proration, line.amount))
}

/// In the interval's own words where the line carries them, else by the length of its period.
fn billing_period(line: &InvoiceLine) -> Option<String> {
    if let Some(interval) = &line.interval {
        let count = line.interval_count.unwrap_or(1);
        return Some(if count == 1 { interval.clone() } else { format!("{count} {interval}s") });
    }
    let days = (line.period_end? - line.period_start?).num_days();
    let (count, interval) = match days {
        1 => (1, "day"),
        7 => (1, "week"),
        28..=31 => (1, "month"),
        89..=92 => (3, "month"),
        181..=184 => (6, "month"),
        365..=366 => (1, "year"),
        _ => return None,
    };
    Some(if count == 1 { interval.to_owned() } else { format!("{count} {interval}s") })
}

fn invoice_state(told: &[Told<'_, Invoice>]) -> Option<InvoiceState> {
    let last = told.last()?;
    let lines = last.object.lines.iter().filter(|line| !line.proration && line.subscription.is_some());
    Some(InvoiceState {
        latest: last.object.clone(),
        created_at: last.object.created.unwrap_or(last.stamp.at),
        first_failed_at: told.iter().find(|told| told.object.payment_failed).map(|told| told.stamp.at),
        lines: lines.cloned().collect(),
    })
}

#[cfg(test)]
mod tests;

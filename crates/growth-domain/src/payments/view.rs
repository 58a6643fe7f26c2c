//! One payment, as its objects tell it.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::links::{Links, Parts, took_money};
use super::told::{Facts, Told, earliest, latest, lines};
use super::{Payment, Status};
use crate::attribution::{Link, Method};
use crate::facts::{Charge, CheckoutSession, Invoice, InvoiceLine, InvoicePayment, PaymentIntent};
use crate::stamp::Stamp;

/// A charge that is booked within this time did not wait for its success.
const AT_ONCE: TimeDelta = TimeDelta::minutes(1);

/// What is known of one payment.
struct View<'f, 'a> {
    parts: &'f Parts<'a>,
    facts: &'f Facts<'a>,
    intent: Option<&'f [Told<'a, PaymentIntent>]>,
    /// The charge that succeeded, else the latest.
    charge: Option<&'f [Told<'a, Charge>]>,
    invoice_payment: Option<&'a InvoicePayment>,
    invoice: Option<&'a Invoice>,
    /// Those of the invoice.
    lines: Vec<InvoiceLine>,
    session: Option<&'f [Told<'a, CheckoutSession>]>,
    /// An invoice speaks for a payment only where no other payment could have paid it.
    alone: bool,
    /// Whether it is an intent that was canceled while its invoice was paid in another way.
    given_up: bool,
}

/// Whether a charge took the money.
pub(super) fn charge_succeeded(charge: &Charge) -> bool {
    charge.status == "succeeded" && charge.captured
}

/// Builds the payment `id`; `None` where its objects tell of no attempt to pay.
pub(super) fn payment<'a>(
    id: &str,
    parts: &Parts<'a>,
    facts: &Facts<'a>,
    links: &Links<'a>,
    used: &mut BTreeSet<String>,
) -> Option<Payment> {
    let view = View::of(id, parts, facts, links);
    let status = view.status()?;
    let (amount, currency) = view.amount(status)?;
    let event_id = first_event(id, parts, facts, view.alone, used)?;
    let line = main_line(&view.lines);
    let fee = view.charge.and_then(|told| told.iter().rev().find(|told| told.object.fee.is_some()));
    let (failure_code, failure_reason) = if status == Status::Failed { view.failure() } else { (None, None) };
    Some(Payment {
        id: id.to_owned(),
        event_id,
        payment_intent: id.starts_with("pi_").then(|| id.to_owned()),
        charge: view.charge_id(),
        invoice: parts.invoices.first().map(|id| (*id).to_owned()),
        checkout_session: view.session().map(|session| session.id.clone()),
        subscription: view.subscription(),
        customer: view.customer(),
        links: attribution_links(&view, facts, parts),
        amount,
        currency,
        status,
        price: line.and_then(|line| line.price.clone()),
        plan_name: line.and_then(|line| line.price_nickname.clone().or_else(|| line.description.clone())),
        billing_period: line.and_then(billing_period),
        method: view.method(),
        failure_code,
        failure_reason,
        refund_amount: 0,
        refunded_at: None,
        refund_reason: None,
        fee: fee.and_then(|told| told.object.fee),
        fee_currency: fee.and_then(|told| told.object.fee_currency.clone()),
        paid_at: (status == Status::Succeeded).then(|| view.paid_at()).flatten(),
        created_at: view.created_at()?,
    })
}

impl<'f, 'a> View<'f, 'a> {
    fn of(id: &str, parts: &'f Parts<'a>, facts: &'f Facts<'a>, links: &Links<'a>) -> Self {
        let charges = parts.charges.iter().filter_map(|id| facts.charges.get(id));
        // The charge that was made last, whenever it was told of.
        let charge = charges.max_by_key(|told| {
            let charge = latest(told);
            let made = charge.and_then(|charge| charge.created);
            (charge.is_some_and(charge_succeeded), made, told.last().map(|told| told.stamp))
        });
        let invoice_payments = parts.invoice_payments.iter().filter_map(|id| facts.invoice_payments.get(id));
        let mut invoices = parts.invoices.iter().filter_map(|id| facts.invoices.get(id));
        Self {
            parts,
            facts,
            intent: facts.intents.get(id).map(Vec::as_slice),
            charge: charge.map(Vec::as_slice),
            invoice_payment: invoice_payments
                .filter_map(|told| latest(told))
                .max_by_key(|paid| (paid.status == "paid", paid.amount_paid)),
            lines: invoices.clone().next().map(|told| lines(told)).unwrap_or_default(),
            invoice: invoices.find_map(|told| latest(told)),
            session: parts.sessions.iter().find_map(|id| facts.sessions.get(id)).map(Vec::as_slice),
            alone: parts.invoices.iter().all(|invoice| links.is_sole_payer(invoice, id)),
            given_up: links.gave_up(id),
        }
    }

    fn intent(&self) -> Option<&'a PaymentIntent> {
        self.intent.and_then(latest)
    }

    fn charge(&self) -> Option<&'a Charge> {
        self.charge.and_then(latest)
    }

    fn session(&self) -> Option<&'a CheckoutSession> {
        self.session.and_then(latest)
    }

    /// How far the payment came; `None` where the facts tell of no attempt to pay.
    fn status(&self) -> Option<Status> {
        let (intent, charge) = (self.intent(), self.charge());
        let canceled = intent.is_some_and(|intent| intent.status == "canceled");
        let succeeded = charge.is_some_and(charge_succeeded)
            || intent.is_some_and(|intent| intent.status == "succeeded")
            || self.invoice_payment.is_some_and(|paid| paid.status == "paid")
            || (self.alone && !canceled && self.invoice.is_some_and(took_money))
            || self.session().is_some_and(|session| session.payment_status == "paid");
        if succeeded {
            return Some(Status::Succeeded);
        }
        if canceled {
            return (!self.given_up || self.was_tried()).then_some(Status::Canceled);
        }
        // An attempt that is under way again has not failed, whatever the invoice told of those before.
        let under_way = |intent: &PaymentIntent| {
            matches!(intent.status.as_str(), "processing" | "requires_action" | "requires_confirmation")
        };
        let failed = charge.is_some_and(|charge| charge.status == "failed")
            || intent.is_some_and(failed)
            || (self.alone && !intent.is_some_and(under_way) && self.invoice_failed());
        if failed {
            return Some(Status::Failed);
        }
        (charge.is_some() || intent.is_some()).then_some(Status::Pending)
    }

    /// Whether an attempt to pay the invoice ever failed.
    fn invoice_failed(&self) -> bool {
        let invoices = self.parts.invoices.iter().filter_map(|id| self.facts.invoices.get(id));
        invoices.flatten().any(|told| told.object.payment_failed)
    }

    /// Whether its intent or a charge ever tells of an attempt to pay.
    fn was_tried(&self) -> bool {
        let tried = |told: &Told<'_, PaymentIntent>| told.object.charge.is_some() || failed(told.object);
        !self.parts.charges.is_empty() || self.intent.is_some_and(|told| told.iter().any(tried))
    }

    fn amount(&self, status: Status) -> Option<(i64, String)> {
        let (intent, charge, session) = (self.intent(), self.charge(), self.session());
        let invoice = self.invoice.filter(|_| self.alone);
        let (amount, currency) = if status == Status::Succeeded {
            charge
                .filter(|charge| charge_succeeded(charge))
                .map(|charge| (charge.amount_captured, charge.currency.clone()))
                .or_else(|| {
                    let intent = intent.filter(|intent| intent.amount_received > 0)?;
                    Some((intent.amount_received, intent.currency.clone()))
                })
                .or_else(|| {
                    let paid = self.invoice_payment.filter(|paid| paid.status == "paid")?;
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

    fn charge_id(&self) -> Option<String> {
        let only = || (self.parts.charges.len() == 1).then(|| self.parts.charges.first().copied())?;
        self.charge()
            .map(|charge| charge.id.clone())
            .or_else(|| self.intent()?.charge.clone())
            .or_else(|| self.invoice_payment?.charge.clone())
            .or_else(|| only().map(str::to_owned))
    }

    fn subscription(&self) -> Option<String> {
        self.invoice
            .and_then(|invoice| invoice.subscription.clone())
            .or_else(|| self.session()?.subscription.clone())
    }

    fn customer(&self) -> Option<String> {
        self.charge()
            .and_then(|charge| charge.customer.clone())
            .or_else(|| self.intent()?.customer.clone())
            .or_else(|| self.invoice?.customer.clone())
            .or_else(|| self.session()?.customer.clone())
    }

    fn method(&self) -> Option<String> {
        let out_of_band = self.invoice.is_some_and(|invoice| invoice.paid_out_of_band);
        let by_charge = self.charge().and_then(|charge| charge.method.clone());
        by_charge.or_else(|| out_of_band.then(|| "out_of_band".to_owned()))
    }

    /// Why it failed, as a code and in words.
    fn failure(&self) -> (Option<String>, Option<String>) {
        let (charge, intent) = (self.charge(), self.intent());
        let code = charge.and_then(|charge| charge.failure_code.clone());
        let reason = charge.and_then(|charge| charge.failure_message.clone());
        (code.or_else(|| intent?.failure_code.clone()), reason.or_else(|| intent?.failure_message.clone()))
    }

    /// When it succeeded. A charge is made when it is authorised or sent to the bank: where a fact shows that
    /// it then waited, the first event that tells of its success counts, else the time at which it was booked.
    fn paid_at(&self) -> Option<DateTime<Utc>> {
        let charge = self.charge().filter(|charge| charge_succeeded(charge));
        let created = charge.and_then(|charge| charge.created);
        let booked = self.booked_late(created);
        let waited = charge.is_some_and(|charge| self.waited(charge));
        let by_event = if waited { self.success_told_at().or(booked) } else { booked.or(created) };
        by_event
            .or_else(|| self.invoice_payment?.paid_at)
            .or_else(|| self.invoice?.paid_at)
            .or(created)
            .or_else(|| told_at(self.intent?, |intent| intent.status == "succeeded", |intent| intent.created))
            .or_else(|| {
                told_at(self.session?, |session| session.payment_status == "paid", |session| session.created)
            })
            .or_else(|| self.invoice_payment?.created)
            .or_else(|| self.invoice?.created)
    }

    /// When the charge was booked, where that was not at once.
    fn booked_late(&self, created: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let booked = self.charge?.iter().rev().find_map(|told| told.object.booked_at)?;
        (booked - created? > AT_ONCE).then_some(booked)
    }

    /// Whether a fact shows the charge, or the intent at this charge, before its success.
    fn waited(&self, charge: &Charge) -> bool {
        let at_this_charge =
            |intent: &PaymentIntent| intent.charge.as_ref().is_none_or(|id| *id == charge.id);
        let waits =
            |intent: &PaymentIntent| matches!(intent.status.as_str(), "processing" | "requires_capture");
        self.charge.is_some_and(|told| told.iter().any(|told| !charge_succeeded(told.object)))
            || self
                .intent
                .is_some_and(|told| told.iter().any(|told| waits(told.object) && at_this_charge(told.object)))
    }

    /// The time of the first event that tells of the success of the charge or the intent.
    fn success_told_at(&self) -> Option<DateTime<Utc>> {
        let charge = self.charge.into_iter().flatten();
        let charge = charge.filter(|told| told.from_event && charge_succeeded(told.object));
        let intent = self.intent.into_iter().flatten();
        let intent = intent.filter(|told| told.from_event && told.object.status == "succeeded");
        earliest(charge).into_iter().chain(earliest(intent)).min()
    }

    fn created_at(&self) -> Option<DateTime<Utc>> {
        let charges = self.parts.charges.iter().filter_map(|id| self.facts.charges.get(id));
        let charges = charges.filter_map(|told| latest(told)?.created);
        let own = self.intent().and_then(|intent| intent.created);
        own.into_iter()
            .chain(charges)
            .min()
            .or_else(|| self.invoice_payment?.created)
            .or_else(|| self.invoice?.created)
            .or_else(|| self.session()?.created)
            .or_else(|| self.paid_at())
            .or_else(|| earliest(self.session?))
            .or_else(|| earliest(self.intent?))
            .or_else(|| earliest(self.charge?))
    }
}

fn failed(intent: &PaymentIntent) -> bool {
    intent.failure_code.is_some() || intent.failure_message.is_some()
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

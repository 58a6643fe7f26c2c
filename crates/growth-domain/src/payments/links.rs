//! Which objects of a group belong to which payment.

use std::collections::{BTreeMap, BTreeSet};

use super::aliases::may_mean;
use super::told::{Facts, Told, latest};
use super::view::charge_succeeded;
use crate::facts::{CheckoutSession, Invoice, PaymentIntent};

/// What belongs to one payment.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) charges: BTreeSet<&'a str>,
    pub(super) invoices: BTreeSet<&'a str>,
    pub(super) sessions: BTreeSet<&'a str>,
    pub(super) invoice_payments: BTreeSet<&'a str>,
}

/// The payments of a group and what belongs to each.
#[derive(Debug, Default)]
pub(super) struct Links<'a> {
    /// By the payment's id.
    pub(super) anchors: BTreeMap<&'a str, Parts<'a>>,
    /// The intent of each charge that has one.
    intent_of: BTreeMap<&'a str, &'a str>,
    /// The payments (intents, or charges without one) of each invoice.
    payers_of: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Intents that were canceled, and paid nothing of an invoice that was paid.
    given_up: BTreeSet<&'a str>,
}

impl<'a> Links<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        let mut links = Self { intent_of: intents_of_charges(facts), ..Self::default() };
        links.find_payers(facts);
        links.believe_hints(facts);
        links.leave_out_canceled(facts);
        links.gather(facts);
        links
    }

    /// Whether no other payment than this one can have paid the invoice.
    pub(super) fn is_sole_payer(&self, invoice: &str, payment: &str) -> bool {
        let other = |payer: &&str| *payer != payment && !self.given_up.contains(payer);
        self.payers_of.get(invoice).is_none_or(|payers| !payers.iter().any(other))
    }

    /// Whether this intent was canceled while its invoice was paid in another way.
    pub(super) fn gave_up(&self, payment: &str) -> bool {
        self.given_up.contains(payment)
    }

    /// The payment that a charge or intent belongs to.
    pub(super) fn payment_of(&self, charge: Option<&'a str>, intent: Option<&'a str>) -> Option<&'a str> {
        intent.or_else(|| charge.map(|charge| self.payer(charge)))
    }

    /// The charge by which an intent succeeded, a captured one before one that is only authorised.
    pub(super) fn succeeded_charge_of(&self, intent: &str, facts: &Facts<'a>) -> Option<&'a str> {
        let charges = facts.charges.iter().filter(|(id, _)| self.payer(id) == intent);
        let succeeded = charges
            .filter_map(|(id, told)| Some((*id, latest(told)?)))
            .filter(|(_, charge)| charge.status == "succeeded");
        succeeded.max_by_key(|(_, charge)| charge.captured).map(|(id, _)| id)
    }

    fn payer(&self, charge: &'a str) -> &'a str {
        self.intent_of.get(charge).copied().unwrap_or(charge)
    }

    fn find_payers(&mut self, facts: &Facts<'a>) {
        let mut pairs: Vec<(&'a str, &'a str)> = Vec::new();
        for told in facts.intents.values().flatten() {
            pairs.extend(told.object.invoice.as_deref().map(|invoice| (invoice, told.object.id.as_str())));
        }
        for told in facts.charges.values().flatten() {
            pairs
                .extend(told.object.invoice.as_deref().map(|invoice| (invoice, self.payer(&told.object.id))));
        }
        for told in facts.invoices.values().flatten() {
            let invoice = told.object.id.as_str();
            pairs.extend(told.object.payment_intents.iter().map(|intent| (invoice, intent.as_str())));
            pairs.extend(told.object.charges.iter().map(|charge| (invoice, self.payer(charge))));
        }
        for told in facts.invoice_payments.values().flatten() {
            let payer = self.payment_of(told.object.charge.as_deref(), told.object.payment_intent.as_deref());
            pairs.extend(told.object.invoice.as_deref().zip(payer));
        }
        for (invoice, payer) in pairs {
            self.payers_of.entry(invoice).or_default().insert(payer);
        }
    }

    /// An intent that hints at an invoice paid it where nothing better is known of either
    /// and customer, currency and amount agree.
    fn believe_hints(&mut self, facts: &Facts<'a>) {
        let linked: BTreeSet<&str> = self.payers_of.values().flatten().copied().collect();
        let mut believed = Vec::new();
        for (id, told) in &facts.intents {
            let Some(intent) = latest(told).filter(|_| !linked.contains(id)) else { continue };
            let Some(reference) = intent.order_reference.as_deref() else { continue };
            let mut fitting = facts.invoices.values().filter_map(|told| latest(told)).filter(|invoice| {
                may_mean(reference, &invoice.id)
                    && !self.payers_of.contains_key(invoice.id.as_str())
                    && agree(intent, invoice)
            });
            if let (Some(invoice), None) = (fitting.next(), fitting.next()) {
                believed.push((invoice.id.as_str(), *id));
            }
        }
        for (invoice, intent) in believed {
            self.payers_of.entry(invoice).or_default().insert(intent);
        }
    }

    /// An intent that was canceled did not pay an invoice that was paid. Where nobody else did, the money
    /// came in another way, and the invoice stands for the payment.
    fn leave_out_canceled(&mut self, facts: &Facts<'a>) {
        let mut given_up = BTreeSet::new();
        for (invoice, payers) in &self.payers_of {
            if facts.invoices.get(invoice).and_then(|told| latest(told)).is_some_and(took_money) {
                given_up.extend(payers.iter().copied().filter(|payer| self.paid_nothing(payer, facts)));
            }
        }
        self.payers_of.retain(|invoice, payers| {
            let paid = facts.invoices.get(invoice).and_then(|told| latest(told)).is_some_and(took_money);
            !paid || payers.iter().any(|payer| !given_up.contains(payer))
        });
        self.given_up = given_up;
    }

    /// Whether an intent was canceled, and neither a charge nor an invoice payment says otherwise.
    fn paid_nothing(&self, intent: &str, facts: &Facts<'a>) -> bool {
        let charged = || {
            let charges = facts.charges.iter().filter(|(id, _)| self.payer(id) == intent);
            charges.filter_map(|(_, told)| latest(told)).any(charge_succeeded)
        };
        let paid = || {
            let payments = facts.invoice_payments.values().filter_map(|told| latest(told));
            payments.filter(|paid| paid.status == "paid").any(|paid| {
                self.payment_of(paid.charge.as_deref(), paid.payment_intent.as_deref()) == Some(intent)
            })
        };
        let canceled = facts.intents.get(intent).and_then(|told| latest(told));
        canceled.is_some_and(|intent| intent.status == "canceled") && !charged() && !paid()
    }

    fn gather(&mut self, facts: &Facts<'a>) {
        for id in facts.intents.keys() {
            self.anchors.entry(id).or_default();
        }
        for (charge, intent) in &self.intent_of {
            // A refund or dispute alone tells of no payment.
            if facts.charges.contains_key(charge) || facts.intents.contains_key(intent) {
                self.anchors.entry(intent).or_default().charges.insert(charge);
            }
        }
        for charge in facts.charges.keys().filter(|charge| !self.intent_of.contains_key(*charge)) {
            self.anchors.entry(charge).or_default().charges.insert(charge);
        }
        for (invoice, payers) in &self.payers_of {
            for payer in payers {
                self.anchors.entry(payer).or_default().invoices.insert(invoice);
            }
        }
        for invoice in facts.invoices.keys().filter(|invoice| !self.payers_of.contains_key(*invoice)) {
            self.anchors.entry(invoice).or_default().invoices.insert(invoice);
        }
        for (id, told) in &facts.invoice_payments {
            let Some(paid) = latest(told) else { continue };
            let payer = self.payment_of(paid.charge.as_deref(), paid.payment_intent.as_deref());
            if let Some(anchor) = payer.or(paid.invoice.as_deref()) {
                self.anchors.entry(anchor).or_default().invoice_payments.insert(id);
            }
        }
        for (id, told) in &facts.sessions {
            for anchor in self.payments_of_session(id, told) {
                self.anchors.entry(anchor).or_default().sessions.insert(id);
            }
        }
    }

    /// A session names its intent or its invoice. One of a subscription that names neither is no
    /// payment of its own: the invoice tells the money.
    fn payments_of_session(&self, id: &'a str, told: &[Told<'a, CheckoutSession>]) -> Vec<&'a str> {
        let Some(session) = latest(told) else { return Vec::new() };
        if let Some(intent) = session.payment_intent.as_deref() {
            return vec![intent];
        }
        match session.invoice.as_deref() {
            Some(invoice) => match self.payers_of.get(invoice) {
                Some(payers) if payers.len() == 1 => payers.iter().copied().collect(),
                Some(_) => Vec::new(),
                None => vec![invoice],
            },
            None if session.mode == "subscription" => Vec::new(),
            None => vec![id],
        }
    }
}

fn intents_of_charges<'a>(facts: &Facts<'a>) -> BTreeMap<&'a str, &'a str> {
    let mut intents = BTreeMap::new();
    let mut add = |charge: Option<&'a str>, intent: Option<&'a str>| {
        if let (Some(charge), Some(intent)) = (charge, intent) {
            intents.insert(charge, intent);
        }
    };
    for told in facts.invoices.values().flatten() {
        // The two are of one payment; better witnesses may say otherwise below.
        if let ([intent], [charge]) = (&told.object.payment_intents[..], &told.object.charges[..]) {
            add(Some(charge), Some(intent));
        }
    }
    for told in facts.refunds.values().flatten() {
        add(told.object.charge.as_deref(), told.object.payment_intent.as_deref());
    }
    for told in facts.disputes.values().flatten() {
        add(told.object.charge.as_deref(), told.object.payment_intent.as_deref());
    }
    for told in facts.intents.values().flatten() {
        add(told.object.charge.as_deref(), Some(&told.object.id));
    }
    for told in facts.charges.values().flatten() {
        add(Some(&told.object.id), told.object.payment_intent.as_deref());
    }
    intents
}

/// Whether an invoice was paid with money, by whatever way.
pub(super) fn took_money(invoice: &Invoice) -> bool {
    invoice.status == "paid" && invoice.amount_paid > 0
}

fn agree(intent: &PaymentIntent, invoice: &Invoice) -> bool {
    let same_customer = match (&intent.customer, &invoice.customer) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    let amount = if intent.amount_received > 0 { intent.amount_received } else { intent.amount };
    same_customer
        && intent.currency == invoice.currency
        && [invoice.amount_paid, invoice.amount_due].contains(&amount)
}

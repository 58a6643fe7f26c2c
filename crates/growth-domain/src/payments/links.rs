//! Which objects of a group belong to which payment.

use std::collections::{BTreeMap, BTreeSet};

use super::aliases::may_mean;
use super::{Facts, Parts, latest};
use crate::facts::{Invoice, PaymentIntent};

/// The payments of a group and what belongs to each.
#[derive(Debug, Default)]
pub(super) struct Links<'a> {
    /// By the payment's id.
    pub(super) anchors: BTreeMap<&'a str, Parts<'a>>,
    /// The intent of each charge that has one.
    intent_of: BTreeMap<&'a str, &'a str>,
    /// The payments (intents, or charges without one) of each invoice.
    payers_of: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Links<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        let mut links = Self { intent_of: intents_of_charges(facts), ..Self::default() };
        links.find_payers(facts);
        links.believe_hints(facts);
        links.gather(facts);
        links
    }

    /// How many payments this invoice has.
    pub(super) fn payers(&self, invoice: &str) -> usize {
        self.payers_of.get(invoice).map_or(0, BTreeSet::len)
    }

    /// The payment that a charge or intent belongs to.
    pub(super) fn payment_of(&self, charge: Option<&'a str>, intent: Option<&'a str>) -> Option<&'a str> {
        intent.or_else(|| charge.map(|charge| self.payer(charge)))
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
                may_mean(reference, &invoice.id) && self.payers(&invoice.id) == 0 && agree(intent, invoice)
            });
            if let (Some(invoice), None) = (fitting.next(), fitting.next()) {
                believed.push((invoice.id.as_str(), *id));
            }
        }
        for (invoice, intent) in believed {
            self.payers_of.entry(invoice).or_default().insert(intent);
        }
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
    fn payments_of_session(
        &self,
        id: &'a str,
        told: &[super::Told<'a, crate::facts::CheckoutSession>],
    ) -> Vec<&'a str> {
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

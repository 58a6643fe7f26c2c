//! Invoices of subscriptions: billed, then paid or not.

use chrono::{DateTime, Utc};

use super::payments::Order;
use super::records::{Invoice, Line};
use super::{Draft, Shape, World, objects};

impl World {
    /// Makes an open invoice, with an intent where there is something to pay, and returns its id.
    pub(super) fn bill(
        &mut self,
        subscription: &str,
        reason: &'static str,
        lines: Vec<Line>,
        at: DateTime<Utc>,
    ) -> Option<String> {
        let id = self.ids.stamped("in", '1', at);
        let number = self.ids.invoice_number();
        let own = self.subscriptions.get(subscription)?;
        let terms = &self.prices.get(&own.price)?.terms;
        let regular: i64 = lines.iter().filter(|line| !line.proration).map(|line| line.amount).sum();
        let taken = self.taken(own, regular, at);
        let discount = own.discount.as_ref().filter(|_| taken > 0);
        let invoice = Invoice {
            id: id.clone(),
            number,
            customer: own.customer.clone(),
            email: self.customers.get(&own.customer).map_or_else(String::new, |known| known.email.clone()),
            subscription: own.id.clone(),
            user_id: own.user_id.clone(),
            currency: terms.currency.clone(),
            reason,
            status: "open",
            created: at,
            period_start: own.period_start,
            period_end: own.period_end,
            lines,
            discount: discount.map(|discount| (discount.id.clone(), taken)),
            attempts: 0,
            payment_intent: None,
            link: None,
            failed_at: None,
            paid_at: None,
        };
        let total = invoice.total();
        let (customer, currency) = (invoice.customer.clone(), invoice.currency.clone());
        self.invoices.insert(id.clone(), invoice);
        if total > 0 {
            let order = Order {
                invoice: Some(&id),
                subscription: Some(subscription),
                customer: Some(&customer),
                amount: total,
                currency: &currency,
                description: if reason == "subscription_create" {
                    "Subscription creation"
                } else {
                    "Subscription update"
                },
            };
            let intent = self.open_payment(&order, at);
            self.invoices.get_mut(&id)?.payment_intent = Some(intent);
        }
        let own = self.subscriptions.get_mut(subscription)?;
        own.latest_invoice = Some(id.clone());
        if let Some(discount) = own.discount.as_mut().filter(|_| taken > 0) {
            discount.used = true;
        }
        Some(id)
    }

    /// Drafts what tells of an invoice and its intent before anybody tried to pay.
    pub(super) fn beginnings(&self, invoice: &str, at: DateTime<Utc>) -> Vec<Draft> {
        if !self.beginnings {
            return Vec::new();
        }
        let intent = self.invoices.get(invoice).and_then(|own| own.payment_intent.as_ref());
        let drafts = [
            self.invoice_draft(invoice, "invoice.created", "draft", at),
            self.invoice_draft(invoice, "invoice.finalized", "open", at),
            intent.and_then(|intent| self.intent_created(intent, at)),
        ];
        drafts.into_iter().flatten().collect()
    }

    /// Drafts the announcement of an active subscription's next invoice.
    pub(super) fn upcoming(&self, subscription: &str, at: DateTime<Utc>) -> Option<Draft> {
        let own = self.subscriptions.get(subscription).filter(|own| own.status == "active")?;
        let terms = &self.prices.get(&own.price)?.terms;
        let total = terms.unit_amount * own.quantity;
        let total = total - self.taken(own, total, own.period_end);
        let object = objects::upcoming(&self.look(at), own, &terms.currency, total);
        Some(Draft::new(at, "invoice.upcoming", object))
    }

    /// Drafts that a customer has a card, which tells nothing of money.
    pub(super) fn method_draft(&mut self, customer: &str, at: DateTime<Utc>) -> Option<Draft> {
        let id = self.ids.stamped("pm", '1', at);
        let object = objects::payment_method(&self.look(at), &id, customer);
        self.beginnings.then(|| Draft::new(at, "payment_method.attached", object))
    }

    /// Pays an invoice and drafts everything that tells of it.
    pub(super) fn settle(&mut self, invoice: &str, at: DateTime<Utc>) -> Vec<Draft> {
        let link = self.ids.stamped("inpay", '1', at);
        let Some(record) = self.invoices.get_mut(invoice) else { return Vec::new() };
        record.status = "paid";
        record.paid_at = Some(at);
        record.link = Some(link.clone());
        let intent = record.payment_intent.clone();
        record.attempts += i64::from(intent.is_some());
        let mut drafts = Vec::new();
        if let Some(intent) = intent {
            drafts.extend(self.collect(&intent, at));
            if self.shape_at(at) == Shape::Clover {
                drafts.extend(self.payments.get(&intent).map(|payment| {
                    let object = objects::invoice_payment(&self.look(at), &link, payment, at);
                    Draft::new(at, "invoice_payment.paid", object)
                }));
            }
        }
        drafts.extend(self.invoice_draft(invoice, "invoice.paid", "paid", at));
        drafts.extend(self.invoice_draft(invoice, "invoice.payment_succeeded", "paid", at));
        drafts
    }

    /// Lets an attempt to pay an invoice fail and drafts everything that tells of it.
    pub(super) fn fail(&mut self, invoice: &str, at: DateTime<Utc>) -> Vec<Draft> {
        let Some(record) = self.invoices.get_mut(invoice) else { return Vec::new() };
        record.attempts += 1;
        record.failed_at.get_or_insert(at);
        let intent = record.payment_intent.clone();
        let mut drafts = intent.map(|intent| self.decline(&intent, at)).unwrap_or_default();
        drafts.extend(self.invoice_draft(invoice, "invoice.payment_failed", "open", at));
        drafts
    }

    /// Drafts an event about an invoice, which may have another status then than in the end.
    pub(super) fn invoice_draft(
        &self,
        invoice: &str,
        kind: &'static str,
        status: &'static str,
        at: DateTime<Utc>,
    ) -> Option<Draft> {
        let record = self.invoices.get(invoice)?;
        let payment = record.payment_intent.as_ref().and_then(|intent| self.payments.get(intent));
        let charge = payment.filter(|_| record.attempts > 0).map(|payment| payment.charge.as_str());
        let object = objects::invoice(&self.look(at), record, status, charge, |price| self.prices.get(price));
        Some(Draft::new(at, kind, object))
    }
}

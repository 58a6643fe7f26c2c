//! The account's objects as Stripe's API shows them now.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::objects::{self, Look};
use super::records::{Invoice, Payment, Product, Subscription};
use super::{Shape, World};

impl World {
    /// Returns every object that is not deleted, as reading it in that shape shows it.
    ///
    /// Other objects are named by their ids, but for what is an object only inside another: discounts, and the
    /// balance transactions of charges and disputes, with the fees.
    pub fn objects(&self, shape: Shape) -> Vec<Value> {
        let look = Look { shape, livemode: self.livemode, at: DateTime::<Utc>::MAX_UTC };
        let customers = self.customers.values().filter(|customer| !customer.deleted);
        let payments = self.payments.values();
        let charges = payments.clone().filter(|payment| payment.was_tried()).chain(&self.declined);
        let mut shown: Vec<Value> = Vec::new();
        shown.extend(
            self.products
                .iter()
                .map(|Product { id, name, created }| objects::product(&look, id, name, *created)),
        );
        shown.extend(self.prices.values().map(|price| objects::price(&look, price)));
        shown.extend(self.coupons.values().map(|coupon| objects::coupon(&look, coupon)));
        shown.extend(customers.map(|customer| objects::customer(&look, customer)));
        shown.extend(self.subscriptions.values().filter_map(|own| self.shown_subscription(&look, own)));
        shown.extend(self.invoices.values().map(|invoice| self.shown_invoice(&look, invoice)));
        shown.extend(self.invoices.values().filter_map(|invoice| self.shown_link(&look, invoice)));
        shown.extend(payments.map(|payment| objects::payment_intent(&look, payment, !payment.was_tried())));
        shown.extend(charges.map(|payment| shown_charge(&look, payment)));
        shown.extend(self.refunds.values().map(objects::refund));
        shown.extend(self.disputes.values().map(|dispute| objects::dispute(&look, dispute)));
        shown.extend(self.sessions.iter().cloned());
        shown
    }

    fn shown_subscription(&self, look: &Look, own: &Subscription) -> Option<Value> {
        let coupon = self.coupon_of(own);
        let mut object = objects::subscription(look, own, self.prices.get(&own.price)?, coupon);
        let discounts = own.discount.iter().zip(coupon);
        object["discounts"] = discounts
            .map(|(discount, coupon)| objects::discount(look, discount, coupon, &own.id, &own.customer))
            .collect();
        Some(object)
    }

    fn shown_invoice(&self, look: &Look, invoice: &Invoice) -> Value {
        let payment = invoice.payment_intent.as_ref().and_then(|intent| self.payments.get(intent));
        let charge = payment.filter(|_| invoice.attempts > 0).map(|payment| payment.charge.as_str());
        let mut object =
            objects::invoice(look, invoice, invoice.status, charge, |price| self.prices.get(price));
        let links: Vec<Value> = self.shown_link(look, invoice).into_iter().collect();
        object["payments"] = json!({ "object": "list", "data": links, "has_more": false });
        object
    }

    /// Which payment an invoice has, also while it is open.
    fn shown_link(&self, look: &Look, invoice: &Invoice) -> Option<Value> {
        let payment = self.payments.get(invoice.payment_intent.as_ref()?)?;
        let Some(at) = invoice.paid_at else {
            let id = invoice.id.replace("in_", "inpay_");
            let mut open = objects::invoice_payment(look, &id, payment, payment.created);
            open["status"] = "open".into();
            open["amount_paid"] = Value::Null;
            open["status_transitions"]["paid_at"] = Value::Null;
            return Some(open);
        };
        Some(objects::invoice_payment(look, invoice.link.as_ref()?, payment, at))
    }
}

/// The API shows the fee of every charge, where it is asked for.
fn shown_charge(look: &Look, payment: &Payment) -> Value {
    objects::charge(look, &Payment { fee_shown: true, ..payment.clone() }, false)
}

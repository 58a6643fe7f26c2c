//! Money that moves: attempts to pay, refunds and disputes.

use chrono::{DateTime, TimeDelta, Utc};

use super::records::{Dispute, Payment, Refund};
use super::{Draft, Shape, World, after, objects, second};

/// Why cards are declined, as code and message.
const DECLINES: [(&str, &str); 3] = [
    ("insufficient_funds", "Your card has insufficient funds."),
    ("generic_decline", "Your card was declined."),
    ("do_not_honor", "Your card was declined by its bank."),
];

/// What Stripe keeps for a dispute, in minor units.
const DISPUTE_FEE: i64 = 2_000;

/// What is to be paid.
#[derive(Clone, Debug)]
pub(super) struct Order<'a> {
    pub(super) invoice: Option<&'a str>,
    pub(super) subscription: Option<&'a str>,
    pub(super) customer: Option<&'a str>,
    pub(super) amount: i64,
    pub(super) currency: &'a str,
    pub(super) description: &'static str,
}

impl World {
    /// Takes a single payment and returns its intent: `payment_intent.created`, `payment_intent.succeeded`,
    /// `charge.succeeded`. Without a customer nobody can tell whose it is.
    ///
    /// Like that of every payment, its fee may be told up to two seconds later: `charge.updated`.
    pub fn one_off_payment(
        &mut self,
        customer: Option<&str>,
        amount: i64,
        currency: &str,
        at: DateTime<Utc>,
    ) -> Option<String> {
        let known = customer.is_none_or(|id| self.customers.get(id).is_some_and(|own| !own.deleted));
        if amount <= 0 || !known {
            return None;
        }
        let at = second(at);
        let order = Order {
            invoice: None,
            subscription: None,
            customer,
            amount,
            currency,
            description: "Contact pack",
        };
        let intent = self.open_payment(&order, at);
        let created = self.intent_created(&intent, at).filter(|_| self.beginnings);
        let mut drafts: Vec<Draft> = created.into_iter().collect();
        drafts.extend(self.collect(&intent, at));
        self.emit(drafts);
        Some(intent)
    }

    /// Gives back a part of a payment and returns the refund's id: `refund.created`, `charge.refunded`.
    ///
    /// Refuses more than what is left, and payments that did not succeed or are in dispute.
    pub fn refund(&mut self, payment_intent: &str, amount: i64, at: DateTime<Utc>) -> Option<String> {
        let payment = self.payments.get_mut(payment_intent)?;
        let left = payment.amount - payment.refunded;
        if payment.paid_at.is_none() || payment.disputed || amount <= 0 || amount > left {
            return None;
        }
        let at = after(payment.touched, at);
        payment.touched = at;
        payment.refunded += amount;
        let payment = payment.clone();
        let refund = Refund {
            id: self.ids.stamped("re", '3', at),
            payment_intent: payment.intent.clone(),
            charge: payment.charge.clone(),
            transaction: self.ids.stamped("txn", '3', at),
            amount,
            currency: payment.currency.clone(),
            status: "succeeded",
            created: at,
        };
        let look = self.look(at);
        self.emit(vec![
            Draft::new(at, "refund.created", objects::refund(&refund)),
            Draft::new(at, "charge.refunded", objects::charge(&look, &payment, false)),
        ]);
        let id = refund.id.clone();
        self.refunds.insert(id.clone(), refund);
        Some(id)
    }

    /// Lets a refund fail, which gives the amount back: `refund.updated`, `refund.failed`, and in the old
    /// shape `charge.refund.updated`.
    pub fn fail_refund(&mut self, refund: &str, at: DateTime<Utc>) -> bool {
        let Some(record) = self.refunds.get_mut(refund).filter(|record| record.status == "succeeded") else {
            return false;
        };
        let Some(payment) = self.payments.get_mut(&record.payment_intent) else { return false };
        let at = after(payment.touched, at);
        payment.touched = at;
        payment.refunded -= record.amount;
        record.status = "failed";
        let object = objects::refund(record);
        let mut drafts = vec![
            Draft::new(at, "refund.updated", object.clone()),
            Draft::new(at, "refund.failed", object.clone()),
        ];
        if self.shape_at(at) == Shape::Acacia {
            drafts.push(Draft::new(at, "charge.refund.updated", object));
        }
        self.emit(drafts);
        true
    }

    /// Lets a bank take a whole payment back and returns the dispute's id: `charge.dispute.created`,
    /// `charge.dispute.funds_withdrawn`.
    ///
    /// Refuses payments that did not succeed, or of which something was refunded or disputed before.
    pub fn dispute(&mut self, payment_intent: &str, at: DateTime<Utc>) -> Option<String> {
        let payment = self.payments.get_mut(payment_intent)?;
        if payment.paid_at.is_none() || payment.disputed || payment.refunded > 0 {
            return None;
        }
        let at = after(payment.touched, at);
        payment.touched = at;
        payment.disputed = true;
        let payment = payment.clone();
        let dispute = Dispute {
            id: self.ids.stamped("dp", '1', at),
            payment_intent: payment.intent,
            charge: payment.charge,
            transaction: self.ids.stamped("txn", '1', at),
            amount: payment.amount,
            fee: DISPUTE_FEE,
            currency: payment.currency,
            status: "needs_response",
            created: at,
            reinstated_at: None,
        };
        let object = objects::dispute(&self.look(at), &dispute);
        self.emit(vec![
            Draft::new(at, "charge.dispute.created", object.clone()),
            Draft::new(at, "charge.dispute.funds_withdrawn", object),
        ]);
        let id = dispute.id.clone();
        self.disputes.insert(id.clone(), dispute);
        Some(id)
    }

    /// Wins a dispute, so that the money comes back: `charge.dispute.funds_reinstated`, `charge.dispute.closed`.
    pub fn win_dispute(&mut self, dispute: &str, at: DateTime<Utc>) -> bool {
        self.close_dispute(dispute, "won", at)
    }

    /// Loses a dispute: `charge.dispute.closed`.
    pub fn lose_dispute(&mut self, dispute: &str, at: DateTime<Utc>) -> bool {
        self.close_dispute(dispute, "lost", at)
    }

    fn close_dispute(&mut self, dispute: &str, status: &'static str, at: DateTime<Utc>) -> bool {
        let Some(record) = self.disputes.get_mut(dispute).filter(|record| record.status == "needs_response")
        else {
            return false;
        };
        let Some(payment) = self.payments.get_mut(&record.payment_intent) else { return false };
        let at = after(payment.touched, at);
        payment.touched = at;
        record.status = status;
        record.reinstated_at = (status == "won").then_some(at);
        let record = record.clone();
        let object = objects::dispute(&self.look(at), &record);
        let mut drafts = vec![Draft::new(at, "charge.dispute.closed", object.clone())];
        if record.reinstated_at.is_some() {
            drafts.push(Draft::new(at, "charge.dispute.funds_reinstated", object));
        }
        self.emit(drafts);
        true
    }

    /// Opens an intent that nobody has tried to pay yet and returns its id.
    pub(super) fn open_payment(&mut self, order: &Order, at: DateTime<Utc>) -> String {
        let intent = self.ids.stamped("pi", '3', at);
        let email = order.customer.and_then(|customer| self.customers.get(customer));
        let payment = Payment {
            intent: intent.clone(),
            charge: self.ids.stamped("ch", '3', at),
            transaction: self.ids.stamped("txn", '3', at),
            invoice: order.invoice.map(str::to_owned),
            subscription: order.subscription.map(str::to_owned),
            customer: order.customer.map(str::to_owned),
            email: email.map(|customer| customer.email.clone()),
            amount: order.amount,
            currency: order.currency.to_owned(),
            description: order.description,
            created: at,
            charged_at: at,
            paid_at: None,
            failure: None,
            fee: fee(order.amount),
            fee_shown: !self.random.percent(self.fees_hidden),
            refunded: 0,
            disputed: false,
            touched: at,
        };
        self.payments.insert(intent.clone(), payment);
        intent
    }

    /// Tells of an intent that was just opened.
    pub(super) fn intent_created(&self, intent: &str, at: DateTime<Utc>) -> Option<Draft> {
        let payment = self.payments.get(intent)?;
        let object = objects::payment_intent(&self.look(at), payment, true);
        Some(Draft::new(at, "payment_intent.created", object))
    }

    /// Lets an open intent succeed; of some charges the fee is only there a little later: `charge.updated`.
    pub(super) fn collect(&mut self, intent: &str, at: DateTime<Utc>) -> Vec<Draft> {
        let later = at + TimeDelta::seconds(self.random.between(1, 2));
        let early = self.random.percent(40);
        let (look, later_look) = (self.look(at), self.look(later));
        let Some(payment) = self.payments.get_mut(intent) else { return Vec::new() };
        if payment.failure.is_some() {
            self.declined.push(payment.clone());
            payment.charge = self.ids.stamped("ch", '3', at);
        }
        let early = early && payment.fee_shown;
        payment.charged_at = at;
        payment.paid_at = Some(at);
        payment.touched = if early { later } else { at };
        let mut drafts = vec![
            Draft::new(at, "payment_intent.succeeded", objects::payment_intent(&look, payment, false)),
            Draft::new(at, "charge.succeeded", objects::charge(&look, payment, early)),
        ];
        if early {
            drafts.push(Draft::new(later, "charge.updated", objects::charge(&later_look, payment, false)));
        }
        drafts
    }

    /// Lets an attempt to pay an open intent fail.
    pub(super) fn decline(&mut self, intent: &str, at: DateTime<Utc>) -> Vec<Draft> {
        let look = self.look(at);
        let reason = self.random.pick(&DECLINES);
        let Some(payment) = self.payments.get_mut(intent) else { return Vec::new() };
        if payment.failure.is_some() {
            self.declined.push(payment.clone());
            payment.charge = self.ids.stamped("ch", '3', at);
        }
        payment.charged_at = at;
        payment.failure = Some(reason);
        payment.touched = at;
        vec![
            Draft::new(at, "payment_intent.payment_failed", objects::payment_intent(&look, payment, false)),
            Draft::new(at, "charge.failed", objects::charge(&look, payment, false)),
        ]
    }
}

/// Computes what Stripe keeps of a payment: 1.5 % and 20, halves away from zero.
fn fee(amount: i64) -> i64 {
    (amount * 15 + 500) / 1000 + 20
}

#[cfg(test)]
mod tests {
    use super::fee;

    #[test]
    fn the_fee_is_rounded_to_a_minor_unit() {
        assert_eq!(fee(1_900), 49);
        assert_eq!(fee(19_000), 305);
        assert_eq!(fee(100), 22);
    }
}

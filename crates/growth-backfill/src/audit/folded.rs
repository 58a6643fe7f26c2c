//! What facts of one group amount to, as far as they were read.

use std::collections::HashSet;

use growth_domain::facts::{PaymentFact, PaymentObject};
use growth_domain::payments::{DisputeState, InvoiceState, Payment, RefundState, Status, fold};

use super::objects::{Kind, Object, Told};

/// Folds facts into the objects that are compared.
pub(super) fn objects(facts: &[PaymentFact]) -> Vec<Object> {
    let (group, read) = (fold(facts), Read::of(facts));
    let payments = group.payments.iter().filter_map(|payment| read.payment(payment));
    let refunds = group.refunds.iter().map(refund);
    let disputes = group.disputes.iter().map(|dispute| read.dispute(dispute));
    let invoices = group.invoices.iter().filter(|invoice| invoice.latest.status != "draft").map(invoice);
    payments.chain(refunds).chain(disputes).chain(invoices).collect()
}

/// Which objects tell of themselves, and are not only named by others.
struct Read<'a> {
    ids: HashSet<&'a str>,
    /// Disputes that show what they moved.
    moved: HashSet<&'a str>,
}

impl<'a> Read<'a> {
    fn of(facts: &'a [PaymentFact]) -> Self {
        let mut read = Self { ids: HashSet::new(), moved: HashSet::new() };
        for fact in facts {
            read.ids.insert(fact.object.id());
            if let PaymentObject::Dispute(dispute) = &fact.object {
                read.moved.extend(dispute.withdrawn.map(|_| dispute.id.as_str()));
            }
        }
        read
    }

    /// What is known of a payment; of one whose intent was made before the window that is its fee at most.
    fn payment(&self, payment: &Payment) -> Option<Object> {
        let mut fields = Vec::new();
        if self.ids.contains(payment.id.as_str()) {
            fields.push(("status", payment.status.as_str().into()));
            fields.push(("amount", Told::Minor(payment.amount)));
            fields.push(("currency", payment.currency.as_str().into()));
            fields.push(("customer", payment.customer.as_deref().into()));
            fields.push(("invoice", payment.invoice.as_deref().into()));
            fields.push(("subscription", payment.subscription.as_deref().into()));
        }
        let charge = payment.charge.as_deref().filter(|charge| self.ids.contains(charge));
        if payment.status == Status::Succeeded && charge.is_some() {
            // A charge's own sum; the refunds of the window alone would be a part of it.
            fields.push(("refunded", Told::Minor(payment.refund_amount)));
            fields.push(("paid_at", payment.paid_at.into()));
            fields.push(("fee", payment.fee.map_or(Told::NotKnown, Told::Minor)));
            fields.push(("fee_currency", payment.fee_currency.as_deref().into()));
        }
        (!fields.is_empty()).then(|| Object {
            kind: Kind::Payment,
            id: payment.id.clone(),
            created: payment.created_at,
            currency: payment.currency.clone(),
            fields,
            by_charge: false,
        })
    }

    fn dispute(&self, dispute: &DisputeState) -> Object {
        let mut fields = vec![
            ("status", dispute.status.as_str().into()),
            ("amount", Told::Minor(dispute.amount)),
            ("currency", dispute.currency.as_str().into()),
        ];
        if self.moved.contains(dispute.id.as_str()) {
            fields.push(("withdrawn", Told::Minor(dispute.withdrawn)));
            fields.push(("reinstated", Told::Minor(dispute.reinstated)));
        }
        Object {
            kind: Kind::Dispute,
            id: dispute.id.clone(),
            created: dispute.created_at,
            currency: dispute.currency.clone(),
            fields,
            by_charge: false,
        }
    }
}

fn refund(refund: &RefundState) -> Object {
    let status = Some(refund.status.as_str()).filter(|status| !status.is_empty());
    Object {
        kind: Kind::Refund,
        id: refund.id.clone(),
        created: refund.created_at,
        currency: refund.currency.clone(),
        fields: vec![
            ("status", status.into()),
            ("amount", Told::Minor(refund.amount)),
            ("currency", refund.currency.as_str().into()),
            ("counted", Told::Flag(refund.counted)),
        ],
        by_charge: refund.by_charge,
    }
}

fn invoice(invoice: &InvoiceState) -> Object {
    let latest = &invoice.latest;
    Object {
        kind: Kind::Invoice,
        id: latest.id.clone(),
        created: invoice.created_at,
        currency: latest.currency.clone(),
        fields: vec![
            ("status", latest.status.as_str().into()),
            ("amount_due", Told::Minor(latest.amount_due)),
            ("amount_paid", Told::Minor(latest.amount_paid)),
            ("currency", latest.currency.as_str().into()),
        ],
        by_charge: false,
    }
}

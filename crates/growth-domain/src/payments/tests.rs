use chrono::{DateTime, Utc};

use super::*;
use crate::facts::{Charge, CheckoutSession, Dispute, InvoicePayment, PaymentIntent, PaymentObject, Refund};
use crate::rank;
use crate::stamp::Stamp;

mod attempts;
mod ends;
mod refunds;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn fact(seconds: i64, event_type: &str, object: PaymentObject) -> PaymentFact {
    let rank = match &object {
        PaymentObject::CheckoutSession(object) => rank::checkout_session(&object.payment_status, event_type),
        PaymentObject::PaymentIntent(object) => rank::payment_intent(&object.status, event_type),
        PaymentObject::Charge(object) => rank::charge(&object.status, event_type),
        PaymentObject::Invoice(object) => rank::invoice(&object.status, event_type),
        PaymentObject::InvoicePayment(object) => rank::invoice_payment(&object.status, event_type),
        PaymentObject::Refund(object) => rank::refund(&object.status, event_type),
        PaymentObject::Dispute(object) => rank::dispute(&object.status, event_type),
    };
    let stamp = Stamp { at: at(seconds), rank, event_id: format!("evt_{seconds}_{event_type}") };
    PaymentFact { stamp, from_event: true, object }
}

fn intent(seconds: i64, id: &str, status: &str) -> PaymentFact {
    let received = if status == "succeeded" { 1900 } else { 0 };
    let failure = (status == "requires_payment_method").then(|| "card_declined".to_owned());
    fact(
        seconds,
        "payment_intent",
        PaymentObject::PaymentIntent(PaymentIntent {
            id: id.into(),
            created: Some(at(seconds)),
            status: status.into(),
            amount: 1900,
            amount_received: received,
            currency: "gbp".into(),
            failure_code: failure,
            ..PaymentIntent::default()
        }),
    )
}

fn charge(seconds: i64, id: &str, intent: Option<&str>, status: &str, refunded: i64) -> PaymentFact {
    fact(
        seconds,
        if refunded > 0 { "charge.refunded" } else { "charge" },
        PaymentObject::Charge(Charge {
            id: id.into(),
            created: Some(at(0)),
            status: status.into(),
            captured: status == "succeeded",
            amount: 1900,
            amount_captured: if status == "succeeded" { 1900 } else { 0 },
            amount_refunded: refunded,
            currency: "gbp".into(),
            payment_intent: intent.map(str::to_owned),
            method: Some("card".into()),
            ..Charge::default()
        }),
    )
}

fn invoice(seconds: i64, status: &str, paid: i64, intents: &[&str]) -> PaymentFact {
    fact(
        seconds,
        if status == "open" { "invoice.payment_failed" } else { "invoice.paid" },
        PaymentObject::Invoice(Box::new(Invoice {
            id: "in_1SRzqxKXBGcbgpbZOY0ZtMPY".into(),
            created: Some(at(0)),
            status: status.into(),
            payment_failed: status == "open",
            amount_due: 1900,
            amount_paid: paid,
            currency: "gbp".into(),
            subscription: Some("sub_1".into()),
            paid_at: (status == "paid").then(|| at(seconds)),
            payment_intents: intents.iter().map(|id| (*id).to_owned()).collect(),
            ..Invoice::default()
        })),
    )
}

fn invoice_payment(seconds: i64, id: &str, intent: &str, paid: i64) -> PaymentFact {
    fact(
        seconds,
        "invoice_payment.paid",
        PaymentObject::InvoicePayment(InvoicePayment {
            id: id.into(),
            status: "paid".into(),
            amount_paid: paid,
            currency: "gbp".into(),
            invoice: Some("in_1SRzqxKXBGcbgpbZOY0ZtMPY".into()),
            payment_intent: Some(intent.into()),
            paid_at: Some(at(seconds)),
            ..InvoicePayment::default()
        }),
    )
}

fn refund(seconds: i64, id: &str, amount: i64, status: &str) -> PaymentFact {
    fact(
        seconds,
        "refund",
        PaymentObject::Refund(Refund {
            id: id.into(),
            created: Some(at(50)),
            status: status.into(),
            amount,
            currency: "gbp".into(),
            charge: Some("ch_1".into()),
            payment_intent: Some("pi_1".into()),
            reason: Some("requested_by_customer".into()),
        }),
    )
}

fn one(facts: &[PaymentFact]) -> Payment {
    let group = fold(facts);
    let [payment] = &group.payments[..] else { panic!("{:#?}", group.payments) };
    payment.clone()
}

#[test]
fn a_failed_attempt_that_is_recovered_is_one_succeeded_payment() {
    let facts = [
        intent(1, "pi_1", "requires_payment_method"),
        charge(1, "ch_0", Some("pi_1"), "failed", 0),
        invoice(1, "open", 0, &["pi_1"]),
        charge(9, "ch_1", Some("pi_1"), "succeeded", 0),
        intent(9, "pi_1", "succeeded"),
        invoice(9, "paid", 1900, &["pi_1"]),
    ];
    let payment = one(&facts);
    assert_eq!(
        (payment.status, payment.amount, payment.charge.as_deref()),
        (Status::Succeeded, 1900, Some("ch_1"))
    );
    assert_eq!((payment.failure_code, payment.invoice.is_some()), (None, true));
    let failed = one(&facts[..3]);
    assert_eq!((failed.status, failed.paid_at), (Status::Failed, None));
    assert_eq!(failed.failure_code.as_deref(), Some("card_declined"));
    assert_eq!(fold(&facts).invoices[0].first_failed_at, Some(at(1)));
}

#[test]
fn an_invoice_paid_by_two_intents_is_two_payments() {
    let facts = [
        invoice(5, "paid", 3000, &[]),
        invoice_payment(3, "inpay_1", "pi_1", 1000),
        invoice_payment(4, "inpay_2", "pi_2", 2000),
    ];
    let group = fold(&facts);
    let amounts: Vec<_> =
        group.payments.iter().map(|payment| (payment.id.as_str(), payment.amount)).collect();
    assert_eq!(amounts, [("pi_1", 1000), ("pi_2", 2000)]);
    assert_ne!(group.payments[0].event_id, group.payments[1].event_id);
}

#[test]
fn an_invoice_known_alone_is_a_payment_until_its_intent_is_known() {
    let payment = one(&[invoice(5, "paid", 1900, &[])]);
    assert_eq!((payment.id.as_str(), payment.payment_intent), ("in_1SRzqxKXBGcbgpbZOY0ZtMPY", None));
    let linked = [invoice(5, "paid", 1900, &[]), invoice_payment(5, "inpay_1", "pi_1", 1900)];
    assert_eq!(one(&linked).id, "pi_1");
}

#[test]
fn a_free_invoice_and_an_unpaid_session_are_no_payments() {
    assert!(fold(&[invoice(5, "paid", 0, &[])]).payments.is_empty());
    let session = |payment_status: &str| {
        let session = CheckoutSession {
            id: "cs_1".into(),
            mode: "payment".into(),
            payment_status: payment_status.into(),
            amount_total: Some(1900),
            currency: Some("gbp".into()),
            payment_intent: Some("pi_1".into()),
            client_reference_id: Some("user-1".into()),
            ..CheckoutSession::default()
        };
        fact(1, "checkout.session.completed", PaymentObject::CheckoutSession(session))
    };
    assert!(fold(&[session("unpaid")]).payments.is_empty());
    let paid = one(&[session("unpaid"), session("paid")]);
    assert_eq!((paid.amount, paid.checkout_session.as_deref()), (1900, Some("cs_1")));
    assert_eq!(paid.links.len(), 1);
}

#[test]
fn a_charge_without_an_intent_is_a_payment_and_an_uncaptured_one_is_pending() {
    let payment = one(&[charge(1, "ch_1", None, "succeeded", 0)]);
    assert_eq!((payment.id.as_str(), payment.status), ("ch_1", Status::Succeeded));
    let mut held = charge(1, "ch_1", None, "succeeded", 0);
    let PaymentObject::Charge(object) = &mut held.object else { unreachable!() };
    object.captured = false;
    assert_eq!(one(&[held]).status, Status::Pending);
}

#[test]
fn refunds_are_counted_once_and_a_failed_one_gives_its_amount_back() {
    let paid = charge(1, "ch_1", Some("pi_1"), "succeeded", 0);
    let part = [
        paid.clone(),
        charge(51, "ch_1", Some("pi_1"), "succeeded", 500),
        refund(50, "re_1", 500, "succeeded"),
    ];
    assert_eq!((one(&part).refund_amount, one(&part).refunded_at), (500, Some(at(50))));
    assert_eq!(one(&part).refund_reason.as_deref(), Some("requested_by_customer"));
    // The charge's own sum still holds the refund that failed later.
    let failed = [part.as_slice(), &[refund(90, "re_1", 500, "failed")]].concat();
    assert_eq!(one(&failed).refund_amount, 0);
    assert_eq!(fold(&failed).refunds.iter().filter(|refund| refund.counted).count(), 0);
    // After that, a sum of the charge no longer holds it.
    let again = [failed.as_slice(), &[charge(95, "ch_1", Some("pi_1"), "succeeded", 700)]].concat();
    assert_eq!(one(&again).refund_amount, 700);
}

#[test]
fn a_refund_that_names_its_intent_alone_is_counted_once() {
    let mut by_intent = refund(50, "re_1", 500, "succeeded");
    let PaymentObject::Refund(object) = &mut by_intent.object else { unreachable!() };
    object.charge = None;
    assert_eq!(one(&[charge(60, "ch_1", Some("pi_1"), "succeeded", 500), by_intent]).refund_amount, 500);
}

#[test]
fn the_part_that_only_the_charge_tells_is_a_refund_of_its_own() {
    let facts = [charge(60, "ch_1", Some("pi_1"), "succeeded", 800), refund(50, "re_1", 500, "succeeded")];
    let group = fold(&facts);
    let told: Vec<_> = group.refunds.iter().map(|r| (r.id.as_str(), r.amount, r.by_charge)).collect();
    assert_eq!(told, [("ch_1", 300, true), ("re_1", 500, false)]);
    assert_eq!(group.payments[0].refund_amount, 800);
}

#[test]
fn a_won_dispute_gives_the_money_back() {
    let dispute = |seconds, event_type: &str, status: &str| {
        let dispute = Dispute {
            id: "dp_1".into(),
            status: status.into(),
            amount: 1900,
            currency: "gbp".into(),
            charge: Some("ch_1".into()),
            funds_withdrawn: event_type == "charge.dispute.funds_withdrawn",
            funds_reinstated: event_type == "charge.dispute.funds_reinstated",
            ..Dispute::default()
        };
        fact(seconds, event_type, PaymentObject::Dispute(dispute))
    };
    let facts = [
        charge(1, "ch_1", Some("pi_1"), "succeeded", 0),
        dispute(10, "charge.dispute.created", "needs_response"),
        dispute(10, "charge.dispute.funds_withdrawn", "needs_response"),
    ];
    let lost = &fold(&facts).disputes[0];
    assert_eq!((lost.withdrawn, lost.withdrawn_at, lost.reinstated), (1900, Some(at(10)), 0));
    assert_eq!(lost.payment.as_deref(), Some("pi_1"));
    let won = [facts.as_slice(), &[dispute(99, "charge.dispute.funds_reinstated", "won")]].concat();
    let won = &fold(&won).disputes[0];
    assert_eq!((won.withdrawn, won.reinstated, won.reinstated_at), (1900, 1900, Some(at(99))));
    assert_eq!(won.status, "won");
}

#[test]
fn a_group_is_named_after_its_most_telling_id() {
    assert_eq!(group_id(["~in_1", "ch_1", "in_1", "pi_2", "pi_1"]), Some("pi_1"));
    assert_eq!(group_id(["re_1", "ch_1"]), Some("ch_1"));
    assert_eq!(group_id(["~in_1"]), None);
}

/// The same facts in some other orders give the same.
fn in_any_order(facts: &[PaymentFact]) -> Group {
    let group = fold(facts);
    let mut turned = facts.to_vec();
    for _ in facts {
        turned.rotate_left(1);
        assert_eq!(fold(&turned), group);
        let mut backwards = turned.clone();
        backwards.reverse();
        assert_eq!(fold(&backwards), group);
    }
    group
}

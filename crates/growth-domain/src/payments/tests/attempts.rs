use super::*;

const INVOICE: &str = "in_1SRzqxKXBGcbgpbZOY0ZtMPY";

fn invoice_alone(seconds: i64, status: &str, paid: i64, intents: &[&str]) -> PaymentFact {
    let mut fact = invoice(seconds, status, paid, intents);
    let PaymentObject::Invoice(object) = &mut fact.object else { unreachable!() };
    object.payment_failed = false;
    fact
}

/// An intent that was made for an invoice and never tried.
fn untried(seconds: i64, status: &str, reference: Option<&str>) -> PaymentFact {
    let mut fact = intent(seconds, "pi_1", status);
    let PaymentObject::PaymentIntent(object) = &mut fact.object else { unreachable!() };
    object.failure_code = None;
    object.order_reference = reference.map(str::to_owned);
    fact
}

fn paid_by_invoice(facts: &[PaymentFact]) {
    let group = in_any_order(facts);
    let [payment] = &group.payments[..] else { panic!("{:#?}", group.payments) };
    assert_eq!((payment.id.as_str(), payment.status, payment.amount), (INVOICE, Status::Succeeded, 1900));
    assert_eq!((payment.payment_intent.as_deref(), payment.paid_at), (None, Some(at(9))));
}

#[test]
fn an_invoice_paid_in_another_way_is_paid_although_its_intent_was_canceled() {
    paid_by_invoice(&[
        invoice_alone(1, "open", 0, &["pi_1"]),
        untried(1, "requires_payment_method", None),
        invoice_alone(9, "paid", 1900, &["pi_1"]),
        untried(10, "canceled", None),
    ]);
}

#[test]
fn an_intent_that_only_hints_at_the_paid_invoice_gives_it_up_too() {
    paid_by_invoice(&[
        invoice_alone(1, "open", 0, &[]),
        invoice_alone(9, "paid", 1900, &[]),
        untried(10, "canceled", Some(INVOICE)),
    ]);
}

#[test]
fn an_intent_whose_invoice_payment_was_canceled_gives_it_up_too() {
    let mut link = invoice_payment(10, "inpay_1", "pi_1", 0);
    let PaymentObject::InvoicePayment(object) = &mut link.object else { unreachable!() };
    (object.status, object.paid_at) = ("canceled".into(), None);
    paid_by_invoice(&[invoice_alone(9, "paid", 1900, &[]), untried(10, "canceled", None), link]);
}

#[test]
fn a_canceled_intent_that_was_tried_is_a_canceled_payment_beside_the_paid_invoice() {
    let facts = [
        intent(1, "pi_1", "requires_payment_method"),
        charge(1, "ch_0", Some("pi_1"), "failed", 0),
        invoice(9, "paid", 1900, &["pi_1"]),
        untried(10, "canceled", None),
    ];
    let group = in_any_order(&facts);
    let payments: Vec<_> =
        group.payments.iter().map(|p| (p.id.as_str(), p.status, p.invoice.is_some())).collect();
    assert_eq!(payments, [(INVOICE, Status::Succeeded, true), ("pi_1", Status::Canceled, false)]);
}

#[test]
fn an_invoice_speaks_for_the_intent_that_was_not_canceled() {
    let facts = [invoice_alone(9, "paid", 1900, &["pi_1", "pi_2"]), untried(10, "canceled", None)];
    let group = in_any_order(&facts);
    let payments: Vec<_> = group.payments.iter().map(|p| (p.id.as_str(), p.status, p.amount)).collect();
    assert_eq!(payments, [("pi_2", Status::Succeeded, 1900)]);
}

#[test]
fn a_charge_that_waited_was_paid_when_its_success_was_told() {
    let days = 4 * 86_400;
    let waited = [
        charge(1, "ch_1", Some("pi_1"), "pending", 0),
        charge(days, "ch_1", Some("pi_1"), "succeeded", 0),
        intent(days - 1, "pi_1", "succeeded"),
        charge(2 * days, "ch_1", Some("pi_1"), "succeeded", 100),
    ];
    assert_eq!(in_any_order(&waited).payments[0].paid_at, Some(at(days - 1)));
    assert_eq!(one(&waited[1..]).paid_at, Some(at(0)));
    let mut held = charge(1, "ch_1", Some("pi_1"), "succeeded", 0);
    let PaymentObject::Charge(object) = &mut held.object else { unreachable!() };
    object.captured = false;
    assert_eq!(one(&[held, waited[1].clone()]).paid_at, Some(at(days)));
    assert_eq!(one(&[intent(1, "pi_1", "processing"), waited[1].clone()]).paid_at, Some(at(days)));
}

#[test]
fn a_charge_that_waited_and_was_only_read_was_paid_when_its_invoice_says() {
    let mut read = charge(9 * 86_400, "ch_1", Some("pi_1"), "succeeded", 0);
    read.from_event = false;
    let pending = charge(1, "ch_1", Some("pi_1"), "pending", 0);
    let facts = [pending, read];
    assert_eq!(one(&facts).paid_at, Some(at(0)));
    let invoiced = [facts.as_slice(), &[invoice(70, "paid", 1900, &["pi_1"])]].concat();
    assert_eq!(one(&invoiced).paid_at, Some(at(70)));
    let linked = [invoiced.as_slice(), &[invoice_payment(60, "inpay_1", "pi_1", 1900)]].concat();
    assert_eq!(one(&linked).paid_at, Some(at(60)));
}

/// A charge that was read when all was over, booked so many seconds after it was made.
fn read_later(booked: i64) -> PaymentFact {
    let mut read = charge(9_000_000, "ch_1", Some("pi_1"), "succeeded", 0);
    let PaymentObject::Charge(shown) = &mut read.object else { panic!() };
    shown.booked_at = Some(at(booked));
    PaymentFact { from_event: false, ..read }
}

#[test]
fn a_charge_that_is_only_read_was_paid_when_it_was_booked_unless_that_was_at_once() {
    assert_eq!(one(&[read_later(400_000)]).paid_at, Some(at(400_000)));
    assert_eq!(one(&[read_later(2)]).paid_at, Some(at(0)));
}

#[test]
fn the_event_of_a_success_that_was_waited_for_counts_more_than_its_booking() {
    let waited = charge(1, "ch_1", Some("pi_1"), "pending", 0);
    let succeeded = charge(350_000, "ch_1", Some("pi_1"), "succeeded", 0);
    assert_eq!(one(&[waited.clone(), succeeded, read_later(400_000)]).paid_at, Some(at(350_000)));
    assert_eq!(one(&[waited, read_later(400_000)]).paid_at, Some(at(400_000)));
}

#[test]
fn a_line_keeps_what_an_older_shape_told_of_its_price() {
    let line = |nickname: Option<&str>, interval: Option<&str>| InvoiceLine {
        price: Some("price_1".into()),
        price_nickname: nickname.map(str::to_owned),
        interval: interval.map(str::to_owned),
        description: Some("1 × Pro (at £19.00 / month)".into()),
        amount: 1900,
        ..InvoiceLine::default()
    };
    let with = |mut fact: PaymentFact, line: InvoiceLine| {
        let PaymentObject::Invoice(invoice) = &mut fact.object else { panic!() };
        invoice.lines = vec![line];
        fact
    };
    let old = with(invoice(1, "paid", 1900, &["pi_1"]), line(Some("Pro"), Some("month")));
    let new = with(invoice(2, "paid", 1900, &["pi_1"]), line(None, None));
    let payment = one(&[intent(1, "pi_1", "succeeded"), old, new.clone()]);
    assert_eq!(
        (payment.plan_name.as_deref(), payment.billing_period.as_deref()),
        (Some("Pro"), Some("month"))
    );
    let payment = one(&[intent(1, "pi_1", "succeeded"), new]);
    assert_eq!(payment.plan_name.as_deref(), Some("1 × Pro (at £19.00 / month)"));
}

#[test]
fn the_last_attempt_stands_for_the_payment_although_an_earlier_one_was_read_later() {
    let failed = |told, id: &str, made| {
        let mut fact = charge(told, id, Some("pi_1"), "failed", 0);
        let PaymentObject::Charge(shown) = &mut fact.object else { panic!() };
        shown.created = Some(at(made));
        fact
    };
    let read = PaymentFact { from_event: false, ..failed(500, "ch_1", 1) };
    let payment = one(&[failed(1, "ch_1", 1), failed(100, "ch_2", 100), read]);
    assert_eq!(payment.charge.as_deref(), Some("ch_2"));
}

#[test]
fn an_attempt_that_waits_for_its_payer_has_not_failed_although_the_invoice_says_so() {
    let told = [invoice(1, "open", 0, &["pi_1"]), intent(2, "pi_1", "requires_action")];
    assert_eq!(one(&told).status, Status::Pending);
    let told = [invoice(1, "open", 0, &["pi_1"]), intent(2, "pi_1", "requires_payment_method")];
    assert_eq!(one(&told).status, Status::Failed);
}

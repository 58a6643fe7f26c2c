use super::*;

/// An old copy of an object, read at this time.
fn read(mut fact: PaymentFact) -> PaymentFact {
    fact.from_event = false;
    fact.stamp.rank = 0;
    fact
}

#[test]
fn a_late_stamp_does_not_undo_a_succeeded_intent() {
    for earlier in ["requires_payment_method", "processing", "canceled"] {
        let facts = [intent(5, "pi_1", "succeeded"), intent(6, "pi_1", earlier)];
        assert_eq!(in_any_order(&facts).payments[0].status, Status::Succeeded, "{earlier}");
    }
}

#[test]
fn a_late_stamp_does_not_undo_a_canceled_intent() {
    let facts = [intent(5, "pi_1", "canceled"), read(intent(900, "pi_1", "requires_payment_method"))];
    assert_eq!(in_any_order(&facts).payments[0].status, Status::Canceled);
}

#[test]
fn an_old_copy_does_not_undo_a_captured_charge_or_its_refunds() {
    let mut held = charge(900, "ch_1", Some("pi_1"), "succeeded", 0);
    let PaymentObject::Charge(object) = &mut held.object else { unreachable!() };
    object.captured = false;
    let facts = [
        charge(5, "ch_1", Some("pi_1"), "succeeded", 0),
        charge(50, "ch_1", Some("pi_1"), "succeeded", 500),
        charge(51, "ch_1", Some("pi_1"), "pending", 0),
        read(held),
    ];
    let payment = &in_any_order(&facts).payments[0];
    assert_eq!((payment.status, payment.amount, payment.refund_amount), (Status::Succeeded, 1900, 500));
    let failed = [charge(5, "ch_1", None, "failed", 0), charge(6, "ch_1", None, "pending", 0)];
    assert_eq!(in_any_order(&failed).payments[0].status, Status::Failed);
}

#[test]
fn an_old_copy_does_not_open_a_paid_or_void_invoice() {
    let facts =
        [invoice(5, "paid", 1900, &[]), invoice(6, "open", 0, &[]), read(invoice(900, "draft", 0, &[]))];
    let group = in_any_order(&facts);
    assert_eq!(group.invoices[0].latest.status, "paid");
    assert_eq!((group.payments[0].status, group.payments[0].amount), (Status::Succeeded, 1900));
    let void = [invoice(5, "void", 0, &[]), invoice(6, "open", 0, &[])];
    assert_eq!(in_any_order(&void).invoices[0].latest.status, "void");
}

#[test]
fn an_old_copy_does_not_undo_the_failure_of_a_refund() {
    let facts = [
        charge(1, "ch_1", Some("pi_1"), "succeeded", 0),
        refund(60, "re_1", 500, "failed"),
        read(refund(900, "re_1", 500, "succeeded")),
    ];
    assert_eq!(in_any_order(&facts).payments[0].refund_amount, 0);
}

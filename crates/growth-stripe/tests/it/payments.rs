//! Sessions, intents, charges, invoice payments, refunds and disputes.

use growth_domain::facts::{PaymentIntent, PaymentObject, Refund};
use growth_stripe::extract::{Cut, Extraction};
use serde_json::json;

use crate::samples::*;

fn intent(extraction: &Extraction) -> PaymentIntent {
    match payments(extraction).into_iter().next() {
        Some(PaymentObject::PaymentIntent(intent)) => intent,
        other => panic!("expected an intent first, found {other:?}"),
    }
}

fn refunds(extraction: &Extraction) -> Vec<Refund> {
    let pick = |object| match object {
        PaymentObject::Refund(refund) => Some(refund),
        _ => None,
    };
    payments(extraction).into_iter().filter_map(pick).collect()
}

#[test]
fn a_session_tells_its_payment_and_claims_its_customer() {
    let told = tell("checkout.session.completed", &a_session());
    let Some(PaymentObject::CheckoutSession(session)) = payments(&told).into_iter().next() else {
        panic!("expected a session")
    };
    assert_eq!((session.mode.as_str(), session.payment_status.as_str()), ("payment", "paid"));
    assert_eq!((session.amount_total, session.currency.as_deref()), (Some(1500), Some("gbp")));
    assert_eq!(session.payment_intent.as_deref(), Some("pi_1"));
    assert_eq!(session.email.as_deref(), Some("ada@example.com"));

    let claim = claim(&told);
    assert_eq!((claim.source.as_str(), claim.customer.as_str()), ("cs_1", "cus_1"));
    assert_eq!(claim.client_reference_id.as_deref(), Some("user-7"));
    assert_eq!(claim.user_id.as_deref(), Some("user-8"));
    assert_eq!(claim.email.as_deref(), Some("ada@example.com"));
}

#[test]
fn a_session_without_a_customer_claims_nobody() {
    let told = tell("checkout.session.completed", &with(a_session(), json!({ "customer": null })));
    assert_eq!((payments(&told).len(), claims(&told).len()), (1, 0));
}

#[test]
fn a_session_of_the_oldest_kind_has_its_mode_from_what_it_led_to() {
    let old = without(without(a_session(), "mode"), "payment_status");
    for (subscription, mode) in [(json!("sub_1"), "subscription"), (json!(null), "payment")] {
        let told =
            tell("checkout.session.completed", &with(old.clone(), json!({ "subscription": subscription })));
        let Some(PaymentObject::CheckoutSession(session)) = payments(&told).into_iter().next() else {
            panic!("expected a session")
        };
        assert_eq!((session.mode.as_str(), session.payment_status.as_str()), (mode, ""));
    }
}

#[test]
fn an_intent_names_its_charge_in_both_shapes() {
    let new = intent(&tell("payment_intent.succeeded", &an_intent()));
    assert_eq!((new.charge.as_deref(), new.invoice.as_deref()), (Some("ch_1"), None));
    assert_eq!(new.order_reference.as_deref(), Some("in_1"));

    let told = tell("payment_intent.succeeded", &an_old_intent());
    let old = intent(&told);
    assert_eq!((old.charge.as_deref(), old.invoice.as_deref()), (Some("ch_2"), Some("in_1")));
    assert_eq!(payments(&told).len(), 3, "the intent and both of its charges");
}

#[test]
fn an_intent_takes_the_successful_one_of_charges_made_in_one_second() {
    let charges = json!([
        with(a_charge(), json!({ "id": "ch_1", "status": "failed" })),
        with(a_charge(), json!({ "id": "ch_2" }))
    ]);
    let told = tell("payment_intent.succeeded", &with(an_old_intent(), json!({ "charges": list(charges) })));
    assert_eq!(intent(&told).charge.as_deref(), Some("ch_2"));
}

#[test]
fn an_intent_claims_its_customer_only_where_it_names_a_user() {
    assert_eq!(claims(&tell("payment_intent.succeeded", &an_intent())), []);
    let named =
        with(an_intent(), json!({ "metadata": { "user_id": "user-7" }, "receipt_email": "x@example.com" }));
    let claim = claim(&tell("payment_intent.succeeded", &named));
    assert_eq!((claim.source.as_str(), claim.user_id.as_deref()), ("pi_1", Some("user-7")));
    assert_eq!(claim.email, None, "a receipt may go to anybody");
    let nobody = with(named, json!({ "customer": null }));
    assert_eq!(claims(&tell("payment_intent.succeeded", &nobody)), []);
}

#[test]
fn a_failed_intent_tells_why() {
    for (error, code) in [
        (json!({ "code": "card_declined", "decline_code": "generic", "message": "No." }), "card_declined"),
        (json!({ "code": null, "decline_code": "generic", "message": "No." }), "generic"),
        (json!({ "type": "card_error", "message": "No." }), "card_error"),
    ] {
        let failed = with(
            an_intent(),
            json!({ "status": "requires_payment_method", "amount_received": 0, "last_payment_error": error }),
        );
        let intent = intent(&tell("payment_intent.payment_failed", &failed));
        assert_eq!(intent.failure_code.as_deref(), Some(code));
        assert_eq!(intent.failure_message.as_deref(), Some("No."));
    }
}

#[test]
fn a_charge_is_read_with_references_in_either_form() {
    let expanded = with(
        a_charge(),
        json!({
            "customer": { "id": "cus_1", "object": "customer" }, "payment_intent": an_intent(),
            "invoice": an_old_invoice(),
        }),
    );
    let told = tell("charge.succeeded", &expanded);
    let charge = charge(&told);
    assert_eq!(charge.customer.as_deref(), Some("cus_1"));
    assert_eq!(charge.payment_intent.as_deref(), Some("pi_1"));
    assert_eq!(charge.invoice.as_deref(), Some("in_1"));
    assert_eq!(charge.method.as_deref(), Some("card"));
    assert_eq!(charge.email.as_deref(), Some("ada@example.com"));
    assert_eq!(told.facts.len(), 1, "expanded references are not read: their own events tell");
}

#[test]
fn a_charge_knows_its_fee_where_the_balance_transaction_is_expanded() {
    let plain = charge(&tell("charge.succeeded", &a_charge()));
    assert_eq!((plain.fee, plain.fee_currency), (None, None));
    let transaction = json!({ "id": "txn_1", "object": "balance_transaction", "fee": 59, "currency": "EUR" });
    let known = charge(&show(&with(a_charge(), json!({ "balance_transaction": transaction }))));
    assert_eq!((known.fee, known.fee_currency.as_deref()), (Some(59), Some("eur")));
}

#[test]
fn a_charge_that_does_not_say_so_was_captured_whole() {
    let old = without(without(without(a_charge(), "captured"), "amount_captured"), "amount_refunded");
    let old = charge(&tell("charge.succeeded", &old));
    assert_eq!((old.captured, old.amount_captured, old.amount_refunded), (true, 1500, 0));
    let authorised = with(a_charge(), json!({ "captured": false, "amount_captured": 0 }));
    let authorised = charge(&tell("charge.succeeded", &authorised));
    assert_eq!((authorised.captured, authorised.amount_captured), (false, 0));
}

#[test]
fn a_charge_tells_the_refunds_it_shows_and_that_there_are_more() {
    let inner = without(without(a_refund(), "charge"), "payment_intent");
    let refunded = with(
        a_charge(),
        json!({
            "amount_refunded": 1000, "refunded": true,
            "refunds": { "object": "list", "data": [inner, with(a_refund(), json!({ "id": "re_2" }))],
                "has_more": true, "total_count": 3 },
        }),
    );
    let told = tell("charge.refunded", &refunded);
    assert_eq!(charge(&told).amount_refunded, 1000);
    let refunds = refunds(&told);
    assert_eq!(refunds.iter().map(|refund| refund.id.as_str()).collect::<Vec<_>>(), ["re_1", "re_2"]);
    assert!(refunds.iter().all(|refund| refund.charge.as_deref() == Some("ch_1")));
    assert!(refunds.iter().all(|refund| refund.payment_intent.as_deref() == Some("pi_1")));
    assert_eq!(told.cut, [Cut { object: "ch_1".to_owned(), list: "refunds", shown: 2, total: Some(3) }]);
}

#[test]
fn a_charge_without_a_list_of_refunds_still_tells_how_much_went_back() {
    let told =
        tell("charge.refunded", &with(a_charge(), json!({ "amount_refunded": 1500, "refunded": true })));
    assert_eq!((charge(&told).amount_refunded, told.facts.len(), told.cut.len()), (1500, 1, 0));
}

#[test]
fn a_refund_is_read_from_its_own_events_and_from_those_of_charges() {
    for event_type in ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"] {
        let refunds = refunds(&tell(event_type, &a_refund()));
        assert_eq!(refunds.len(), 1, "{event_type}");
        assert_eq!(refunds[0].reason.as_deref(), Some("requested_by_customer"));
        assert_eq!((refunds[0].amount, refunds[0].status.as_str()), (500, "succeeded"));
    }
    let old = refunds(&tell("charge.refund.updated", &without(a_refund(), "status")));
    assert_eq!(old[0].status, "", "the oldest refunds have no status");
}

#[test]
fn an_invoice_payment_links_the_invoice_with_its_payment() {
    let told = tell("invoice_payment.paid", &an_invoice_payment());
    let Some(PaymentObject::InvoicePayment(payment)) = payments(&told).into_iter().next() else {
        panic!("expected an invoice payment")
    };
    assert_eq!((payment.invoice.as_deref(), payment.payment_intent.as_deref()), (Some("in_1"), Some("pi_1")));
    assert_eq!((payment.amount_paid, payment.paid_at), (1500, Some(at(NOW + 1))));

    let open = with(
        an_invoice_payment(),
        json!({
            "status": "open", "amount_paid": null, "invoice": an_invoice(),
            "payment": { "type": "payment_intent", "payment_intent": an_intent() },
        }),
    );
    let told = tell("invoice_payment.paid", &open);
    let Some(PaymentObject::InvoicePayment(payment)) = payments(&told).into_iter().next() else {
        panic!("expected an invoice payment")
    };
    assert_eq!((payment.invoice.as_deref(), payment.payment_intent.as_deref()), (Some("in_1"), Some("pi_1")));
    assert_eq!((payment.amount_paid, payment.charge.as_deref()), (0, Some("ch_1")));
    assert_eq!(told.facts.len(), 1);
}

#[test]
fn a_dispute_sums_what_left_the_balance_and_what_came_back() {
    let lost_then_won = json!([
        { "id": "txn_1", "amount": -1200, "fee": 2000, "currency": "usd" },
        { "id": "txn_2", "amount": 1100, "fee": -500, "currency": "usd" },
    ]);
    let dispute = dispute(&tell(
        "charge.dispute.closed",
        &with(a_dispute(), json!({ "balance_transactions": lost_then_won })),
    ));
    assert_eq!((dispute.withdrawn, dispute.reinstated, dispute.fee), (Some(1200), Some(1100), Some(1500)));
    assert_eq!((dispute.currency.as_str(), dispute.balance_currency.as_deref()), ("gbp", Some("usd")));
}

#[test]
fn a_dispute_that_shows_no_balance_transactions_does_not_claim_zero() {
    let none_yet = dispute(&tell("charge.dispute.created", &a_dispute()));
    assert_eq!((none_yet.withdrawn, none_yet.balance_currency), (Some(0), None));
    let unknown = dispute(&tell("charge.dispute.created", &without(a_dispute(), "balance_transactions")));
    assert_eq!((unknown.withdrawn, unknown.reinstated, unknown.fee), (None, None, None));
    let ids = with(a_dispute(), json!({ "balance_transactions": ["txn_1"] }));
    assert_eq!(dispute(&tell("charge.dispute.created", &ids)).withdrawn, None);
}

#[test]
fn a_dispute_is_not_summed_across_currencies() {
    let mixed = json!([{ "amount": -1, "currency": "usd" }, { "amount": -1, "currency": "eur" }]);
    assert_eq!(
        refusal("charge.dispute.updated", &with(a_dispute(), json!({ "balance_transactions": mixed }))),
        "dispute du_1: balance_transactions[1].currency is \"eur\", expected \"usd\" as before"
    );
}

#[test]
fn the_event_type_tells_that_funds_of_a_dispute_moved() {
    for (event_type, withdrawn, reinstated) in [
        ("charge.dispute.created", false, false),
        ("charge.dispute.funds_withdrawn", true, false),
        ("charge.dispute.funds_reinstated", false, true),
    ] {
        let dispute = dispute(&tell(event_type, &a_dispute()));
        assert_eq!((dispute.funds_withdrawn, dispute.funds_reinstated), (withdrawn, reinstated));
    }
}

#[test]
fn a_latest_charge_that_is_shown_is_read_like_one_of_the_charges() {
    let intent = with(an_intent(), json!({ "latest_charge": a_charge() }));
    for told in [tell("payment_intent.succeeded", &intent), show(&intent)] {
        let [PaymentObject::PaymentIntent(intent), PaymentObject::Charge(charge)] = &payments(&told)[..]
        else {
            panic!("expected an intent and its charge, found {told:?}")
        };
        assert_eq!((intent.charge.as_deref(), charge.id.as_str()), (Some("ch_1"), "ch_1"));
    }
    let named = with(an_intent(), json!({ "latest_charge": { "id": "ch_1" } }));
    assert_eq!(payments(&tell("payment_intent.succeeded", &named)).len(), 1);
}

#[test]
fn what_shows_a_charge_or_an_invoice_from_the_other_side_only_refers_to_it() {
    let charge = with(a_charge(), json!({ "payment_intent": an_intent() }));
    assert_eq!(payments(&tell("charge.succeeded", &charge)).len(), 1);
    let subscription = with(a_subscription(), json!({ "latest_invoice": an_invoice() }));
    assert_eq!(payments(&tell("customer.subscription.updated", &subscription)), []);
}

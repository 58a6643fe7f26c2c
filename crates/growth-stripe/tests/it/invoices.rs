//! Invoices: who pays them, what they bill, in both shapes.

use growth_domain::facts::PaymentObject;
use growth_stripe::extract::Cut;
use serde_json::{Value, json};

use crate::samples::*;

#[test]
fn both_shapes_tell_the_same_subscription_user_and_lines() {
    let (new, old) =
        (invoice(&tell("invoice.paid", &an_invoice())), invoice(&tell("invoice.paid", &an_old_invoice())));
    for invoice in [&new, &old] {
        assert_eq!(invoice.subscription.as_deref(), Some("sub_1"));
        assert_eq!(invoice.user_id.as_deref(), Some("user-7"));
        assert_eq!(invoice.customer.as_deref(), Some("cus_1"));
        assert_eq!((invoice.amount_due, invoice.amount_paid, invoice.attempt_count), (1500, 1500, Some(1)));
        assert_eq!(invoice.paid_at, Some(at(NOW + 2)));
        let line = &invoice.lines[0];
        assert_eq!(line.subscription.as_deref(), Some("sub_1"));
        assert_eq!(line.subscription_item.as_deref(), Some("si_1"));
        assert_eq!(line.price.as_deref(), Some("price_1"));
        assert_eq!((line.amount, line.discount, line.quantity), (2000, 500, Some(2)));
        assert!(line.proration);
        assert_eq!((line.period_start, line.period_end), (Some(at(NOW)), Some(at(NOW + 86_400))));
    }
    assert_eq!(new.lines[0].interval, None, "the new shape has no interval");
    assert_eq!(old.lines[0].interval.as_deref(), Some("month"));
    assert_eq!(old.lines[0].interval_count, Some(3));
    assert_eq!(old.lines[0].price_nickname.as_deref(), Some("Pro"));
}

#[test]
fn an_invoice_in_both_shapes_at_once_is_read_once() {
    let Value::Object(old) = an_old_invoice() else { panic!("expected an object") };
    let mut both = an_invoice();
    both.as_object_mut().expect("an object").extend(old);
    let payment = json!({ "type": "payment_intent", "payment_intent": an_intent() });
    both["payments"] = list(json!([with(an_invoice_payment(), json!({ "payment": payment }))]));
    let both = invoice(&tell("invoice.paid", &both));
    assert_eq!(both.subscription.as_deref(), Some("sub_1"));
    assert_eq!((both.payment_intents, both.charges), (vec!["pi_1".to_owned()], vec!["ch_1".to_owned()]));
}

#[test]
fn an_old_invoice_names_the_intent_and_the_charge_that_pay_it() {
    let old = invoice(&tell("invoice.paid", &an_old_invoice()));
    assert_eq!((old.payment_intents, old.charges), (vec!["pi_1".to_owned()], vec!["ch_1".to_owned()]));
    let expanded = with(an_old_invoice(), json!({ "payment_intent": an_intent(), "charge": a_charge() }));
    let told = tell("invoice.paid", &expanded);
    let expanded = invoice(&told);
    assert_eq!(
        (expanded.payment_intents, expanded.charges),
        (vec!["pi_1".to_owned()], vec!["ch_1".to_owned()])
    );
    assert_eq!(payments(&told).len(), 1, "expanded references are not read");
}

#[test]
fn a_new_invoice_names_its_payers_only_where_payments_are_expanded() {
    let webhook = invoice(&tell("invoice.paid", &an_invoice()));
    assert_eq!((webhook.payment_intents.len(), webhook.charges.len()), (0, 0));

    let by_charge = json!({ "id": "inpay_2", "payment": { "type": "charge", "charge": "ch_2" } });
    let canceled = json!({ "id": "inpay_3", "status": "canceled",
        "payment": { "type": "payment_intent", "payment_intent": "pi_3" } });
    let payments_shown = json!([
        an_invoice_payment(),
        with(an_invoice_payment(), by_charge),
        with(an_invoice_payment(), canceled),
    ]);
    let told = tell("invoice.paid", &with(an_invoice(), json!({ "payments": list(payments_shown) })));
    let shown = invoice(&told);
    assert_eq!((shown.payment_intents, shown.charges), (vec!["pi_1".to_owned()], vec!["ch_2".to_owned()]));
    let links =
        payments(&told).into_iter().filter(|object| matches!(object, PaymentObject::InvoicePayment(_)));
    assert_eq!(links.count(), 3, "each payment of the invoice is a fact of its own");
}

#[test]
fn only_the_event_of_a_failed_payment_says_so() {
    let open = with(an_invoice(), json!({ "status": "open", "amount_paid": 0 }));
    assert!(invoice(&tell("invoice.payment_failed", &open)).payment_failed);
    assert!(!invoice(&tell("invoice.updated", &open)).payment_failed);
}

#[test]
fn the_oldest_invoices_say_their_status_in_flags() {
    let base = without(without(without(an_old_invoice(), "status"), "amount_paid"), "created");
    for (flags, status, paid) in [
        (json!({ "paid": true, "closed": true }), "paid", 1500),
        (json!({ "paid": false, "closed": true, "forgiven": true }), "uncollectible", 0),
        (json!({ "paid": false, "closed": true }), "void", 0),
        (json!({ "paid": false, "closed": false }), "open", 0),
    ] {
        let old = invoice(&tell("invoice.updated", &with(with(base.clone(), flags), json!({ "date": NOW }))));
        assert_eq!((old.status.as_str(), old.amount_paid, old.created), (status, paid, Some(at(NOW))));
    }
}

#[test]
fn an_invoice_paid_out_of_band_says_so_in_old_versions() {
    assert!(
        invoice(&tell("invoice.paid", &with(an_old_invoice(), json!({ "paid_out_of_band": true }))))
            .paid_out_of_band
    );
    assert!(!invoice(&tell("invoice.paid", &an_invoice())).paid_out_of_band);
}

#[test]
fn a_line_tells_the_price_or_plan_that_it_carries() {
    let carried = price(&tell("invoice.paid", &an_old_invoice()));
    assert_eq!(
        (carried.terms.id.as_str(), carried.terms.tax_behavior.as_deref()),
        ("price_1", Some("exclusive"))
    );

    let line = |changes| with(an_old_invoice()["lines"]["data"][0].clone(), changes);
    let by_plan = with(an_old_invoice(), json!({ "lines": list(json!([line(json!({ "price": null }))])) }));
    let told = tell("invoice.paid", &by_plan);
    assert_eq!(price(&told).terms.unit_amount.as_deref(), Some("1000"));
    assert_eq!(invoice(&told).lines[0].interval.as_deref(), Some("month"));

    assert_eq!(prices(&tell("invoice.paid", &an_invoice())), [], "the new shape only names the price");
    let two_lines =
        with(an_old_invoice(), json!({ "lines": list(json!([line(json!({})), line(json!({}))])) }));
    assert_eq!(prices(&tell("invoice.paid", &two_lines)).len(), 1, "one fact for each price");
}

#[test]
fn a_discount_of_the_invoice_itself_is_narrow() {
    for owner in ["invoice", "invoice_item", "subscription_item"] {
        let own = with(an_old_discount(), json!({ "subscription": null, owner: "xx_1" }));
        for shown in [
            json!({ "discounts": [own.clone()] }),
            json!({ "total_discount_amounts": [{ "amount": 5, "discount": own.clone() }] }),
        ] {
            let told = tell("invoice.paid", &with(an_invoice(), shown));
            let terms = discount(&told).terms;
            assert!(terms.narrow, "{owner}");
            assert_eq!((terms.subscription, terms.coupon.as_deref()), (None, Some("half")));
            assert_eq!(coupon(&told).terms.percent_off.as_deref(), Some("50"));
        }
    }
}

#[test]
fn a_discount_of_the_subscription_or_customer_stays_wide_on_an_invoice() {
    let inherited = tell("invoice.paid", &with(an_old_invoice(), json!({ "discount": an_old_discount() })));
    assert_eq!(
        discount(&inherited).terms,
        discount(&tell("customer.discount.created", &an_old_discount())).terms
    );
    assert!(!discount(&inherited).terms.narrow);
    let of_customer = with(an_old_discount(), json!({ "subscription": null }));
    let inherited =
        discount(&tell("invoice.paid", &with(an_invoice(), json!({ "discounts": [of_customer] }))));
    assert_eq!((inherited.terms.narrow, inherited.terms.subscription), (false, None));
}

#[test]
fn a_discount_of_a_line_is_read_too() {
    let own = with(a_discount(), json!({ "subscription": null, "invoice_item": "ii_1" }));
    let line = with(an_invoice()["lines"]["data"][0].clone(), json!({ "discounts": [own] }));
    let told = tell("invoice.paid", &with(an_invoice(), json!({ "lines": list(json!([line])) })));
    assert!(discount(&told).terms.narrow);
}

#[test]
fn lines_that_are_not_shown_are_reported() {
    let mut long = an_invoice();
    long["lines"]["has_more"] = json!(true);
    assert_eq!(
        tell("invoice.paid", &long).cut,
        [Cut { object: "in_1".to_owned(), list: "lines", shown: 1, total: None }]
    );
}

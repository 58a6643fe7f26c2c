//! Values that no shape foresees: strange text, large amounts, unknown words, broken fields.

use growth_domain::facts::PaymentObject;
use growth_stripe::envelope;
use growth_stripe::extract;
use serde_json::{Value, json};

use crate::samples::*;

const LARGEST: i64 = 1_000_000_000_000_000;

#[test]
fn no_text_keeps_the_character_that_postgres_refuses() {
    for (event_type, object) in one_of_each() {
        let laced = laced(&object);
        let told = format!("{:?}", tell(event_type, &laced));
        assert!(!told.contains("\\0"), "{told}");
        let clean = format!("{:?}", tell(event_type, &object));
        assert_eq!(told, clean, "text is the same but for the stripped character");
    }
    let broken = with(a_charge(), json!({ "amount": "a\u{0}b", "id": "ch\u{0}_1" }));
    assert!(!refusal("charge.succeeded", &broken).contains('\0'));
}

/// Puts U+0000 into the middle of every text except for numbers and the kind of object.
fn laced(value: &Value) -> Value {
    match value {
        Value::String(text) if text.parse::<f64>().is_err() && !text.is_empty() => {
            let (first, rest) = text.split_at(1);
            Value::String(format!("{first}\u{0}{rest}"))
        }
        Value::Array(entries) => entries.iter().map(laced).collect(),
        Value::Object(fields) => {
            let lace = |(name, value): (&String, &Value)| {
                (name.clone(), if name == "object" { value.clone() } else { laced(value) })
            };
            Value::Object(fields.iter().map(lace).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn amounts_beyond_32_bits_are_read() {
    let large = with(a_charge(), json!({ "amount": 3_000_000_000_000_i64, "amount_captured": LARGEST }));
    let large = charge(&tell("charge.succeeded", &large));
    assert_eq!((large.amount, large.amount_captured), (3_000_000_000_000, LARGEST));
}

#[test]
fn amounts_that_nobody_can_add_up_are_errors() {
    for amount in [LARGEST + 1, -LARGEST - 1, i64::MAX, i64::MIN] {
        assert_eq!(
            refusal("charge.succeeded", &with(a_charge(), json!({ "amount": amount }))),
            format!("charge ch_1: amount is {amount}, expected at most 10^15 minor units")
        );
    }
}

#[test]
fn ids_are_short_enough_for_an_index_wherever_they_stand() {
    let id = |length: usize| "x".repeat(length);
    let shown = format!("{:?}…", id(40));
    let refused = |event_type: &str, object: &Value, path: &str| {
        let message = refusal(event_type, object);
        let told = format!(": {path} is {shown}, expected an id of at most 255 bytes");
        assert!(message.ends_with(&told), "{message}");
        assert!(message.len() < 250, "{message}");
    };
    let charge_of = |customer: Value| with(a_charge(), json!({ "customer": customer }));
    assert_eq!(charge(&tell("charge.succeeded", &charge_of(id(255).into()))).customer, Some(id(255)));
    refused("charge.succeeded", &charge_of(json!({ "id": id(256) })), "customer");
    refused("charge.succeeded", &with(a_charge(), json!({ "id": id(256) })), "id");
    refused("coupon.created", &with(a_coupon(), json!({ "id": id(256) })), "id");
    refused(
        "customer.discount.created",
        &with(a_discount(), json!({ "source": { "coupon": id(256) } })),
        "source.coupon",
    );
    refused("invoice.paid", &with(an_invoice(), json!({ "discounts": [id(256)] })), "discounts[0]");
    let mut subscription = a_subscription();
    subscription["items"]["data"][0]["price"]["id"] = id(256).into();
    refused("customer.subscription.updated", &subscription, "items.data[0].price.id");
}

#[test]
fn names_that_somebody_is_found_by_are_short_enough_for_an_index() {
    let named = |name: String| with(a_customer(), json!({ "email": name }));
    assert!(try_tell("customer.created", &named("x".repeat(2000))).is_ok());
    let message = refusal("customer.created", &named("x".repeat(2001)));
    assert!(message.ends_with(", expected at most 2000 bytes"), "{message}");
}

#[test]
fn a_currency_is_a_few_letters() {
    let of = |currency: &str| with(a_charge(), json!({ "currency": currency }));
    for (told, known) in [("GBP", "gbp"), ("usdc", "usdc"), ("eur", "eur")] {
        assert_eq!(charge(&tell("charge.succeeded", &of(told))).currency, known);
    }
    for wrong in ["gb", "greatbritish", "gb£", "g p", "12€"] {
        assert_eq!(
            refusal("charge.succeeded", &of(wrong)),
            format!("charge ch_1: currency is {wrong:?}, expected a currency code of letters")
        );
    }
}

#[test]
fn a_whole_amount_may_be_written_as_a_float_and_a_broken_one_may_not() {
    assert_eq!(charge(&tell("charge.succeeded", &with(a_charge(), json!({ "amount": 1.5e3 })))).amount, 1500);
    for (amount, shown) in
        [(json!(10.5), "10.5"), (json!(-0.25), "-0.25"), (json!(u64::MAX), "18446744073709551615")]
    {
        assert_eq!(
            refusal("charge.succeeded", &with(a_charge(), json!({ "amount": amount }))),
            format!("charge ch_1: amount is {shown}, expected a whole number of minor units")
        );
    }
}

#[test]
fn sums_that_overflow_are_errors() {
    let moves = json!([{ "amount": -LARGEST, "currency": "gbp" }, { "amount": -1, "currency": "gbp" }]);
    assert_eq!(
        refusal("charge.dispute.updated", &with(a_dispute(), json!({ "balance_transactions": moves }))),
        "dispute du_1: balance_transactions add up to more than can be counted"
    );
    let mut invoice = an_invoice();
    invoice["lines"]["data"][0]["discount_amounts"] = json!([{ "amount": LARGEST }, { "amount": 1 }]);
    assert_eq!(
        refusal("invoice.paid", &invoice),
        "invoice in_1: lines.data[0].discount_amounts add up to more than can be counted"
    );
}

#[test]
fn unknown_words_are_kept() {
    let told =
        tell("refund.updated", &with(a_refund(), json!({ "status": "on_the_moon", "reason": "tide" })));
    let Some(PaymentObject::Refund(refund)) = payments(&told).into_iter().next() else {
        panic!("expected a refund")
    };
    assert_eq!((refund.status.as_str(), refund.reason.as_deref()), ("on_the_moon", Some("tide")));
    let state = with(a_subscription(), json!({ "status": "hibernating" }));
    assert_eq!(subscription(&tell("customer.subscription.snoozed", &state)).status, "hibernating");
}

#[test]
fn an_error_names_the_object_the_place_and_the_expectation() {
    let broken = with(an_invoice(), json!({ "id": "in_123", "amount_paid": "abc" }));
    assert_eq!(
        refusal("invoice.paid", &broken),
        "invoice in_123: amount_paid is \"abc\", expected a whole number of minor units"
    );
    let mut deep = a_subscription();
    deep["items"]["data"][0]["price"]["currency"] = json!(null);
    assert_eq!(
        refusal("customer.subscription.updated", &deep),
        "subscription sub_1: items.data[0].price.currency is missing"
    );
    deep["items"]["data"][0]["price"] =
        with(a_price(), json!({ "recurring": { "interval": "month", "interval_count": 0 } }));
    assert_eq!(
        refusal("customer.subscription.updated", &deep),
        "subscription sub_1: items.data[0].price.recurring.interval_count is 0, expected a whole number above zero"
    );
    assert_eq!(refusal("charge.succeeded", &without(a_charge(), "id")), "charge without id: id is missing");
    let long = with(a_charge(), json!({ "created": "x".repeat(500) }));
    assert!(refusal("charge.succeeded", &long).len() < 200, "a long value is cut");
}

#[test]
fn what_the_figures_need_is_required() {
    for (event_type, object, fields) in [
        ("payment_intent.succeeded", an_intent(), &["id", "status", "amount", "currency"][..]),
        ("charge.succeeded", a_charge(), &["id", "status", "amount", "currency"]),
        ("refund.created", a_refund(), &["id", "amount", "currency"]),
        ("charge.dispute.created", a_dispute(), &["id", "status", "amount", "currency"]),
        ("invoice_payment.paid", an_invoice_payment(), &["id", "status", "currency"]),
        ("invoice.paid", an_invoice(), &["id", "status", "amount_due", "currency"]),
        ("checkout.session.completed", a_session(), &["id"]),
        ("customer.created", a_customer(), &["id"]),
        ("customer.subscription.updated", a_subscription(), &["id", "customer", "status", "items"]),
        ("price.created", a_price(), &["id", "currency"]),
        ("plan.created", a_plan(), &["id", "currency", "interval"]),
        ("coupon.created", a_coupon(), &["id", "duration"]),
    ] {
        for field in fields {
            let message = refusal(event_type, &without(object.clone(), field));
            assert!(message.ends_with(&format!(": {field} is missing")), "{message}");
        }
    }
}

#[test]
fn no_change_of_any_field_makes_it_panic() {
    let replacements = [
        json!(null),
        json!(""),
        json!("\u{0}é"),
        json!(-1),
        json!(0),
        json!(1e308),
        json!(i64::MIN),
        json!(true),
        json!([]),
        json!([null]),
        json!(["x"]),
        json!([{}]),
        json!({}),
        json!({ "data": null }),
        json!({ "id": {} }),
    ];
    let (mut read, mut refused) = (0_u32, 0_u32);
    for (event_type, object) in one_of_each() {
        for path in paths(&object) {
            for replacement in &replacements {
                let mut changed = object.clone();
                *changed.pointer_mut(&path).expect("the path was found in the object") = replacement.clone();
                if can_be_read(event_type, changed) {
                    read += 1;
                } else {
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 2_000 && refused > 2_000, "{read} changed objects were read and {refused} refused");
}

/// Puts a changed object through everything that is public; both answers are fine, a panic is not.
fn can_be_read(event_type: &str, object: Value) -> bool {
    let shown = extract::facts_of_object(&object, at(NOW), "backfill_1").is_ok();
    let told = object.is_object() && try_tell(event_type, &object).is_ok();
    let known = envelope::read(object).is_ok();
    shown && told && known
}

/// The JSON pointers of all fields and entries, deepest last.
fn paths(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(entries) => {
            entries.iter().enumerate().map(|(index, entry)| (index.to_string(), entry)).collect()
        }
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), field)).collect(),
        _ => Vec::new(),
    };
    let mut found = vec![String::new()];
    for (name, child) in children {
        found.extend(paths(child).into_iter().map(|rest| format!("/{name}{rest}")));
    }
    found
}

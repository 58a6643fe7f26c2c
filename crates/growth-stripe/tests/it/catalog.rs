//! Prices, plans, products, coupons and discounts.

use growth_domain::facts::{Fact, ProductFact, Tier, TransformQuantity};
use growth_stripe::extract::Extraction;
use serde_json::{Value, json};

use crate::samples::*;

fn product(extraction: &Extraction) -> ProductFact {
    match extraction.facts.as_slice() {
        [.., Fact::Product(fact)] => fact.clone(),
        other => panic!("expected a product last, found {other:?}"),
    }
}

#[test]
fn a_price_and_its_plan_tell_the_same_terms() {
    let by_price = price(&tell("price.created", &a_price())).terms;
    let by_plan = price(&tell("plan.created", &a_plan())).terms;
    assert_eq!(by_price.tax_behavior.as_deref(), Some("exclusive"), "only prices know it");
    assert_eq!(growth_domain::facts::PriceTerms { tax_behavior: None, ..by_price }, by_plan);
    assert_eq!(by_plan.product.as_deref(), Some("prod_1"));
    assert_eq!(by_plan.unit_amount.as_deref(), Some("1000"));
}

#[test]
fn a_fraction_of_a_minor_unit_wins_over_the_rounded_amount() {
    let fine = with(a_price(), json!({ "unit_amount": 1, "unit_amount_decimal": "0.55" }));
    assert_eq!(price(&tell("price.created", &fine)).terms.unit_amount.as_deref(), Some("0.55"));
    let whole = without(a_price(), "unit_amount_decimal");
    assert_eq!(price(&tell("price.created", &whole)).terms.unit_amount.as_deref(), Some("1000"));
}

#[test]
fn a_one_time_price_does_not_recur() {
    let once = with(a_price(), json!({ "recurring": null, "type": "one_time" }));
    assert_eq!(price(&tell("price.created", &once)).terms.recurring, None);
}

#[test]
fn tiers_are_read_where_they_are_expanded() {
    let tiers = json!([
        { "up_to": 5, "unit_amount": 1000, "unit_amount_decimal": "1000", "flat_amount": null },
        { "up_to": null, "unit_amount": null, "unit_amount_decimal": "0.5", "flat_amount": 200 },
    ]);
    let changes = json!({ "billing_scheme": "tiered", "tiers_mode": "volume", "unit_amount": null,
        "unit_amount_decimal": null, "tiers": tiers });
    let terms = price(&show(&with(a_price(), changes))).terms;
    assert_eq!((terms.billing_scheme.as_str(), terms.tiers_mode.as_deref()), ("tiered", Some("volume")));
    assert_eq!(terms.unit_amount, None);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        terms.tiers,
        Some(vec![
            Tier { up_to: Some(5), unit_amount: text("1000"), flat_amount: None },
            Tier { up_to: None, unit_amount: text("0.5"), flat_amount: text("200") },
        ])
    );
    let old = with(a_plan(), json!({ "tiers": [{ "up_to": "inf", "amount": 300 }] }));
    let tier = Tier { up_to: None, unit_amount: text("300"), flat_amount: None };
    assert_eq!(price(&show(&old)).terms.tiers, Some(vec![tier]));
}

#[test]
fn packages_are_read_from_price_and_plan() {
    let package = json!({ "divide_by": 12, "round": "up" });
    let expected = Some(TransformQuantity { divide_by: 12, round: "up".to_owned() });
    let of_price = price(&show(&with(a_price(), json!({ "transform_quantity": package })))).terms;
    let of_plan = price(&show(&with(a_plan(), json!({ "transform_usage": package })))).terms;
    assert_eq!((of_price.transform_quantity, of_plan.transform_quantity), (expected.clone(), expected));
}

#[test]
fn a_product_is_named_by_its_own_events_and_where_a_price_shows_it() {
    let object = json!({ "id": "prod_1", "object": "product", "name": "Pro" });
    let by_event = product(&tell("product.created", &object));
    let by_price = product(&show(&with(a_price(), json!({ "product": object }))));
    assert_eq!((by_event.name.as_deref(), by_price.name.as_deref()), (Some("Pro"), Some("Pro")));
    assert!(!by_event.deleted);
    assert!(product(&tell("product.deleted", &object)).deleted);
    assert!(product(&show(&json!({ "id": "prod_1", "object": "product", "deleted": true }))).deleted);
}

#[test]
fn deletion_is_told_by_the_event() {
    assert!(price(&tell("price.deleted", &a_price())).deleted);
    assert!(price(&tell("plan.deleted", &a_plan())).deleted);
    assert!(coupon(&tell("coupon.deleted", &a_coupon())).deleted);
    assert!(!coupon(&tell("coupon.updated", &a_coupon())).deleted);
}

#[test]
fn what_is_left_of_a_deleted_price_or_coupon_tells_nothing() {
    for kind in ["price", "plan", "coupon"] {
        let shown = show(&json!({ "id": "x_1", "object": kind, "deleted": true }));
        assert!(shown.handled && shown.facts.is_empty(), "{kind}");
    }
}

#[test]
fn a_coupon_takes_off_a_share_or_an_amount() {
    let share = coupon(&tell("coupon.created", &with(a_coupon(), json!({ "percent_off": 33.33 })))).terms;
    assert_eq!((share.percent_off.as_deref(), share.duration.as_str()), (Some("33.33"), "forever"));
    let changes = json!({ "percent_off": null, "amount_off": 500, "currency": "GBP", "duration": "once",
        "applies_to": { "products": ["prod_1", "prod_2"] } });
    let amount = coupon(&tell("coupon.created", &with(a_coupon(), changes))).terms;
    assert_eq!(
        (amount.percent_off, amount.amount_off, amount.currency.as_deref()),
        (None, Some(500), Some("gbp"))
    );
    assert_eq!(amount.products, ["prod_1", "prod_2"]);
}

#[test]
fn a_discount_names_its_coupon_in_every_shape() {
    for (source, is_told) in [
        (json!({ "source": { "type": "coupon", "coupon": "half" } }), false),
        (json!({ "source": { "type": "coupon", "coupon": a_coupon() } }), true),
        (json!({ "source": null, "coupon": "half" }), false),
        (json!({ "source": null, "coupon": a_coupon() }), true),
    ] {
        let told = tell("customer.discount.created", &with(a_discount(), source));
        assert_eq!(discount(&told).terms.coupon.as_deref(), Some("half"));
        assert_eq!(coupons(&told).len(), usize::from(is_told));
    }
    let unnamed = with(a_discount(), json!({ "source": { "type": "coupon", "coupon": null } }));
    assert_eq!(discount(&tell("customer.discount.created", &unnamed)).terms.coupon, None);
}

#[test]
fn a_deleted_discount_ends_when_it_was_deleted_at_the_latest() {
    let end = |end| {
        let fact = discount(&tell("customer.discount.deleted", &with(a_discount(), json!({ "end": end }))));
        assert!(fact.terms.deleted);
        fact.terms.end
    };
    assert_eq!(end(json!(null)), Some(at(NOW)));
    assert_eq!(end(json!(NOW + 1000)), Some(at(NOW)));
    assert_eq!(end(json!(NOW - 10)), Some(at(NOW - 10)));
}

#[test]
fn a_deleted_discount_inside_an_invoice_is_left_to_its_own_event() {
    let gone = with(an_old_discount(), json!({ "deleted": true }));
    let told = tell("invoice.paid", &with(an_invoice(), json!({ "discounts": [gone] })));
    assert_eq!((discounts(&told).len(), coupons(&told).len()), (0, 1));
}

#[test]
fn a_deleted_discount_holds_no_more() {
    let gone = with(an_old_discount(), json!({ "deleted": true }));
    let changes = json!({ "discount": null, "discounts": [gone.clone(), "di_2"] });
    let told = tell("customer.subscription.updated", &with(a_subscription(), changes));
    assert_eq!(subscription(&told).discounts, ["di_2"]);
}

#[test]
fn a_discount_keeps_its_dates_and_its_reach() {
    let terms =
        discount(&tell("customer.discount.created", &with(a_discount(), json!({ "end": NOW + 5 })))).terms;
    assert_eq!((terms.customer.as_deref(), terms.subscription.as_deref()), (Some("cus_1"), Some("sub_1")));
    assert_eq!((terms.start, terms.end), (Some(at(NOW - 100)), Some(at(NOW + 5))));
    assert!(!terms.narrow && !terms.deleted);
}

#[test]
fn a_discount_of_a_checkout_in_payment_mode_is_of_that_payment_only() {
    let used = |subscription: Value| {
        let changes = json!({ "checkout_session": "cs_1", "subscription": subscription });
        discount(&tell("customer.discount.created", &with(a_discount(), changes))).terms
    };
    assert!(used(json!(null)).narrow, "it would be the customer's own otherwise");
    assert!(!used(json!("sub_1")).narrow, "the session made a subscription, which has it now");
}

//! Subscriptions: state, items, discounts and taxes, in both shapes.

use growth_domain::facts::{Fact, PlannedEnd, Replaced};
use growth_stripe::extract::Cut;
use serde_json::{Value, json};

use crate::samples::*;

fn of_items(items: Value) -> Value {
    with(a_subscription(), json!({ "items": list(items) }))
}

#[test]
fn both_shapes_tell_the_same_state() {
    let new = subscription(&tell("customer.subscription.updated", &a_subscription()));
    let old = subscription(&tell("customer.subscription.updated", &an_old_subscription()));
    assert_eq!(new, old);
    assert_eq!(
        (new.customer.as_str(), new.currency.as_str(), new.status.as_str()),
        ("cus_1", "gbp", "active")
    );
    assert_eq!((new.period_start, new.period_end), (Some(at(NOW - 100)), Some(at(NOW + 100))));
    assert_eq!((new.created, new.start_date), (Some(at(NOW - 500)), Some(at(NOW - 400))));
    assert_eq!((new.trial_end, new.cancel_at), (Some(at(NOW - 300)), Some(at(NOW + 100))));
    assert_eq!((new.canceled_at, new.ended_at), (Some(at(NOW - 50)), None));
    assert!(new.cancel_at_period_end && !new.deleted && !new.paused);
    assert_eq!(new.cancellation_reason.as_deref(), Some("cancellation_requested"));
    assert_eq!(new.discounts, ["di_1"]);
    assert_eq!(new.user_id.as_deref(), Some("user-7"));
    assert_eq!((new.items.len(), new.items_cut_from), (1, None));
    assert_eq!((new.items[0].id.as_str(), new.items[0].quantity), ("si_1", Some(2)));
    assert_eq!(new.items[0].price.unit_amount.as_deref(), Some("1000"));
}

#[test]
fn a_subscription_claims_its_customer_and_tells_its_prices() {
    let told = tell("customer.subscription.created", &a_subscription());
    let claim = claim(&told);
    assert_eq!((claim.source.as_str(), claim.customer.as_str()), ("sub_1", "cus_1"));
    assert_eq!((claim.user_id.as_deref(), claim.email), (Some("user-7"), None));
    assert_eq!(price(&told).terms.id, "price_1");
    let Some(Fact::Subscription(fact)) = told.facts.first() else { panic!("expected a subscription") };
    assert_eq!((fact.event_type.as_str(), fact.from_event), ("customer.subscription.created", true));
}

#[test]
fn a_deleted_subscription_says_so() {
    let ended = with(a_subscription(), json!({ "status": "canceled", "ended_at": NOW }));
    assert!(subscription(&tell("customer.subscription.deleted", &ended)).deleted);
    assert!(!subscription(&show(&ended)).deleted, "a plain object cannot tell");
}

#[test]
fn expanded_references_are_not_read() {
    let expanded = with(
        a_subscription(),
        json!({ "customer": a_customer(), "latest_invoice": with(an_old_invoice(), json!({ "id": "in_9" })) }),
    );
    let told = tell("customer.subscription.updated", &expanded);
    assert_eq!(subscription(&told).customer, "cus_1");
    assert_eq!((payments(&told).len(), customers(&told).len()), (0, 0));
}

#[test]
fn the_period_spans_those_of_all_items() {
    let early = with(an_item(), json!({ "id": "si_2", "current_period_start": NOW - 900 }));
    let late = with(an_item(), json!({ "id": "si_3", "current_period_end": NOW + 900 }));
    let wide =
        subscription(&tell("customer.subscription.updated", &of_items(json!([early, an_item(), late]))));
    assert_eq!((wide.period_start, wide.period_end), (Some(at(NOW - 900)), Some(at(NOW + 900))));
}

#[test]
fn items_that_are_not_shown_are_reported() {
    let ten: Vec<Value> =
        (0..10).map(|index| with(an_item(), json!({ "id": format!("si_{index}") }))).collect();
    for (total, cut_from, expected) in [(json!(12), 12, Some(12)), (json!(null), 0, None)] {
        let items = json!({ "object": "list", "data": ten, "has_more": true, "total_count": total });
        let told = tell("customer.subscription.updated", &with(a_subscription(), json!({ "items": items })));
        let state = subscription(&told);
        assert_eq!((state.items.len(), state.items_cut_from), (10, Some(cut_from)));
        assert_eq!(told.cut, [Cut { object: "sub_1".to_owned(), list: "items", shown: 10, total: expected }]);
    }
}

#[test]
fn an_item_of_a_plan_is_priced_by_the_plan() {
    let told = tell("customer.subscription.updated", &of_items(json!([without(an_item(), "price")])));
    let terms = &subscription(&told).items[0].price;
    assert_eq!((terms.id.as_str(), terms.unit_amount.as_deref()), ("price_1", Some("1000")));
    assert_eq!(terms.recurring.as_ref().map(|r| (r.interval.as_str(), r.interval_count)), Some(("month", 3)));
    assert_eq!(price(&told).terms, *terms);
}

#[test]
fn a_subscription_of_the_oldest_kind_is_its_own_item() {
    let oldest = with(without(a_subscription(), "items"), json!({ "plan": a_plan(), "quantity": 4 }));
    let state = subscription(&tell("customer.subscription.updated", &without(oldest, "currency")));
    assert_eq!((state.items[0].id.as_str(), state.items[0].quantity), ("sub_1:price_1", Some(4)));
    assert_eq!((state.currency.as_str(), state.items[0].price.id.as_str()), ("gbp", "price_1"));
}

#[test]
fn a_metered_item_has_no_quantity() {
    let metered = json!({ "interval": "month", "interval_count": 1, "usage_type": "metered" });
    let item = with(an_item(), json!({ "price": with(a_price(), json!({ "recurring": metered })) }));
    let state = subscription(&tell("customer.subscription.updated", &of_items(json!([item]))));
    assert_eq!(state.items[0].quantity, None);
}

#[test]
fn an_item_costs_what_the_price_costs_in_the_subscriptions_currency() {
    let many = with(
        a_price(),
        json!({ "currency_options": { "eur": { "unit_amount": 1200, "tax_behavior": "inclusive" } } }),
    );
    let item = with(an_item(), json!({ "price": many }));
    let told =
        tell("customer.subscription.updated", &with(of_items(json!([item])), json!({ "currency": "eur" })));
    let terms = &subscription(&told).items[0].price;
    assert_eq!((terms.currency.as_str(), terms.unit_amount.as_deref()), ("eur", Some("1200")));
    assert_eq!(terms.tax_behavior.as_deref(), Some("inclusive"));
    assert_eq!(price(&told).terms.currency, "gbp", "the price itself keeps its own currency");
}

#[test]
fn discounts_are_named_as_ids_or_told_where_they_are_expanded() {
    let ids = with(a_subscription(), json!({ "discounts": ["di_2", "di_1"] }));
    let told = tell("customer.subscription.updated", &ids);
    assert_eq!(
        (subscription(&told).discounts, discounts(&told).len()),
        (vec!["di_2".to_owned(), "di_1".to_owned()], 0)
    );

    let by_id = with(a_subscription(), json!({ "discounts": [a_discount()] }));
    let told = tell("customer.subscription.updated", &by_id);
    assert_eq!(discount(&told).terms.coupon.as_deref(), Some("half"));
    assert_eq!(coupons(&told), [], "the coupon is only named");

    let source = json!({ "source": { "type": "coupon", "coupon": a_coupon() } });
    let whole = with(a_subscription(), json!({ "discounts": [with(a_discount(), source)] }));
    let told = tell("customer.subscription.updated", &whole);
    assert_eq!(
        (subscription(&told).discounts, coupon(&told).terms.id),
        (vec!["di_1".to_owned()], "half".to_owned())
    );
    assert!(!discount(&told).terms.narrow);
}

#[test]
fn an_intermediate_version_shows_one_discount_twice_and_is_read_once() {
    let twice = with(a_subscription(), json!({ "discount": an_old_discount(), "discounts": ["di_1"] }));
    let told = tell("customer.subscription.updated", &twice);
    assert_eq!(
        (subscription(&told).discounts, discount(&told).terms.id),
        (vec!["di_1".to_owned()], "di_1".to_owned())
    );
}

#[test]
fn a_discount_of_an_item_is_narrow() {
    let own = with(an_old_discount(), json!({ "id": "di_7" }));
    let told = tell(
        "customer.subscription.updated",
        &of_items(json!([with(an_item(), json!({ "discounts": [own] }))])),
    );
    assert_eq!(subscription(&told).items[0].discounts, ["di_7"]);
    assert!(discount(&told).terms.narrow);
}

#[test]
fn a_discount_without_id_is_named_after_its_subscription_and_coupon() {
    let bare = without(with(an_old_discount(), json!({ "subscription": null })), "id");
    let old = with(an_old_subscription(), json!({ "discount": bare }));
    let told = tell("customer.subscription.updated", &old);
    assert_eq!(subscription(&told).discounts, ["sub_1:half"]);
    let terms = discount(&told).terms;
    assert_eq!((terms.id.as_str(), terms.subscription.as_deref()), ("sub_1:half", Some("sub_1")));
}

#[test]
fn inclusive_taxes_are_summed_from_the_item_else_from_the_subscription() {
    let vat = json!({ "id": "txr_1", "object": "tax_rate", "percentage": 20.0, "inclusive": true });
    let city = json!({ "id": "txr_2", "object": "tax_rate", "percentage": 0.875, "inclusive": true });
    let on_top = json!({ "id": "txr_3", "object": "tax_rate", "percentage": 7, "inclusive": false });
    let told = |item_rates: Value, default_rates: Value| {
        let items = json!([with(an_item(), json!({ "tax_rates": item_rates }))]);
        let object = with(of_items(items), json!({ "default_tax_rates": default_rates }));
        subscription(&tell("customer.subscription.updated", &object)).items[0].inclusive_tax_percent.clone()
    };
    assert_eq!(told(json!([vat, city, on_top]), json!([vat])).as_deref(), Some("20.875"));
    assert_eq!(told(json!([]), json!([vat, on_top])).as_deref(), Some("20"));
    assert_eq!(told(json!([on_top]), json!([vat])), None, "an item with rates of its own has no others");
    assert_eq!(told(json!([]), json!([])), None);
}

#[test]
fn a_paused_collection_pauses_the_subscription() {
    let paused =
        with(a_subscription(), json!({ "pause_collection": { "behavior": "void", "resumes_at": null } }));
    assert!(subscription(&tell("customer.subscription.updated", &paused)).paused);
}

#[test]
fn an_account_that_is_its_own_customer_owns_its_subscription() {
    let of_account = with(a_subscription(), json!({ "customer": null, "customer_account": "acct_5" }));
    assert_eq!(subscription(&tell("customer.subscription.updated", &of_account)).customer, "acct_5");
}

fn replaced(object: &Value, previous: &Value) -> Option<Replaced> {
    match update(object, previous).facts.first() {
        Some(Fact::Subscription(fact)) => fact.replaced.clone(),
        other => panic!("expected a subscription, found {other:?}"),
    }
}

#[test]
fn an_update_says_what_it_replaced() {
    let now = a_subscription();
    let told =
        replaced(&now, &json!({ "status": "past_due", "pause_collection": { "behavior": "void" } })).unwrap();
    assert_eq!((told.status.as_deref(), told.paused), (Some("past_due"), Some(true)));
    assert_eq!((told.end, told.items, told.discounts), (None, None, None));

    let told =
        replaced(&now, &json!({ "cancel_at_period_end": false, "cancel_at": null, "canceled_at": null }));
    assert_eq!(told.unwrap().end, Some(PlannedEnd::default()));
    assert_eq!(replaced(&now, &json!({ "discounts": [] })).unwrap().discounts, Some(vec![]));
    assert_eq!(replaced(&now, &json!({ "latest_invoice": "in_0" })), Some(Replaced::default()));

    let nothing = tell("customer.subscription.created", &now);
    let Some(Fact::Subscription(fact)) = nothing.facts.first() else { panic!("expected a subscription") };
    assert_eq!(fact.replaced, None);
}

#[test]
fn replaced_items_are_whole_or_what_changed_of_them() {
    let now = a_subscription();
    let items = |previous: Value| replaced(&now, &previous).unwrap().items;
    let fewer = items(json!({ "items": { "data": [with(an_item(), json!({ "quantity": 1 }))] } })).unwrap();
    assert_eq!((fewer.len(), fewer[0].quantity), (1, Some(1)));
    assert_eq!(fewer[0].price.unit_amount.as_deref(), Some("1000"));
    let period = json!({ "items": { "data": [{ "id": "si_1", "current_period_start": NOW - 900 }] } });
    assert_eq!(items(period), None);
    let old_way = items(json!({ "quantity": 5, "plan": { "id": "plan_0", "object": "plan", "amount": 500,
        "currency": "gbp", "interval": "month", "interval_count": 1 } }))
    .unwrap();
    assert_eq!((old_way[0].price.id.as_str(), old_way[0].quantity), ("plan_0", Some(5)));
}

#[test]
fn what_was_replaced_and_cannot_be_read_is_not_known() {
    assert_eq!(replaced(&a_subscription(), &json!({ "status": 7 })), None);
}

//! Who tells a fact, when, and what is not told at all.

use growth_domain::facts::Fact;
use growth_domain::rank;
use serde_json::json;

use crate::samples::*;

#[test]
fn an_event_stamps_its_facts_with_its_own_time_and_id() {
    let told = tell("invoice.paid", &an_invoice());
    let Some(Fact::Payment(fact)) = told.facts.first() else { panic!("expected a payment") };
    assert!(fact.from_event);
    assert_eq!((fact.stamp.at, fact.stamp.event_id.as_str()), (at(NOW), "evt_1"));
    assert_eq!(fact.stamp.rank, rank::invoice("paid", "invoice.paid"));
}

#[test]
fn a_plain_object_stamps_its_facts_with_the_time_of_reading() {
    let shown = show(&an_invoice());
    let Some(Fact::Payment(fact)) = shown.facts.first() else { panic!("expected a payment") };
    assert!(!fact.from_event);
    assert_eq!((fact.stamp.at, fact.stamp.event_id.as_str()), (at(NOW), "backfill_1"));
    assert_eq!(fact.stamp.rank, rank::invoice("paid", ""));
}

#[test]
fn an_object_inside_another_is_ranked_as_a_plain_one() {
    let told = tell("payment_intent.succeeded", &an_old_intent());
    let ranks: Vec<i64> = told
        .facts
        .iter()
        .map(|fact| match fact {
            Fact::Payment(fact) => fact.stamp.rank,
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    assert_eq!(
        ranks,
        [
            rank::payment_intent("succeeded", "payment_intent.succeeded"),
            rank::charge("succeeded", ""),
            rank::charge("failed", ""),
        ]
    );
}

#[test]
fn other_kinds_of_objects_are_left_alone() {
    for (event_type, object) in [
        ("payment_method.attached", json!({ "id": "pm_1", "object": "payment_method" })),
        ("customer.source.created", json!({ "id": "card_1", "object": "card" })),
        ("application_fee.refunded", json!({ "id": "fee_1", "object": "application_fee" })),
        ("balance.available", json!({ "object": "balance" })),
        ("something.new", json!({ "id": "x_1" })),
    ] {
        let told = tell(event_type, &object);
        assert!(!told.handled && told.facts.is_empty(), "{event_type}");
    }
}

#[test]
fn an_invoice_that_does_not_exist_yet_is_left_alone() {
    assert!(!tell("invoice.upcoming", &without(an_invoice(), "id")).handled);
    assert!(!show(&with(an_invoice(), json!({ "id": "upcoming_in_1" }))).handled);
}

#[test]
fn every_kind_that_is_read_tells_something() {
    for (event_type, object) in one_of_each() {
        for extraction in [tell(event_type, &object), show(&object)] {
            assert!(extraction.handled && !extraction.facts.is_empty(), "{event_type}: {object}");
            assert!(extraction.cut.is_empty(), "{event_type}: {object}");
        }
    }
}

//! Which document is what: events, objects, pages, thin events, errors and everything else.

use growth_stripe::envelope::{Document, ReadError, read};
use serde_json::{Value, json};

use crate::samples::{NOW, a_charge, at};

fn an_envelope() -> Value {
    json!({
        "id": "evt_9", "object": "event", "type": "charge.succeeded", "created": NOW, "livemode": true,
        "account": "acct_3", "api_version": "2024-06-20", "data": { "object": a_charge() },
    })
}

fn altered(field: &str, value: Value) -> Value {
    let mut envelope = an_envelope();
    envelope[field] = value;
    envelope
}

fn message(document: Value) -> String {
    read(document).expect_err("this is no document of Stripe's").to_string()
}

#[test]
fn an_event_is_read_with_its_account_mode_and_time() {
    let Ok(Document::Event(event)) = read(an_envelope()) else { panic!("expected an event") };
    assert_eq!(event.id.as_deref(), Some("evt_9"));
    assert_eq!(event.account, "acct_3");
    assert_eq!(event.livemode, Some(true));
    assert_eq!(event.event_type, "charge.succeeded");
    assert_eq!(event.created, at(NOW));
    assert_eq!(event.api_version.as_deref(), Some("2024-06-20"));
    assert_eq!(event.object, a_charge());
}

#[test]
fn an_event_may_lack_id_account_mode_and_version() {
    let bare = json!({
        "object": "event", "type": "charge.succeeded", "created": NOW, "api_version": null,
        "data": { "object": a_charge() },
    });
    let Ok(Document::Event(event)) = read(bare) else { panic!("expected an event") };
    assert_eq!((event.id, event.account.as_str(), event.livemode), (None, "", None));
    assert_eq!(event.api_version, None);
}

#[test]
fn a_plain_object_is_known_by_kind_and_id() {
    let Ok(Document::Object(plain)) = read(a_charge()) else { panic!("expected an object") };
    assert_eq!((plain.kind.as_str(), plain.id.as_str(), plain.livemode), ("charge", "ch_1", None));
    assert_eq!(plain.object, a_charge());
}

#[test]
fn a_page_of_a_list_or_search_gives_its_entries() {
    for kind in ["list", "search_result"] {
        let page = json!({ "object": kind, "data": [a_charge(), a_charge()], "has_more": true });
        assert_eq!(read(page), Ok(Document::List(vec![a_charge(), a_charge()])));
    }
}

#[test]
fn a_thin_event_is_known_as_such() {
    let thin = json!({
        "id": "evt_test_1", "object": "v2.core.event", "type": "v2.core.account.updated",
        "created": "2026-03-01T00:00:00.000Z",
    });
    let event_type = "v2.core.account.updated".to_owned();
    assert_eq!(read(thin), Ok(Document::Thin { id: Some("evt_test_1".to_owned()), event_type }));
}

#[test]
fn an_error_body_tells_stripes_own_message() {
    let body = json!({ "error": {
        "type": "invalid_request_error", "code": "resource_missing", "message": "No such customer: 'cus_1'",
    } });
    let error = read(body).expect_err("an error is no object");
    assert_eq!(error.to_string(), "Stripe answered with an error: No such customer: 'cus_1'");
    let ReadError::Refused { code, .. } = error else { panic!("expected a refusal") };
    assert_eq!(code.as_deref(), Some("resource_missing"));
}

#[test]
fn what_is_not_stripes_says_what_is_missing() {
    assert_eq!(message(json!([1, 2])), "not a Stripe document: it is a list, expected an object");
    assert_eq!(message(json!(null)), "not a Stripe document: it is null, expected an object");
    assert_eq!(message(json!({})), "not a Stripe object: object is missing, expected text");
    assert_eq!(message(json!({ "object": 7 })), "not a Stripe object: object is 7, expected text");
    assert_eq!(message(json!({ "object": "charge" })), "not a Stripe object: id is missing, expected text");
    assert_eq!(message(json!({ "object": "list" })), "not a Stripe list: data is missing, expected a list");
    assert_eq!(message(altered("type", json!(null))), "not a Stripe event: type is null, expected text");
    assert_eq!(
        message(altered("data", json!({}))),
        "not a Stripe event: data.object is missing, expected an object"
    );
}

#[test]
fn names_that_become_keys_are_at_most_255_bytes_long() {
    let long = || Value::from("x".repeat(256));
    for field in ["id", "account", "type"] {
        assert_eq!(
            message(altered(field, long())),
            format!(
                "not a Stripe event: {field} is {:?}…, expected text of at most 255 bytes",
                "x".repeat(40)
            )
        );
        assert!(read(altered(field, "x".repeat(255).into())).is_ok());
    }
    assert!(message(json!({ "object": "charge", "id": long() })).contains("id is "));
    assert!(message(json!({ "object": long(), "id": "ch_1" })).contains("object is "));
    let thin = json!({ "id": long(), "object": "v2.core.event", "type": "v2.core.account.updated" });
    assert!(message(thin).contains("id is "));
}

#[test]
fn times_outside_of_the_calendar_are_errors() {
    for seconds in [json!(-1), json!(i64::MAX), json!(i64::MIN), json!(u64::MAX), json!(1.5), json!("now")] {
        let message = message(altered("created", seconds.clone()));
        assert!(message.starts_with("not a Stripe event: created is "), "{message}");
        assert!(message.ends_with("expected unix seconds between the years 1970 and 9999"), "{message}");
    }
    for seconds in [json!(0), json!(253_402_300_799_i64), json!(1e9)] {
        assert!(read(altered("created", seconds)).is_ok());
    }
}

//! Customers, and who they claim to be.

use serde_json::json;

use crate::samples::*;

#[test]
fn a_customer_tells_itself_and_claims_a_user() {
    let told = tell("customer.created", &a_customer());
    let customer = customer(&told);
    assert_eq!((customer.id.as_str(), customer.email.as_deref()), ("cus_1", Some("ada@example.com")));
    assert_eq!((customer.name.as_deref(), customer.deleted), (Some("Ada"), false));
    let claim = claim(&told);
    assert_eq!((claim.source.as_str(), claim.customer.as_str()), ("cus_1", "cus_1"));
    assert_eq!((claim.user_id.as_deref(), claim.email.as_deref()), (Some("user-7"), Some("ada@example.com")));
}

#[test]
fn a_customer_without_values_takes_its_claim_back() {
    let empty = with(a_customer(), json!({ "email": null, "metadata": {} }));
    let claim = claim(&tell("customer.updated", &empty));
    assert_eq!((claim.user_id, claim.email), (None, None));
}

#[test]
fn a_deleted_customer_does_not_take_its_claim_back() {
    let told = tell("customer.deleted", &a_customer());
    assert!(customer(&told).deleted);
    assert_eq!((claim(&told).user_id.as_deref(), claim(&told).email), (Some("user-7"), None));

    let stub = show(&json!({ "id": "cus_1", "object": "customer", "deleted": true }));
    assert!(customer(&stub).deleted);
    assert_eq!(claims(&stub), []);
}

#[test]
fn a_customer_tells_the_discount_it_has_as_a_whole() {
    let shown = with(an_old_discount(), json!({ "subscription": null }));
    let told = tell("customer.updated", &with(a_customer(), json!({ "discount": shown })));
    let terms = discount(&told).terms;
    assert_eq!((terms.customer.as_deref(), terms.subscription, terms.narrow), (Some("cus_1"), None, false));
    assert_eq!(coupon(&told).terms.id, "half");
}

#[test]
fn a_discount_without_id_is_named_after_its_customer_and_coupon() {
    let shown = without(with(an_old_discount(), json!({ "subscription": null })), "id");
    let told = tell("customer.updated", &with(a_customer(), json!({ "discount": shown })));
    assert_eq!(discount(&told).terms.id, "cus_1:half");
}

#[test]
fn a_user_id_may_be_a_number() {
    let numbered = with(a_customer(), json!({ "metadata": { "user_id": 42 } }));
    assert_eq!(claim(&tell("customer.updated", &numbered)).user_id.as_deref(), Some("42"));
}

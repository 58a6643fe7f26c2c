//! What a document of Stripe's says of a person, taken out of it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Keys whose values say who somebody is, in whatever object they are.
const PERSONAL: [&str; 41] = [
    "address",
    "address_city",
    "address_country",
    "address_line1",
    "address_line2",
    "address_state",
    "address_zip",
    "billing_address",
    "billing_details",
    "client_reference_id",
    "comment",
    "custom_fields",
    "customer_address",
    "customer_details",
    "customer_email",
    "customer_email_address",
    "customer_name",
    "customer_phone",
    "customer_purchase_ip",
    "customer_shipping",
    "customer_tax_ids",
    "email",
    "evidence",
    "fingerprint",
    "hosted_invoice_url",
    "individual",
    "invoice_pdf",
    "ip_address",
    "last4",
    "owner",
    "phone",
    "preferred_locales",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "shipping",
    "shipping_address",
    "shipping_details",
    "statement_descriptor_suffix",
    "tax_ids",
    "url",
];

/// Objects that are the seller's own words, and say nothing of who buys.
const OF_THE_CATALOGUE: [&str; 6] = ["coupon", "discount", "plan", "price", "product", "promotion_code"];

/// Whether any text in a document is one of these, whatever the case of its letters.
pub fn mentions(document: &Value, words: &[String]) -> bool {
    match document {
        Value::String(text) => words.iter().any(|word| word.eq_ignore_ascii_case(text)),
        Value::Array(values) => values.iter().any(|value| mentions(value, words)),
        Value::Object(members) => members.values().any(|value| mentions(value, words)),
        _ => false,
    }
}

/// Gathers the application's user ids that a document names: `client_reference_id` and `metadata.user_id`.
pub fn user_references(document: &Value, into: &mut BTreeSet<String>) {
    match document {
        Value::Array(values) => values.iter().for_each(|value| user_references(value, into)),
        Value::Object(members) => {
            let of_metadata = members.get("metadata").and_then(|metadata| metadata.get("user_id"));
            let named = members.get("client_reference_id").into_iter().chain(of_metadata);
            into.extend(named.filter_map(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| user_references(value, into));
        }
        _ => {}
    }
}

/// Takes what says who a person is out of a document; what figures are made of stays.
pub fn make_impersonal(document: &mut Value) {
    match document {
        Value::Array(values) => values.iter_mut().for_each(make_impersonal),
        Value::Object(object) => of_object(object, ""),
        _ => {}
    }
}

/// Objects whose name is that of a person.
const NAMED_BY_PERSONS: [&str; 4] = ["bank_account", "card", "customer", "source"];
/// Objects whose description is the seller's, and may be of a person.
const DESCRIBED: [&str; 4] = ["charge", "customer", "invoice", "payment_intent"];

/// `within` is the kind of the object that one without a kind belongs to, such as what it was before.
fn of_object(object: &mut Map<String, Value>, within: &str) {
    let kind = object.get("object").and_then(Value::as_str).unwrap_or(within).to_owned();
    if OF_THE_CATALOGUE.contains(&kind.as_str()) {
        return;
    }
    let now = object.get("object").filter(|now| now.is_object()).and_then(|now| now.get("object"));
    let of_now = now.and_then(Value::as_str).unwrap_or_default().to_owned();
    for (key, value) in object.iter_mut() {
        let key = key.as_str();
        let personal = PERSONAL.contains(&key)
            || key == "name" && NAMED_BY_PERSONS.contains(&kind.as_str())
            || key == "description" && DESCRIBED.contains(&kind.as_str())
            || kind == "customer" && matches!(key, "sources" | "invoice_settings");
        match value {
            _ if personal && !is_place_of_a_list(key, value) => *value = Value::Null,
            Value::Object(_) if key == "metadata" => *value = json!({}),
            Value::Object(before) if key == "previous_attributes" => of_object(before, &of_now),
            _ if key == "payment_method_details" => {
                // Only by which kind of means it was paid.
                let means = value.get("type").cloned();
                *value = means.map_or(Value::Null, |means| json!({"type": means}));
            }
            _ => make_impersonal(value),
        }
    }
}

/// Lists have a `url` that says where they are, and nothing of anybody.
fn is_place_of_a_list(key: &str, value: &Value) -> bool {
    key == "url" && value.as_str().is_some_and(|url| url.starts_with("/v1/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_who_it_is_goes_and_the_rest_stays() {
        let mut document = json!({
            "id": "evt_1", "object": "event", "data": {"object": {
                "object": "invoice", "id": "in_1", "customer": "cus_1", "amount_paid": 900,
                "customer_email": "ann@example.com", "customer_name": "Ann", "hosted_invoice_url": "https://x",
                "metadata": {"user_id": "ann"},
                "lines": {"object": "list", "url": "/v1/invoices/in_1/lines", "data": [
                    {"object": "line_item", "metadata": {"user_id": "ann"}, "price": {"object": "price", "nickname": "Pro",
                        "metadata": {"tier": "a"}}}]},
                "charge": {"object": "charge", "billing_details": {"email": "ann@example.com"},
                    "payment_method_details": {"type": "card", "card": {"last4": "4242"}}}
            }, "previous_attributes": {"email": "old@example.com"}},
            "more": [
                {"object": {"object": "customer", "name": "Ann"}, "previous_attributes": {"name": "Anne", "balance": 1}},
                {"object": "charge", "description": "for Ann", "amount": 5,
                    "source": {"object": "card", "brand": "Visa", "name": "Ann", "last4": "4242", "address_line1": "x"}},
                {"object": "dispute", "amount": 5, "evidence": {"customer_purchase_ip": "192.0.2.1"}}
            ]
        });
        assert!(mentions(&document, &["ANN@example.com".to_owned()]));
        make_impersonal(&mut document);
        assert_eq!(
            document,
            json!({
                "id": "evt_1", "object": "event", "data": {"object": {
                    "object": "invoice", "id": "in_1", "customer": "cus_1", "amount_paid": 900,
                    "customer_email": null, "customer_name": null, "hosted_invoice_url": null, "metadata": {},
                    "lines": {"object": "list", "url": "/v1/invoices/in_1/lines", "data": [
                        {"object": "line_item", "metadata": {}, "price": {"object": "price", "nickname": "Pro",
                            "metadata": {"tier": "a"}}}]},
                    "charge": {"object": "charge", "billing_details": null, "payment_method_details": {"type": "card"}}
                }, "previous_attributes": {"email": null}},
                "more": [
                    {"object": {"object": "customer", "name": null}, "previous_attributes": {"name": null, "balance": 1}},
                    {"object": "charge", "description": null, "amount": 5,
                        "source": {"object": "card", "brand": "Visa", "name": null, "last4": null, "address_line1": null}},
                    {"object": "dispute", "amount": 5, "evidence": null}
                ]
            })
        );
        assert!(!mentions(&document, &["ann@example.com".to_owned(), "ann".to_owned()]));
    }
}

//! What a document of Stripe's says of a person, taken out of it.

use serde_json::{Map, Value, json};

/// Keys whose values say who somebody is, in whatever object they are.
const PERSONAL: [&str; 26] = [
    "address",
    "billing_details",
    "client_reference_id",
    "custom_fields",
    "customer_address",
    "customer_details",
    "customer_email",
    "customer_name",
    "customer_phone",
    "customer_shipping",
    "customer_tax_ids",
    "email",
    "hosted_invoice_url",
    "individual",
    "invoice_pdf",
    "ip_address",
    "phone",
    "preferred_locales",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "shipping",
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

/// Takes what says who a person is out of a document; what figures are made of stays.
pub fn make_impersonal(document: &mut Value) {
    match document {
        Value::Array(values) => values.iter_mut().for_each(make_impersonal),
        Value::Object(object) => of_object(object),
        _ => {}
    }
}

fn of_object(object: &mut Map<String, Value>) {
    let kind = object.get("object").and_then(Value::as_str).unwrap_or_default().to_owned();
    if OF_THE_CATALOGUE.contains(&kind.as_str()) {
        return;
    }
    for (key, value) in object.iter_mut() {
        let key = key.as_str();
        if PERSONAL.contains(&key) && !is_place_of_a_list(key, value) {
            *value = Value::Null;
        } else if key == "metadata" && value.is_object() {
            *value = json!({});
        } else if kind == "customer" && matches!(key, "name" | "description" | "sources" | "invoice_settings")
        {
            *value = Value::Null;
        } else if key == "payment_method_details" {
            // Only by which kind of means it was paid.
            let means = value.get("type").cloned();
            *value = means.map_or(Value::Null, |means| json!({"type": means}));
        } else {
            make_impersonal(value);
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
            }, "previous_attributes": {"email": "old@example.com"}}
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
                }, "previous_attributes": {"email": null}}
            })
        );
        assert!(!mentions(&document, &["ann@example.com".to_owned(), "ann".to_owned()]));
    }
}

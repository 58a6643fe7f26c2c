//! Lists of more than one page.

use growth_stripe_client::Error;
use growth_testkit::stripe::Stripe;
use serde_json::json;

use crate::{SECRET, client};

fn invoice_payment(n: i64) -> serde_json::Value {
    json!({"id": format!("inpay_{n}"), "object": "invoice_payment", "created": 1_700_000_000 + n / 2,
        "invoice": "in_1", "livemode": false})
}

#[tokio::test]
async fn all_pages_are_read() {
    let stripe = Stripe::start(SECRET).await;
    for n in 0..250 {
        stripe.put(invoice_payment(n));
    }
    let entries = client(&stripe).list_all(&["invoice_payments"], &[("invoice", "in_1")], "").await.unwrap();
    let expected: Vec<String> = (0..250).rev().map(|n| format!("inpay_{n}")).collect();
    let ids: Vec<&str> = entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(ids, expected);
    let requests = stripe.take_requests();
    let after: Vec<_> = requests.iter().map(|request| request.parameter("starting_after")).collect();
    assert_eq!(after, [None, Some("inpay_150"), Some("inpay_50")]);
    assert!(requests.iter().all(|request| request.parameter("limit") == Some("100")));
}

#[tokio::test]
async fn an_empty_list_is_one() {
    let stripe = Stripe::start(SECRET).await;
    let entries = client(&stripe).list_all(&["invoice_payments"], &[("invoice", "in_1")], "").await;
    assert_eq!(entries, Ok(Vec::new()));
}

#[tokio::test]
async fn an_object_is_no_list() {
    let stripe = Stripe::start(SECRET).await;
    stripe.put(invoice_payment(1));
    let client = client(&stripe);
    let refused = client.list_all(&["invoice_payments", "inpay_1"], &[], "").await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
}

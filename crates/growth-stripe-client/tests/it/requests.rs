//! What is asked, and how.

use std::time::{Duration, Instant};

use growth_stripe_client::{Client, Error, Settings};
use growth_testkit::stripe::Stripe;
use serde_json::json;

use crate::{SECRET, client, settings};

#[tokio::test]
async fn an_object_is_read_as_stripe_shows_it() {
    let stripe = Stripe::start(SECRET).await;
    stripe.put(json!({"id": "ch_1", "object": "charge", "amount": 500, "livemode": false,
        "balance_transaction": {"id": "txn_1", "object": "balance_transaction", "fee": 45}}));
    let client = client(&stripe);
    let plain = client.get(&["charges", "ch_1"], &[], "").await.unwrap();
    assert_eq!(plain["balance_transaction"], "txn_1");
    let expand = [("expand[]", "balance_transaction")];
    let whole = client.get(&["charges", "ch_1"], &expand, "").await.unwrap();
    assert_eq!(whole["balance_transaction"]["fee"], 45);
    let requests = stripe.take_requests();
    assert_eq!(requests[1].path, "/v1/charges/ch_1");
    assert_eq!(requests[1].expanded(), ["balance_transaction"]);
    assert_eq!(requests[1].account, "");
    assert_eq!(requests[1].version, "2026-09-30.endive");
}

#[tokio::test]
async fn a_connected_account_is_named_in_the_header() {
    let stripe = Stripe::start(SECRET).await;
    stripe.put_in("acct_1", json!({"id": "ch_1", "object": "charge", "livemode": false}));
    let client = client(&stripe);
    assert!(client.get(&["charges", "ch_1"], &[], "acct_1").await.is_ok());
    let own = client.get(&["charges", "ch_1"], &[], "").await;
    assert!(matches!(own, Err(Error::NotFound { .. })), "{own:?}");
    let accounts: Vec<String> = stripe.take_requests().into_iter().map(|request| request.account).collect();
    assert_eq!(accounts, ["acct_1", ""]);
    let unsendable = client.get(&["charges", "ch_1"], &[], "acct_\n1").await;
    assert!(matches!(unsendable, Err(Error::Unsendable { .. })), "{unsendable:?}");
    assert_eq!(stripe.take_requests(), []);
}

#[tokio::test]
async fn a_made_up_id_leads_nowhere_else() {
    let stripe = Stripe::start(SECRET).await;
    let client = client(&stripe);
    for id in ["../prices/price_1", "..", "a?b=c#d", "%2F", "ä b"] {
        let answer = client.get(&["charges", id], &[], "").await;
        assert!(matches!(answer, Err(Error::NotFound { .. })), "{id}: {answer:?}");
        let [request] = stripe.take_requests().try_into().unwrap();
        assert_eq!((request.path, request.query), (format!("/v1/charges/{id}"), Vec::new()));
    }
}

#[tokio::test]
async fn the_api_may_be_below_a_path() {
    let stripe = Stripe::start(SECRET).await;
    let api_base = Some(format!("{}stripe", stripe.url()));
    let client = Client::new(Settings { api_base, ..settings(&stripe) }).unwrap();
    let _ = client.get(&["charges", "ch_1"], &[], "").await;
    assert_eq!(stripe.take_requests()[0].path, "/stripe/v1/charges/ch_1");
}

#[tokio::test]
async fn requests_keep_to_the_rate_all_clones_together() {
    let stripe = Stripe::start(SECRET).await;
    stripe.put(json!({"id": "ch_1", "object": "charge"}));
    let client = Client::new(Settings { requests_per_second: 20, ..settings(&stripe) }).unwrap();
    let began = Instant::now();
    let all = (0..5).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.get(&["charges", "ch_1"], &[], "").await.is_ok() })
    });
    for one in all.collect::<Vec<_>>() {
        assert!(one.await.unwrap());
    }
    // The first may begin at once.
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
}

//! What happens where no good answer comes.

use std::time::{Duration, Instant};

use growth_stripe_client::{Client, Error, Retries, Settings};
use growth_testkit::stripe::{Fault, Stripe};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{SECRET, answer_once, client, response, settings};

async fn with_a_charge() -> Stripe {
    let stripe = Stripe::start(SECRET).await;
    stripe.put(json!({"id": "ch_1", "object": "charge", "livemode": false}));
    stripe.put(json!({"id": "ch_live", "object": "charge", "livemode": true}));
    stripe
}

async fn get(client: &Client) -> Result<Value, Error> {
    client.get(&["charges", "ch_1"], &[], "").await
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let stripe = with_a_charge().await;
    let client = client(&stripe);
    for fault in [
        Fault::TooManyRequests { retry_after: None },
        Fault::TooManyRequests { retry_after: Some(0) },
        Fault::OutOfOrder,
        Fault::BadGateway,
        Fault::HungUp,
    ] {
        stripe.fail("/v1/charges", fault.clone(), 2);
        assert_eq!(get(&client).await.unwrap()["id"], "ch_1", "{fault:?}");
        assert_eq!(stripe.take_requests().len(), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn tries_have_an_end() {
    let stripe = with_a_charge().await;
    let client = client(&stripe);
    stripe.fail("/v1/charges", Fault::BadGateway, usize::MAX);
    let error = get(&client).await.unwrap_err();
    assert_eq!(error, Error::Unavailable { message: "status 502".to_owned() });
    assert_eq!(stripe.take_requests().len(), 5);
    stripe.recover();
    stripe.fail("/v1/charges", Fault::TooManyRequests { retry_after: None }, usize::MAX);
    assert!(matches!(get(&client).await, Err(Error::RateLimited { retry_after: None, .. })));
    assert_eq!(stripe.take_requests().len(), 5);
}

#[tokio::test]
async fn a_pause_that_stripe_asks_for_is_kept_by_all() {
    let stripe = with_a_charge().await;
    let client = client(&stripe);
    stripe.fail("/v1/charges", Fault::TooManyRequests { retry_after: Some(1) }, 1);
    let began = Instant::now();
    assert!(get(&client).await.is_ok());
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_pause_too_long_to_wait_for_is_told() {
    let stripe = with_a_charge().await;
    stripe.fail("/v1/charges", Fault::TooManyRequests { retry_after: Some(600) }, 1);
    let error = get(&client(&stripe)).await.unwrap_err();
    let Error::RateLimited { retry_after, .. } = error else { panic!("{error:?}") };
    assert_eq!(retry_after, Some(Duration::from_mins(10)));
    assert_eq!(stripe.take_requests().len(), 1);
}

#[tokio::test]
async fn a_pause_without_end_holds_nobody_back_for_ever() {
    let stripe = with_a_charge().await;
    let mut settings = settings(&stripe);
    settings.retries.longest_pause = Duration::from_millis(50);
    let client = Client::new(settings).unwrap();
    stripe.fail("/v1/charges", Fault::TooManyRequests { retry_after: Some(u64::MAX) }, 1);
    let error = get(&client).await.unwrap_err();
    assert!(matches!(error, Error::RateLimited { .. }), "{error:?}");
    assert!(get(&client).await.is_ok());
}

#[tokio::test]
async fn silence_is_not_waited_for() {
    let stripe = with_a_charge().await;
    stripe.fail("/v1/charges", Fault::Silence, 1);
    let timeout = Duration::from_millis(50);
    let client = Client::new(Settings { timeout, ..settings(&stripe) }).unwrap();
    assert!(get(&client).await.is_ok());
    assert_eq!(stripe.take_requests().len(), 2);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let stripe = with_a_charge().await;
    let api_base = Some(format!("http://{address}"));
    let retries = Retries { tries: 2, ..settings(&stripe).retries };
    let client = Client::new(Settings { api_base, retries, ..settings(&stripe) }).unwrap();
    let Err(Error::Unavailable { message }) = get(&client).await else { panic!("an answer from nobody") };
    assert!(message.contains("refused"), "{message}");
}

#[tokio::test]
async fn what_does_not_pass_is_told_at_once() {
    let stripe = with_a_charge().await;
    let client = client(&stripe);
    let missing = client.get(&["charges", "ch_2"], &[], "").await.unwrap_err();
    assert_eq!(missing, Error::NotFound { message: "No such charge: 'ch_2'".to_owned() });
    let other_mode = client.get(&["charges", "ch_live"], &[], "").await.unwrap_err();
    assert!(other_mode.to_string().contains("exists in live mode"), "{other_mode}");
    let expand = [("expand[]", "nothing")];
    let refused = client.get(&["charges", "ch_1"], &expand, "").await.unwrap_err();
    assert!(matches!(refused, Error::Refused { status: 400, code: None, .. }), "{refused:?}");
    let query = [("colour", "red")];
    let refused = client.get(&["charges"], &query, "").await.unwrap_err();
    let Error::Refused { code, message, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(code.as_deref(), Some("parameter_unknown"));
    assert_eq!(message, "Received unknown parameter: colour");
    stripe.fail("/v1/charges", Fault::Forbidden { permission: "rak_charge_read" }, 1);
    let Err(Error::Forbidden { message }) = get(&client).await else { panic!("no refusal") };
    assert!(message.contains("'rak_charge_read'"), "{message}");
    stripe.fail("/v1/charges", Fault::InvalidKey, 1);
    assert!(matches!(get(&client).await, Err(Error::Unauthorized { .. })));
    assert_eq!(stripe.take_requests().len(), 6);
}

#[tokio::test]
async fn somebody_elses_answer_says_nothing_about_an_object() {
    let stripe = with_a_charge().await;
    for text in
        [response("404 Not Found", "not found"), response("200 OK", "welcome"), response("200 OK", "[]")]
    {
        let (address, server) = answer_once(text).await;
        let client = Client::new(Settings { api_base: Some(address), ..settings(&stripe) }).unwrap();
        let error = get(&client).await.unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
        server.await.unwrap();
    }
}

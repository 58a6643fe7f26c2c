//! The key is nowhere but in the request.

use std::io;
use std::sync::{Arc, Mutex};

use growth_stripe_client::{Client, Error, Retries, SecretError, SecretKey, Settings};
use growth_testkit::stripe::{Fault, Stripe};
use tracing_subscriber::fmt::MakeWriter;

use crate::{SECRET, answer_once, client, response, settings};

fn kind(text: &str) -> Result<bool, SecretError> {
    text.parse::<SecretKey>().map(|secret| secret.livemode())
}

#[test]
fn a_key_tells_its_mode() {
    assert_eq!(kind("sk_live_abc"), Ok(true));
    assert_eq!(kind("rk_live_abc"), Ok(true));
    assert_eq!(kind("sk_test_abc"), Ok(false));
    assert_eq!(kind(" rk_test_abc\n"), Ok(false));
}

#[test]
fn what_is_no_key_is_refused_without_repeating_it() {
    assert_eq!(kind(""), Err(SecretError::Blank));
    assert_eq!(kind(" \n"), Err(SecretError::Blank));
    assert_eq!(kind("sk_test_a b"), Err(SecretError::Characters));
    assert_eq!(kind("sk_test_ä"), Err(SecretError::Characters));
    assert_eq!(kind("sk_test_a\0"), Err(SecretError::Characters));
    for other in ["pk_live_abc", "whsec_abc", "sk_test_", "sk_org_live_abc", "SK_TEST_abc"] {
        let error = kind(other).unwrap_err();
        assert_eq!(error, SecretError::Kind);
        assert!(!error.to_string().contains("abc"));
    }
}

#[test]
fn a_key_is_not_shown() {
    let secret: SecretKey = SECRET.parse().unwrap();
    let settings = Settings::new(secret.clone());
    let client = Client::new(settings.clone()).unwrap();
    for text in [format!("{secret}"), format!("{secret:?}"), format!("{settings:#?}"), format!("{client:#?}")]
    {
        assert!(!text.contains("51MadeUp"), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_told_without_it() {
    let stripe = Stripe::start("rk_test_another").await;
    let error = client(&stripe).get(&["charges", "ch_1"], &[], "").await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("51MadeUp"), "{error}");
}

#[tokio::test]
async fn a_server_that_repeats_the_key_does_not_spread_it() {
    let stripe = Stripe::start(SECRET).await;
    let body = format!("{{\"error\": {{\"message\": \"you sent {SECRET}\", \"code\": \"{SECRET}\"}}}}");
    let (address, server) = answer_once(response("400 Bad Request", &body)).await;
    let client = Client::new(Settings { api_base: Some(address), ..settings(&stripe) }).unwrap();
    let error = client.get(&["charges", "ch_1"], &[], "").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("51MadeUp"), "{error:?}");
    assert!(server.await.unwrap().contains(&format!("Bearer {SECRET}")), "it was sent to whom it is for");
}

#[tokio::test]
async fn a_server_that_is_not_there_does_not_show_it() {
    let stripe = Stripe::start(SECRET).await;
    let api_base = Some("http://127.0.0.1:1/".to_owned());
    let retries = Retries { tries: 1, ..Retries::default() };
    let client = Client::new(Settings { api_base, retries, ..settings(&stripe) }).unwrap();
    let error = client.get(&["charges", "ch_1"], &[], "").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("51MadeUp"), "{error:?}");
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_shows_it_however_much_is_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    let everything = tracing::subscriber::set_default(subscriber.finish());
    let stripe = Stripe::start(SECRET).await;
    let client = client(&stripe);
    for fault in [Fault::OutOfOrder, Fault::InvalidKey, Fault::Forbidden { permission: "rak_charge_read" }] {
        stripe.fail("/", fault, 1);
        let _ = client.get(&["charges", "ch_1"], &[], "").await;
    }
    drop(everything);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("rak_charge_read"), "{text}");
    assert!(!text.contains("51MadeUp"), "{text}");
}

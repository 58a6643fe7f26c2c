//! What events leave out, and a server that answers as Stripe does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod catalogue;
mod fees;
mod invoices;
mod running;
mod scopes;
mod statements;
mod troubles;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::{Db, Record, query};
use growth_ingest::{Intake, Source, ingest};
use growth_resolver::{Resolver, Round};
use growth_stripe_client::{Client, Retries, Settings};
use growth_testkit::stripe::{Request, Stripe};
use serde_json::{Value, json};
use tokio::sync::Notify;

const SECRET: &str = "rk_test_51MadeUpForTests0000";

/// When the things happen that the events of these tests tell.
const THEN: i64 = 1_790_000_000;

/// A time that goes on when it is told to.
#[derive(Clone)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(THEN + 3600)))
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap()
    }

    fn go_on(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }
}

/// A resolver and whom it asks.
struct World {
    stripe: Stripe,
    clock: Clock,
    resolver: Resolver,
}

impl World {
    async fn new(db: &Db) -> Self {
        Self::with_key(db, SECRET).await
    }

    async fn with_key(db: &Db, secret: &str) -> Self {
        let (stripe, clock) = (Stripe::start(secret).await, Clock::new());
        let time = clock.clone();
        let client = client(&stripe, secret);
        let resolver = Resolver::new(db.clone(), client, move || time.now(), Arc::new(Notify::new()));
        Self { stripe, clock, resolver }
    }

    /// Lets the resolver look once, and gives what it did and what it asked for.
    async fn round(&mut self) -> (Round, Vec<Request>) {
        let round = self.resolver.round().await.unwrap();
        (round, self.stripe.take_requests())
    }

    /// Lets the resolver look once, and gives the paths that it asked for.
    async fn paths(&mut self) -> Vec<String> {
        let (_, requests) = self.round().await;
        requests.into_iter().map(|request| request.path).collect()
    }
}

fn client(stripe: &Stripe, secret: &str) -> Client {
    let settings = Settings::new(secret.parse().unwrap());
    let first_pause = Duration::from_millis(1);
    let retries = Retries { first_pause, ..settings.retries };
    let api_base = Some(stripe.url());
    Client::new(Settings { api_base, requests_per_second: 10_000, retries, ..settings }).unwrap()
}

/// Takes in an event of test mode in the key's own account.
async fn event(db: &Db, event_type: &str, seconds: i64, object: Value) {
    event_in(db, "", false, event_type, seconds, object).await;
}

async fn event_in(db: &Db, account: &str, livemode: bool, event_type: &str, seconds: i64, object: Value) {
    take_in(db, vec![told(account, livemode, event_type, seconds, &object)]).await;
}

/// Takes in the success of charges, all at once.
async fn charges(db: &Db, numbers: RangeInclusive<i64>) {
    let events = numbers.map(|n| told("", false, "charge.succeeded", n, &charge_in_event(n)));
    take_in(db, events.collect()).await;
}

fn told(account: &str, livemode: bool, event_type: &str, seconds: i64, object: &Value) -> Value {
    let id = format!("evt_{event_type}_{}_{seconds}", object["id"].as_str().unwrap());
    json!({"id": id, "object": "event", "created": THEN + seconds, "livemode": livemode, "account": account,
        "type": event_type, "data": {"object": object}})
}

async fn take_in(db: &Db, events: Vec<Value>) {
    let received_at = DateTime::from_timestamp(THEN, 0).unwrap();
    let intake = Intake { source: Source::Webhook, received_at, livemode: false, account: String::new() };
    let documents = events.into_iter().map(|event| (event.to_string(), event)).collect();
    let summary = ingest(db, intake, documents).await.unwrap();
    assert!(summary.is_complete(), "{summary:?}");
}

/// The rows that a statement gives.
async fn rows<T: Record>(db: &Db, sql: &'static str) -> Vec<T> {
    query(db, sql).fetch_all().await.unwrap()
}

/// A charge as it is, whole.
fn charge(n: i64, fee: Option<i64>) -> Value {
    let transaction = fee.map(|fee| {
        json!({"id": format!("txn_{n}"), "object": "balance_transaction", "amount": 5000, "fee": fee,
            "net": 5000 - fee, "currency": "usd"})
    });
    json!({"id": format!("ch_{n}"), "object": "charge", "amount": 5000, "amount_captured": 5000,
        "amount_refunded": 0, "captured": true, "currency": "usd", "customer": "cus_1", "created": THEN + n,
        "livemode": false, "status": "succeeded", "payment_intent": format!("pi_{n}"), "invoice": null,
        "payment_method_details": {"type": "card"}, "balance_transaction": transaction})
}

/// A charge as events show it.
fn charge_in_event(n: i64) -> Value {
    let mut charge = charge(n, None);
    charge["balance_transaction"] = format!("txn_{n}").into();
    charge
}

/// A subscription with one item of this price, and the ids of the discounts on it and on the item.
fn subscription(n: i64, price: &Value, discounts: &[&str], of_item: &[&str]) -> Value {
    json!({"id": format!("sub_{n}"), "object": "subscription", "customer": format!("cus_{n}"), "created": THEN,
        "start_date": THEN, "currency": "usd", "status": "active", "livemode": false, "discounts": discounts,
        "items": {"object": "list", "has_more": false, "total_count": 1, "data": [{"id": format!("si_{n}"),
            "object": "subscription_item", "quantity": 12, "price": price, "discounts": of_item,
            "current_period_start": THEN, "current_period_end": THEN + 2_592_000}]}})
}

fn price(unit_amount: i64) -> Value {
    json!({"id": "price_1", "object": "price", "billing_scheme": "per_unit", "currency": "usd",
        "product": "prod_1", "livemode": false, "type": "recurring", "unit_amount": unit_amount,
        "unit_amount_decimal": unit_amount.to_string(),
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}})
}

/// What each subscription is worth in whole minor units, and why that is not known.
async fn worth(db: &Db) -> Vec<(String, i64, Option<String>)> {
    rows(db, "SELECT id, mrr_micros / 1000000 AS mrr, unpriced FROM subscriptions ORDER BY account, id").await
}

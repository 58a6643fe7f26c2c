//! A server on a database of the test's own, and Stripe on the other end of the line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::{AssertSqlSafe, Db, query};
use growth_metrics::{CurrencyRevenue, GrowthSnapshot, Request, snapshot};
use growth_testkit::signed::{Answer, Client, SIGNATURE, signature};
use growth_webhook::{Clock, Listeners, Secrets, Server, Settings};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// The signing secret of the endpoint.
pub(crate) const SECRET: &str = "whsec_of_the_tests";
/// Where Stripe posts.
pub(crate) const PATH: &str = "/webhooks/stripe";

/// How long anything may take that a test waits for, and how often it looks.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Midnight in UTC of a day in January 2026, from 1; it goes on in February.
pub(crate) fn january(day: i64) -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(day - 1)
}

/// When everything arrives: after all that the tests tell of.
pub(crate) fn now() -> DateTime<Utc> {
    january(40)
}

/// A clock that moves on by a microsecond whenever somebody looks at it.
pub(crate) fn clock() -> Clock {
    let looks = AtomicI64::new(0);
    Arc::new(move || now() + TimeDelta::microseconds(looks.fetch_add(1, Ordering::Relaxed)))
}

pub(crate) fn settings() -> Settings {
    Settings::new(Secrets::parse(SECRET).unwrap())
}

/// A server at work.
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    metrics: SocketAddr,
    applied: Arc<Notify>,
    pub(crate) stop: CancellationToken,
    run: JoinHandle<bool>,
}

impl Place {
    /// Starts a server.
    pub(crate) async fn open(db: &Db) -> Self {
        Self::open_with(db, settings()).await
    }

    /// Starts a server with settings of the test's own.
    pub(crate) async fn open_with(db: &Db, settings: Settings) -> Self {
        let server = Server::new(db.clone(), settings, clock());
        let (webhooks, metrics) = (listener().await, listener().await);
        let address = webhooks.local_addr().unwrap();
        let metrics_address = metrics.local_addr().unwrap();
        let (applied, stop) = (Arc::clone(server.applied()), CancellationToken::new());
        let run = tokio::spawn(server.run(Listeners { webhooks, metrics: Some(metrics) }, stop.clone()));
        Self { address, metrics: metrics_address, applied, stop, run }
    }

    /// Posts events one after the other, each of which has to be taken, and waits until they are applied.
    pub(crate) async fn tell(&self, events: impl IntoIterator<Item = Value>) {
        self.post_all(events).await;
        self.settled().await;
    }

    /// Posts events one after the other, each of which has to be taken.
    pub(crate) async fn post_all(&self, events: impl IntoIterator<Item = Value>) {
        let mut client = Client::new(self.address);
        for event in events {
            let answer = post(&mut client, &event.to_string()).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "{\"received\":true}"), "{event:#}");
        }
    }

    /// What `/readyz` answers.
    pub(crate) async fn readiness(&self) -> Value {
        let answer = Client::new(self.address).get("/readyz").await.unwrap();
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Waits until no event waits to be applied.
    pub(crate) async fn settled(&self) {
        let start = Instant::now();
        while self.readiness().await["pending"] != 0 {
            assert!(start.elapsed() < PATIENCE, "events still wait: {}", self.readiness().await);
            let _ = timeout(LOOK_AGAIN, self.applied.notified()).await;
        }
    }

    /// How many events this server has applied.
    pub(crate) async fn applied(&self) -> u64 {
        let metrics = Client::new(self.metrics).get("/metrics").await.unwrap();
        let name = "growthctl_events_projected_total{state=\"applied\"} ";
        metrics.body.lines().find_map(|line| line.strip_prefix(name)).map_or(0, |n| n.parse().unwrap())
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.run).await.unwrap().unwrap();
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}

/// Posts a body as Stripe does.
pub(crate) async fn post(client: &mut Client, body: &str) -> Answer {
    post_signed(client, PATH, SECRET, body).await
}

/// Posts a body to a path, signed with a secret.
pub(crate) async fn post_signed(client: &mut Client, path: &str, secret: &str, body: &str) -> Answer {
    let signature = signature(secret, now().timestamp(), body.as_bytes());
    client.post(path, &[(SIGNATURE, &signature)], body.to_owned()).await.unwrap()
}

/// Lets the server receive, and apply nothing until [`let_apply`]: the policy is one of a version to come.
pub(crate) async fn keep_from_applying(db: &Db) {
    set_policy(db, "of a version to come").await;
}

/// See [`keep_from_applying`].
pub(crate) async fn let_apply(db: &Db) {
    set_policy(db, "stripe").await;
}

async fn set_policy(db: &Db, policy: &str) {
    change(db, &format!("UPDATE settings SET value = '{policy}' WHERE key = 'policy'")).await;
}

/// Changes the database behind the server's back.
pub(crate) async fn change(db: &Db, sql: &str) {
    let mut tx = db.begin().await.unwrap();
    query(&mut tx, AssertSqlSafe(sql.to_owned())).execute().await.unwrap();
    tx.commit().await.unwrap();
}

/// The figures of January in one account and mode.
pub(crate) async fn figures(db: &Db, account: &str, livemode: bool) -> GrowthSnapshot {
    let request = Request {
        livemode: Some(livemode),
        account: account.to_owned(),
        ..Request::of(january(32), 31, chrono_tz::UTC).unwrap()
    };
    snapshot(db, &request).await.unwrap()
}

/// The figures of January in one currency, of the own account in live mode.
pub(crate) async fn revenue(db: &Db, currency: &str) -> CurrencyRevenue {
    let revenue = figures(db, "", true).await.revenue;
    let found = revenue.iter().find(|revenue| revenue.currency == currency);
    found.unwrap_or_else(|| panic!("nothing in {currency}: {revenue:#?}")).clone()
}

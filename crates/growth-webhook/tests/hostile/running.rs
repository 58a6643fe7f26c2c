//! A server that runs, and what a test asks about it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};

use chrono::DateTime;
use growth_db::rows::inbox::StripeEventRow;
use growth_db::{Db, query};
use growth_testkit::until;
use growth_webhook::{Clock, Listeners, Secrets, Server, Settings};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::raw::{Answer, PATIENCE, Raw, head, post};

/// The endpoint's secret.
pub(crate) const SECRET: &str = "whsec_hostile_0123456789abcdef";
/// The time at which a test's clock begins.
pub(crate) const NOW: i64 = 1_750_000_000;

/// A server on the loopback.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    now: Arc<AtomicI64>,
    stop: CancellationToken,
    server: JoinHandle<bool>,
}

/// The default settings with the test's secret.
pub(crate) fn settings() -> Settings {
    Settings::new(Secrets::parse(SECRET).unwrap())
}

impl Running {
    pub(crate) async fn start(db: &Db) -> Self {
        Self::start_with(db, settings()).await
    }

    pub(crate) async fn start_with(db: &Db, settings: Settings) -> Self {
        watch_for_panics();
        let now = Arc::new(AtomicI64::new(NOW));
        let seconds = Arc::clone(&now);
        let clock: Clock =
            Arc::new(move || DateTime::from_timestamp(seconds.load(Ordering::Relaxed), 0).unwrap());
        let webhooks = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let scrapes = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, metrics) = (webhooks.local_addr().unwrap(), scrapes.local_addr().unwrap());
        let stop = CancellationToken::new();
        let server = Server::new(db.clone(), settings, clock);
        let listeners = Listeners { webhooks, metrics: Some(scrapes) };
        let server = tokio::spawn(server.run(listeners, stop.clone()));
        Self { address, metrics, now, stop, server }
    }

    /// Sets the server's clock.
    pub(crate) fn set_clock(&self, to: i64) {
        self.now.store(to, Ordering::Relaxed);
    }

    pub(crate) async fn connect(&self) -> Raw {
        Raw::connect(self.address).await
    }

    /// Sends one request on a connection of its own; nothing where no answer came.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Option<Answer> {
        let mut raw = self.connect().await;
        raw.send(request).await;
        raw.answer().await
    }

    /// Posts a body that is signed now.
    pub(crate) async fn post(&self, body: impl AsRef<[u8]>) -> Answer {
        self.ask(post(SECRET, self.now.load(Ordering::Relaxed), body)).await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(head(&format!("GET {path} HTTP/1.1"), &[]) + "\r\n").await.expect("an answer")
    }

    /// The value of a counter of requests that were not taken.
    pub(crate) async fn refused(&self, reason: &str) -> u64 {
        let mut raw = Raw::connect(self.metrics).await;
        raw.send(head("GET /metrics HTTP/1.1", &[]) + "\r\n").await;
        let text = raw.answer().await.expect("metrics").body;
        let name = format!("growthctl_webhook_refused_total{{reason=\"{reason}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
    }

    /// Shows that the server does its work: it answers, takes an event, and applies it.
    pub(crate) async fn assert_well(&self, db: &Db) {
        static EVENTS: AtomicUsize = AtomicUsize::new(0);
        let id = format!("evt_well_{}", EVENTS.fetch_add(1, Ordering::Relaxed));
        assert_eq!(self.get("/healthz").await.status, 200);
        let answer = self.post(event(&id).to_string()).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "{\"received\":true}"));
        let rows = until("the event is applied", async || {
            let rows = rows(db).await;
            rows.iter().any(|row| row.id == id && row.state == "applied").then_some(rows)
        });
        rows.await;
        assert!(!self.server.is_finished());
        assert_eq!(panics(), Vec::<String>::new());
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.server).await.expect("an end in time").unwrap();
        assert_eq!(panics(), Vec::<String>::new());
    }
}

/// A customer that was created, told by an event of this id.
pub(crate) fn event(id: &str) -> Value {
    json!({
        "id": id, "object": "event", "type": "customer.created", "created": NOW, "livemode": true,
        "api_version": "2025-03-31.basil",
        "data": {"object": {
            "id": format!("cus_{id}"), "object": "customer", "created": NOW, "livemode": true,
            "email": "ada@example.com", "metadata": {},
        }},
    })
}

/// An event whose text has exactly so many bytes.
pub(crate) fn event_of(id: &str, bytes: usize) -> String {
    let mut event = event(id);
    event["padding"] = "".into();
    let padding = bytes - event.to_string().len();
    event["padding"] = "x".repeat(padding).into();
    event.to_string()
}

/// All that is stored.
pub(crate) async fn rows(db: &Db) -> Vec<StripeEventRow> {
    query(db, "SELECT * FROM stripe_events ORDER BY account, livemode, id").fetch_all().await.unwrap()
}

/// The ids of all that is stored.
pub(crate) async fn ids(db: &Db) -> Vec<String> {
    rows(db).await.into_iter().map(|row| row.id).collect()
}

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Remembers every panic but those of the tests themselves.
fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.location().is_none_or(|location| !location.file().contains("tests/hostile")) {
                PANICS.lock().unwrap().push(panic.to_string());
            }
            usual(panic);
        }));
    });
}

/// The panics of the server so far, in any test of this process.
pub(crate) fn panics() -> Vec<String> {
    PANICS.lock().unwrap().clone()
}

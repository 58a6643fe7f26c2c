//! The server: its listeners, its connections, its end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use growth_db::Db;
use growth_http::{Bodies, Connections, serve};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::metrics::{self, Metrics};
use crate::projector::Projector;
use crate::signature::Secrets;
use crate::writers::Writers;
use crate::{health, webhook};

/// Tells the time; every signature is compared with it.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What a server keeps to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The signing secrets of the endpoints that may call.
    pub secrets: Secrets,
    /// The most bytes of a body.
    pub body_limit: usize,
    /// The most bytes of all bodies that are held at a time.
    pub body_budget: usize,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// How connections are served; what is stored has as long again to be applied as requests have at the end.
    pub connections: Connections,
    /// How many events may wait to be stored.
    pub queue: usize,
}

impl Settings {
    /// The defaults, with these secrets.
    pub fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            body_limit: 1 << 20,
            body_budget: 32 << 20,
            body_timeout: Duration::from_secs(15),
            connections: Connections::default(),
            queue: 1024,
        }
    }
}

/// Where a server listens.
#[derive(Debug)]
pub struct Listeners {
    /// For Stripe, and for whoever asks how the server is.
    pub webhooks: TcpListener,
    /// For Prometheus.
    pub metrics: Option<TcpListener>,
}

/// A receiver of webhooks.
pub struct Server {
    db: Db,
    settings: Settings,
    clock: Clock,
    metrics: Arc<Metrics>,
    applied: Arc<Notify>,
    beside: Router,
}

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) db: Db,
    pub(crate) secrets: Secrets,
    pub(crate) clock: Clock,
    pub(crate) bodies: Bodies,
    pub(crate) writers: Writers,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stop: CancellationToken,
    /// Held by whoever asks the database how it is.
    pub(crate) asked: Mutex<()>,
}

impl std::ops::Deref for Shared {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Server {
    /// Makes a server on a database whose migrations are applied.
    pub fn new(db: Db, settings: Settings, clock: Clock) -> Self {
        Self {
            db,
            settings,
            clock,
            metrics: Arc::new(Metrics::new()),
            applied: Arc::new(Notify::new()),
            beside: Router::new(),
        }
    }

    /// Serves further routes where webhooks are received. A request to one of them is answered before the end, as any.
    #[must_use]
    pub fn beside(mut self, routes: Router) -> Self {
        self.beside = self.beside.merge(routes);
        self
    }

    /// What the server counts.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Wakes whoever waits for it after stored events were applied.
    pub fn applied(&self) -> &Arc<Notify> {
        &self.applied
    }

    /// Serves until `stop`, then finishes within the shutdown timeout: requests under way are answered, what was
    /// accepted is committed, and what is stored is applied as far as the time allows.
    ///
    /// Returns whether all of it was done. What was not is done by the next process: Stripe sends again what was not
    /// answered, and what is stored is applied.
    pub async fn run(self, listeners: Listeners, stop: CancellationToken) -> bool {
        let Self { db, settings, clock, metrics, applied, beside } = self;
        let stored = Arc::new(Notify::new());
        let writers = Writers::start(&db, settings.queue, &stored, &metrics);
        let projector = Projector {
            db: db.clone(),
            stored,
            applied,
            under_way: Arc::clone(writers.under_way()),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
        };
        let applied_all = CancellationToken::new();
        let mut projector = tokio::spawn(projector.run(applied_all.clone()));
        let shared = Shared(Arc::new(Parts {
            db,
            secrets: settings.secrets.clone(),
            clock,
            bodies: Bodies {
                limit: settings.body_limit,
                patience: settings.body_timeout,
                budget: Arc::new(Semaphore::new(settings.body_budget.max(settings.body_limit))),
            },
            writers,
            metrics,
            stop: stop.clone(),
            asked: Mutex::new(()),
        }));
        let scrapes = listeners.metrics.map(|listener| {
            let routes = Router::new().route("/metrics", get(metrics::show)).with_state(shared.clone());
            tokio::spawn(serve(listener, routes, settings.connections, stop.clone()))
        });
        let routes = Router::new()
            .route("/webhooks/stripe", post(webhook::receive))
            .route("/api/webhooks/stripe", post(webhook::receive))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .with_state(shared.clone())
            .merge(beside);
        let patience = settings.connections.shutdown_timeout;
        let answered = serve(listeners.webhooks, routes, settings.connections, stop).await;
        let deadline = Instant::now() + patience;
        if let Some(scrapes) = scrapes {
            let _ = timeout_at(deadline, scrapes).await;
        }
        // A request that outlasted the patience still holds its share; what it brought is in the queue or was not
        // answered.
        let written = match Arc::into_inner(shared.0) {
            Some(parts) => timeout_at(deadline, parts.writers.finish()).await.is_ok(),
            None => false,
        };
        applied_all.cancel();
        let applied = matches!(timeout_at(deadline, &mut projector).await, Ok(Ok(())));
        if !applied {
            projector.abort();
            tracing::warn!("some stored events wait for the next start to be applied");
        }
        answered && written && applied
    }
}

//! `growthctl serve-webhook`

mod collecting;
mod resolving;

use std::sync::Arc;
use std::time::Duration;

use chrono::{SubsecRound, Utc};
use growth_db::connect::Limits;
use growth_webhook::{Clock, Listeners, Secrets, Server};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::database;
use crate::failure::{Outcome, misuse};
use crate::logging;
use crate::printer::Printer;
use crate::serving;
use crate::settings::{Settings, given, told};
use crate::signals::Signals;
use crate::stripe;

/// How long a request may wait for a connection to the database before Stripe is told to send again.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a body may be limited to.
const BODY: std::ops::RangeInclusive<i64> = 1024..=16 << 20;

/// Receives Stripe's webhooks until it is told to stop.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Stripe sends to https://your-host/webhooks/stripe (or /api/webhooks/stripe); a proxy in front terminates TLS.
The signing secrets of the endpoints come from STRIPE_WEBHOOK_SECRET, several of them separated by commas. With
a restricted key in STRIPE_SECRET_KEY, what events do not carry (fees, tiers, coupons, the payments of invoices)
is asked for in the background. docs/WEBHOOKS.md tells the rest.

Examples:
  STRIPE_WEBHOOK_SECRET=whsec_… growthctl serve-webhook
  growthctl serve-webhook --listen 0.0.0.0:8080 --metrics-listen 127.0.0.1:9090 --log-format json
  stripe listen --forward-to localhost:4242/webhooks/stripe    prints a secret to test with

GET /healthz answers while the process lives, GET /readyz while it can store events.
Ctrl-C or SIGTERM ends it after what was accepted is stored.")]
pub(crate) struct Args {
    /// Where to listen [default: 127.0.0.1:4242]
    #[arg(long, value_name = "ADDRESS", env = "GROWTHCTL_WEBHOOK_LISTEN")]
    listen: Option<String>,
    /// Where to show metrics to Prometheus, under /metrics [default: nowhere]
    #[arg(long, value_name = "ADDRESS", env = "GROWTHCTL_METRICS_LISTEN")]
    metrics_listen: Option<String>,
    /// The most bytes of a request's body [default: 1048576]
    #[arg(long, value_name = "BYTES", env = "GROWTHCTL_WEBHOOK_MAX_BODY")]
    max_body: Option<String>,
    /// Refuse to start when migrations are pending, instead of applying them
    #[arg(long)]
    no_migrate: bool,
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let mut server_settings = growth_webhook::Settings::new(secrets(settings)?);
    let max_body = told(given(args.max_body.as_ref()), "--max-body or GROWTHCTL_WEBHOOK_MAX_BODY");
    if let Some(max_body) = max_body {
        server_settings.body_limit = max_body.read(|bytes| {
            bytes.trim().parse().map_err(|_| format!("{bytes:?} is no number of bytes")).and_then(body_limit)
        })?;
    } else if let Some(max_body) = &settings.webhook.max_body {
        server_settings.body_limit = max_body.read(|bytes| body_limit(*bytes))?;
    }
    server_settings.connections.most = serving::connections(server_settings.connections.most);
    let listen = told(given(args.listen.as_ref()), "--listen or GROWTHCTL_WEBHOOK_LISTEN");
    let listen = listen.or_else(|| settings.webhook.listen.clone());
    let metrics_listen =
        told(given(args.metrics_listen.as_ref()), "--metrics-listen or GROWTHCTL_METRICS_LISTEN");
    let metrics_listen = metrics_listen.or_else(|| settings.webhook.metrics_listen.clone());
    let address = listen.map_or(Ok(([127, 0, 0, 1], 4242).into()), |listen| serving::address(&listen))?;
    let metrics_address = metrics_listen.map(|listen| serving::address(&listen)).transpose()?;
    let client = stripe::client(settings)?;
    let _log = logging::init(settings.log_format, printer.quiet, printer.verbose);
    let stop = CancellationToken::new();
    let hurry = tokio::spawn(serving::until_told_to_stop(Signals::listen()?, stop.clone()));

    let limits = Limits { patience: PATIENCE, ..Limits::default() };
    let db = tokio::select! {
        db = serving::open(settings, limits, args.no_migrate) => db?,
        () = stop.cancelled() => return Ok(Outcome::LeftUndone),
    };
    let webhooks = serving::bind(address).await?;
    let metrics = match metrics_address {
        Some(address) => Some(serving::bind(address).await?),
        None => None,
    };
    printer.result(&format!("listening on http://{}\n", webhooks.local_addr()?))?;
    if let Some(metrics) = &metrics {
        printer.result(&format!("metrics on http://{}/metrics\n", metrics.local_addr()?))?;
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        database = database::shown(settings),
        secrets = server_settings.secrets.count(),
        asks_stripe_about =
            client.as_ref().map_or("nothing", |c| if c.livemode() { "live data" } else { "test data" }),
        "started"
    );
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let clock: Clock = Arc::new(|| Utc::now().trunc_subsecs(6));
    let server = Server::new(db.clone(), server_settings, Arc::clone(&clock));
    let server = collecting::beside(server, &db, settings, &clock);
    let housekeeping = tokio::spawn(collecting::keep_house(db.clone(), Arc::clone(&clock)));
    let resolver = client.map(|client| {
        let resolver = resolving::beside(&server, db.clone(), client, clock);
        tokio::spawn(resolver.run(stop.clone()))
    });
    let serve = async {
        let finished = server.run(Listeners { webhooks, metrics }, stop).await;
        housekeeping.abort();
        if let Some(resolver) = resolver {
            let _ = timeout(serving::LAST_PATIENCE, resolver).await;
        }
        serving::close(&db).await && finished
    };
    Ok(serving::to_the_end(serve, hurry).await)
}

fn secrets(settings: &Settings) -> anyhow::Result<Secrets> {
    let secret = settings.stripe.webhook_secret.as_ref().ok_or_else(|| {
        misuse(
            "no signing secret: set STRIPE_WEBHOOK_SECRET to the whsec_… of the endpoint in Stripe's dashboard, or of \
             `stripe listen`",
        )
    })?;
    secret.read(|secret| Secrets::parse(secret.reveal()).map_err(|error| error.to_string()))
}

fn body_limit(bytes: i64) -> Result<usize, String> {
    let known = usize::try_from(bytes).ok().filter(|_| BODY.contains(&bytes));
    known.ok_or_else(|| format!("{bytes} is no number of bytes from {} to {}", BODY.start(), BODY.end()))
}

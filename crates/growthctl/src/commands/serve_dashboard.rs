//! `growthctl serve-dashboard`

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, SubsecRound, Utc};
use growth_dashboard::{Clock, Dashboard, auth};
use growth_db::Db;
use growth_db::connect::Limits;
use growth_domain::window::parse_as_of;
use growth_http::Connections;
use growth_metrics::Request;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::asked;
use crate::commands::demo;
use crate::database;
use crate::failure::{Outcome, misuse};
use crate::logging;
use crate::printer::Printer;
use crate::serving;
use crate::settings::{DatabaseAt, Settings, given, sqlite_url, told};
use crate::signals::Signals;

/// What the pool keeps to: few connections, so that webhooks have the others, and none of them is held for long.
const LIMITS: Limits =
    Limits { connections: 4, patience: Duration::from_secs(5), statement: Some(Duration::from_secs(30)) };
/// How many connections there are at most.
const CONNECTIONS: usize = 2048;
/// How long one is kept on which nothing is asked.
const IDLE: Duration = Duration::from_secs(15);

/// Shows the figures of the report in a browser, live, to admins.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Open http://127.0.0.1:4243/admin/metrics and sign in with a token of
`growthctl keys create --admin NAME`. While there is none, a sign-in link that works once is
printed here, and it listens to this machine alone. Programs ask GET /api/admin/metrics?days=30
with `Authorization: Bearer TOKEN`; GET /api/admin/openapi.json tells the rest.
docs/DASHBOARD.md tells how to put it behind a proxy with TLS, and how users of Supabase sign in.

Examples:
  growthctl serve-dashboard --demo              a sample business, nothing to set up
  growthctl serve-dashboard --listen 0.0.0.0:8081 --behind-proxy --log-format json

GET /healthz answers while the process lives, GET /readyz while the database is there.")]
pub(crate) struct Args {
    /// Where to listen [default: 127.0.0.1:4243]
    #[arg(long, value_name = "ADDRESS", env = "GROWTHCTL_DASHBOARD_LISTEN")]
    listen: Option<String>,
    /// A proxy in front says who asks: the last address of X-Forwarded-For counts as the client's
    #[arg(long)]
    behind_proxy: bool,
    /// The end of all periods: `now`, `today` (its first moment), a date, or an RFC 3339 time
    #[arg(long, default_value = "now", value_name = "TIME")]
    as_of: String,
    /// A connected account (acct_…) instead of your own
    #[arg(long, default_value = "", value_name = "ACCOUNT", hide_default_value = true)]
    account: String,
    /// Refuse to start when migrations are pending, instead of applying them
    #[arg(long)]
    no_migrate: bool,
    /// About a sample business in a temporary database
    #[arg(long)]
    demo: bool,
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let listen = told(given(args.listen.as_ref()), "--listen or GROWTHCTL_DASHBOARD_LISTEN");
    let listen = listen.or_else(|| settings.dashboard.listen.clone());
    let address = listen.map_or(Ok(([127, 0, 0, 1], 4243).into()), |listen| serving::address(&listen))?;
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let clock: Clock = Arc::new(|| Utc::now().trunc_subsecs(6));
    let now = clock();
    let as_of = parse_as_of(&args.as_of, now, settings.time_zone)
        .map_err(|error| misuse(format!("--as-of: {error}")))?;
    let template = Request { account: args.account.clone(), ..asked::about(as_of, 30, settings)? };
    let jwt = settings.sign_in.jwt()?;
    let _log = logging::init(settings.log_format, printer.quiet, printer.verbose);
    let stop = CancellationToken::new();
    let hurry = tokio::spawn(serving::until_told_to_stop(Signals::listen()?, stop.clone()));
    let place = tokio::select! {
        place = Place::open(&args, settings, as_of, printer) => place?,
        () = stop.cancelled() => return Ok(Outcome::LeftUndone),
    };
    let (product, same_database) = if args.demo {
        (demo::PRODUCT.to_owned(), "--demo".to_owned())
    } else {
        (template.product.clone(), String::new())
    };
    let dashboard = growth_dashboard::Settings {
        time_zone: settings.counting.time_zone,
        as_of: (args.as_of != "now").then_some(as_of),
        sign_in: auth::Settings { jwt, behind_proxy: args.behind_proxy, ..auth::Settings::default() },
        ..growth_dashboard::Settings::new(Request { product, same_database, ..template })
    };
    let dashboard = Dashboard::new(&place.db, dashboard, clock);
    let is_open_to_others = !address.ip().is_loopback();
    let has_a_way_in = dashboard.auth().has_a_way_in().await?;
    if is_open_to_others && !has_a_way_in {
        return Err(misuse(format!(
            "nobody could sign in, so it listens to this machine alone: make a token with `growthctl keys create --admin \
             NAME`, or name the keys of your sign-in (docs/DASHBOARD.md), before it listens on {address}"
        )));
    }
    let listener = serving::bind(address).await?;
    let address = listener.local_addr()?;
    printer.result(&format!("listening on http://{address}\n"))?;
    if has_a_way_in {
        printer.result(&format!("open http://{address}/admin/metrics\n"))?;
    } else {
        let link = dashboard.auth().one_time_link();
        printer.result(&format!("sign in, once and within ten minutes: http://{address}{link}\n"))?;
        if args.demo {
            let token = auth::create_token(&place.db, "demo", now).await?;
            printer.result(&format!("or, as long as it runs, with this token: {token}\n"))?;
        } else {
            printer.remark("`growthctl keys create --admin NAME` makes a token that lasts");
        }
    }
    let database = if args.demo { "the sample business".to_owned() } else { database::shown(settings) };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), database, "started");
    // Proxies open new connections as they need them, so nobody keeps one for long without asking anything.
    let connections = Connections {
        most: serving::connections(CONNECTIONS),
        header_timeout: IDLE,
        ..Connections::default()
    };
    let serve = async {
        let finished = growth_http::serve(listener, dashboard.routes(), connections, stop).await;
        place.close().await && finished
    };
    Ok(serving::to_the_end(serve, hurry).await)
}

/// The database of the dashboard, which may be that of the sample business.
struct Place {
    db: Db,
    /// Where the sample is, until this is dropped.
    sample: Option<TempDir>,
}

impl Place {
    async fn open(
        args: &Args,
        settings: &Settings,
        as_of: DateTime<Utc>,
        printer: &Printer,
    ) -> anyhow::Result<Self> {
        if !args.demo {
            return Ok(Self { db: serving::open(settings, LIMITS, args.no_migrate).await?, sample: None });
        }
        let folder = tempfile::tempdir().context("cannot make a temporary folder for the sample business")?;
        let at = DatabaseAt::Url(sqlite_url(&folder.path().join("demo.db")));
        let settings = Settings { database: at, ..settings.clone() };
        demo::sample_database(&settings, as_of, printer).await?.close().await;
        Ok(Self { db: database::connect_within(&settings, LIMITS).await?, sample: Some(folder) })
    }

    /// Returns whether the database was closed in time.
    async fn close(self) -> bool {
        let closed = serving::close(&self.db).await;
        drop(self.sample);
        closed
    }
}

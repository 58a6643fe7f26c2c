//! What figures are asked for: the flags of every command that shows some of a snapshot.

use anyhow::Context;
use chrono::{DateTime, SubsecRound, Utc};
use clap::ValueEnum;
use growth_db::Db;
use growth_db::connect::Limits;
use growth_db::rows::settings as stored;
use growth_domain::money::parse_currency;
use growth_domain::pricing::Policy;
use growth_domain::window::{WindowError, parse_as_of};
use growth_metrics::Request;
use tempfile::TempDir;

use crate::commands::demo;
use crate::database;
use crate::failure::misuse;
use crate::printer::Printer;
use crate::settings::{DatabaseAt, Settings, sqlite_url};

/// As many as there are statements at a time: another connection would only take its time to be made.
const CONNECTIONS: u32 = 4;

/// Which figures.
#[derive(Debug, clap::Args)]
pub(crate) struct AskArgs {
    /// How many days the period has; the same number before them is compared with
    #[arg(long, default_value_t = 7, value_name = "N", allow_negative_numbers = true)]
    days: i64,
    /// The end of the period: `now`, `today` (its first moment), a date, or an RFC 3339 time
    #[arg(long, alias = "at", default_value = "now", value_name = "TIME")]
    as_of: String,
    /// The currency that the sum of all currencies is shown in; the rows of an explanation are of this one only
    /// [default: that of the goal; all rows]
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// By which definitions MRR is counted; the database has to be built with them [default: as it is built]
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// Figures of the product of this application only [default: of all]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Live or test data [default: live where there is any]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// A connected account (acct_…) instead of your own
    #[arg(long, default_value = "", value_name = "ACCOUNT", hide_default_value = true)]
    account: String,
    /// About a sample business in a temporary database
    #[arg(long)]
    demo: bool,
}

/// Live or test mode of Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Real money
    Live,
    /// Test data
    Test,
}

/// A database, and what is asked of it.
pub(crate) struct Asked {
    pub(crate) db: Db,
    pub(crate) request: Request,
    /// Where a sample database is, until this is dropped.
    sample: Option<TempDir>,
}

impl Asked {
    pub(crate) async fn close(self) {
        self.db.close().await;
        drop(self.sample);
    }
}

impl AskArgs {
    /// Opens the database, or makes that of the sample business, and says what is asked of it.
    ///
    /// Days are those of the zone that was told, else of the zone that the database counts by.
    ///
    /// # Errors
    ///
    /// Misuse: a period, a time, a currency or a policy that is none, a database that is not there. What can be said
    /// without the database is said before it is opened.
    pub(crate) async fn open(self, settings: &Settings, printer: &Printer) -> anyhow::Result<Asked> {
        #[expect(clippy::disallowed_methods, reason = "the one place where these commands read the clock")]
        let now = Utc::now().trunc_subsecs(6);
        // In any zone the same texts are wrong.
        self.request(now, settings)?;
        if !self.demo {
            let limits = Limits { connections: CONNECTIONS, ..Limits::default() };
            let db = database::open_within(settings, limits).await?;
            let counted = stored::read_tracking(&db).await?.time_zone.parse().ok();
            let zone = settings.counting.time_zone.or(counted).unwrap_or(settings.time_zone);
            let request = self.request(now, &Settings { time_zone: zone, ..settings.clone() })?;
            return Ok(Asked { db, request, sample: None });
        }
        let request = self.request(now, settings)?;
        let (product, same_database) = (demo::PRODUCT.to_owned(), "--demo".to_owned());
        let request = Request { product, same_database, ..request };
        let folder = tempfile::tempdir().context("cannot make a temporary folder for the sample business")?;
        let at = DatabaseAt::Url(sqlite_url(&folder.path().join("demo.db")));
        let settings = Settings { database: at, ..settings.clone() };
        let db = demo::sample_database(&settings, request.window.end, printer).await?;
        if let Some(policy) = request.policy {
            growth_ingest::rebuild(&db, Some(policy), |_, _| {}).await?;
        }
        Ok(Asked { db, request, sample: Some(folder) })
    }

    /// The currency that is asked for by the flag, in lower case.
    ///
    /// # Errors
    ///
    /// Misuse: a text that is no currency.
    pub(crate) fn currency(&self) -> anyhow::Result<Option<String>> {
        let told = self.currency.as_deref();
        told.map(|code| parse_currency(code).map_err(|problem| misuse(format!("--currency: {problem}"))))
            .transpose()
    }

    fn request(&self, now: DateTime<Utc>, settings: &Settings) -> anyhow::Result<Request> {
        let zone = settings.time_zone;
        let as_of =
            parse_as_of(&self.as_of, now, zone).map_err(|error| misuse(format!("--as-of: {error}")))?;
        let request = about(as_of, whole_days(self.days)?, settings)?;
        let currency = self.currency();
        let policy = self
            .policy
            .as_deref()
            .map(|policy| policy.parse::<Policy>().map_err(|error| misuse(format!("--policy: {error}"))));
        Ok(Request {
            livemode: self.mode.map(|mode| mode == Mode::Live),
            account: self.account.clone(),
            app: self.app.clone(),
            currency: currency?.or_else(|| settings.currency.clone()),
            policy: policy.transpose()?,
            ..request
        })
    }
}

/// The days of a window, as they were told: a negative number is not taken for a flag that nobody knows.
///
/// # Errors
///
/// Misuse: no such number of days is in a window.
pub(crate) fn whole_days(told: i64) -> anyhow::Result<u32> {
    u32::try_from(told).map_err(|_| misuse(format!("--days: {}", WindowError::Days(told))))
}

/// What the settings say about figures of the last days before an instant.
///
/// # Errors
///
/// Misuse: a number of days that is none.
pub(crate) fn about(end: DateTime<Utc>, days: u32, settings: &Settings) -> anyhow::Result<Request> {
    let request =
        Request::of(end, days, settings.time_zone).map_err(|error| misuse(format!("--days: {error}")))?;
    Ok(Request {
        product: settings.product.clone().unwrap_or_default(),
        goal: Some(settings.goal.clone()),
        activation_days: settings.activation_days,
        funnel_days: settings.funnel_days,
        currency: settings.currency.clone(),
        rates: settings.exchange_rates.clone(),
        thresholds: settings.thresholds,
        ..request
    })
}

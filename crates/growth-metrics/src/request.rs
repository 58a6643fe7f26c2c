//! What a snapshot is asked for.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use growth_db::rows::settings;
use growth_db::{Db, query};
use growth_domain::fx::Rates;
use growth_domain::insights::Thresholds;
use growth_domain::pricing::Policy;
use growth_domain::stamp::Scope;
use growth_domain::window::{Window, WindowError, day_of, start_of_day};

use crate::error::Error;
use crate::snapshot::{Days, Header, Period};

/// What a snapshot is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The product's name, for the header.
    pub product: String,
    /// The flags by which a command finds the same database, such as `--demo`; empty where it does so by itself.
    pub same_database: String,
    /// The window; its end is the instant that the snapshot is as of.
    pub window: Window,
    /// The window before it, which ends where `window` starts.
    pub previous: Window,
    /// How many local days each window has.
    pub days: u32,
    /// The zone in which days begin and end.
    pub time_zone: Tz,
    /// Live or test mode; live where there is any live data when `None`.
    pub livemode: Option<bool>,
    /// The connected account, empty for the own one.
    pub account: String,
    /// The MRR to reach.
    pub goal: Option<Goal>,
    /// Within how many days after its sign-up a user has to be activated.
    pub activation_days: u32,
    /// Within how many days after its sign-up a user has to pay, for the funnel.
    pub funnel_days: u32,
    /// The application that figures of the product are of; `None` for all.
    pub app: Option<String>,
    /// The currency of the headline; the goal's when `None`.
    pub currency: Option<String>,
    /// What other currencies are worth in it.
    pub rates: Rates,
    /// The policy that the ledger has to be built with; any when `None`.
    pub policy: Option<Policy>,
    /// From when on something is worth an insight.
    pub thresholds: Thresholds,
}

/// An MRR to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Lower-case currency code.
    pub currency: String,
    /// Minor units a month.
    pub amount: i64,
}

growth_db::statements! {
    HAS_MODE = "SELECT EXISTS (SELECT 1 FROM stripe_events WHERE account = $1 AND livemode = $2
        AND state = 'applied') AS known";
    HAS_ACCOUNT = "SELECT EXISTS (SELECT 1 FROM stripe_events WHERE account = $1)
        OR EXISTS (SELECT 1 FROM subscriptions WHERE account = $1)
        OR EXISTS (SELECT 1 FROM payments WHERE account = $1)
        OR EXISTS (SELECT 1 FROM backfill_runs WHERE account = $1) AS known";
    ACCOUNTS = "SELECT DISTINCT account FROM stripe_events WHERE account <> '' ORDER BY account LIMIT 10";
    APPS = "SELECT app_name FROM daily_event GROUP BY app_name
        UNION SELECT app_name FROM usage_counters GROUP BY app_name ORDER BY 1";
    HAS_ACTIVITY = "SELECT EXISTS (SELECT 1 FROM user_activity) OR EXISTS (SELECT 1 FROM daily_event)
        OR EXISTS (SELECT 1 FROM usage_counters) AS known";
}

/// Makes sure that there is anything of the connected account that is asked for.
pub(crate) async fn check_account(db: &Db, request: &Request) -> Result<(), Error> {
    let account = &request.account;
    if account.is_empty() || query(db, HAS_ACCOUNT).bind(account).fetch_one::<(bool,)>().await?.0 {
        return Ok(());
    }
    let known: Vec<(String,)> = query(db, ACCOUNTS).fetch_all().await?;
    let known: Vec<&str> = known.iter().map(|(account,)| account.as_str()).collect();
    let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
    Err(Error::UnknownAccount { account: account.clone(), known })
}

/// Makes sure that there is anything of the application that is asked for.
pub(crate) async fn check_app(db: &Db, request: &Request) -> Result<(), Error> {
    let Some(app) = &request.app else { return Ok(()) };
    let known: Vec<(String,)> = query(db, APPS).fetch_all().await?;
    if known.iter().any(|(name,)| name == app) {
        return Ok(());
    }
    let named: Vec<&str> =
        known.iter().map(|(name,)| name.as_str()).filter(|name| !name.is_empty()).collect();
    let known = if named.is_empty() { "none is named there".to_owned() } else { named.join(", ") };
    Err(Error::UnknownApp { app: app.clone(), known })
}

/// Makes sure that the days of the rollups, where there are any, are those of the request.
pub(crate) async fn check_time_zone(db: &Db, request: &Request) -> Result<(), Error> {
    let stored = settings::read(db, settings::TIME_ZONE).await?;
    let asked = request.time_zone.name();
    if stored == asked || !query(db, HAS_ACTIVITY).fetch_one::<(bool,)>().await?.0 {
        return Ok(());
    }
    Err(Error::TimeZone { stored, asked: asked.to_owned() })
}

/// The policy that the stored ledger was built with, which has to be the one that is asked for.
pub(crate) async fn policy(db: &Db, request: &Request) -> Result<Policy, Error> {
    let stored = Policy::from_str(&settings::read(db, settings::POLICY).await?)?;
    match request.policy {
        Some(asked) if asked != stored => Err(Error::OtherPolicy { stored, asked }),
        _ => Ok(stored),
    }
}

impl Request {
    /// Asks for the last local days before an instant and for as many before them, with the defaults of the settings:
    /// no product name, no goal, whichever mode has data, the own account, everything in its own currency.
    ///
    /// # Errors
    ///
    /// Where there is no such window.
    pub fn of(end: DateTime<Utc>, days: u32, time_zone: Tz) -> Result<Self, WindowError> {
        let window = Window::last_days(end, days, time_zone)?;
        Ok(Self {
            product: String::new(),
            same_database: String::new(),
            window,
            previous: window.previous(time_zone, days)?,
            days,
            time_zone,
            livemode: None,
            account: String::new(),
            goal: None,
            activation_days: 7,
            funnel_days: 30,
            app: None,
            currency: None,
            rates: Rates::default(),
            policy: None,
            thresholds: Thresholds::default(),
        })
    }

    /// The data that the snapshot is of.
    pub(crate) async fn scope(&self, db: &Db) -> Result<Scope, Error> {
        let exists =
            |livemode: bool| query(db, HAS_MODE).bind(&self.account).bind(livemode).fetch_one::<(bool,)>();
        let livemode = if let Some(livemode) = self.livemode {
            livemode
        } else {
            exists(true).await?.0 || !exists(false).await?.0
        };
        Ok(Scope { account: self.account.clone(), livemode })
    }

    /// The local days that figures of activity and usage are of: the last ones that are over at the end of the window.
    pub(crate) fn activity(&self) -> Days {
        let last = day_of(self.window.end, self.time_zone) - chrono::Days::new(1);
        Days { first: last - chrono::Days::new(u64::from(self.days) - 1), last }
    }

    /// The local day that has begun before the end of the window and is not over.
    pub(crate) fn unfinished(&self) -> Option<NaiveDate> {
        let day = day_of(self.window.end, self.time_zone);
        (start_of_day(day, self.time_zone) < self.window.end).then_some(day)
    }

    pub(crate) fn header(&self, scope: &Scope, policy: Policy) -> Header {
        Header {
            product: self.product.clone(),
            as_of: self.window.end,
            days: self.days,
            window: Period::of(self.window),
            previous: Period::of(self.previous),
            time_zone: self.time_zone.name().to_owned(),
            policy,
            livemode: scope.livemode,
            account: scope.account.clone(),
            app: self.app.clone(),
            activity: self.activity(),
            previous_activity: self.activity().before(),
        }
    }
}

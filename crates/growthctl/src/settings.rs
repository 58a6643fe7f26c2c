//! Settings: flags, else the environment, else the file, else defaults.
//!
//! Commands receive [`Settings`], never flags or the environment.

use std::ffi::OsString;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono_tz::Tz;
use clap::ValueEnum;
use growth_dashboard::auth::{JwtSettings, SettingsError};
use growth_domain::fx::{Dated, RateError, Rates};
use growth_domain::insights::Thresholds;
use growth_domain::money::{exponent, parse_currency};
use growth_metrics::Goal;
use growth_track::{Counting, DEFAULT_ACTIVATION_EVENT};
use serde::Deserialize;

use crate::failure::misuse;

/// How long the wait for a user's activation can be.
const ACTIVATION_DAYS: RangeInclusive<i64> = 1..=3650;

const DATABASE_HELP: &str = "Where the data is: postgres://user@host/database or sqlite:///path/to/file.db \
    [default: growthctl.db in the data folder]";

const REQUESTS_PER_SECOND: &str = "GROWTHCTL_STRIPE_REQUESTS_PER_SECOND";
const JWT_SECRET: &str = "GROWTHCTL_JWT_SECRET";
const JWKS: &str = "GROWTHCTL_JWKS";
const JWT_ISSUER: &str = "GROWTHCTL_JWT_ISSUER";
const JWT_AUDIENCE: &str = "GROWTHCTL_JWT_AUDIENCE";

/// Flags that every command takes, and their environment variables.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Settings file [default: growthctl.toml here, else in the configuration folder]
    #[arg(long, global = true, value_name = "FILE", env = "GROWTHCTL_CONFIG")]
    config: Option<OsString>,
    /// Where the data is
    #[arg(long, help = DATABASE_HELP, global = true, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// IANA zone in which days begin and end, such as Europe/London [default: UTC]
    #[arg(long, global = true, value_name = "ZONE", env = "GROWTHCTL_TIMEZONE")]
    timezone: Option<String>,
    /// The product's name, as the report's title says it
    #[arg(long, global = true, value_name = "NAME", env = "GROWTHCTL_PRODUCT")]
    product: Option<String>,
    /// MRR to reach [default: "GBP 500"]
    #[arg(long, global = true, value_name = "GOAL", env = "GROWTHCTL_GOAL")]
    goal: Option<String>,
    /// The form of a server's log on stderr [default: text]
    #[arg(long, global = true, value_name = "FORMAT", env = "GROWTHCTL_LOG_FORMAT")]
    log_format: Option<String>,
    /// Only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// More: what was left out or found, one by one
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// The settings file. An unknown key is an error that names it.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
struct File {
    database_url: Option<String>,
    timezone: Option<String>,
    product: Option<String>,
    goal: Option<String>,
    activation_event: Option<String>,
    activation_days: Option<i64>,
    funnel_days: Option<i64>,
    currency: Option<String>,
    exchange_rates: Option<Vec<DatedRate>>,
    insights: Option<Thresholds>,
    log_format: Option<String>,
    stripe_webhook_secret: Option<Secret>,
    stripe_secret_key: Option<Secret>,
    stripe_api_base: Option<String>,
    stripe_requests_per_second: Option<i64>,
    webhook_listen: Option<String>,
    webhook_max_body: Option<i64>,
    metrics_listen: Option<String>,
    dashboard_listen: Option<String>,
    collector_origins: Option<Vec<String>>,
    collector_store_ip: Option<bool>,
    jwt_secret: Option<Secret>,
    jwks: Option<String>,
    jwt_issuer: Option<String>,
    jwt_audience: Option<String>,
}

/// An exchange rate in the settings file.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
struct DatedRate {
    day: String,
    from: String,
    to: String,
    rate: String,
}

/// What commands work with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Where the data is.
    pub(crate) database: DatabaseAt,
    /// The zone in which days begin and end.
    pub(crate) time_zone: Tz,
    /// By what product events are counted, as far as it was told; a database with events keeps to what it has.
    pub(crate) counting: Counting,
    /// The product's name, where one was given.
    pub(crate) product: Option<String>,
    /// The MRR to reach.
    pub(crate) goal: Goal,
    /// The event that makes a user an activated one.
    pub(crate) activation_event: String,
    /// Within how many days of the sign-up.
    pub(crate) activation_days: u32,
    /// Within how many days of the sign-up a user has to pay, for the funnel.
    pub(crate) funnel_days: u32,
    /// The currency of the sum of all currencies, where one was told.
    pub(crate) currency: Option<String>,
    /// What currencies are worth in others.
    pub(crate) exchange_rates: Rates,
    /// From when on something is worth telling.
    pub(crate) thresholds: Thresholds,
    /// The form of a server's log.
    pub(crate) log_format: LogFormat,
    /// What only the commands that need it look into.
    pub(crate) stripe: StripeSettings,
    /// Where `serve-webhook` listens, and what it takes, as far as the file says.
    pub(crate) webhook: WebhookSettings,
    /// Where `serve-dashboard` listens, and who may look, as far as the file says.
    pub(crate) dashboard: DashboardSettings,
    /// What the file says for the collector of events beside it.
    pub(crate) collector: CollectorSettings,
    /// By what the dashboard knows the tokens of the application's sign-in.
    pub(crate) sign_in: SignInSettings,
}

/// By what the dashboard knows the tokens (JWT) of the application's sign-in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SignInSettings {
    /// The secret that signs them.
    pub(crate) secret: Option<Told<Secret>>,
    /// Or the keys that do, in a file or at an address.
    pub(crate) keys: Option<Told<String>>,
    /// Who makes them.
    pub(crate) issuer: Option<Told<String>>,
    /// For whom they are made.
    pub(crate) audience: Option<Told<String>>,
}

impl SignInSettings {
    /// What the settings mean; none of those tokens are taken where there is neither a secret nor keys.
    ///
    /// # Errors
    ///
    /// Misuse: a secret that can be guessed, keys that cannot be read, both of them, or no issuer.
    pub(crate) fn jwt(&self) -> anyhow::Result<Option<JwtSettings>> {
        let audience = self.audience.as_ref().map(|audience| audience.value.as_str());
        let issuer = || {
            let issuer = self.issuer.as_ref().map(|issuer| issuer.value.as_str());
            issuer.ok_or_else(|| {
                format!(
                    "it needs the issuer of JWTs beside it: {JWT_ISSUER}, or jwt_issuer in the settings file"
                )
            })
        };
        let made = |made: Result<JwtSettings, SettingsError>| made.map_err(|error| error.to_string());
        match (&self.secret, &self.keys) {
            (None, None) => Ok(None),
            (Some(secret), None) => {
                let jwt = secret
                    .read(|secret| made(JwtSettings::with_secret(secret.reveal(), issuer()?, audience)))?;
                Ok(Some(jwt))
            }
            (None, Some(keys)) => {
                Ok(Some(keys.read(|keys| made(JwtSettings::with_keys(keys, issuer()?, audience)))?))
            }
            (Some(secret), Some(keys)) => Err(misuse(format!(
                "{} and {}: say one of them, a secret or keys; a token that fits either could be forged for the other",
                secret.by, keys.by
            ))),
        }
    }
}

/// What the file says for the collector of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CollectorSettings {
    /// The origins whose pages may send events; none for all.
    pub(crate) origins: Vec<String>,
    /// Whether addresses are stored as they are.
    pub(crate) store_ip: bool,
}

/// The form of a server's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// How Stripe is reached, and how it reaches us; where each value was told is kept for messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct StripeSettings {
    /// The signing secrets of webhook endpoints, separated by commas.
    pub(crate) webhook_secret: Option<Told<Secret>>,
    /// The key that reads from the API.
    pub(crate) secret_key: Option<Told<Secret>>,
    /// Another address than Stripe's own.
    pub(crate) api_base: Option<Told<String>>,
    /// How many requests begin in a second at most.
    pub(crate) requests_per_second: Option<Told<i64>>,
}

/// What the file says for `serve-webhook`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WebhookSettings {
    pub(crate) listen: Option<Told<String>>,
    pub(crate) max_body: Option<Told<i64>>,
    pub(crate) metrics_listen: Option<Told<String>>,
}

/// What the file says for `serve-dashboard`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DashboardSettings {
    pub(crate) listen: Option<Told<String>>,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// The text, for whoever has to know it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a secret")
    }
}

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DatabaseAt {
    /// Where it was said to be.
    Url(String),
    /// The embedded default.
    DataFolder(PathBuf),
}

impl DatabaseAt {
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Url(url) => url.clone(),
            Self::DataFolder(path) => sqlite_url(path),
        }
    }
}

/// The URL of an embedded database.
pub(crate) fn sqlite_url(path: &Path) -> String {
    let escaped = path.display().to_string().replace('%', "%25").replace('?', "%3F");
    format!("sqlite://{escaped}")
}

impl GlobalArgs {
    /// Resolves the layers.
    ///
    /// # Errors
    ///
    /// Misuse: a file that is not there or not understood, a zone, a goal or a number of days that is none.
    pub(crate) fn resolve(&self) -> anyhow::Result<Settings> {
        let (path, file) = match self.file()? {
            Some((path, file)) => (path.display().to_string(), file),
            None => (String::new(), File::default()),
        };
        let in_file = |key: &str| format!("settings file {path}: {key}");
        let database = match given(self.database_url.as_ref()).or(file.database_url) {
            Some(url) => DatabaseAt::Url(url),
            None => DatabaseAt::DataFolder(data_folder()?.join("growthctl.db")),
        };
        let zone = told(given(self.timezone.as_ref()), "--timezone or GROWTHCTL_TIMEZONE")
            .or_else(|| told(file.timezone, &in_file("timezone")));
        let goal = told(given(self.goal.as_ref()), "--goal or GROWTHCTL_GOAL")
            .or_else(|| told(file.goal, &in_file("goal")));
        let days = told(file.activation_days, &in_file("activation_days"));
        let funnel_days = told(file.funnel_days, &in_file("funnel_days"));
        let currency = told(file.currency, &in_file("currency"));
        let exchange_rates = told(file.exchange_rates, &in_file("exchange_rates"));
        let log_format = told(given(self.log_format.as_ref()), "--log-format or GROWTHCTL_LOG_FORMAT")
            .or_else(|| told(file.log_format, &in_file("log_format")));
        let secret = |variable: &str, in_the_file, key: &str| {
            told(in_environment(variable).map(Secret), variable).or_else(|| told(in_the_file, &in_file(key)))
        };
        let stripe = StripeSettings {
            webhook_secret: secret(
                "STRIPE_WEBHOOK_SECRET",
                file.stripe_webhook_secret,
                "stripe_webhook_secret",
            ),
            secret_key: secret("STRIPE_SECRET_KEY", file.stripe_secret_key, "stripe_secret_key"),
            api_base: told(in_environment("STRIPE_API_BASE"), "STRIPE_API_BASE")
                .or_else(|| told(file.stripe_api_base, &in_file("stripe_api_base"))),
            requests_per_second: match told(in_environment(REQUESTS_PER_SECOND), REQUESTS_PER_SECOND) {
                Some(rate) => Some(rate.parsed(|rate| {
                    rate.trim().parse().map_err(|_| format!("{rate:?} is no number of requests"))
                })?),
                None => told(file.stripe_requests_per_second, &in_file("stripe_requests_per_second")),
            },
        };
        let zone = zone.map(|zone| zone.read(|zone| parse_zone(zone))).transpose()?;
        Ok(Settings {
            database,
            time_zone: zone.unwrap_or(Tz::UTC),
            counting: Counting { time_zone: zone, activation_event: file.activation_event.clone() },
            product: given(self.product.as_ref()).or(file.product),
            goal: goal.map_or_else(|| Ok(default_goal()), |goal| goal.read(|goal| parse_goal(goal)))?,
            activation_event: file.activation_event.unwrap_or_else(|| DEFAULT_ACTIVATION_EVENT.to_owned()),
            activation_days: days.map_or(Ok(7), |days| days.read(|days| parse_days(*days)))?,
            funnel_days: funnel_days.map_or(Ok(30), |days| days.read(|days| parse_days(*days)))?,
            currency: currency.map(|code| code.read(|code| parse_currency(code))).transpose()?,
            exchange_rates: exchange_rates
                .map_or(Ok(Rates::default()), |rates| rates.read(|rates| parse_rates(rates)))?,
            thresholds: file.insights.unwrap_or_default(),
            log_format: log_format
                .map_or(Ok(LogFormat::default()), |format| format.read(|format| parse_log_format(format)))?,
            stripe,
            webhook: WebhookSettings {
                listen: told(file.webhook_listen, &in_file("webhook_listen")),
                max_body: told(file.webhook_max_body, &in_file("webhook_max_body")),
                metrics_listen: told(file.metrics_listen, &in_file("metrics_listen")),
            },
            dashboard: DashboardSettings {
                listen: told(file.dashboard_listen, &in_file("dashboard_listen")),
            },
            collector: CollectorSettings {
                origins: file.collector_origins.unwrap_or_default(),
                store_ip: file.collector_store_ip.unwrap_or(false),
            },
            sign_in: SignInSettings {
                secret: secret(JWT_SECRET, file.jwt_secret, "jwt_secret"),
                keys: told(in_environment(JWKS), JWKS).or_else(|| told(file.jwks, &in_file("jwks"))),
                issuer: told(in_environment(JWT_ISSUER), JWT_ISSUER)
                    .or_else(|| told(file.jwt_issuer, &in_file("jwt_issuer"))),
                audience: told(in_environment(JWT_AUDIENCE), JWT_AUDIENCE)
                    .or_else(|| told(file.jwt_audience, &in_file("jwt_audience"))),
            },
        })
    }

    fn file(&self) -> anyhow::Result<Option<(PathBuf, File)>> {
        let named = self.config.as_ref().filter(|path| !path.is_empty()).map(PathBuf::from);
        let Some(path) = named.or_else(|| default_files().into_iter().find(|path| path.exists())) else {
            return Ok(None);
        };
        let shown = path.display();
        let text = fs::read_to_string(&path)
            .map_err(|error| misuse(format!("cannot read the settings file {shown}: {error}")))?;
        let file = toml::from_str(&text)
            .map_err(|error| misuse(format!("settings file {shown}{}", explained(&text, &error))))?;
        Ok(Some((path, file)))
    }
}

/// What is wrong with a settings file, and on which line; the line itself may hold a secret.
fn explained(text: &str, error: &toml::de::Error) -> String {
    let line =
        error.span().and_then(|span| text.get(..span.start)).map(|before| before.lines().count().max(1));
    let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
    format!("{line}: {}", error.message())
}

/// A value, and where it was told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told<T> {
    value: T,
    pub(crate) by: String,
}

/// A value that was told by `by`, where there is one.
pub(crate) fn told<T>(value: Option<T>, by: &str) -> Option<Told<T>> {
    Some(Told { value: value?, by: by.to_owned() })
}

impl<T> Told<T> {
    /// What the value means; the error of one that means nothing says where it was told.
    pub(crate) fn read<U>(&self, meaning: impl Fn(&T) -> Result<U, String>) -> anyhow::Result<U> {
        meaning(&self.value).map_err(|problem| misuse(format!("{}: {problem}", self.by)))
    }

    /// What the value means, told by the same.
    fn parsed<U>(self, meaning: impl Fn(&T) -> Result<U, String>) -> anyhow::Result<Told<U>> {
        Ok(Told { value: self.read(meaning)?, by: self.by })
    }
}

/// An empty value of the environment is none.
pub(crate) fn given(value: Option<&String>) -> Option<String> {
    value.cloned().filter(|value| !value.trim().is_empty())
}

/// What no flag can say, because others can see the flags of a running command.
fn in_environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

fn parse_log_format(text: &str) -> Result<LogFormat, String> {
    LogFormat::from_str(text, true).map_err(|_| format!("log format {text:?} is unknown: use text or json"))
}

fn folders() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "growthctl")
}

fn data_folder() -> anyhow::Result<PathBuf> {
    let folders = folders().context("there is no home folder to keep the database in: say --database-url")?;
    Ok(folders.data_dir().to_path_buf())
}

fn default_files() -> Vec<PathBuf> {
    let here = PathBuf::from("growthctl.toml");
    let configured = folders().map(|folders| folders.config_dir().join("growthctl.toml"));
    std::iter::once(here).chain(configured).collect()
}

fn default_goal() -> Goal {
    Goal { currency: "gbp".to_owned(), amount: 50_000 }
}

fn parse_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| format!("time zone {text:?} is unknown: use an IANA name such as Europe/London"))
}

fn parse_days(days: i64) -> Result<u32, String> {
    let known = u32::try_from(days).ok().filter(|_| ACTIVATION_DAYS.contains(&days));
    known.ok_or_else(|| {
        format!("{days} is no number of days from {} to {}", ACTIVATION_DAYS.start(), ACTIVATION_DAYS.end())
    })
}

/// Reads a currency's code in any letter case.
fn parse_rates(rates: &[DatedRate]) -> Result<Rates, String> {
    let rate = |rate: &DatedRate| {
        let day = rate.day.parse().map_err(|_| format!("{:?} is no day such as 2026-07-01", rate.day))?;
        let (from, to) = (parse_currency(&rate.from)?, parse_currency(&rate.to)?);
        if from == to {
            return Err(format!("a rate from {} to itself says nothing", from.to_uppercase()));
        }
        Ok(Dated { day, from, to, rate: rate.rate.parse().map_err(|error: RateError| error.to_string())? })
    };
    Ok(Rates::new(rates.iter().map(rate).collect::<Result<_, String>>()?))
}

/// Reads a currency and an amount in its major unit, such as `GBP 500` or `USD 1250.50`.
fn parse_goal(text: &str) -> Result<Goal, String> {
    let wrong =
        || format!("goal {text:?} is not understood: give a currency and an amount, such as \"GBP 500\"");
    let (currency, amount) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let currency = parse_currency(currency).map_err(|problem| format!("goal {text:?}: {problem}"))?;
    let decimals = exponent(&currency) as usize;
    let (whole, fraction) = amount.trim().split_once('.').unwrap_or((amount.trim(), ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > decimals {
        return Err(wrong());
    }
    let minor: i64 = format!("{whole}{fraction:0<decimals$}").parse().map_err(|_| wrong())?;
    if minor == 0 {
        return Err(wrong());
    }
    Ok(Goal { currency, amount: minor })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/CONFIGURATION.md");

    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        global: GlobalArgs,
    }

    #[test]
    fn every_flag_variable_and_key_is_in_the_document() {
        let command = Alone::command();
        let mut names = Vec::new();
        for argument in command.get_arguments() {
            names.extend(argument.get_long().map(|long| format!("--{long}")));
            names.extend(argument.get_env().map(|name| name.to_string_lossy().into_owned()));
        }
        let serde_json::Value::Object(keys) = serde_json::to_value(File::default()).unwrap() else {
            panic!()
        };
        names.extend(keys.into_iter().map(|(key, _)| key));
        names.extend(["STRIPE_WEBHOOK_SECRET", "STRIPE_SECRET_KEY", "STRIPE_API_BASE"].map(str::to_owned));
        let more = [REQUESTS_PER_SECOND, JWT_SECRET, JWKS, JWT_ISSUER, JWT_AUDIENCE];
        names.extend(more.map(str::to_owned));
        assert!(names.len() > 15, "{names:?}");
        for name in names {
            assert!(DOCUMENT.contains(&format!("`{name}`")), "{name} is not in docs/CONFIGURATION.md");
        }
    }

    #[test]
    fn the_applications_sign_in_needs_one_kind_of_key_and_an_issuer() {
        let secret = "0123456789abcdef0123456789abcdef";
        let one = |text: &str| told(Some(text.to_owned()), "here");
        let with = |secret: Option<&str>, keys: Option<&str>, issuer: Option<&str>| {
            let sign_in = SignInSettings {
                secret: told(secret.map(|secret| Secret(secret.to_owned())), "there"),
                keys: keys.and_then(one),
                issuer: issuer.and_then(one),
                audience: None,
            };
            sign_in.jwt().map_err(|error| error.to_string())
        };
        assert_eq!(with(None, None, Some("https://a.example")), Ok(None));
        assert!(matches!(with(Some(secret), None, Some("https://a.example")), Ok(Some(_))));
        assert!(matches!(with(None, Some("https://a.example/keys"), Some("https://a.example")), Ok(Some(_))));
        for (wrong, problem) in [
            (with(Some(secret), None, None), "there: it needs the issuer"),
            (with(Some("short"), None, Some("a")), "there: the secret of JWTs has 5 bytes"),
            (with(Some(secret), Some("https://a.example/keys"), Some("a")), "there and here: say one"),
            (with(None, Some("http://a.example/keys"), Some("a")), "here: the address of keys"),
        ] {
            let error = wrong.unwrap_err();
            assert!(error.contains(problem) && !error.contains(secret), "{error}");
        }
    }

    #[test]
    fn the_default_goal_is_the_one_that_is_documented() {
        assert_eq!(parse_goal("GBP 500"), Ok(default_goal()));
    }

    #[test]
    fn a_goal_is_a_currency_and_an_amount() {
        let goal = |text| parse_goal(text).map(|goal| (goal.currency, goal.amount)).ok();
        assert_eq!(goal("GBP 500"), Some(("gbp".into(), 50_000)));
        assert_eq!(goal("usd 1250.5"), Some(("usd".into(), 125_050)));
        assert_eq!(goal("JPY 1000"), Some(("jpy".into(), 1000)));
        for wrong in
            ["", "500", "GBP", "GBP x", "GBP -5", "GBP 1.234", "JPY 1.5", "GBP 0", "GBP 99999999999999999999"]
        {
            assert_eq!(goal(wrong), None, "{wrong}");
        }
    }
}

//! Backfill and audit against a server that answers as Stripe does, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audit;
mod healing;
mod running;

use chrono::{DateTime, TimeDelta, Utc};
use growth_backfill::{Backfill, Error, Options, Step, Summary};
use growth_db::Db;
use growth_stripe_client::{Client, Settings};
use growth_testkit::stripe::Stripe;

/// A key of live data.
const SECRET: &str = "rk_live_0123456789";

fn client(stripe: &Stripe) -> Client {
    let mut settings = Settings::new(SECRET.parse().unwrap());
    settings.api_base = Some(stripe.url());
    settings.requests_per_second = 10_000;
    settings.retries.first_pause = std::time::Duration::from_millis(2);
    Client::new(settings).unwrap()
}

fn options(now: DateTime<Utc>) -> Options {
    let from = now - TimeDelta::days(90);
    Options { account: String::new(), from, dry_run: false, restart: false, now }
}

async fn backfill(db: &Db, stripe: &Stripe, options: Options) -> Result<Summary, Error> {
    Backfill::new(db.clone(), client(stripe), options).run(&mut |_: Step<'_>| {}).await
}

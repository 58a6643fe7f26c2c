//! `fake-stripe`: a server that answers as Stripe's API does, for `cargo xtask bench backfill` and for trying things out.

use std::env;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use growth_demo::scaled::stripe_objects;
use growth_testkit::stripe::Stripe;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const HELP: &str = "\
fake-stripe --listen ADDRESS:PORT --secret KEY [options]

  --customers N   so many customers, and nothing else
  --objects N     at least so many objects of a business of a year
  --latency MS    how long every answer takes
  --good-for N    after so many requests the key is invalid

Exit codes: 1 failed, 2 wrong use; it runs until it is ended.
";

/// What it serves, where and to whom.
#[derive(Debug, Default, PartialEq, Eq)]
struct Settings {
    listen: Option<SocketAddr>,
    secret: String,
    customers: usize,
    objects: usize,
    latency: u64,
    good_for: Option<usize>,
}

fn main() -> ExitCode {
    let settings = match parse(env::args().skip(1)) {
        Ok(settings) => settings,
        Err(error) => {
            let _ = write!(io::stderr(), "error: {error:#}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = run(settings) {
        let _ = writeln!(io::stderr(), "error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Settings> {
    let mut settings = Settings::default();
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        let number = || value.parse().with_context(|| format!("{word} {value}: not a number"));
        match word.as_str() {
            "--listen" => settings.listen = Some(value.parse().with_context(|| format!("{word} {value}"))?),
            "--secret" => settings.secret = value,
            "--customers" => settings.customers = number()?,
            "--objects" => settings.objects = number()?,
            "--good-for" => settings.good_for = Some(number()?),
            "--latency" => settings.latency = u64::try_from(number()?)?,
            _ => bail!("there is no {word}"),
        }
    }
    Ok(settings)
}

/// One thread: it should leave the machine to whoever asks.
#[tokio::main(flavor = "current_thread")]
async fn run(settings: Settings) -> Result<()> {
    let Settings { listen, secret, customers, objects, latency, good_for } = settings;
    let listen = listen.context("--listen is missing")?;
    #[expect(clippy::disallowed_methods, reason = "the one place where this program reads the clock")]
    let now = Utc::now();
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let stripe = Stripe::serve(&secret, listener);
    stripe.set_latency(Duration::from_millis(latency));
    if let Some(requests) = good_for {
        stripe.revoke_key_after(requests);
    }
    for object in (0..customers).map(|n| customer(n, customers, now)).chain(stripe_objects(1, now, objects)) {
        stripe.put(object);
    }
    writeln!(io::stdout(), "listening on {}", stripe.url().trim_end_matches('/'))?;
    std::future::pending().await
}

/// One of so many customers who came evenly over 80 days.
fn customer(n: usize, of: usize, now: DateTime<Utc>) -> Value {
    let age =
        TimeDelta::days(80) * i32::try_from(n).unwrap_or(i32::MAX) / i32::try_from(of).unwrap_or(i32::MAX);
    json!({"id": format!("cus_{n:09}"), "object": "customer", "created": (now - age).timestamp() - 60,
        "livemode": true, "email": format!("customer-{n}@example.com"), "name": null, "metadata": {}})
}

#[cfg(test)]
mod tests {
    use super::{Settings, parse};

    #[test]
    fn options_are_read() {
        let words = |line: &str| parse(line.split_whitespace().map(str::to_owned));
        let settings =
            words("--listen 127.0.0.1:80 --secret rk --customers 5 --latency 250 --good-for 9").unwrap();
        let listen = Some(([127, 0, 0, 1], 80).into());
        let secret = "rk".to_owned();
        let expected = Settings { listen, secret, customers: 5, objects: 0, latency: 250, good_for: Some(9) };
        assert_eq!(settings, expected);
        for wrong in ["--listen here", "--customers x", "--customers", "--nonsense 1"] {
            assert!(words(wrong).is_err(), "{wrong}");
        }
    }
}

//! `product-history`: the users of a product and months of what they did, as a script for an engine's own client.
//!
//! It is the other side of `cargo xtask bench report`. What it writes goes into the tables of users, raw events and usage
//! counters alone: everything that is made of them is left to the product.

mod history;
mod script;

use std::env;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use history::{History, Size};
use script::Engine;

const HELP: &str = "\
product-history <users|events> --engine sqlite|postgres --as-of TIME --users N --visits N --events-of-visit N

  users    the users, of whom some signed up in the last months
  events   what they did in the 120 days until then, with usage counters

The script goes to sqlite3 or psql. The same sizes give the same rows on both.

Exit codes: 0 done, 1 failed, 2 wrong use.
";

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Users,
    Events,
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let (what, engine, size) = match parse(&args) {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = write!(io::stderr(), "error: {error:#}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match write(what, engine, &size) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn write(what: What, engine: Engine, size: &Size) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let history = History::new(size);
    match what {
        What::Users => script::users(&mut out, engine, &history)?,
        What::Events => script::events(&mut out, engine, &history)?,
    }
    Ok(out.flush()?)
}

fn parse(args: &[String]) -> Result<(What, Engine, Size)> {
    let mut words = args.iter().map(String::as_str);
    let what = match words.next() {
        Some("users") => What::Users,
        Some("events") => What::Events,
        other => bail!("users or events is wanted, not {}", other.unwrap_or("nothing")),
    };
    let (mut engine, mut as_of, mut users, mut visits, mut events_of_visit) = (None, None, None, None, None);
    while let Some(name) = words.next() {
        let value = words.next().with_context(|| format!("{name} needs a value"))?;
        let wrong = || format!("{name} cannot be {value}");
        match name {
            "--engine" => {
                engine = Some(match value {
                    "sqlite" => Engine::Sqlite,
                    "postgres" => Engine::Postgres,
                    _ => bail!(wrong()),
                });
            }
            "--as-of" => as_of = Some(value.parse().with_context(wrong)?),
            "--users" => users = Some(value.parse().with_context(wrong)?),
            "--visits" => visits = Some(value.parse().with_context(wrong)?),
            "--events-of-visit" => events_of_visit = Some(value.parse().with_context(wrong)?),
            _ => bail!("there is no option {name}"),
        }
    }
    let size = Size {
        as_of: as_of.context("--as-of is missing")?,
        users: users.filter(|users| *users > 0).context("--users is missing")?,
        visits: visits.context("--visits is missing")?,
        events_of_visit: events_of_visit.context("--events-of-visit is missing")?,
    };
    Ok((what, engine.context("--engine is missing")?, size))
}

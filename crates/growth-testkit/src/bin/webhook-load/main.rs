//! `webhook-load`: sends recorded Stripe events to a webhook server, or straight into a database beside it.
//!
//! It is the other side of `cargo xtask chaos` and `cargo xtask bench webhook`. What it does is told on stdout, one
//! JSON object a line, the last of them the result.

mod arguments;
mod chaos;
mod collect;
mod deliveries;
mod direct;
mod events;
mod figures;
mod get;
mod post;
mod product;
mod server;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use arguments::Mode;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

const HELP: &str = "\
webhook-load <mode> [options]

  post     posts each event once, as fast as it can
             --url http://ADDRESS:PORT/PATH  --secret S  --events FILE  --connections N  [--limit N]
             [--kind KIND]   makes every event one about an object of this kind
  direct   inserts each event by a statement of its own, through the product's pool
             --database-url URL  --events FILE  --connections N  [--limit N]
  chaos    posts every event out of order, some several times, and again until it is acknowledged
             --url http://ADDRESS:PORT/PATH  --secret S  --events FILE  --connections N  --acknowledged FILE
             [--seed N]  [--duplicates PERCENT]
  lines    writes product events of 90 days to a file of NDJSON
             --events FILE  --count N  --users N
  collect  posts product events to a collector, so many in a request; the secret is a write key
             --url http://ADDRESS:PORT/PATH  --secret KEY  --connections N  --requests N  --batch N  --users N
  get      reads a path of the dashboard's again and again; the secret is an admin's token
             --url http://ADDRESS:PORT/PATH  --secret TOKEN  --connections N  --requests N
             [--anew true]   asks for new figures each time

Exit codes: 0 done, 1 failed, 2 wrong use.
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let mode = match arguments::parse(&args) {
        Ok(mode) => mode,
        Err(error) => {
            let _ = write!(io::stderr(), "error: {error:#}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mode: Mode) -> anyhow::Result<()> {
    let result = match mode {
        Mode::Post(post) => client_runtime()?.block_on(post::run(post))?,
        Mode::Lines(lines) => product::write(&lines)?,
        Mode::Collect(collect) => client_runtime()?.block_on(collect::run(collect))?,
        Mode::Get(get) => client_runtime()?.block_on(get::run(get))?,
        Mode::Chaos(chaos) => client_runtime()?.block_on(chaos::run(chaos, tell))?,
        // The peer has the threads that the product has.
        Mode::Direct(direct) => Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?
            .block_on(direct::run(direct))?,
    };
    Ok(tell(&result)?)
}

/// One thread: a client should leave the machine to the server.
fn client_runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Writes a line to stdout; a reader that went away ends the run.
fn tell(line: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

//! `cargo xtask <task>`: every task that CI or a person runs.
//!
//! One file per task. What tasks share stands below them: child processes in
//! [`process`], the throw-away PostgreSQL in [`postgres`], and everything that
//! is printed in [`terminal`].

mod bench;
mod chaos;
mod chromium;
mod clients;
mod database;
mod debian;
mod deps;
mod installs;
mod lint;
mod metadata;
mod migrations;
mod pgbouncer;
mod ports;
mod postgres;
mod process;
mod product;
mod scratch;
mod screenshots;
mod server;
mod terminal;
mod test;
mod workflows;

use std::env;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <task>

  test [ARGS…]    runs every test, with a throw-away PostgreSQL and PgBouncer on free ports, Chromium with its
                  driver, and Segment's clients for Node and Python and readers of reports (Mermaid, a linter of
                  Markdown, axe), which are installed in the target directory the first time
                  ARGS go to `cargo test`; without -p it tests the whole workspace:
                    cargo xtask test -p growth-db a_name -- --nocapture
  lint            formatting, clippy, documentation, dependencies, migrations, and the workflows: by actionlint and zizmor, which
                  are installed in the target directory the first time, where they can be
  chaos           posts events out of order and several times while the webhook server is killed and PostgreSQL
                  crashes, and compares what is left with a calm run; --short is for CI:
                    cargo xtask chaos --short
                    cargo xtask chaos --events 5000 --seed 1
  bench [NAME]    measures the product against its peers; without NAME all of them:
                    cargo xtask bench replay --events 100000 --rounds 3
                    cargo xtask bench webhook
                    cargo xtask bench backfill
  screenshots     takes the pictures of the dashboard that the documentation shows, of the sample business
  help            this text

Environment
  GROWTHCTL_PG_BIN              folder with initdb, pg_ctl and postgres, where they are not found by themselves
  GROWTHCTL_PGBOUNCER           the program pgbouncer, where it is not found by itself
  GROWTHCTL_TEST_POSTGRES_URL   a server to test on instead of a throw-away one; the user must be a superuser
  GROWTHCTL_TEST_PGBOUNCER_URL  a pooler before that server, by transaction; with ?pooler=transaction
  GROWTHCTL_TEST_PGBOUNCER_SESSION_URL  one by session
  GROWTHCTL_TEST_NODE_CLIENT    node_modules with @segment/analytics-node, and
  GROWTHCTL_TEST_PYTHON_CLIENT  a Python with segment-analytics-python, instead of the ones it would install
  GROWTHCTL_TEST_REPORT_READERS  node_modules with mermaid, markdownlint-cli2 and axe-core,
  GROWTHCTL_TEST_CHROMIUM       the program chromium, and
  GROWTHCTL_TEST_CHROMEDRIVER   the program chromedriver, instead of the ones it would find or install
  TMPDIR                        where databases are put; for a bench it must be on a real disk

Exit codes: 0 done, 1 failed, 2 wrong use; `test` returns the code of `cargo test`.
";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let task = args.next();
    let args: Vec<String> = args.collect();
    let outcome = match task.as_deref() {
        Some("test") => test::run(&args),
        Some("lint") if args.is_empty() => lint::run(),
        Some("chaos") => chaos::run(&args),
        Some("bench") => bench::run(&args),
        Some("screenshots") if args.is_empty() => screenshots::run(),
        Some("help" | "-h" | "--help") => {
            terminal::print(HELP);
            return ExitCode::SUCCESS;
        }
        _ => {
            terminal::progress(HELP);
            return ExitCode::from(2);
        }
    };
    outcome.unwrap_or_else(|error| {
        terminal::progress(&format!("error: {error:#}"));
        ExitCode::FAILURE
    })
}

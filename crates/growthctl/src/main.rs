//! The `growthctl` command: parses, resolves settings, calls one library, prints, exits.

mod asked;
mod commands;
mod database;
mod documents;
mod failure;
mod imports;
mod logging;
mod output;
mod printer;
mod records;
mod serving;
mod settings;
mod signals;
mod stripe;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::{Outcome, exit_code};
use crate::printer::Printer;
use crate::settings::GlobalArgs;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Revenue instrumentation and growth telemetry for products that bill with Stripe.
///
/// growthctl takes in Stripe's history and your product's events, keeps them in your own database
/// (an embedded SQLite file, or your Postgres), and writes a growth report whose figures agree
/// with Stripe's, whatever order, duplication or loss the events arrived with.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = GETTING_STARTED)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

const GETTING_STARTED: &str = "\
Getting started:
  growthctl report --demo --days 30              a report about a sample business, nothing to set up
  growthctl backfill --days 90 --dry-run         what would come in from your Stripe account
  growthctl serve-dashboard --demo               the same in a browser, live
  growthctl serve-webhook                        receive them live, see docs/WEBHOOKS.md
  growthctl track user_signed_up --user 42       tell what people do, see docs/TRACKING.md
  growthctl report --days 30 --output report.md  the report about your own data

Settings come from flags, else the environment, else growthctl.toml, else defaults.
Exit codes: 0 done, 1 something was left undone, 2 wrong use or configuration.";

/// What `--help` lists; the help of each command itself begins with the words of its `Args`.
#[derive(Debug, Subcommand)]
enum Command {
    #[command(about = "Create or upgrade the database's schema")]
    Migrate(commands::migrate::Args),
    #[command(about = "Take in recorded Stripe events or objects from files, or apply stored ones again")]
    Replay(commands::replay::Args),
    #[command(about = "Receive Stripe's webhooks: stored before the answer, in the figures right after")]
    ServeWebhook(commands::serve_webhook::Args),
    #[command(about = "Show the figures in a browser, live, to admins")]
    ServeDashboard(commands::serve_dashboard::Args),
    #[command(about = "Record product events and usage: one, or a file of them")]
    Track(Box<commands::track::Args>),
    #[command(about = "The directory of users: import and list them")]
    Users(commands::users::Args),
    #[command(about = "Forget a person: the events, the address, every link to payments")]
    Forget(commands::forget::Args),
    #[command(about = "Write keys, with which applications send events")]
    Keys(commands::keys::Args),
    #[command(about = "Bring in history from Stripe's API")]
    Backfill(commands::backfill::Args),
    #[command(about = "Compare the database with Stripe, object by object")]
    Audit(commands::audit::Args),
    #[command(about = "Write the growth report")]
    Report(commands::report::Args),
    #[command(about = "Show the rows behind a number of the report")]
    Explain(commands::explain::Args),
    #[command(about = "Take away old raw events and keep every figure")]
    Prune(commands::prune::Args),
    #[command(about = "Print a shell's completion script")]
    Completions(commands::completions::Args),
    #[command(about = "Fill an empty database with a sample business")]
    Demo(commands::demo::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let printer = Printer::new(cli.global.quiet, cli.global.verbose);
    exit_code(run(cli, &printer), &printer)
}

fn run(cli: Cli, printer: &Printer) -> anyhow::Result<Outcome> {
    let settings = cli.global.resolve()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Migrate(args) => commands::migrate::run(args, &settings, printer).await,
            Command::Replay(args) => commands::replay::run(args, &settings, printer).await,
            Command::ServeWebhook(args) => commands::serve_webhook::run(args, &settings, printer).await,
            Command::ServeDashboard(args) => commands::serve_dashboard::run(args, &settings, printer).await,
            Command::Track(args) => commands::track::run(*args, &settings, printer).await,
            Command::Users(args) => commands::users::run(args, &settings, printer).await,
            Command::Forget(args) => commands::forget::run(args, &settings, printer).await,
            Command::Keys(args) => commands::keys::run(args, &settings, printer).await,
            Command::Prune(args) => commands::prune::run(args, &settings, printer).await,
            Command::Completions(args) => commands::completions::run(&args, printer),
            Command::Backfill(args) => commands::backfill::run(args, &settings, printer).await,
            Command::Audit(args) => commands::audit::run(args, &settings, printer).await,
            Command::Report(args) => commands::report::run(args, &settings, printer).await,
            Command::Explain(args) => commands::explain::run(args, &settings, printer).await,
            Command::Demo(args) => commands::demo::run(args, &settings, printer).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn verify_cli() {
        super::Cli::command().debug_assert();
    }
}

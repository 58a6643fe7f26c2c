//! `growthctl users`

use std::path::PathBuf;
use std::sync::Arc;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use growth_db::Db;
use growth_db::rows::users;
use growth_track::lines::{check_user_header, user_of_fields, user_of_json};
use growth_track::{Recorded, User, upsert_users};

use crate::database;
use crate::failure::Outcome;
use crate::imports::{Stored, take_in};
use crate::printer::Printer;
use crate::records::Thing;
use crate::settings::Settings;

/// The directory of users: who they are, by your application's ids.
///
/// Payments are given to users by id or e-mail address, also those that came before the user. What is told here stands
/// above what events show.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    #[command(about = "Add or change users from a file")]
    Import(Import),
    #[command(about = "List the users who came last")]
    List(List),
}

/// Adds or changes users from a file of NDJSON, or of CSV with a header.
///
/// A line has the fields `external_id`, `created_at` (both needed), `email` and `is_admin`. Taking the same in again changes
/// nothing; an address that is left out does not remove a known one. Somebody who was forgotten is not brought back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  psql -c \"COPY (SELECT id AS external_id, email, created_at FROM users) TO STDOUT CSV HEADER\" app |
    growthctl users import -")]
struct Import {
    /// NDJSON or CSV with a header; - reads stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the lines that were left out to this file, as they are
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// Lists the users who came last.
#[derive(Debug, clap::Args)]
struct List {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// As NDJSON, which `growthctl users import` reads
    #[arg(long)]
    json: bool,
}

/// A user of a file.
struct Line(User);

impl Thing for Line {
    type Shared = ();

    fn of_json(line: &str, _: u64, (): &()) -> Result<Self, String> {
        user_of_json(line).map(Self)
    }

    fn of_fields<'a>(
        fields: impl Iterator<Item = (&'a str, &'a str)>,
        _: u64,
        (): &(),
    ) -> Result<Self, String> {
        user_of_fields(fields).map(Self)
    }

    fn check_header<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String> {
        check_user_header(names)
    }
}

impl Stored for Line {
    async fn store(db: &Db, things: Vec<Self>, (): &()) -> anyhow::Result<Recorded> {
        let users: Vec<User> = things.into_iter().map(|Self(user)| user).collect();
        let upserted = upsert_users(db, &users).await?;
        let stored = usize::try_from(upserted.changed).unwrap_or(usize::MAX);
        let told = stored + upserted.erased + upserted.rejected.len();
        Ok(Recorded {
            stored,
            duplicates: users.len().saturating_sub(told),
            erased: upserted.erased,
            rejected: upserted.rejected,
        })
    }
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    match args.what {
        What::Import(import) => {
            let db = database::open_or_create(settings, printer).await?;
            let sums = take_in::<Line>(
                &db,
                &import.file,
                import.rejects.as_ref(),
                Arc::new(()),
                "importing",
                printer,
            )
            .await;
            db.close().await;
            sums?.tell("users", "new or changed", printer)
        }
        What::List(list) => self::list(&list, settings, printer).await,
    }
}

async fn list(args: &List, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    let db = database::open(settings).await?;
    let (listed, count) = (users::list(&db, args.limit).await?, users::count(&db).await?);
    db.close().await;
    if args.json {
        for user in listed {
            printer.result(&format!("{}\n", serde_json::to_string(&user)?))?;
        }
        return Ok(Outcome::Done);
    }
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header([
        "user",
        "email",
        "signed up",
        "activated",
        "last seen",
        "",
    ]);
    let zone = settings.time_zone;
    let shown = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map(|at| at.with_timezone(&zone).format("%Y-%m-%d").to_string()).unwrap_or_default()
    };
    let shown_users = listed.len();
    for user in listed {
        table.add_row([
            user.external_id,
            user.email.unwrap_or_default(),
            shown(Some(user.created_at)),
            shown(user.activated_at),
            shown(user.last_seen_at),
            if user.is_admin { "admin".to_owned() } else { String::new() },
        ]);
    }
    printer.result(&format!("{table}\n"))?;
    let count = u64::try_from(count).unwrap_or_default();
    if count > shown_users as u64 {
        printer.remark(&format!("{} users in all: see --limit", indicatif::HumanCount(count)));
    }
    Ok(Outcome::Done)
}

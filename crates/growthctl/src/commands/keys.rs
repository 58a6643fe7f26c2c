//! `growthctl keys`

use chrono::{DateTime, SubsecRound, Utc};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use growth_track::{KeyError, create_key, list_keys, revoke_keys};

use crate::database;
use crate::failure::{Outcome, misuse};
use crate::printer::Printer;
use crate::settings::Settings;

/// Write keys: with one of them an application sends events to `growthctl serve-webhook`.
///
/// Only a digest of a key is stored. A key in the page of a browser is known to everybody who sees the page; with it
/// one can send events and read nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a key and print it, once
    Create {
        /// Who will use it; a message that is sent again is known among keys of one name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// List the keys
    List,
    /// Refuse a key from now on; a running server follows within ten seconds
    Revoke {
        /// Its name, or how it begins, as the list shows it
        #[arg(value_name = "KEY")]
        key: String,
    },
}

pub(crate) async fn run(args: Args, settings: &Settings, printer: &Printer) -> anyhow::Result<Outcome> {
    #[expect(clippy::disallowed_methods, reason = "the one place where this command reads the clock")]
    let now = Utc::now().trunc_subsecs(6);
    match args.what {
        What::Create { name } => {
            let db = database::open_or_create(settings, printer).await?;
            let key = create_key(&db, &name, now).await;
            db.close().await;
            let key = key.map_err(|error| match error {
                KeyError::Name(problem) => misuse(problem),
                KeyError::Database(error) => error.into(),
            })?;
            printer.result(&format!("{key}\n"))?;
            printer.remark("this key is not shown again; clients of Segment take it as their write key");
        }
        What::List => {
            let db = database::open(settings).await?;
            let keys = list_keys(&db).await;
            db.close().await;
            let mut table = Table::new();
            table.load_preset(UTF8_FULL_CONDENSED).set_header(["name", "key", "made", "revoked"]);
            let day = |at: DateTime<Utc>| {
                at.with_timezone(&settings.time_zone).format("%Y-%m-%d %H:%M").to_string()
            };
            for key in keys? {
                let revoked = key.revoked_at.map(day).unwrap_or_default();
                table.add_row([key.name, format!("{}…", key.hint), day(key.created_at), revoked]);
            }
            printer.result(&format!("{table}\n"))?;
        }
        What::Revoke { key } => {
            let db = database::open(settings).await?;
            let revoked = revoke_keys(&db, &key, now).await;
            db.close().await;
            match revoked? {
                0 => {
                    return Err(misuse(format!(
                        "no key in use has the name, or begins with, {key:?}: see growthctl keys list"
                    )));
                }
                1 => printer.done("revoked 1 key")?,
                n => printer.done(&format!("revoked {n} keys"))?,
            }
        }
    }
    Ok(Outcome::Done)
}

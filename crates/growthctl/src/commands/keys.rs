//! `growthctl keys`

use chrono::{DateTime, SubsecRound, Utc};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use growth_dashboard::auth::{TokenError, create_token, list_tokens, revoke_tokens, token_hint};
use growth_db::Db;
use growth_track::{KeyError, create_key, list_keys, revoke_keys};

use crate::database;
use crate::failure::{Outcome, misuse};
use crate::printer::Printer;
use crate::settings::Settings;

/// Keys: for applications that send events, and for admins who look at the dashboard.
///
/// With a write key an application sends events to `growthctl serve-webhook`. A key in the page of a browser is known
/// to everybody who sees the page; with it one can send events and read nothing.
///
/// With an admin token somebody signs in to the dashboard, or a program reads its API. Only digests of both are stored.
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
        /// An admin token, which opens the dashboard, instead of a write key
        #[arg(long)]
        admin: bool,
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
        What::Create { name, admin: false } => {
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
        What::Create { name, admin: true } => {
            let db = database::open_or_create(settings, printer).await?;
            let token = create_token(&db, &name, now).await;
            db.close().await;
            let token = token.map_err(|error| match error {
                TokenError::Name(problem) => misuse(problem),
                error => error.into(),
            })?;
            printer.result(&format!("{token}\n"))?;
            printer.remark("this token is not shown again; whoever has it sees everything on the dashboard");
        }
        What::List => {
            let db = database::open(settings).await?;
            let keys = listed(&db).await;
            db.close().await;
            let mut table = Table::new();
            table.load_preset(UTF8_FULL_CONDENSED).set_header(["name", "kind", "key", "made", "revoked"]);
            let day = |at: DateTime<Utc>| {
                at.with_timezone(&settings.time_zone).format("%Y-%m-%d %H:%M").to_string()
            };
            for Listed { name, kind, hint, created_at, revoked_at } in keys? {
                let revoked = revoked_at.map(day).unwrap_or_default();
                table.add_row([name, kind.to_owned(), format!("{hint}…"), day(created_at), revoked]);
            }
            printer.result(&format!("{table}\n"))?;
        }
        What::Revoke { key } => {
            let db = database::open(settings).await?;
            let revoked = revoked(&db, &key, now).await;
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

/// A key of either kind, as the list shows it.
struct Listed {
    name: String,
    kind: &'static str,
    hint: String,
    created_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

async fn listed(db: &Db) -> anyhow::Result<Vec<Listed>> {
    let events = list_keys(db).await?.into_iter().map(|key| Listed {
        name: key.name,
        kind: "events",
        hint: key.hint,
        created_at: key.created_at,
        revoked_at: key.revoked_at,
    });
    let admin = list_tokens(db).await?.into_iter().map(|token| Listed {
        hint: token_hint(&token),
        name: token.name,
        kind: "admin",
        created_at: token.created_at,
        revoked_at: token.revoked_at,
    });
    Ok(events.chain(admin).collect())
}

async fn revoked(db: &Db, which: &str, now: DateTime<Utc>) -> anyhow::Result<u64> {
    Ok(revoke_keys(db, which, now).await? + revoke_tokens(db, which, now).await?)
}

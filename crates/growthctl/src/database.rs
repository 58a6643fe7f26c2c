//! Opening the database a command works on.

use anyhow::Context;
use growth_db::connect::Limits;
use growth_db::migrate::{self, Migration};
use growth_db::{Db, Error};

use crate::failure::misuse;
use crate::printer::Printer;
use crate::settings::Settings;

/// Opens the database to write to. A database without any schema gets one.
pub(crate) async fn open_or_create(settings: &Settings, printer: &Printer) -> anyhow::Result<Db> {
    let db = connect(settings).await?;
    let pending = migrate::pending(&db).await?;
    if pending.len() == migrate::MIGRATIONS.len() {
        migrate::run(&db).await?;
        printer.remark(&format!("created the database {}", shown(settings)));
    } else {
        migrate::check(&db).await?;
    }
    Ok(db)
}

/// Opens a database that must be there already.
pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Db> {
    let db = match Db::connect_existing(&settings.database.url()).await {
        Err(Error::Missing { path }) => {
            return Err(misuse(format!(
                "there is no database yet at {path}: take history in with `growthctl replay FILE`, or look at a \
                 sample with `growthctl report --demo`"
            )));
        }
        opened => opened.with_context(|| cannot_open(settings))?,
    };
    migrate::check(&db).await?;
    Ok(db)
}

/// The migrations that a database lacks, and all of them where there is none yet.
pub(crate) async fn pending(settings: &Settings) -> anyhow::Result<Vec<Migration>> {
    match Db::connect_existing(&settings.database.url()).await {
        Err(Error::Missing { .. }) => Ok(migrate::MIGRATIONS.to_vec()),
        opened => Ok(migrate::pending(&opened.with_context(|| cannot_open(settings))?).await?),
    }
}

/// Opens the database, whatever state its schema is in; creates an embedded one.
pub(crate) async fn connect(settings: &Settings) -> anyhow::Result<Db> {
    connect_within(settings, Limits::default()).await
}

/// Opens the database like [`connect`], within limits.
pub(crate) async fn connect_within(settings: &Settings, limits: Limits) -> anyhow::Result<Db> {
    Db::connect_within(&settings.database.url(), limits).await.with_context(|| cannot_open(settings))
}

fn cannot_open(settings: &Settings) -> String {
    format!("cannot open the database {}", shown(settings))
}

/// The database without its password.
pub(crate) fn shown(settings: &Settings) -> String {
    growth_db::connect::without_password(&settings.database.url())
}

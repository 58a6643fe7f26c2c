//! Opening the database a command works on.

use anyhow::Context;
use growth_db::connect::Limits;
use growth_db::migrate::{self, Migration};
use growth_db::{Db, Error};
use tempfile::TempDir;

use crate::failure::misuse;
use crate::printer::Printer;
use crate::settings::{Settings, sqlite_url};

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

/// Whether there is no database yet, or one without any schema.
pub(crate) async fn is_to_be_made(settings: &Settings) -> anyhow::Result<bool> {
    Ok(pending(settings).await?.len() == migrate::MIGRATIONS.len())
}

/// Opens the database to try something on that is not committed.
///
/// An embedded one is copied, so that nobody who writes to it has to wait. One that is not there yet is stood in for by
/// an empty one. Both are in a temporary folder.
pub(crate) async fn open_to_try(settings: &Settings) -> anyhow::Result<Target> {
    let is_to_be_made = is_to_be_made(settings).await?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder for a copy of the database")?;
    let file = folder.path().join("copy.db");
    if !is_to_be_made {
        let db = open(settings).await?;
        if !db.copy_embedded(&file).await? {
            return Ok(Target::of(db));
        }
        db.close().await;
    }
    let db = Db::connect(&sqlite_url(&file)).await?;
    migrate::run(&db).await?;
    Ok(Target { db, folder: Some(folder) })
}

/// A database to work on, which may be a temporary one.
pub(crate) struct Target {
    pub(crate) db: Db,
    folder: Option<TempDir>,
}

impl Target {
    pub(crate) fn of(db: Db) -> Self {
        Self { db, folder: None }
    }

    pub(crate) async fn close(self) {
        self.db.close().await;
        drop(self.folder);
    }
}

/// Opens a database that must be there already.
pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Db> {
    open_within(settings, Limits::default()).await
}

/// Opens a database that must be there already, within limits.
pub(crate) async fn open_within(settings: &Settings, limits: Limits) -> anyhow::Result<Db> {
    let db = match Db::connect_existing_within(&settings.database.url(), limits).await {
        Err(Error::Missing { path }) => {
            return Err(misuse(format!(
                "there is no database yet at {path}: bring history in with `growthctl backfill` or `growthctl replay \
                 FILE`, or look at a sample with `growthctl report --demo`"
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

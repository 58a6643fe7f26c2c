//! Opening the database a command works on.

use anyhow::Context;
use growth_db::{Db, migrate};

use crate::failure::misuse;
use crate::printer::Printer;
use crate::settings::{DatabaseAt, Settings};

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
    if let DatabaseAt::DataFolder(path) = &settings.database
        && !path.exists()
    {
        return Err(misuse(format!(
            "there is no database yet at {}: take history in with `growthctl replay FILE`, or look at a sample with \
             `growthctl report --demo`",
            path.display()
        )));
    }
    let db = connect(settings).await?;
    migrate::check(&db).await?;
    Ok(db)
}

/// Opens the database, whatever state its schema is in.
pub(crate) async fn connect(settings: &Settings) -> anyhow::Result<Db> {
    let url = settings.database.url();
    Db::connect(&url).await.with_context(|| format!("cannot open the database {}", shown(settings)))
}

/// The database without its password.
pub(crate) fn shown(settings: &Settings) -> String {
    growth_db::connect::without_password(&settings.database.url())
}

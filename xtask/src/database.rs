//! A fresh database of either engine, and what stands in it, read by the engine's own client.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::postgres::Cluster;
use crate::process;

/// An engine on which databases are made.
#[derive(Clone, Copy)]
pub(crate) enum Engine<'a> {
    /// Files of a folder.
    Sqlite(&'a Path),
    /// Databases of a server.
    Postgres(&'a Cluster),
}

/// A database with a name of its own.
pub(crate) enum Database<'a> {
    Sqlite(PathBuf),
    Postgres(&'a Cluster, String),
}

impl<'a> Engine<'a> {
    /// Returns the name of the engine.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Fails where the client is missing by which databases are looked into.
    pub(crate) fn has_client(self) -> Result<()> {
        let (client, package, found) = match self {
            Self::Sqlite(_) => ("sqlite3", "sqlite3", process::on_path("sqlite3").is_some()),
            Self::Postgres(cluster) => ("psql", "postgresql-client", cluster.psql("postgres").is_some()),
        };
        ensure!(
            found,
            "{client} not found; on Debian and Ubuntu install it with `sudo apt-get install {package}`"
        );
        Ok(())
    }

    /// Makes an empty database.
    pub(crate) fn create(self, name: &str) -> Result<Database<'a>> {
        match self {
            Self::Sqlite(folder) => Ok(Database::Sqlite(folder.join(format!("{name}.db")))),
            Self::Postgres(cluster) => {
                let sql = format!("CREATE DATABASE {name}");
                process::stdout(
                    cluster.psql("postgres").context("psql not found")?.args(["--command", &sql]),
                )?;
                Ok(Database::Postgres(cluster, name.to_owned()))
            }
        }
    }
}

impl Database<'_> {
    /// Returns the address under which the product finds it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite://{}", file.display()),
            Self::Postgres(cluster, name) => cluster.url(name),
        }
    }

    /// Removes it with all that is in it.
    pub(crate) fn remove(&self) -> Result<()> {
        match self {
            Self::Sqlite(file) => {
                fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))
            }
            Self::Postgres(cluster, name) => {
                let sql = format!("DROP DATABASE {name}");
                let mut psql = cluster.psql("postgres").context("psql not found")?;
                process::stdout(psql.args(["--command", &sql])).map(drop)
            }
        }
    }

    /// Returns the rows of a query as text, one a line, absent values told apart from empty ones.
    pub(crate) fn rows(&self, sql: &str) -> Result<Vec<String>> {
        let text = match self {
            Self::Sqlite(file) => process::stdout(
                Command::new("sqlite3").args(["-batch", "-bail", "-quote"]).arg(file).arg(sql),
            ),
            Self::Postgres(cluster, name) => {
                let copy = format!("COPY ({sql}) TO STDOUT");
                let mut psql = cluster.psql(name).context("psql not found")?;
                process::stdout(psql.args(["--command", "SET search_path TO growth", "--command", &copy]))
            }
        }?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Returns the one number that a query gives.
    pub(crate) fn number(&self, sql: &str) -> Result<u64> {
        let rows = self.rows(sql)?;
        let number = rows.first().and_then(|row| row.parse().ok());
        number.with_context(|| format!("`{sql}` gave no number"))
    }

    /// Lists the tables of the product; what is in a partition is in its table.
    pub(crate) fn tables(&self) -> Result<Vec<String>> {
        self.names(match self {
            Self::Sqlite(_) => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
            }
            Self::Postgres(..) => {
                "SELECT relname FROM pg_class WHERE relnamespace = 'growth'::regnamespace \
                 AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"
            }
        })
    }

    /// Lists the columns of a table in their order.
    pub(crate) fn columns(&self, table: &str) -> Result<Vec<String>> {
        self.names(&match self {
            Self::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
            Self::Postgres(..) => format!(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'growth' \
                 AND table_name = '{table}' ORDER BY ordinal_position"
            ),
        })
    }

    fn names(&self, sql: &str) -> Result<Vec<String>> {
        Ok(self.rows(sql)?.iter().map(|name| name.trim_matches('\'').to_owned()).collect())
    }
}

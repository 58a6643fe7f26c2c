//! Rows as a script for the client of an engine: `COPY` for psql, long inserts for sqlite3.

use std::fmt::Display;
use std::io::{Result, Write};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::history::{Event, History, Usage};

/// Whose client reads the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

const USERS: &str = "users (id, external_id, email, created_at)";
const EVENTS: &str = "events (user_id, created_at, id, event_name, event_category, app_name, session_id, properties, \
                      duration_ms, status, active)";
const USAGE: &str = "usage_counters (user_id, date, app_name, enrichments, searches, exports, pitches_generated, \
                     emails_sent, campaigns_created, contacts_added, sessions, session_duration_ms, updated_at)";
/// The application that all rows are of.
const APP: &str = "finder";
/// How many rows one statement of SQLite's has.
const ROWS: u32 = 500;

/// Writes the users.
pub(crate) fn users(out: &mut impl Write, engine: Engine, history: &History) -> Result<()> {
    let mut rows = Rows::begin(out, engine, USERS)?;
    for (id, at) in history.users() {
        let external = format!("user-{id:07}");
        let mut row = rows.row()?;
        row.plain(id)?;
        row.text(&external)?;
        row.text(format_args!("{external}@customers.example"))?;
        row.time(at)?;
        row.end()?;
    }
    rows.end()?;
    if engine == Engine::Postgres {
        writeln!(
            out,
            "SELECT setval(pg_get_serial_sequence('growth.users', 'id'), MAX(id)) FROM growth.users;"
        )?;
    }
    Ok(())
}

/// Writes the events and the usage counters.
pub(crate) fn events(out: &mut impl Write, engine: Engine, history: &History) -> Result<()> {
    let mut rows = Rows::begin(out, engine, EVENTS)?;
    for event in history.days().flatten() {
        event_row(&mut rows, &event)?;
    }
    rows.end()?;
    let mut rows = Rows::begin(out, engine, USAGE)?;
    for ((user, date), usage) in history.usage() {
        let Usage { enrichments, searches, exports, contacts_added, session_duration_ms } = usage;
        let mut row = rows.row()?;
        row.plain(user)?;
        row.text(date)?;
        row.text(APP)?;
        for n in [enrichments, searches, exports, 0, 0, 0, contacts_added, 1, session_duration_ms] {
            row.plain(n)?;
        }
        row.time(date.and_time(chrono::NaiveTime::MIN).and_utc())?;
        row.end()?;
    }
    rows.end()
}

fn event_row(rows: &mut Rows<'_, impl Write>, event: &Event) -> Result<()> {
    let mut row = rows.row()?;
    row.plain(event.user)?;
    row.time(event.at)?;
    row.plain(event.id)?;
    row.text(event.kind.name)?;
    row.text(event.kind.category)?;
    row.text(APP)?;
    row.text(format_args!("ses_{:016x}", event.session))?;
    row.text(&event.properties)?;
    row.plain(event.duration_ms)?;
    row.text(event.kind.status)?;
    row.plain(u8::from(event.active))?;
    row.end()
}

/// The rows of one table.
struct Rows<'a, W: Write> {
    out: &'a mut W,
    engine: Engine,
    table: &'static str,
    written: u32,
}

impl<'a, W: Write> Rows<'a, W> {
    fn begin(out: &'a mut W, engine: Engine, table: &'static str) -> Result<Self> {
        match engine {
            // Nobody reads what a broken load leaves behind, so nothing is written twice.
            Engine::Sqlite => writeln!(
                out,
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; BEGIN;"
            )?,
            Engine::Postgres => writeln!(out, "COPY growth.{table} FROM STDIN;")?,
        }
        Ok(Self { out, engine, table, written: 0 })
    }

    fn row(&mut self) -> Result<Row<'_, W>> {
        if self.engine == Engine::Sqlite {
            if self.written.is_multiple_of(ROWS) {
                if self.written > 0 {
                    writeln!(self.out, ";")?;
                }
                write!(self.out, "INSERT INTO {} VALUES ", self.table)?;
            } else {
                write!(self.out, ",")?;
            }
            write!(self.out, "(")?;
        }
        self.written += 1;
        Ok(Row { out: self.out, engine: self.engine, begun: false })
    }

    fn end(self) -> Result<()> {
        match self.engine {
            Engine::Sqlite if self.written == 0 => writeln!(self.out, "COMMIT;"),
            Engine::Sqlite => writeln!(self.out, "; COMMIT;"),
            Engine::Postgres => writeln!(self.out, "\\."),
        }
    }
}

/// One row, whose texts hold neither apostrophes nor backslashes.
struct Row<'a, W: Write> {
    out: &'a mut W,
    engine: Engine,
    begun: bool,
}

impl<W: Write> Row<'_, W> {
    fn plain(&mut self, value: impl Display) -> Result<()> {
        let separator = match self.engine {
            _ if !self.begun => "",
            Engine::Sqlite => ",",
            Engine::Postgres => "\t",
        };
        self.begun = true;
        write!(self.out, "{separator}{value}")
    }

    fn text(&mut self, value: impl Display) -> Result<()> {
        match self.engine {
            Engine::Sqlite => self.plain(format_args!("'{value}'")),
            Engine::Postgres => self.plain(value),
        }
    }

    /// Writes a time as the product's driver does.
    fn time(&mut self, at: DateTime<Utc>) -> Result<()> {
        self.text(at.to_rfc3339_opts(SecondsFormat::AutoSi, false))
    }

    fn end(self) -> Result<()> {
        if self.engine == Engine::Sqlite { write!(self.out, ")") } else { writeln!(self.out) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Engine, events, users};
    use crate::history::{History, Size};

    fn script(engine: Engine) -> String {
        let as_of = "2025-06-30T15:00:00Z".parse().expect("a time");
        let history = History::new(&Size { as_of, users: 2, visits: 3, events_of_visit: 1 });
        let mut script = Vec::new();
        users(&mut script, engine, &history).expect("written");
        events(&mut script, engine, &history).expect("written");
        String::from_utf8(script).expect("text")
    }

    #[test]
    fn sqlite_reads_statements_and_postgres_reads_rows() {
        let (sqlite, postgres) = (script(Engine::Sqlite), script(Engine::Postgres));
        assert!(
            sqlite
                .contains("INSERT INTO users (id, external_id, email, created_at) VALUES (1,'user-0000001',")
        );
        assert!(postgres.contains("FROM STDIN;\n1\tuser-0000001\tuser-0000001@customers.example\t20"));
        assert_eq!(sqlite.matches(",'finder','ses_").count(), 3);
        assert_eq!(postgres.matches("\tfinder\tses_").count(), 3);
        assert_eq!(sqlite.matches("BEGIN;").count(), sqlite.matches("COMMIT;").count());
    }
}

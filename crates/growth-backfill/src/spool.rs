//! Pages in a temporary file, for a dry run: what they would change is found in one short transaction at the end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lists::List;

/// Pages in the order in which they came. The file has no name, and is gone with this value.
#[derive(Debug)]
pub(crate) struct Spool(BufWriter<File>);

/// A page of objects, each with the list that it belongs to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spooled {
    /// The list of the page.
    pub(crate) list: List,
    pub(crate) asked_at: DateTime<Utc>,
    pub(crate) entries: Vec<(List, Value)>,
}

impl Spool {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(BufWriter::new(tempfile::tempfile()?)))
    }

    pub(crate) fn push(&mut self, page: &Spooled) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, page)?;
        self.0.write_all(b"\n")
    }

    /// Reads them back.
    pub(crate) fn pages(self) -> io::Result<impl Iterator<Item = io::Result<Spooled>>> {
        let mut file = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        let lines = BufReader::new(file).lines();
        Ok(lines.map(|line| Ok(serde_json::from_str(&line?)?)))
    }
}

//! Things that a file has line by line: objects of NDJSON, or records of CSV with a header.
//!
//! A file of any size is read piece by piece, on a thread of its own, and a line that is longer than any thing is
//! passed over. What begins with `{` is NDJSON, whatever the file is called.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::mpsc;

use crate::failure::misuse;

/// How many things, and how many bytes of them, go together.
const BATCH: usize = 5_000;
const BATCH_BYTES: usize = 4 << 20;
/// Batches that are read ahead.
const AHEAD: usize = 1;
/// No line is longer; of one that is, no more is held.
const LONGEST: usize = 1 << 20;
const BUFFER: usize = 1 << 20;

/// How a thing is read.
pub(crate) trait Thing: Sized + Send + 'static {
    /// What all things of a file share.
    type Shared: Send + Sync + 'static;

    /// Reads one from a line of JSON; `number` counts lines.
    fn of_json(line: &str, number: u64, shared: &Self::Shared) -> Result<Self, String>;

    /// Reads one from a record of CSV; `number` counts records.
    fn of_fields<'a>(
        fields: impl Iterator<Item = (&'a str, &'a str)>,
        number: u64,
        shared: &Self::Shared,
    ) -> Result<Self, String>;

    /// Checks the header of CSV.
    fn check_header<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), String>;
}

/// Things that go together.
pub(crate) struct Batch<T> {
    /// The things that could be read.
    pub(crate) things: Vec<T>,
    /// Their lines.
    pub(crate) lines: Vec<Line>,
    /// What could not be read, and why.
    pub(crate) broken: Vec<(Line, String)>,
    /// How far the file is read, in bytes.
    pub(crate) position: u64,
}

/// Where a thing stands, and as which text.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) text: Vec<u8>,
}

/// The batches of a file, and the header of CSV before them.
pub(crate) struct Records<T> {
    pub(crate) batches: mpsc::Receiver<io::Result<Batch<T>>>,
    /// The line that begins a file of CSV.
    pub(crate) header: Option<Vec<u8>>,
    /// The number of bytes to read, where it is known.
    pub(crate) size: Option<u64>,
}

/// Begins to read a file, or stdin for `-`.
///
/// # Errors
///
/// Misuse: a file that cannot be read, or a header that names something unknown.
pub(crate) async fn read<T: Thing>(path: &Path, shared: Arc<T::Shared>) -> anyhow::Result<Records<T>> {
    let shown = name(path);
    let cannot = |error: &io::Error| misuse(format!("cannot read {shown}: {error}"));
    let size = path.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    if path.is_dir() {
        return Err(misuse(format!("{shown} is a folder: name a file")));
    }
    let (told, header) = tokio::sync::oneshot::channel();
    let (sender, batches) = mpsc::channel(AHEAD);
    let path: PathBuf = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let input: Box<dyn Read> = if is_stdin(&path) {
            Box::new(io::stdin().lock())
        } else {
            match File::open(&path) {
                Ok(file) => Box::new(file),
                Err(error) => return drop(told.send(Err(Begin::Io(error)))),
            }
        };
        let mut input = BufReader::with_capacity(BUFFER, input);
        let begun = begin::<T>(&mut input);
        let failed = begun.is_err();
        let format = begun.as_ref().map_or(Format::Json, |(format, _)| *format);
        let header = begun.map(|(_, header)| header);
        let bytes = header.as_ref().ok().and_then(Option::as_ref).map_or(0, Vec::len) as u64;
        let names = header.as_ref().ok().cloned().flatten();
        // Whoever asked may be gone.
        if told.send(header).is_err() || failed {
            return;
        }
        let result = match format {
            Format::Json => json_batches::<T>(input, &shared, &sender),
            Format::Csv => csv_batches::<T>(input, &names.unwrap_or_default(), bytes, &shared, &sender),
        };
        if let Err(error) = result {
            // A receiver that is gone has failed already.
            let _ = sender.blocking_send(Err(error));
        }
    });
    let header = match header.await.context("the reader of a file ended")? {
        Ok(header) => header,
        Err(Begin::Io(error)) => return Err(cannot(&error)),
        Err(Begin::Header(problem)) => return Err(misuse(format!("{shown}, line 1: {problem}"))),
    };
    Ok(Records { batches, header, size })
}

/// Why a file was not begun.
enum Begin {
    Io(io::Error),
    Header(String),
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Csv,
}

/// What a path is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Looks what a file is, and takes the header off one of CSV.
fn begin<T: Thing>(input: &mut impl BufRead) -> Result<(Format, Option<Vec<u8>>), Begin> {
    // The mark that some programs write before the first character.
    if input.fill_buf().map_err(Begin::Io)?.starts_with(b"\xEF\xBB\xBF") {
        input.consume(3);
    }
    let first = input.fill_buf().map_err(Begin::Io)?.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
    if first.is_none_or(|byte| byte == b'{' || byte == b'[') {
        return Ok((Format::Json, None));
    }
    let mut line = Vec::new();
    input.take(LONGEST as u64).read_until(b'\n', &mut line).map_err(Begin::Io)?;
    let names = header_of(&line).map_err(Begin::Header)?;
    T::check_header(names.iter().map(String::as_str)).map_err(|problem| {
        Begin::Header(format!("{problem}; a file is NDJSON, an object on each line, or CSV with a header"))
    })?;
    Ok((Format::Csv, Some(line)))
}

fn header_of(line: &[u8]) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(line);
    let record = reader.records().next();
    let record =
        record.ok_or("the header is empty")?.map_err(|error| format!("the header is no CSV: {error}"))?;
    Ok(record.iter().map(str::to_owned).collect())
}

/// Gathers things until there are enough of them.
struct Gathering<'a, T> {
    batch: Batch<T>,
    bytes: usize,
    sender: &'a mpsc::Sender<io::Result<Batch<T>>>,
}

impl<'a, T> Gathering<'a, T> {
    fn new(sender: &'a mpsc::Sender<io::Result<Batch<T>>>) -> Self {
        Self {
            batch: Batch { things: Vec::new(), lines: Vec::new(), broken: Vec::new(), position: 0 },
            bytes: 0,
            sender,
        }
    }

    /// Adds what was read; `false` where nobody wants it any more.
    fn add(&mut self, line: Line, read: Result<T, String>, position: u64) -> bool {
        self.bytes += line.text.len();
        self.batch.position = position;
        match read {
            Ok(thing) => {
                self.batch.things.push(thing);
                self.batch.lines.push(line);
            }
            Err(problem) => self.batch.broken.push((line, problem)),
        }
        let count = self.batch.things.len() + self.batch.broken.len();
        if count >= BATCH || self.bytes >= BATCH_BYTES { self.send() } else { true }
    }

    fn send(&mut self) -> bool {
        self.bytes = 0;
        let position = self.batch.position;
        let empty = Batch { things: Vec::new(), lines: Vec::new(), broken: Vec::new(), position };
        self.sender.blocking_send(Ok(std::mem::replace(&mut self.batch, empty))).is_ok()
    }
}

fn json_batches<T: Thing>(
    mut input: impl BufRead,
    shared: &T::Shared,
    sender: &mpsc::Sender<io::Result<Batch<T>>>,
) -> io::Result<()> {
    let mut gathering = Gathering::new(sender);
    let (mut number, mut position) = (0, 0);
    loop {
        let mut text = Vec::new();
        let read = (&mut input).take(LONGEST as u64).read_until(b'\n', &mut text)?;
        if read == 0 {
            break;
        }
        number += 1;
        position += read as u64;
        let is_whole = text.ends_with(b"\n") || read < LONGEST;
        if !is_whole {
            position += pass_over_line(&mut input)?;
        }
        while text.last().is_some_and(u8::is_ascii_whitespace) {
            text.pop();
        }
        if text.is_empty() {
            continue;
        }
        let thing = if is_whole {
            std::str::from_utf8(&text)
                .map_err(|_| "this is no UTF-8".to_owned())
                .and_then(|line| T::of_json(line, number, shared))
        } else {
            Err(format!("the line has more than {LONGEST} bytes"))
        };
        if !gathering.add(Line { number, text }, thing, position) {
            return Ok(());
        }
    }
    gathering.send();
    Ok(())
}

/// Reads to the end of a line; returns how many bytes that were.
fn pass_over_line(input: &mut impl BufRead) -> io::Result<u64> {
    let mut passed = 0;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(passed);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
        let length = end.unwrap_or(buffer.len());
        input.consume(length);
        passed += length as u64;
        if end.is_some() {
            return Ok(passed);
        }
    }
}

fn csv_batches<T: Thing>(
    input: impl Read,
    header: &[u8],
    before: u64,
    shared: &T::Shared,
    sender: &mpsc::Sender<io::Result<Batch<T>>>,
) -> io::Result<()> {
    let names = header_of(header).map_err(io::Error::other)?;
    let since = Rc::new(Cell::new(0));
    let input = Bounded { input, since: Rc::clone(&since) };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
    let mut gathering = Gathering::new(sender);
    let mut bytes = csv::ByteRecord::new();
    let mut number = 0;
    loop {
        let line = reader.position().line() + 1;
        let read = reader.read_byte_record(&mut bytes);
        since.set(0);
        match read {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                return Err(io::Error::other(format!("the record that begins on line {line}: {error}")));
            }
        }
        let position = before + reader.position().byte();
        let text = csv_line(&bytes);
        let Ok(record) = csv::StringRecord::from_byte_record(bytes.clone()) else {
            number += 1;
            let problem = Err("this is no UTF-8".to_owned());
            if !gathering.add(Line { number: line, text }, problem, position) {
                return Ok(());
            }
            continue;
        };
        if record.iter().all(str::is_empty) {
            continue;
        }
        number += 1;
        let thing = if record.len() == names.len() {
            T::of_fields(names.iter().map(String::as_str).zip(record.iter()), number, shared)
        } else {
            Err(format!("the record has {} fields, and the header {}", record.len(), names.len()))
        };
        if !gathering.add(Line { number: line, text }, thing, position) {
            return Ok(());
        }
    }
    gathering.send();
    Ok(())
}

fn csv_line(record: &csv::ByteRecord) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_byte_record(record);
    let mut line = writer.into_inner().unwrap_or_default();
    while line.ends_with(b"\n") {
        line.pop();
    }
    line
}

/// Fails where one record has no end: a quote that nobody closed would take the rest of the file into memory.
struct Bounded<R> {
    input: R,
    since: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > LONGEST {
            return Err(io::Error::other(format!(
                "it has more than {LONGEST} bytes; is a quote not closed?"
            )));
        }
        let read = self.input.read(buffer)?;
        self.since.set(self.since.get() + read);
        Ok(read)
    }
}

/// Lines that were left out, as they were, so that they can be corrected and taken in again.
pub(crate) struct Rejects {
    path: PathBuf,
    file: io::BufWriter<File>,
}

impl Rejects {
    /// Makes the file, with the header of CSV where there is one.
    ///
    /// # Errors
    ///
    /// Misuse: a file that cannot be made.
    pub(crate) fn create(path: &Path, header: Option<&[u8]>) -> anyhow::Result<Self> {
        let cannot = |error: io::Error| misuse(format!("cannot write {}: {error}", path.display()));
        let mut file = io::BufWriter::new(File::create(path).map_err(cannot)?);
        if let Some(header) = header {
            file.write_all(header).map_err(cannot)?;
        }
        Ok(Self { path: path.to_owned(), file })
    }

    pub(crate) fn write(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let written = self.file.write_all(line).and_then(|()| self.file.write_all(b"\n"));
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.file.flush().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

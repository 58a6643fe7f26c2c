//! The only place that writes to the terminal.
//!
//! Results go to stdout; progress, remarks and errors to stderr. Bars are
//! drawn on a terminal only; elsewhere long work says a line now and then.

mod board;

use std::io::{IsTerminal, Stderr, Stdout, Write};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub(crate) use self::board::Board;

/// How often long work says a line where no bar can be drawn.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// How many problems are told one by one without --verbose.
const TOLD: usize = 20;

/// A terminal that shows results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// How wide it is.
    pub(crate) columns: usize,
    /// Whether colours are wanted.
    pub(crate) colour: bool,
}

/// Owns stdout and stderr.
#[derive(Debug)]
pub(crate) struct Printer {
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    stdout: Stdout,
    stderr: Stderr,
}

impl Printer {
    pub(crate) fn new(quiet: bool, verbose: bool) -> Self {
        Self { quiet, verbose, stdout: std::io::stdout(), stderr: std::io::stderr() }
    }

    /// Writes a command's result to stdout as it is.
    pub(crate) fn result(&self, text: &str) -> std::io::Result<()> {
        let mut stdout = self.stdout.lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// The terminal that results are shown on, where it is one.
    pub(crate) fn terminal(&self) -> Option<Terminal> {
        if !self.stdout.is_terminal() {
            return None;
        }
        let columns = comfy_table::Table::new().width().filter(|columns| *columns > 0);
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = !is_set("NO_COLOR") && !is_dumb;
        Some(Terminal { columns: columns.unwrap_or(80).into(), colour })
    }

    /// Writes a line that tells what was done to stdout, unless it has to be quiet.
    pub(crate) fn done(&self, line: &str) -> std::io::Result<()> {
        if self.quiet { Ok(()) } else { self.result(&format!("{line}\n")) }
    }

    /// Writes a remark to stderr, unless it has to be quiet.
    pub(crate) fn remark(&self, line: &str) {
        if !self.quiet {
            self.say(line);
        }
    }

    /// Writes what was left out to stderr.
    pub(crate) fn warning(&self, line: &str) {
        self.say(&format!("warning: {line}"));
    }

    /// Writes an error to stderr.
    pub(crate) fn error(&self, message: &str) {
        self.say(&format!("error: {message}"));
    }

    /// A stderr that is gone cannot be told so.
    fn say(&self, line: &str) {
        let _ = writeln!(self.stderr.lock(), "{line}");
    }

    /// Starts to tell about long work: `total` units of `unit`, or an unknown number of them.
    pub(crate) fn progress(&self, doing: &'static str, total: Option<u64>, unit: Unit) -> Progress {
        if self.quiet {
            return Progress { bar: None, doing, total, unit, said: None };
        }
        if !self.stderr.is_terminal() {
            return Progress { bar: None, doing, total, unit, said: Some(Instant::now()) };
        }
        let bar = match total {
            Some(total) => ProgressBar::new(total).with_style(style(unit.bar())),
            None => ProgressBar::new_spinner().with_style(style(unit.spinner())),
        };
        bar.set_message(doing);
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress { bar: Some(bar), doing, total, unit, said: None }
    }

    /// Waits for something that cannot tell how far it is: a spinner on a terminal, a line now and then elsewhere.
    pub(crate) async fn patiently<T>(&self, doing: &'static str, work: impl Future<Output = T>) -> T {
        let bar = (!self.quiet && self.stderr.is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner().with_style(style("{spinner} {msg}, {elapsed}"));
            bar.set_message(doing);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let mut work = std::pin::pin!(work);
        let begun = Instant::now();
        loop {
            tokio::select! {
                done = &mut work => {
                    if let Some(bar) = bar {
                        bar.finish_and_clear();
                    }
                    return done;
                }
                () = tokio::time::sleep(SAY_EVERY), if bar.is_none() => {
                    self.remark(&format!("{doing}, {} s so far", begun.elapsed().as_secs()));
                }
            }
        }
    }

    /// Starts to tell about several kinds of long work side by side.
    pub(crate) fn board(&self, names: impl IntoIterator<Item = String>) -> Board {
        let on_terminal = self.stderr.is_terminal();
        let bars = (on_terminal && !self.quiet).then(MultiProgress::new);
        Board::new(names, bars, !on_terminal && !self.quiet)
    }
}

/// Tells problems one by one, up to a number.
pub(crate) struct Warnings<'a> {
    told: usize,
    printer: &'a Printer,
}

impl<'a> Warnings<'a> {
    pub(crate) fn new(printer: &'a Printer) -> Self {
        Self { told: 0, printer }
    }

    pub(crate) fn tell(&mut self, problem: &str) {
        self.told += 1;
        if self.printer.verbose || self.told <= TOLD {
            self.printer.warning(problem);
        } else if self.told == TOLD + 1 {
            self.printer.warning("there is more; --verbose tells all of it");
        }
    }

    /// Whether there was any.
    pub(crate) fn were_any(&self) -> bool {
        self.told > 0
    }
}

/// What long work counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes of files.
    Bytes,
    /// Anything else.
    Things,
}

impl Unit {
    fn bar(self) -> &'static str {
        match self {
            Self::Bytes => "{msg} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
            Self::Things => "{msg} {wide_bar} {human_pos}/{human_len}, {eta} left",
        }
    }

    fn spinner(self) -> &'static str {
        match self {
            Self::Bytes => "{spinner} {msg} {bytes}, {bytes_per_sec}",
            Self::Things => "{spinner} {msg} {human_pos}",
        }
    }
}

/// Long work that is being told about; the bar is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    doing: &'static str,
    total: Option<u64>,
    unit: Unit,
    said: Option<Instant>,
}

impl Progress {
    /// Tells how far the work is.
    pub(crate) fn at(&mut self, position: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(position);
        }
        if self.said.is_some_and(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            let (done, total) = (self.shown(position), self.total.map(|total| self.shown(total)));
            let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
            let _ = writeln!(std::io::stderr().lock(), "{} {done}{of}", self.doing);
        }
    }

    fn shown(&self, count: u64) -> String {
        match self.unit {
            Unit::Bytes => indicatif::HumanBytes(count).to_string(),
            Unit::Things => indicatif::HumanCount(count).to_string(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

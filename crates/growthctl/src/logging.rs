//! The log of the servers, on stderr.

use std::io::{self, BufWriter, IsTerminal};

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::LogFormat;

/// How many lines wait for a reader of stderr before further ones are dropped.
const LINES: usize = 8192;

/// Begins to write the log; once in a process. What was logged is written when the guard is dropped.
///
/// Nobody waits for whoever reads stderr: where that is too slow, lines are dropped instead.
pub(crate) fn init(format: LogFormat, quiet: bool, verbose: bool) -> WorkerGuard {
    let own = match (quiet, verbose) {
        (true, _) => Level::WARN,
        (_, true) => Level::DEBUG,
        _ => Level::INFO,
    };
    let filter = Targets::new()
        .with_default(Level::WARN)
        .with_target("growth", own)
        // Who signed in to the dashboard, and who failed to, is told whatever else is not.
        .with_target("audit", Level::INFO)
        // They speak of every object that they have no type for, and quote it.
        .with_target("stripe_webhook", LevelFilter::OFF)
        .with_target("stripe_shared", LevelFilter::OFF)
        .with_target("stripe_types", LevelFilter::OFF);
    // Lines that wait together are written together; the last of them flushes the buffer.
    let stderr = BufWriter::new(io::stderr());
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(LINES).lossy(true).finish(stderr);
    let lines = fmt::layer().with_writer(writer).with_target(false);
    match format {
        LogFormat::Text => {
            let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            tracing_subscriber::registry().with(lines.with_ansi(colour).with_filter(filter)).init();
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            tracing_subscriber::registry().with(lines.with_filter(filter)).init();
        }
    }
    guard
}

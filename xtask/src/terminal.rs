//! Everything that a task prints: results to stdout, progress to stderr.
//!
//! A reader that went away (`cargo xtask test | head`) is no failure, so what
//! cannot be written is dropped.

use std::io::{self, Write};

/// Writes a result to stdout.
pub(crate) fn print(text: &str) {
    print_line(text.trim_end().as_bytes());
}

/// Writes one line of bytes to stdout, as another program printed it.
pub(crate) fn print_line(line: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(line).and_then(|()| stdout.write_all(b"\n"));
}

/// Writes what is being done, or what went wrong, to stderr.
pub(crate) fn progress(text: &str) {
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
}

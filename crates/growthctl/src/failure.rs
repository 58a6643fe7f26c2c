//! What a command comes to, and the exit code of it.

use std::fmt;
use std::process::ExitCode;

use crate::printer::Printer;

/// What a command that did not fail comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it was done.
    Done,
    /// A check did not hold, or something was left out; the command has said what.
    LeftUndone,
}

/// Wrong use or configuration: the person has to change something before trying again.
#[derive(Debug)]
pub(crate) struct Misuse(pub(crate) String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// An error of wrong use or configuration.
pub(crate) fn misuse(message: impl Into<String>) -> anyhow::Error {
    Misuse(message.into()).into()
}

/// Prints an error and turns the result of a command into the process's exit code.
pub(crate) fn exit_code(result: anyhow::Result<Outcome>, printer: &Printer) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::LeftUndone) => ExitCode::from(1),
        // Whoever read our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            printer.error(&causes(&error));
            let misused = error.is::<Misuse>() || is_misused_database(&error) || is_asked_of_another(&error);
            ExitCode::from(if misused { 2 } else { 1 })
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    // A pipe of the database's is not our output.
    if error.chain().any(<dyn std::error::Error>::is::<growth_db::Error>) {
        return false;
    }
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Whether figures were asked for that this database does not have.
fn is_asked_of_another(error: &anyhow::Error) -> bool {
    use growth_metrics::Error::{OtherPolicy, TimeZone, UnknownAccount, UnknownApp};
    let asked = error.chain().find_map(|cause| cause.downcast_ref::<growth_metrics::Error>());
    asked.is_some_and(|error| {
        matches!(error, OtherPolicy { .. } | TimeZone { .. } | UnknownAccount { .. } | UnknownApp { .. })
    })
}

fn is_misused_database(error: &anyhow::Error) -> bool {
    error.chain().find_map(|cause| cause.downcast_ref::<growth_db::Error>()).is_some_and(|error| {
        matches!(
            error,
            growth_db::Error::Url { .. }
                | growth_db::Error::Pooler { .. }
                | growth_db::Error::UnnamedPooler { .. }
                | growth_db::Error::Hidden { .. }
                | growth_db::Error::Folder { .. }
                | growth_db::Error::Pending { .. }
                | growth_db::Error::History { .. }
        )
    })
}

/// The error and its causes, each said once.
fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

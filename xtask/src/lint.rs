//! `cargo xtask lint`: what can be said of the code without running it.

use std::process::ExitCode;

use anyhow::Result;

use crate::{deps, migrations, process, terminal, workflows};

/// A check's name and the check, which prints what it finds and returns whether all is well.
type Check = (&'static str, fn() -> Result<bool>);

/// The quick ones first.
const CHECKS: [Check; 6] = [
    ("formatting", || process::passes(&mut process::cargo(&["fmt", "--all", "--check"]))),
    ("migrations", migrations::check),
    ("dependencies", deps::check),
    ("workflows", workflows::check),
    ("clippy", || {
        let args = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
        process::passes(&mut process::cargo(&args))
    }),
    ("documentation", || {
        let args = ["doc", "--workspace", "--no-deps", "--locked"];
        process::passes(process::cargo(&args).env("RUSTDOCFLAGS", "-D warnings"))
    }),
];

/// Runs every check, even after one has failed, and names the failed ones at the end.
pub(crate) fn run() -> Result<ExitCode> {
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        if !check()? {
            failed.push(name);
        }
    }
    if failed.is_empty() {
        terminal::progress("lint passed");
        return Ok(ExitCode::SUCCESS);
    }
    terminal::progress(&format!("lint failed: {}", failed.join(", ")));
    Ok(ExitCode::FAILURE)
}

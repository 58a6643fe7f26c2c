//! Checks of the workflows: actionlint says whether they mean what they say and looks into their steps with shellcheck,
//! zizmor whether they are safe.
//!
//! Both are installed as packages of Python. Where they cannot be, that is said, and it is no finding.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::installs::Install;
use crate::metadata::Metadata;
use crate::{process, terminal};

const FOLDER: &str = ".github/workflows";

/// Runs both, even where the first one has found something, and returns whether neither has.
pub(crate) fn check() -> Result<bool> {
    let programs = match install() {
        Ok(programs) => programs,
        Err(error) => {
            terminal::progress(&format!(
                "workflows are not checked, because the linters cannot be installed: {error:#}"
            ));
            return Ok(true);
        }
    };
    let run = |program: &str| {
        let mut command = Command::new(programs.join(program));
        command.current_dir(process::root());
        command
    };
    // Of this one the package has a script, which names a Python that was somewhere else when it was written.
    let mut actionlint = run("python");
    actionlint
        .arg(programs.join("actionlint"))
        .arg("-shellcheck")
        .arg(programs.join("shellcheck"))
        .args(files()?);
    let mut zizmor = run("zizmor");
    zizmor.args(["--offline", "--no-progress", "--quiet", FOLDER]);
    Ok([process::passes(&mut actionlint)?, process::passes(&mut zizmor)?] == [true, true])
}

/// Returns the folder of the linters.
fn install() -> Result<PathBuf> {
    let target = Metadata::read()?.target.join("linters");
    let linters = Install { within: &target, name: "workflows", what: "actionlint, shellcheck and zizmor" };
    linters.python(&process::root().join("xtask/linters/requirements.txt"))
}

/// Returns every workflow.
fn files() -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(process::root().join(FOLDER)).with_context(|| format!("cannot read {FOLDER}"))?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(PathBuf::from(FOLDER).join(entry?.file_name()));
    }
    files.sort();
    Ok(files)
}

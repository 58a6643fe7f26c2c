//! Chromium, in which the tests open pages, and the driver by which they use it: found or installed.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{debian, process};

/// A program that the tests need.
struct Program {
    /// Where the tests look for it.
    variable: &'static str,
    /// What it is, for the person who waits for it.
    what: &'static str,
    /// Its names.
    names: &'static [&'static str],
    /// The package of Debian that holds it.
    package: &'static str,
}

const PROGRAMS: [Program; 2] = [
    Program {
        variable: "GROWTHCTL_TEST_CHROMIUM",
        what: "Chromium",
        // Its own, and those of its twin by Google.
        names: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
        package: "chromium",
    },
    Program {
        variable: "GROWTHCTL_TEST_CHROMEDRIVER",
        what: "the driver of Chromium",
        names: &["chromedriver"],
        package: "chromium-driver",
    },
];

/// Returns the variables that tell the tests where both are, without those that somebody has set already.
pub(crate) fn find_or_install() -> Result<Vec<(&'static str, PathBuf)>> {
    let missing = PROGRAMS.iter().filter(|program| env::var_os(program.variable).is_none());
    missing.map(|program| Ok((program.variable, program.find_or_install()?))).collect()
}

impl Program {
    fn find_or_install(&self) -> Result<PathBuf> {
        let Self { what, names, package, .. } = self;
        let find = || names.iter().copied().find_map(process::on_path);
        if let Some(program) = find() {
            return Ok(program);
        }
        debian::install(package, what)?;
        find().with_context(|| format!("the package {package} is installed, yet {what} is not found"))
    }
}

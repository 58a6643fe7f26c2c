//! Chromium, in which the tests open pages: found or installed.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{debian, process};

/// Where the tests look for it.
const CHROMIUM: &str = "GROWTHCTL_TEST_CHROMIUM";
/// The names of the program, and of its twin by Google.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// The package of Debian that holds it.
const PACKAGE: &str = "chromium";

/// Returns the variable that tells the tests where Chromium is; nothing where somebody has set it already.
pub(crate) fn find_or_install() -> Result<Option<(&'static str, PathBuf)>> {
    if env::var_os(CHROMIUM).is_some() {
        return Ok(None);
    }
    let find = || PROGRAMS.into_iter().find_map(process::on_path);
    if let Some(program) = find() {
        return Ok(Some((CHROMIUM, program)));
    }
    debian::install(PACKAGE, "Chromium")?;
    let program =
        find().with_context(|| format!("the package {PACKAGE} is installed, yet {PACKAGE} is not found"))?;
    Ok(Some((CHROMIUM, program)))
}

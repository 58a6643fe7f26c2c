//! Installing a missing program on Debian and its relatives, where that is allowed.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::process;
use crate::terminal;

/// Installs a package with apt.
///
/// It runs as root, or by a `sudo` that asks for no password. Anywhere else the error names the package and the
/// command that a person would give.
pub(crate) fn install(package: &str, missing: &str) -> Result<()> {
    if process::on_path("apt-get").is_none() {
        bail!("{missing} not found; install the package `{package}` of your system");
    }
    let Some(sudo) = root_prefix() else {
        bail!("{missing} not found; install it with `sudo apt-get install {package}`");
    };
    terminal::progress(&format!("{missing} not found; installing the package {package}"));
    for step in [&["update"][..], &["install", "--yes", "--no-install-recommends", package]] {
        let words =
            sudo.iter().copied().chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]);
        let mut words = words.chain(step.iter().copied());
        let mut command = Command::new(words.next().unwrap_or("env"));
        // The installer's own report goes where progress goes: stdout is for results.
        command.args(words).stdin(Stdio::null()).stdout(std::io::stderr());
        if !process::passes(&mut command)? {
            bail!("cannot install the package `{package}`; {missing} not found");
        }
    }
    Ok(())
}

/// Returns what has to stand before a command for root to run it, or nothing where that takes a password.
fn root_prefix() -> Option<&'static [&'static str]> {
    if is_root() {
        return Some(&[]);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["--non-interactive", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    sudo.status().is_ok_and(|status| status.success()).then_some(&["sudo", "--non-interactive"])
}

/// Tells whether this process may do everything.
pub(crate) fn is_root() -> bool {
    process::stdout(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

//! What other projects make for the tests to work with, at the versions of the lock files in `xtask/clients`:
//! Segment's own clients, which send events, and readers of reports, namely Mermaid and a linter of Markdown.
//!
//! They are installed under the target directory, each in a folder whose name tells what it was made of. A folder gets
//! its name when all is in it, so that one which is there is whole, and two tasks may install at the same time.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::metadata::Metadata;
use crate::{debian, process, terminal};

/// Where the tests look for the `node_modules` with Segment's client for Node.
const NODE: &str = "GROWTHCTL_TEST_NODE_CLIENT";
/// Where the tests look for a Python that has Segment's client.
const PYTHON: &str = "GROWTHCTL_TEST_PYTHON_CLIENT";

/// Where the tests look for the `node_modules` with what reads reports.
const READERS: &str = "GROWTHCTL_TEST_REPORT_READERS";

/// Tells whether a Python can make environments: Debian's can only with a further package.
const MAKES_ENVIRONMENTS: &str = "import ensurepip, venv";
/// Tells one Python from another: an environment belongs to the one that made it.
const WHICH_PYTHON: &str = "import sys; print(sys.version, sys.base_prefix)";

/// Installs the clients that are not there yet, and returns the variables that tell the tests where they are.
///
/// A client whose variable is set already is left to whoever set it.
pub(crate) fn install() -> Result<Vec<(&'static str, PathBuf)>> {
    let missing = |name: &&str| env::var_os(name).is_none();
    let mut variables = Vec::new();
    for name in [NODE, PYTHON, READERS].into_iter().filter(missing) {
        let target = Metadata::read()?.target.join("test-clients");
        let place = match name {
            NODE => npm(&target, "node").context("cannot install Segment's client for Node")?,
            PYTHON => python(&target).context("cannot install Segment's client for Python")?,
            _ => npm(&target, "readers").context("cannot install the readers of reports")?,
        };
        variables.push((name, place));
    }
    Ok(variables)
}

/// Installs the packages of a folder of `xtask/clients`, and returns the folder of the installed modules.
fn npm(target: &Path, name: &str) -> Result<PathBuf> {
    for (program, package) in [("node", "nodejs"), ("npm", "npm")] {
        find_or_install(program, package)?;
    }
    let source = process::root().join("xtask/clients").join(name);
    let files = ["package.json", "package-lock.json"];
    let mut made_of = Vec::new();
    for file in files {
        made_of.push(read(&source.join(file))?);
    }
    let folder = installed(target, name, &made_of, |folder| {
        for (file, text) in files.iter().zip(&made_of) {
            fs::write(folder.join(file), text)?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
        process::stdout(&mut npm).map(drop)
    })?;
    Ok(folder.join("node_modules"))
}

/// Returns the Python of the environment.
fn python(target: &Path) -> Result<PathBuf> {
    find_or_install("python3", "python3")?;
    let ask = |code: &str| process::stdout(Command::new("python3").args(["-c", code]));
    if ask(MAKES_ENVIRONMENTS).is_err() {
        debian::install("python3-venv", "Python's ensurepip")?;
    }
    let requirements = process::root().join("xtask/clients/python/requirements.txt");
    let made_of = [read(&requirements)?, ask(WHICH_PYTHON)?];
    let python = |folder: &Path| folder.join("bin/python");
    let folder = installed(target, "python", &made_of, |folder| {
        process::stdout(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let mut pip = Command::new(python(folder));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        // What the file names with its hash and nothing else, and nothing that runs code to be installed.
        pip.args(["--require-hashes", "--no-deps", "--only-binary=:all:", "--requirement"])
            .arg(&requirements);
        process::stdout(&mut pip).map(drop)
    })?;
    Ok(python(&folder))
}

fn find_or_install(program: &str, package: &str) -> Result<()> {
    if process::on_path(program).is_none() {
        debian::install(package, program)?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Returns the folder of what `made_of` gives; `fill` is called where it is not there yet.
fn installed(
    target: &Path,
    name: &str,
    made_of: &[String],
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    made_of.hash(&mut hasher);
    let folder = target.join(format!("{name}-{:016x}", hasher.finish()));
    if folder.is_dir() {
        return Ok(folder);
    }
    terminal::progress(&format!("installing test clients ({name}) in {}", folder.display()));
    let unfinished = folder.with_extension(std::process::id().to_string());
    fs::create_dir_all(&unfinished)?;
    let filled = fill(&unfinished);
    if filled.is_ok() && fs::rename(&unfinished, &folder).is_ok() {
        return Ok(folder);
    }
    let _ = fs::remove_dir_all(&unfinished);
    filled?;
    // Another task was faster.
    ensure!(folder.is_dir(), "cannot make the folder {}", folder.display());
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use anyhow::bail;

    use super::installed;
    use crate::scratch::Scratch;

    #[test]
    fn what_is_whole_is_installed_once_for_what_it_is_made_of() {
        let scratch = Scratch::new("clients").expect("a folder");
        let install = |version: &str, whole: bool| {
            let mut called = false;
            let folder = installed(scratch.path(), "x", &[version.to_owned()], |folder| {
                called = true;
                fs::write(folder.join("file"), version)?;
                if whole { Ok(()) } else { bail!("no network") }
            });
            (folder.ok().map(|folder| fs::read_to_string(folder.join("file")).expect("the file")), called)
        };
        assert_eq!(install("1", false), (None, true));
        assert_eq!(fs::read_dir(scratch.path()).expect("a folder").count(), 0, "nothing is left of it");
        for (version, called) in [("1", true), ("1", false), ("2", true), ("1", false)] {
            assert_eq!(install(version, true), (Some(version.to_owned()), called));
        }
        assert_eq!(fs::read_dir(scratch.path()).expect("a folder").count(), 2);
    }
}

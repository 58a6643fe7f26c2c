//! Programs and libraries of other languages that tasks use: at the versions of their lock files, in the target directory.
//!
//! Each is in a folder whose name tells what it was made of. A folder gets its name when all is in it, so that one which
//! is there is whole, and two tasks may install at the same time.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{debian, process, terminal};

/// Tells whether a Python can make environments: Debian's can only with a further package.
const MAKES_ENVIRONMENTS: &str = "import ensurepip, venv";
/// Tells one Python from another: an environment belongs to the one that made it.
const WHICH_PYTHON: &str = "import sys; print(sys.version, sys.base_prefix)";

/// A folder that is to be there.
pub(crate) struct Install<'a> {
    /// The folder in which each version has its own.
    pub(crate) within: &'a Path,
    /// How the folder's name begins.
    pub(crate) name: &'a str,
    /// What is installed, for the person who waits for it.
    pub(crate) what: &'a str,
}

impl Install<'_> {
    /// Returns the folder of what `made_of` gives; `fill` is called where it is not there yet.
    pub(crate) fn folder(
        &self,
        made_of: &[String],
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let mut hasher = DefaultHasher::new();
        made_of.hash(&mut hasher);
        let folder = self.within.join(format!("{}-{:016x}", self.name, hasher.finish()));
        if folder.is_dir() {
            return Ok(folder);
        }
        terminal::progress(&format!("installing {} in {}", self.what, folder.display()));
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

    /// Returns the folder of modules for Node, made of the `package.json` and `package-lock.json` of a folder.
    pub(crate) fn node(&self, source: &Path) -> Result<PathBuf> {
        for (program, package) in [("node", "nodejs"), ("npm", "npm")] {
            find_or_install(program, package)?;
        }
        let files = ["package.json", "package-lock.json"];
        let mut made_of = Vec::new();
        for file in files {
            made_of.push(read(&source.join(file))?);
        }
        let folder = self.folder(&made_of, |folder| {
            for (file, text) in files.iter().zip(&made_of) {
                fs::write(folder.join(file), text)?;
            }
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
            process::stdout(&mut npm).map(drop)
        })?;
        Ok(folder.join("node_modules"))
    }

    /// Returns the folder of an environment's programs, its Python among them, made of a `requirements.txt`.
    pub(crate) fn python(&self, requirements: &Path) -> Result<PathBuf> {
        find_or_install("python3", "python3")?;
        let ask = |code: &str| process::stdout(Command::new("python3").args(["-c", code]));
        if ask(MAKES_ENVIRONMENTS).is_err() {
            debian::install("python3-venv", "Python's ensurepip")?;
        }
        let made_of = [read(requirements)?, ask(WHICH_PYTHON)?];
        let programs = |folder: &Path| folder.join("bin");
        let folder = self.folder(&made_of, |folder| {
            process::stdout(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
            let mut pip = Command::new(programs(folder).join("python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            // What the file names with its hash and nothing else, and nothing that runs code to be installed.
            pip.args(["--require-hashes", "--no-deps", "--only-binary=:all:", "--requirement"])
                .arg(requirements);
            process::stdout(&mut pip).map(drop)
        })?;
        Ok(programs(&folder))
    }
}

/// Installs the package of a program that is not there.
pub(crate) fn find_or_install(program: &str, package: &str) -> Result<()> {
    if process::on_path(program).is_none() {
        debian::install(package, program)?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use anyhow::bail;

    use super::Install;
    use crate::scratch::Scratch;

    #[test]
    fn what_is_whole_is_installed_once_for_what_it_is_made_of() {
        let scratch = Scratch::new("installs").expect("a folder");
        let install = |version: &str, whole: bool| {
            let mut called = false;
            let x = Install { within: scratch.path(), name: "x", what: "x" };
            let folder = x.folder(&[version.to_owned()], |folder| {
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

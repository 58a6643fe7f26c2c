//! Folders for what a task throws away.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use anyhow::{Context, Result};

/// Makes a new folder among the temporary files, which nothing removes by itself.
pub(crate) fn folder(purpose: &str) -> Result<PathBuf> {
    let base = env::temp_dir();
    for n in 0_u32.. {
        let folder = base.join(format!("growthctl-{purpose}-{}-{n}", process::id()));
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => {
                made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
                return Ok(folder);
            }
        }
    }
    unreachable!("the numbers do not end")
}

/// A folder that is removed with all that is in it when this value is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes a new folder whose name begins with what it is for.
    pub(crate) fn new(purpose: &str) -> Result<Self> {
        folder(purpose).map(Self)
    }

    /// Returns the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

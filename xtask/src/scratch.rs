//! Folders for what a task throws away.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use anyhow::{Context, Result};

use crate::process;

/// What must be free in memory before anything is put there.
const ROOM_KIB: u64 = 2 << 20;

/// Makes a new folder among the temporary files, which nothing removes by itself.
pub(crate) fn folder(purpose: &str) -> Result<PathBuf> {
    folder_in(&env::temp_dir(), purpose)
}

/// Makes a new folder in memory where the system has one with room, and else among the temporary files.
///
/// Many small files are made and removed there tens of times faster. `TMPDIR` overrides the choice.
pub(crate) fn folder_in_memory(purpose: &str) -> Result<PathBuf> {
    let memory = Path::new("/dev/shm");
    if env::var_os("TMPDIR").is_none()
        && free_kib(memory).is_some_and(|kib| kib > ROOM_KIB)
        && let Ok(folder) = folder_in(memory, purpose)
    {
        return Ok(folder);
    }
    folder(purpose)
}

fn folder_in(base: &Path, purpose: &str) -> Result<PathBuf> {
    for n in 0_u32.. {
        let folder = base.join(format!("growthctl-{purpose}-{}-{n}", std::process::id()));
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

fn free_kib(folder: &Path) -> Option<u64> {
    let table = process::stdout(Command::new("df").arg("-Pk").arg(folder)).ok()?;
    table.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
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

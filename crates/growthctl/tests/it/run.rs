//! Running the binary in a folder of its own, with nothing of the developer's environment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A home folder, a working folder and a database, all empty.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) database_url: String,
}

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database_url = format!("sqlite://{}", folder.path().join("test.db").display());
        Self { folder, database_url }
    }

    pub(crate) fn with_database(url: &str) -> Self {
        Self { database_url: url.to_owned(), ..Self::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The command without any settings but a home folder.
    pub(crate) fn bare(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_growthctl"));
        command.env_clear().env("HOME", self.folder.path()).current_dir(self.folder.path());
        command
    }

    /// Runs against this place's database.
    pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        let mut command = self.bare();
        command.env("DATABASE_URL", &self.database_url).args(args);
        ran(&mut command)
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.bare();
        command.env("DATABASE_URL", &self.database_url).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that has seen enough reads no further.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        finished(child.wait_with_output().unwrap())
    }

    /// The whole history's report as JSON.
    pub(crate) fn report(&self) -> Value {
        let ran = self.run(["report", "--days", "3650", "--as-of", "2026-01-01", "--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    finished(command.stdin(Stdio::null()).output().unwrap())
}

fn finished(output: std::process::Output) -> Ran {
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Stripe's recorded objects, which are not part of the project; `None` where they are not beside it.
pub(crate) fn recorded(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/stripe-data").join(name);
    path.exists().then_some(path)
}

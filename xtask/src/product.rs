//! The programs of this workspace that tasks run: growthctl, what sends it webhooks, what takes pictures of it, and
//! what answers as Stripe does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::metadata::Metadata;
use crate::process;

/// What a developer's shell may hold and a task must never reach.
pub(crate) const REAL_ACCOUNTS: [&str; 4] =
    ["DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE"];

/// The programs, built.
pub(crate) struct Product {
    folder: PathBuf,
}

impl Product {
    /// Builds them as they are shipped.
    pub(crate) fn release() -> Result<Self> {
        let packages = ["--package", "growthctl", "--package", "growth-testkit"];
        let mut build = process::cargo(&["build", "--release", "--locked", "--bins"]);
        Self::built_by(build.args(packages), "release")
    }

    /// Builds them as the tests do, so that nothing is compiled again after `cargo xtask test`.
    pub(crate) fn as_tested() -> Result<Self> {
        Self::built_by(
            &mut process::cargo(&["test", "--workspace", "--locked", "--no-run", "--quiet"]),
            "debug",
        )
    }

    fn built_by(build: &mut Command, profile: &str) -> Result<Self> {
        // Where results go, cargo has nothing to say.
        ensure!(process::passes(build.stdout(std::io::stderr()))?, "the programs do not build");
        Ok(Self { folder: Metadata::read()?.target.join(profile) })
    }

    /// Makes a call of growthctl that finds neither a settings file nor a database on its own.
    pub(crate) fn growthctl(&self, folder: &Path) -> Command {
        let mut command = Command::new(self.folder.join("growthctl"));
        command.current_dir(folder);
        for name in REAL_ACCOUNTS {
            command.env_remove(name);
        }
        process::without_postgres_variables(&mut command);
        command
    }

    /// Makes a call of the sender of webhooks.
    pub(crate) fn webhook_load(&self, mode: &str) -> Command {
        let mut command = Command::new(self.folder.join("webhook-load"));
        command.arg(mode);
        process::without_postgres_variables(&mut command);
        command
    }

    /// Makes a call of the server that answers as Stripe's API does.
    pub(crate) fn fake_stripe(&self, address: SocketAddr, key: &str) -> Command {
        let mut command = Command::new(self.folder.join("fake-stripe"));
        command.args(["--listen", &address.to_string(), "--secret", key]);
        command
    }

    /// Makes a call of what takes pictures of a dashboard.
    pub(crate) fn dashboard_pictures(&self) -> Command {
        let mut command = Command::new(self.folder.join("dashboard-pictures"));
        process::without_postgres_variables(&mut command);
        command
    }

    /// Makes a call of what writes users and events as a script for an engine's client.
    pub(crate) fn product_history(&self, what: &str) -> Command {
        let mut command = Command::new(self.folder.join("product-history"));
        command.arg(what);
        command
    }

    /// Writes an NDJSON file of recorded Stripe events, of the year before `as_of` or before now.
    pub(crate) fn record_events(&self, file: &Path, events: u64, as_of: Option<&str>) -> Result<()> {
        let mut demo = self.growthctl(file.parent().unwrap_or(Path::new(".")));
        demo.arg("demo").arg("--events").arg(file).args(["--stripe-events", &events.to_string()]);
        demo.args(as_of.into_iter().flat_map(|as_of| ["--as-of", as_of]));
        process::stdout(&mut demo).map(drop)
    }
}

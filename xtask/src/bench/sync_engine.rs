//! The Node sync engine for Stripe: what other products take to keep Stripe's objects in a database of their own.
//!
//! It comes from npm, at the versions of `xtask/peers/stripe-sync-engine/package-lock.json`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::server::{SECRET, Server};
use crate::{ports, process, terminal};

const FILES: [&str; 4] = ["package.json", "package-lock.json", "server.cjs", "backfill.cjs"];
const PACKAGE: &str = "@supabase/stripe-sync-engine";

/// The engine, installed.
pub(super) struct SyncEngine {
    folder: PathBuf,
    name: String,
}

impl SyncEngine {
    /// Installs the engine in a folder.
    pub(super) fn install(folder: &Path) -> Result<Self> {
        for program in ["node", "npm"] {
            ensure!(
                process::on_path(program).is_some(),
                "{program} not found; on Debian and Ubuntu install it with `sudo apt-get install {program}`"
            );
        }
        let folder = folder.join("sync-engine");
        fs::create_dir(&folder)?;
        let source = process::root().join("xtask/peers/stripe-sync-engine");
        for file in FILES {
            fs::copy(source.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        terminal::progress(&format!("installing {PACKAGE}"));
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
        process::stdout(&mut npm)?;
        let package: Value = serde_json::from_slice(&fs::read(folder.join("package.json"))?)?;
        let version = package["dependencies"][PACKAGE].as_str().context("package.json names no version")?;
        Ok(Self { folder, name: format!("{PACKAGE} {version}") })
    }

    /// Returns what it is, with its version.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Starts it on an empty database.
    pub(super) fn serve(&self, database_url: &str) -> Result<Server> {
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let mut node = Command::new("node");
        node.args(["server.cjs", database_url, &address.port().to_string(), SECRET]);
        process::without_postgres_variables(node.current_dir(&self.folder).env("NODE_ENV", "production"));
        Server::spawn(&mut node, address, self.folder.join("server.log"))
    }

    /// Makes a call that makes its tables in an empty database.
    pub(super) fn migrate(&self, database_url: &str) -> Command {
        let mut node = self.backfill();
        node.args(["migrate", database_url]);
        node
    }

    /// Makes a call that brings in all objects of some kinds, and tells how many of each.
    pub(super) fn sync(&self, database_url: &str, stripe: &Server, key: &str, objects: &[&str]) -> Command {
        let mut node = self.backfill();
        node.args(["sync", database_url, &stripe.port().to_string(), key]).args(objects);
        node
    }

    /// Makes a call that pages through all customers with Stripe's own client, stores nothing, and tells how many.
    pub(super) fn list(&self, stripe: &Server, key: &str) -> Command {
        let mut node = self.backfill();
        node.args(["list", &stripe.port().to_string(), key]);
        node
    }

    fn backfill(&self) -> Command {
        let mut node = Command::new("node");
        node.arg("backfill.cjs").current_dir(&self.folder).env("NODE_ENV", "production");
        process::without_postgres_variables(&mut node);
        node
    }

    /// Fails where it was quick because it did not do its work.
    pub(super) fn did_its_work(&self, server: &Server) -> Result<()> {
        let counts = server.get("/")?;
        let count =
            |name: &str| counts[name].as_u64().with_context(|| format!("no count of {name}: {counts}"));
        let (synced, skipped, failed) = (count("synced")?, count("skipped")?, count("failed")?);
        ensure!(failed == 0 && skipped * 10 < synced, "{} did little: {counts}{}", self.name, server.said());
        Ok(())
    }
}

//! What cargo knows of the workspace and of every package it builds on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// The parts of `cargo metadata` that tasks use.
pub(crate) struct Metadata {
    /// The folder of what cargo builds.
    pub(crate) target: PathBuf,
    /// Every package that some member needs on some platform, the members included.
    pub(crate) packages: Vec<Package>,
}

/// One version of one package.
pub(crate) struct Package {
    /// Its name in the registry.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its licence as an SPDX expression, where it states one.
    pub(crate) licence: Option<String>,
    /// Where it comes from; a path has none.
    pub(crate) source: Option<String>,
    /// Whether it is part of this workspace.
    pub(crate) member: bool,
}

impl Metadata {
    /// Asks cargo.
    pub(crate) fn read() -> Result<Self> {
        let text = process::stdout(&mut process::cargo(&["metadata", "--format-version=1", "--locked"]))?;
        let json: Value = serde_json::from_str(&text).context("cargo metadata printed no JSON")?;
        Self::parse(&json).context("cargo metadata printed something unexpected")
    }

    fn parse(json: &Value) -> Option<Self> {
        let members = ids(&json["workspace_members"])?;
        // The lock file also lists what no enabled feature asks for; the resolved graph does not.
        let needed: BTreeSet<&str> = reachable(&json["resolve"]["nodes"], &members)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let packages = json["packages"].as_array()?.iter().filter_map(|package| {
            let id = package["id"].as_str()?;
            needed.contains(id).then(|| {
                Some(Package {
                    name: text(&package["name"])?,
                    version: text(&package["version"])?,
                    licence: text(&package["license"]),
                    source: text(&package["source"]),
                    member: members.contains(id),
                })
            })
        });
        Some(Self {
            target: json["target_directory"].as_str()?.into(),
            packages: packages.collect::<Option<_>>()?,
        })
    }
}

fn ids(list: &Value) -> Option<BTreeSet<&str>> {
    list.as_array()?.iter().map(Value::as_str).collect()
}

fn reachable<'a>(nodes: &'a Value, from: &BTreeSet<&'a str>) -> Option<BTreeSet<&'a str>> {
    let nodes = nodes.as_array()?;
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = from.iter().copied().collect();
    while let Some(id) = next.pop() {
        if reached.insert(id) {
            let node = nodes.iter().find(|node| node["id"] == id)?;
            next.extend(ids(&node["dependencies"])?);
        }
    }
    Some(reached)
}

//! Segment's own clients, for the tests that send with them: at the versions of the lock files in `xtask/clients`.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::installs::Install;
use crate::metadata::Metadata;
use crate::process;

/// Where the tests look for the `node_modules` with Segment's client for Node.
const NODE: &str = "GROWTHCTL_TEST_NODE_CLIENT";
/// Where the tests look for a Python that has Segment's client.
const PYTHON: &str = "GROWTHCTL_TEST_PYTHON_CLIENT";

/// Installs the clients that are not there yet, and returns the variables that tell the tests where they are.
///
/// A client whose variable is set already is left to whoever set it.
pub(crate) fn install() -> Result<Vec<(&'static str, PathBuf)>> {
    let missing = |name: &str| env::var_os(name).is_none();
    let mut variables = Vec::new();
    if missing(NODE) || missing(PYTHON) {
        let target = Metadata::read()?.target.join("test-clients");
        let source = process::root().join("xtask/clients");
        if missing(NODE) {
            let what = "Segment's client for Node";
            let client = Install { within: &target, name: "node", what };
            let modules = client.node(&source.join("node"));
            variables.push((NODE, modules.with_context(|| format!("cannot install {what}"))?));
        }
        if missing(PYTHON) {
            let what = "Segment's client for Python";
            let client = Install { within: &target, name: "python", what };
            let programs = client.python(&source.join("python/requirements.txt"));
            let python = programs.with_context(|| format!("cannot install {what}"))?.join("python");
            variables.push((PYTHON, python));
        }
    }
    Ok(variables)
}

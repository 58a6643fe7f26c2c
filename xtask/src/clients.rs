//! What other projects make for the tests to work with, at the versions of the lock files in `xtask/clients`:
//! Segment's own clients, which send events, and readers of reports and pages, namely Mermaid, a linter of
//! Markdown, and axe, which looks for barriers in pages.

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
/// Where the tests look for the `node_modules` with what reads reports and pages.
const READERS: &str = "GROWTHCTL_TEST_REPORT_READERS";

/// Installs the clients that are not there yet, and returns the variables that tell the tests where they are.
///
/// A client whose variable is set already is left to whoever set it.
pub(crate) fn install() -> Result<Vec<(&'static str, PathBuf)>> {
    let missing = |name: &&str| env::var_os(name).is_none();
    let source = process::root().join("xtask/clients");
    let mut variables = Vec::new();
    for variable in [NODE, PYTHON, READERS].into_iter().filter(missing) {
        let within = Metadata::read()?.target.join("test-clients");
        let (name, what) = match variable {
            NODE => ("node", "Segment's client for Node"),
            PYTHON => ("python", "Segment's client for Python"),
            _ => ("readers", "the readers of reports"),
        };
        let client = Install { within: &within, name, what };
        let place = match variable {
            PYTHON => {
                let programs = client.python(&source.join("python/requirements.txt"));
                programs.map(|programs| programs.join("python"))
            }
            _ => client.node(&source.join(name)),
        };
        variables.push((variable, place.with_context(|| format!("cannot install {what}"))?));
    }
    Ok(variables)
}

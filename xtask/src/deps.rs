//! The rules that dependencies keep.
//!
//! They stand once, in `deny.toml`, where cargo-deny reads them too. Where cargo-deny is installed it judges; this
//! module knows the same rules for everybody else, and takes a second instead of minutes to build:
//!
//! * every licence is one of `[licenses] allow`,
//! * nothing of `[bans] deny` is built on; an entry with `deny-multiple-versions` is welcome, once,
//! * everything comes from crates.io or from this workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::metadata::{Metadata, Package};
use crate::{process, terminal};

const RULES: &str = "deny.toml";
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every dependency and returns whether all rules are kept.
pub(crate) fn check() -> Result<bool> {
    if process::on_path("cargo-deny").is_some() {
        // Advisories need a database from the network, so they are no part of a check that must not change by itself.
        let mut deny = process::cargo(&["deny", "--locked", "check", "licenses", "bans", "sources"]);
        return process::passes(deny.stdin(Stdio::null()));
    }
    let text =
        fs::read_to_string(process::root().join(RULES)).with_context(|| format!("cannot read {RULES}"))?;
    let rules = Rules::parse(&text)?;
    let packages = Metadata::read()?.packages;
    terminal::progress(&format!("checking {} packages against {RULES}", packages.len()));
    let broken = rules.broken_by(&packages);
    for complaint in &broken {
        terminal::progress(&format!("error: {complaint}"));
    }
    Ok(broken.is_empty())
}

/// What `deny.toml` allows and forbids.
#[derive(Debug, PartialEq, Eq)]
struct Rules {
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
    single: BTreeSet<String>,
}

impl Rules {
    /// Reads the lists of `deny.toml`, which has one item a line.
    fn parse(text: &str) -> Result<Self> {
        let licences = items(text, "licenses", "allow").filter_map(quoted).map(str::to_owned).collect();
        let mut rules = Self { licences, banned: BTreeSet::new(), single: BTreeSet::new() };
        for item in items(text, "bans", "deny") {
            let name = item.split_once("crate =").and_then(|(_, rest)| quoted(rest));
            let name = name.with_context(|| format!("{RULES}: no crate in `{item}`"))?;
            let set = if item.contains("deny-multiple-versions = true") {
                &mut rules.single
            } else {
                &mut rules.banned
            };
            set.insert(name.to_owned());
        }
        ensure!(
            ![&rules.licences, &rules.banned, &rules.single].iter().any(|set| set.is_empty()),
            "{RULES}: a list is missing, or not written with one item a line"
        );
        Ok(rules)
    }

    fn broken_by(&self, packages: &[Package]) -> Vec<String> {
        let mut broken = Vec::new();
        let mut versions = BTreeMap::<&str, Vec<&str>>::new();
        for package in packages {
            let Package { name, version, licence, source, member } = package;
            versions.entry(name).or_default().push(version);
            if self.banned.contains(name) {
                broken.push(format!("{name} {version} is banned"));
            }
            match source.as_deref() {
                Some(CRATES_IO) => {}
                None if *member => {}
                None => broken.push(format!("{name} {version} comes from a folder outside of the workspace")),
                Some(source) => {
                    broken.push(format!("{name} {version} comes from {source}, not from crates.io"));
                }
            }
            match licence {
                None => broken.push(format!("{name} {version} states no licence")),
                Some(licence) if !allows(licence, &self.licences) => {
                    broken.push(format!("{name} {version} has the licence {licence}, which is not allowed"));
                }
                Some(_) => {}
            }
        }
        for (name, versions) in versions {
            if versions.len() > 1 && self.single.contains(name) {
                broken.push(format!("{name} is built in several versions: {}", versions.join(", ")));
            }
        }
        broken
    }
}

/// Returns the lines between `key = [` of a section and the `]` that closes it.
fn items<'a>(text: &'a str, section: &str, key: &str) -> impl Iterator<Item = &'a str> {
    let (header, opening) = (format!("[{section}]"), format!("{key} = ["));
    let lines = text.lines().map(str::trim);
    lines
        .skip_while(move |line| *line != header)
        .skip_while(move |line| *line != opening)
        .skip(1)
        .take_while(|line| *line != "]")
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn quoted(text: &str) -> Option<&str> {
    text.split('"').nth(1)
}

/// Tells whether an SPDX expression can be met with licences of a set.
///
/// `AND` binds stronger than `OR`; `a/b` is the old way to write `a OR b`; `WITH` and its exception belong to the
/// licence before them.
fn allows(expression: &str, licences: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let allowed = any(&mut words, licences);
    allowed && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, licences: &BTreeSet<String>) -> bool {
    let mut allowed = all(words, licences);
    while words.next_if_eq(&"OR").is_some() {
        allowed |= all(words, licences);
    }
    allowed
}

fn all(words: &mut Words<'_>, licences: &BTreeSet<String>) -> bool {
    let mut allowed = one(words, licences);
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words, licences);
    }
    allowed
}

fn one(words: &mut Words<'_>, licences: &BTreeSet<String>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let allowed = any(words, licences);
        return words.next_if_eq(&")").is_some() && allowed;
    }
    let Some(licence) = words.next() else { return false };
    if words.next_if_eq(&"WITH").is_none() {
        return licences.contains(licence);
    }
    words.next().is_some_and(|exception| licences.contains(&format!("{licence} WITH {exception}")))
}

#[cfg(test)]
mod tests {
    use super::{CRATES_IO, Package, RULES, Rules, allows};
    use crate::process;

    fn set(names: &[&str]) -> std::collections::BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: Some("MIT".to_owned()),
            source: Some(CRATES_IO.to_owned()),
            member: false,
        }
    }

    #[test]
    fn expressions_are_met_by_their_choices() {
        let licences = set(&["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]);
        for met in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "MIT AND ISC", "ISC AND (MIT OR GPL-3.0)"] {
            assert!(allows(met, &licences), "{met}");
        }
        assert!(allows("Apache-2.0 WITH LLVM-exception", &licences));
        for unmet in
            ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "MIT WITH LLVM-exception", "(MIT", "MIT ISC", ""]
        {
            assert!(!allows(unmet, &licences), "{unmet}");
        }
        // OR is the weaker one: this is GPL-3.0, or both others.
        assert!(allows("GPL-3.0 OR MIT AND ISC", &licences));
    }

    #[test]
    fn the_rules_of_the_workspace_can_be_read() {
        let text = std::fs::read_to_string(process::root().join(RULES)).expect("rules");
        let rules = Rules::parse(&text).expect("three lists");
        assert!(rules.licences.contains("MIT"));
        assert!(rules.banned.contains("openssl"));
        assert!(rules.single.contains("sqlx"));
    }

    #[test]
    fn each_rule_is_enforced() {
        let rules = Rules { licences: set(&["MIT"]), banned: set(&["openssl"]), single: set(&["tokio"]) };
        let fine = [package("a", "1.0.0"), package("a", "2.0.0"), package("tokio", "1.0.0")];
        assert_eq!(rules.broken_by(&fine), [""; 0]);
        let broken = |packages: &[Package]| rules.broken_by(packages).join("; ");
        assert_eq!(broken(&[package("openssl", "0.10.0")]), "openssl 0.10.0 is banned");
        assert_eq!(
            broken(&[package("tokio", "0.3.0"), package("tokio", "1.0.0")]),
            "tokio is built in several versions: 0.3.0, 1.0.0"
        );
        let git = Package { source: Some("git+https://example.com/a".to_owned()), ..package("a", "1.0.0") };
        assert_eq!(broken(&[git]), "a 1.0.0 comes from git+https://example.com/a, not from crates.io");
        let folder = || Package { source: None, ..package("a", "1.0.0") };
        assert_eq!(broken(&[folder()]), "a 1.0.0 comes from a folder outside of the workspace");
        assert_eq!(broken(&[Package { member: true, ..folder() }]), "");
        let licence =
            |licence: Option<&str>| Package { licence: licence.map(str::to_owned), ..package("a", "1.0.0") };
        assert_eq!(broken(&[licence(None)]), "a 1.0.0 states no licence");
        assert_eq!(broken(&[licence(Some("SSPL"))]), "a 1.0.0 has the licence SSPL, which is not allowed");
    }
}

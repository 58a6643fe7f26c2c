//! `cargo xtask test`: every test, with the servers and clients it needs.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::pgbouncer::{Mode, Pooler};
use crate::postgres::{Cluster, Durability};
use crate::product::REAL_ACCOUNTS;
use crate::{chromium, clients, installs, process, terminal};

/// Where the tests look for a PostgreSQL in which they may make and drop databases.
const POSTGRES_URL: &str = "GROWTHCTL_TEST_POSTGRES_URL";
/// Where they look for a pooler before it that lends out connections by transaction.
const PGBOUNCER_URL: &str = "GROWTHCTL_TEST_PGBOUNCER_URL";
/// And for one that lends them out by session.
const PGBOUNCER_SESSION_URL: &str = "GROWTHCTL_TEST_PGBOUNCER_SESSION_URL";

/// Runs `cargo test` with further arguments and prints one line for the sum of all its test programs.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let start = Instant::now();
    let mut cargo = process::cargo(&["test"]);
    if !names_packages(args) {
        cargo.arg("--workspace");
    }
    process::without_postgres_variables(&mut cargo);
    for name in REAL_ACCOUNTS {
        cargo.env_remove(name);
    }
    if env::var_os("CI").is_some() {
        // Every failure of a run is worth knowing, and a new snapshot is one.
        cargo.arg("--no-fail-fast").env("INSTA_UPDATE", "no");
    }
    let servers = if env::var_os(POSTGRES_URL).is_none() {
        let cluster = Cluster::start(Durability::None)?;
        cargo.env(POSTGRES_URL, cluster.url("postgres"));
        let poolers = [
            (PGBOUNCER_URL, Pooler::start(&cluster, Mode::Transaction)?),
            (PGBOUNCER_SESSION_URL, Pooler::start(&cluster, Mode::Session)?),
        ];
        for (name, pooler) in &poolers {
            cargo.env(name, pooler.url("postgres"));
        }
        terminal::progress(&format!(
            "PostgreSQL and PgBouncer started in {:.1} s",
            start.elapsed().as_secs_f64()
        ));
        Some((poolers, cluster))
    } else {
        None
    };
    cargo.envs(clients::install()?);
    cargo.envs(chromium::find_or_install()?);
    if cfg!(target_os = "linux") {
        // The steps of workflows, which are run there alone, call them.
        for program in ["curl", "jq"] {
            installs::find_or_install(program, program)?;
        }
    }
    cargo.args(args).stdout(Stdio::piped());
    terminal::progress(&format!("$ {}", process::shown(&cargo)));
    let mut child = cargo.spawn().context("cannot run cargo")?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            terminal::print_line(&line);
            tally.add(&String::from_utf8_lossy(&line));
        }
    }
    let status = child.wait()?;
    drop(servers);
    terminal::progress(&format!("took {:.1} s", start.elapsed().as_secs_f64()));
    terminal::print(&tally.to_string());
    // A process that a signal ended has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

/// Tells whether the arguments for cargo, which end at `--`, say which packages to test.
fn names_packages(args: &[String]) -> bool {
    let mut words = args.iter().map(String::as_str).take_while(|word| *word != "--");
    words.any(|word| {
        let name = word.split('=').next().unwrap_or(word);
        matches!(name, "--package" | "--workspace" | "--exclude" | "--manifest-path")
            || word.starts_with("-p")
    })
}

/// The sum of what the test programs of one run report.
#[derive(Default, PartialEq, Eq, Debug)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    /// Adds a line if it is a program's result: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let counts = result.split_once(". ").map_or("", |(_, counts)| counts);
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else { continue };
            let sum = match what {
                "passed" => &mut self.passed,
                "failed" => &mut self.failed,
                "ignored" => &mut self.ignored,
                _ => continue,
            };
            *sum += number.parse::<u64>().unwrap_or_default();
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.ignored > 0 { write!(f, ", {} skipped", self.ignored) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Tally, names_packages};

    #[test]
    fn results_of_several_programs_add_up() {
        let mut tally = Tally::default();
        tally.add("running 4 tests");
        tally.add(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s",
        );
        tally.add(
            "test result: FAILED. 2 passed; 5 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        );
        assert_eq!(tally, Tally { passed: 5, failed: 5, ignored: 1 });
        assert_eq!(tally.to_string(), "5 passed, 5 failed, 1 skipped");
    }

    #[test]
    fn a_named_package_takes_the_place_of_the_workspace() {
        let named = |words: &str| names_packages(&words.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert!(named("-p growth-db"));
        assert!(named("--package=growth-db a_filter"));
        assert!(!named("a_filter"));
        assert!(!named("a_filter -- -p"));
    }
}

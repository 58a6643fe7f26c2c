//! `cargo xtask bench`: the product's figures, each beside a peer measured in the same run.
//!
//! Absolute rates differ from machine to machine, and from hour to hour on a shared one. What a bench claims is
//! the ratio to its peer: the least that the same database needs for the same data.

mod backfill;
mod dashboard;
mod measure;
mod replay;
mod report;
mod sync_engine;
pub(crate) mod table;
mod track;
mod webhook;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::terminal;

/// How much a bench does.
#[derive(Debug, PartialEq, Eq)]
struct Size {
    /// How many events or objects it handles at least.
    events: u64,
    /// How often each figure is taken; the median counts.
    rounds: usize,
}

/// A bench's name and the bench, which returns its result as Markdown.
type Bench = (&'static str, fn(&Size) -> Result<String>);

const BENCHES: [Bench; 6] = [
    ("replay", replay::run),
    ("webhook", webhook::run),
    ("backfill", backfill::run),
    ("track", track::run),
    ("report", report::run),
    ("dashboard", dashboard::run),
];

/// Runs the benches that the arguments name, or all.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let (names, size) = parse(args)?;
    for (name, bench) in BENCHES {
        if names.is_empty() || names.contains(&name) {
            let result = bench(&size).with_context(|| format!("bench {name}"))?;
            terminal::print(&format!("## {name}\n\n{result}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(args: &[String]) -> Result<(Vec<&str>, Size)> {
    let mut names = Vec::new();
    let mut size = Size { events: 100_000, rounds: 3 };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64> {
            let value = words.next().with_context(|| format!("{word} needs a number"))?;
            value
                .parse()
                .ok()
                .filter(|n| *n > 0)
                .with_context(|| format!("{word} {value}: not a number above 0"))
        };
        match word.as_str() {
            "--events" => size.events = number()?,
            "--rounds" => size.rounds = usize::try_from(number()?)?,
            name if BENCHES.iter().any(|(known, _)| *known == name) => names.push(name),
            other => {
                let known = BENCHES.map(|(name, _)| name).join(", ");
                bail!("no bench is called {other}; there are: {known}");
            }
        }
    }
    Ok((names, size))
}

#[cfg(test)]
mod tests {
    use super::{Size, parse};

    #[test]
    fn names_and_sizes_are_read() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let args = words("replay --events 5 --rounds 1");
        assert_eq!(parse(&args).expect("valid"), (vec!["replay"], Size { events: 5, rounds: 1 }));
        for (wrong, why) in [
            (
                "nonsense",
                "no bench is called nonsense; there are: replay, webhook, backfill, track, report, dashboard",
            ),
            ("--events", "--events needs a number"),
            ("--rounds 0", "--rounds 0: not a number above 0"),
        ] {
            assert_eq!(parse(&words(wrong)).expect_err("invalid").to_string(), why);
        }
    }
}

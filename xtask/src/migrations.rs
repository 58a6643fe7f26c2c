//! Each migration exists for both engines, under the same number and name, and is known to the program.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use crate::{process, terminal};

/// The file that lists the migrations for the program to carry inside.
const LIST: &str = "crates/growth-db/src/migrate.rs";

/// Checks the two folders against each other and the list, and returns whether they agree.
pub(crate) fn check() -> Result<bool> {
    let list =
        fs::read_to_string(process::root().join(LIST)).with_context(|| format!("cannot read {LIST}"))?;
    let broken = broken(&files("postgres")?, &files("sqlite")?, &list);
    for complaint in &broken {
        terminal::progress(&format!("error: {complaint}"));
    }
    Ok(broken.is_empty())
}

fn files(engine: &str) -> Result<BTreeSet<String>> {
    let folder = process::root().join("migrations").join(engine);
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn broken(postgres: &BTreeSet<String>, sqlite: &BTreeSet<String>, list: &str) -> Vec<String> {
    let alone = |own: &BTreeSet<String>, other: &BTreeSet<String>, here: &str, there: &str| -> Vec<String> {
        own.difference(other)
            .map(|file| format!("migrations/{here}/{file} has no twin in migrations/{there}"))
            .collect()
    };
    let mut broken = alone(postgres, sqlite, "postgres", "sqlite");
    broken.extend(alone(sqlite, postgres, "sqlite", "postgres"));
    let mut previous = None;
    for file in postgres.intersection(sqlite) {
        let number = number(file);
        if number.is_none() {
            broken.push(format!("{file} is not named like 0001_what_it_brings.sql"));
        } else if number == previous {
            broken.push(format!("{file} has a number that another migration has"));
        } else if !list.contains(&format!("\"{}\"", file.trim_end_matches(".sql"))) {
            broken.push(format!("{file} is not listed in {LIST}"));
        }
        previous = number;
    }
    broken
}

/// Returns the number of `0001_what_it_brings.sql`, or nothing for a file that is named otherwise.
fn number(file: &str) -> Option<&str> {
    let (number, name) = file.strip_suffix(".sql")?.split_once('_')?;
    let named =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    (named && number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit())).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn twins_are_found_and_the_rest_is_named() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let list = r#"1 "0001_a" 2 "0002_b""#;
        assert_eq!(
            broken(&set(&["0001_a.sql", "0002_b.sql"]), &set(&["0001_a.sql", "0002_b.sql"]), list),
            [""; 0]
        );
        assert_eq!(
            broken(&set(&["0001_a.sql", "0002_b.sql"]), &set(&["0001_a.sql", "0002_c.sql"]), list),
            [
                "migrations/postgres/0002_b.sql has no twin in migrations/sqlite",
                "migrations/sqlite/0002_c.sql has no twin in migrations/postgres"
            ]
        );
        let crooked = set(&["0001_a.sql", "0001_b.sql", "0003_d.sql", "2_c.sql"]);
        assert_eq!(
            broken(&crooked, &crooked, list),
            [
                "0001_b.sql has a number that another migration has",
                "0003_d.sql is not listed in crates/growth-db/src/migrate.rs",
                "2_c.sql is not named like 0001_what_it_brings.sql"
            ]
        );
    }
}

//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

use crate::server::Server;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Posts as fast as it can.
    Post(Post),
    /// Inserts as the peer does.
    Direct(Direct),
    /// Posts as Stripe does on a bad day.
    Chaos(Chaos),
    /// Writes product events to a file.
    Lines(Lines),
    /// Posts product events to a collector.
    Collect(Collect),
    /// Reads a path of the dashboard's.
    Get(Get),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Get {
    pub(crate) server: Server,
    pub(crate) connections: usize,
    pub(crate) requests: u64,
    /// Whether new figures are asked for each time.
    pub(crate) anew: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) file: PathBuf,
    pub(crate) count: u64,
    pub(crate) users: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Collect {
    pub(crate) server: Server,
    pub(crate) connections: usize,
    pub(crate) requests: u64,
    /// How many events are in one request; 1 for the route of single calls.
    pub(crate) batch: u64,
    pub(crate) users: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) server: Server,
    pub(crate) events: PathBuf,
    pub(crate) connections: usize,
    pub(crate) limit: Option<usize>,
    pub(crate) kind: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Direct {
    pub(crate) database_url: String,
    pub(crate) events: PathBuf,
    pub(crate) connections: usize,
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chaos {
    pub(crate) server: Server,
    pub(crate) events: PathBuf,
    pub(crate) connections: usize,
    pub(crate) acknowledged: PathBuf,
    pub(crate) seed: u64,
    /// Of a hundred events, how many are sent twice; of those, as many are sent three times, and so on.
    pub(crate) duplicates: u64,
}

/// Reads the command line.
pub(crate) fn parse(args: &[String]) -> Result<Mode> {
    let (mode, args) = args.split_first().context("a mode is missing")?;
    let mut options = Options::parse(args)?;
    let mode = match mode.as_str() {
        "post" => Mode::Post(Post {
            server: options.server()?,
            events: options.required("--events")?,
            connections: options.connections()?,
            limit: options.optional("--limit")?,
            kind: options.optional("--kind")?,
        }),
        "direct" => Mode::Direct(Direct {
            database_url: options.required("--database-url")?,
            events: options.required("--events")?,
            connections: options.connections()?,
            limit: options.optional("--limit")?,
        }),
        "chaos" => Mode::Chaos(Chaos {
            server: options.server()?,
            events: options.required("--events")?,
            connections: options.connections()?,
            acknowledged: options.required("--acknowledged")?,
            seed: options.optional("--seed")?.unwrap_or(1),
            duplicates: options.optional("--duplicates")?.unwrap_or(20),
        }),
        "lines" => Mode::Lines(Lines {
            file: options.required("--events")?,
            count: options.required("--count")?,
            users: options.required("--users")?,
        }),
        "collect" => Mode::Collect(Collect {
            server: options.server()?,
            connections: options.connections()?,
            requests: options.required("--requests")?,
            batch: options.required("--batch")?,
            users: options.required("--users")?,
        }),
        "get" => Mode::Get(Get {
            server: options.server()?,
            connections: options.connections()?,
            requests: options.required("--requests")?,
            anew: options.optional("--anew")?.unwrap_or(false),
        }),
        other => bail!("no mode is called {other}"),
    };
    options.finish()?;
    Ok(mode)
}

/// Pairs of a name and a value that nobody asked for yet.
struct Options<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Options<'a> {
    fn parse(args: &'a [String]) -> Result<Self> {
        let mut options = BTreeMap::new();
        let mut words = args.iter().map(String::as_str);
        while let Some(name) = words.next() {
            let value = words.next().with_context(|| format!("{name} needs a value"))?;
            if options.insert(name, value).is_some() {
                bail!("{name} is given twice");
            }
        }
        Ok(Self(options))
    }

    fn optional<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        value.parse().map(Some).ok().with_context(|| format!("{name} cannot be {value}"))
    }

    fn required<T: FromStr>(&mut self, name: &str) -> Result<T> {
        self.optional(name)?.with_context(|| format!("{name} is missing"))
    }

    fn connections(&mut self) -> Result<usize> {
        let connections = self.required("--connections")?;
        if connections == 0 {
            bail!("--connections must be above 0");
        }
        Ok(connections)
    }

    fn server(&mut self) -> Result<Server> {
        let url: String = self.required("--url")?;
        Server::parse(&url, self.required("--secret")?)
            .with_context(|| format!("--url must be http://ADDRESS:PORT/PATH, and is {url}"))
    }

    fn finish(self) -> Result<()> {
        match self.0.keys().next() {
            Some(name) => bail!("this mode has no option {name}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chaos, Mode, parse};
    use crate::server::Server;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_full_command_line_is_read() {
        let line = "chaos --url http://127.0.0.1:8000/webhooks/stripe --secret whsec_a --events e.ndjson \
                    --connections 8 --acknowledged ids.txt --seed 7";
        let expected = Chaos {
            server: Server {
                address: "127.0.0.1:8000".parse().expect("an address"),
                path: "/webhooks/stripe".to_owned(),
                secret: "whsec_a".to_owned(),
            },
            events: "e.ndjson".into(),
            connections: 8,
            acknowledged: "ids.txt".into(),
            seed: 7,
            duplicates: 20,
        };
        assert_eq!(parse(&words(line)).expect("valid"), Mode::Chaos(expected));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, expected) in [
            ("", "a mode is missing"),
            ("nonsense", "no mode is called nonsense"),
            ("direct --events", "--events needs a value"),
            ("direct --events a --events b", "--events is given twice"),
            ("direct --database-url sqlite::memory: --events a", "--connections is missing"),
            (
                "direct --database-url sqlite::memory: --events a --connections 0",
                "--connections must be above 0",
            ),
            (
                "direct --database-url sqlite::memory: --events a --connections two",
                "--connections cannot be two",
            ),
            (
                "direct --database-url sqlite::memory: --events a --connections 1 --seed 1",
                "this mode has no option --seed",
            ),
            (
                "post --url example.com --secret s --events a --connections 1",
                "--url must be http://ADDRESS:PORT/PATH, and is example.com",
            ),
        ] {
            assert_eq!(parse(&words(line)).expect_err(line).to_string(), expected);
        }
    }
}

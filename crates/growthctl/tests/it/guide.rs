//! `docs/TESTING.md`: every command of it is run as it stands, in its order, by one shell.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::backfill::{KEY, business};
use crate::run::{Place, ran};

const PAGE: &str = include_str!("../../../../docs/TESTING.md");
/// Blocks that nobody but the owner of an account can run.
const WITH_AN_ACCOUNT: &str = "sh needs a Stripe account";
/// Blocks that run against a server which answers as Stripe does.
const WITH_A_STAND_IN: &str = "sh with a stand-in for Stripe";

/// A fenced block of the page.
struct Block {
    info: String,
    text: String,
    line: usize,
}

fn blocks() -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut indent = None;
    for (number, line) in PAGE.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (indent, fence) {
            (None, Some(info)) => {
                indent = Some(line.len() - line.trim_start().len());
                blocks.push(Block { info: info.to_owned(), text: String::new(), line: number + 1 });
            }
            (Some(_), Some(_)) => indent = None,
            (Some(indent), None) => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line.get(indent..).unwrap_or_default());
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(indent.is_none(), "a block has no end");
    blocks
}

/// Whether a line is as the page says it, where `…` stands for anything.
fn is_like(line: &str, told: &str) -> bool {
    let mut parts = told.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut ends_anywhere = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        ends_anywhere = part.is_empty();
    }
    ends_anywhere || rest.is_empty()
}

/// What of the told lines was not printed, in their order; a line of `…` alone stands for any number of lines.
fn missing<'a>(printed: &str, told: &'a str) -> Option<&'a str> {
    let mut lines = printed.lines();
    told.lines().filter(|line| *line != "…").find(|told| !lines.any(|line| is_like(line, told)))
}

#[test]
fn lines_are_compared_with_what_may_differ() {
    assert!(is_like("growthctl 0.1.0", "growthctl …"));
    assert!(is_like("{\"a\":1,\"status\":\"ready\"}", "…\"status\":\"ready\"…"));
    assert!(is_like("200", "200"));
    assert!(!is_like("2000", "200"));
    assert!(!is_like("1200", "200"));
    assert!(!is_like("not ready", "ready…"));
    assert!(!is_like("ready now", "…ready"));
    assert_eq!(missing("a\nb\nc\n", "a\n…\nc\n"), None);
    assert_eq!(missing("a\nc\nb\n", "…\nb\nc\n"), Some("c"));
}

#[tokio::test]
async fn every_command_of_the_guide_does_what_the_guide_says() {
    let blocks = blocks();
    for Block { info, line, .. } in &blocks {
        assert!(
            ["sh", "text", WITH_AN_ACCOUNT, WITH_A_STAND_IN].contains(&info.as_str()),
            "docs/TESTING.md:{line}: nobody knows how to try a block of {info:?}"
        );
    }
    let stripe = business(300).await;
    let place = Place::new();
    let mut script = String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n");
    for (number, block) in blocks.iter().enumerate() {
        if block.info == WITH_A_STAND_IN {
            let _ = writeln!(script, "export STRIPE_SECRET_KEY={KEY} STRIPE_API_BASE={}", stripe.url());
        }
        if block.info == "sh" || block.info == WITH_A_STAND_IN {
            let _ = write!(script, "echo '<<< {number}'\n{}", block.text);
        }
    }
    // Both at once, so that they differ.
    let ports = [4242, 4243].map(|told| (told, TcpListener::bind(("127.0.0.1", 0)).unwrap()));
    for (told, free) in &ports {
        let free = free.local_addr().unwrap().port();
        script = script.replace(&format!("127.0.0.1:{told}"), &format!("127.0.0.1:{free}"));
    }
    drop(ports);
    let folder = Path::new(env!("CARGO_BIN_EXE_growthctl")).parent().unwrap();
    let mut shell = Command::new("bash");
    shell
        .arg(place.write("guide.sh", script))
        .env_clear()
        .env("HOME", place.path(""))
        .current_dir(place.path(""));
    let path = std::env::var("PATH").unwrap();
    shell.env("PATH", format!("{}:{path}", folder.display()));
    let (ran, place) = tokio::task::spawn_blocking(move || (ran(&mut shell), place)).await.unwrap();
    let logs = ["webhook.log", "dashboard.log"]
        .map(|log| std::fs::read_to_string(place.path(log)).unwrap_or_default());
    let context = format!("{}\n{}\n{}", ran.stdout, ran.stderr, logs.join("\n"));
    assert_eq!(ran.code, 0, "{context}");
    for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.info == "text") {
        let (_, printed) = ran
            .stdout
            .split_once(&format!("<<< {}\n", number - 1))
            .expect("a block of text follows one that is run");
        let printed = printed.split("<<< ").next().unwrap_or_default();
        if let Some(line) = missing(printed, &block.text) {
            panic!("docs/TESTING.md:{}: {line:?} is not printed but\n{printed}\n{}", block.line, ran.stderr);
        }
    }
}

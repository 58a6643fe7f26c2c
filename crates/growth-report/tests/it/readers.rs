//! Reports before those who read them: Mermaid, a linter of Markdown, and a browser.
//!
//! `cargo xtask test` installs them and says where they are.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use growth_report::{html, markdown};

use crate::business::{HOSTILE, all, doubtful_test_data, named, nothing, two_currencies};
use crate::windows::of_days;

const MERMAID: &str = "mermaid/dist/mermaid.min.js";
const LINTER: &str = "markdownlint-cli2/markdownlint-cli2-bin.mjs";

fn installed(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).unwrap_or_else(|| {
        panic!("this test needs readers of reports: run it with `cargo xtask test` ({variable} is not set)")
    });
    path.into()
}

fn reader(name: &str) -> PathBuf {
    let path = installed("GROWTHCTL_TEST_REPORT_READERS").join(name);
    assert!(path.is_file(), "there is no {}", path.display());
    path
}

/// What a page is in the end, and what the browser says of it.
fn opened(address: &str) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let mut chromium = Command::new(installed("GROWTHCTL_TEST_CHROMIUM"));
    // The pages are our own, and where the tests run as root or in a container there is no sandbox.
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]);
    chromium.args(["--disable-dev-shm-usage", "--no-first-run", "--enable-logging=stderr"]);
    chromium.arg(format!("--user-data-dir={}", profile.path().display()));
    chromium.args(["--virtual-time-budget=30000", "--dump-dom", address]);
    let Output { status, stdout, stderr } = chromium.output().unwrap();
    let (page, said) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{said}");
    let console: Vec<&str> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
    (page.into_owned(), console.join("\n"))
}

/// The charts of a report, as GitHub finds them.
fn charts(markdown: &str) -> Vec<&str> {
    let blocks = markdown.split("\n\n").filter_map(|block| block.strip_prefix("```mermaid\n"));
    blocks.map(|block| block.strip_suffix("\n```").unwrap()).collect()
}

/// A page that draws charts with Mermaid and says how many marks each has, or what is wrong with it.
fn drawing(charts: &[&str]) -> String {
    let charts = charts.iter().map(|chart| format!("<pre>{}</pre>\n", chart.replace('<', "&lt;")));
    let charts = charts.collect::<Vec<_>>().concat();
    format!(
        "<!doctype html><meta charset=utf-8><script src=\"file://{}\"></script>\n{charts}<script>\n\
         mermaid.initialize({{startOnLoad: false}});\n\
         (async () => {{\n\
           let number = 0;\n\
           for (const chart of document.querySelectorAll('pre')) {{\n\
             const told = document.createElement('p');\n\
             try {{\n\
               const {{svg}} = await mermaid.render('chart' + number++, chart.textContent);\n\
               const drawn = new DOMParser().parseFromString(svg, 'text/html');\n\
               const marks = drawn.querySelectorAll('.plot rect, .plot path').length;\n\
               told.textContent = 'drawn with ' + marks + ' marks';\n\
             }} catch (error) {{ told.textContent = 'refused: ' + error; }}\n\
             document.body.append(told);\n\
           }}\n\
         }})();\n\
         </script>\n",
        reader(MERMAID).display()
    )
}

fn drawn(charts: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("charts.html");
    std::fs::write(&page, drawing(charts)).unwrap();
    let (page, _) = opened(&format!("file://{}", page.display()));
    let told = page.split("<p>").skip(1).filter_map(|part| part.split_once("</p>"));
    told.map(|(told, _)| told.to_owned()).collect()
}

#[test]
fn mermaid_draws_every_chart() {
    let reports: Vec<String> = [two_currencies(), named(HOSTILE), of_days(30), of_days(90), of_days(365)]
        .iter()
        .map(markdown)
        .collect();
    let charts: Vec<&str> = reports.iter().flat_map(|report| charts(report)).collect();
    assert_eq!(charts.len(), 18);
    let drawn = drawn(&charts);
    assert_eq!(drawn.len(), charts.len(), "{drawn:?}");
    for (told, chart) in drawn.iter().zip(&charts) {
        let bars: usize = chart
            .lines()
            .filter_map(|line| line.trim().strip_prefix("bar "))
            .map(|values| values.split(',').count())
            .sum();
        let lines = chart.lines().filter(|line| line.trim().starts_with("line ")).count();
        assert_eq!(*told, format!("drawn with {} marks", bars + lines), "{chart}");
    }
}

#[test]
fn mermaid_refuses_what_is_no_chart() {
    let told = drawn(&["xychart-beta\n    x-axis [a, b\n    line [1, 2]"]);
    assert!(told[0].starts_with("refused: "), "{told:?}");
}

/// Runs the linter on reports, and returns what it complains of.
fn lint(reports: &[(&str, String)]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../xtask/clients/readers/reports.markdownlint-cli2.jsonc");
    let mut linter = Command::new("node");
    linter.arg(reader(LINTER)).args(["--no-globs", "--config"]).arg(rules.canonicalize().unwrap());
    linter.current_dir(folder.path());
    for (name, report) in reports {
        std::fs::write(folder.path().join(name), report).unwrap();
        linter.arg(name);
    }
    let Output { status, stdout, stderr } = linter.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if status.success() { Ok(()) } else { Err(said) }
}

#[test]
fn a_linter_finds_nothing_in_the_markdown() {
    let reports = [
        ("rich.md", markdown(&two_currencies())),
        ("empty.md", markdown(&nothing())),
        ("doubtful.md", markdown(&doubtful_test_data())),
        ("hostile.md", markdown(&named(HOSTILE))),
        ("month.md", markdown(&of_days(30))),
        ("year.md", markdown(&of_days(365))),
    ];
    assert_eq!(lint(&reports), Ok(()));
    let broken = lint(&[("broken.md", "# A\n### B\n".to_owned())]).unwrap_err();
    assert!(broken.contains("MD001") && broken.contains("MD022"), "{broken}");
}

/// Serves a page, and returns its address and the paths that are asked for.
fn serve(page: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/report", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(first)) = lines.next() else { continue };
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            told.lock().unwrap().push(first.split(' ').nth(1).unwrap().to_owned());
            let head = format!("Content-Type: text/html; charset=utf-8\r\nContent-Length: {}", page.len());
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\nConnection: close\r\n\r\n{page}").unwrap();
        }
    });
    (address, asked)
}

#[test]
fn a_browser_opens_the_page_without_an_error_or_a_request() {
    for snapshot in all() {
        let (address, asked) = serve(html(&snapshot));
        let (page, console) = opened(&address);
        assert!(page.contains("</main>"), "{page}");
        assert_eq!(console, "");
        assert_eq!(*asked.lock().unwrap(), ["/report"]);
    }
}

#[test]
fn the_page_lets_nothing_in() {
    let intruders =
        "<script>document.title = 'taken'</script><img src=\"/pixel.png\"><p style=\"color: red\">x</p>";
    let page = html(&two_currencies()).replace("</main>", &format!("{intruders}</main>"));
    let (address, asked) = serve(page);
    let (page, console) = opened(&address);
    assert!(!page.contains("<title>taken"), "{page}");
    assert_eq!(console.matches("Content Security Policy").count(), 3, "{console}");
    assert_eq!(*asked.lock().unwrap(), ["/report"]);
}

//! `dashboard-pictures`: takes the pictures of the documentation, of a dashboard that is served.
//!
//! It is the other side of `cargo xtask screenshots`, which starts what it looks at.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use growth_db::{Db, query};
use growth_testkit::browser::{Browser, Media, Scheme};

const HELP: &str = "\
dashboard-pictures [options]

  --url http://ADDRESS:PORT   the dashboard with figures
  --token TOKEN               of an admin of it
  --database-url URL          its database on PostgreSQL, which is locked and broken for a moment
  --empty-url URL             a dashboard with nothing recorded
  --empty-token TOKEN         of an admin of it
  --into FOLDER               where the pictures go
  --first-screen FILE         where a picture of the first screen alone goes

Exit codes: 0 done, 1 failed, 2 wrong use.
";

/// How wide the pages are that are shown in the documentation.
const WIDTHS: [u32; 3] = [390, 768, 1440];
/// The size of a screen, of which the pictures of pages without figures are.
const SCREEN: (u32, u32) = (1440, 900);

/// The command line.
struct Arguments(BTreeMap<String, String>);

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut given = BTreeMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").filter(|name| HELP.contains(&format!("--{name} ")));
            let name = name.with_context(|| format!("no option is called {word}"))?;
            let value = words.next().with_context(|| format!("{word} needs a value"))?;
            if given.insert(name.to_owned(), value).is_some() {
                bail!("{word} is given twice");
            }
        }
        Ok(Self(given))
    }

    fn get(&self, name: &str) -> Result<&str> {
        self.0.get(name).map(String::as_str).with_context(|| format!("--{name} is missing"))
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::parse(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = write!(io::stderr(), "error: {error:#}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let into = PathBuf::from(arguments.get("into")?);
    std::fs::create_dir_all(&into)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let browser = Browser::open().await;
        pages(&browser, arguments, &into).await?;
        troubles(&browser, arguments, &into).await?;
        let url = arguments.get("empty-url")?;
        sign_in(&browser, url, arguments.get("empty-token")?).await;
        browser.wait_for("#figures").await;
        keep(&browser, &into.join("empty.png")).await
    })
}

/// Shows the pages in a scheme, at rest.
async fn show_in(browser: &Browser, scheme: Scheme) {
    browser.emulate(Media { scheme, reduced_motion: true, ..Media::default() }).await;
}

async fn sign_in(browser: &Browser, url: &str, token: &str) {
    browser.goto(&format!("{url}/admin/sign-in")).await;
    browser.type_into("#token", token).await;
    browser.click("form .button").await;
}

/// Writes a picture of the whole page.
async fn keep(browser: &Browser, file: &Path) -> Result<()> {
    let picture = browser.screenshot().await;
    std::fs::write(file, picture).with_context(|| format!("cannot write {}", file.display()))
}

/// The page of figures in each width and scheme, and the page to sign in.
async fn pages(browser: &Browser, arguments: &Arguments, into: &Path) -> Result<()> {
    let url = arguments.get("url")?;
    show_in(browser, Scheme::Light).await;
    browser.resize(SCREEN.0, SCREEN.1).await;
    browser.goto(&format!("{url}/admin/sign-in")).await;
    keep(browser, &into.join("sign-in.png")).await?;
    sign_in(browser, url, arguments.get("token")?).await;
    browser.wait_for("#figures").await;
    std::fs::write(arguments.get("first-screen")?, browser.first_screen().await)?;
    for width in WIDTHS {
        browser.resize(width, SCREEN.1).await;
        for (scheme, name) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
            show_in(browser, scheme).await;
            keep(browser, &into.join(format!("metrics-{width}-{name}.png"))).await?;
        }
    }
    Ok(())
}

/// The page while figures are counted, and the one where there are none.
async fn troubles(browser: &Browser, arguments: &Arguments, into: &Path) -> Result<()> {
    let url = arguments.get("url")?;
    let db = Db::connect(arguments.get("database-url")?).await?;
    show_in(browser, Scheme::Light).await;
    browser.resize(SCREEN.0, SCREEN.1).await;
    let mut held = db.begin().await?;
    query(&mut held, "LOCK TABLE growth.payments IN ACCESS EXCLUSIVE MODE").execute().await?;
    // A period that nobody has asked for yet.
    browser.goto(&format!("{url}/admin/metrics?days=7")).await;
    browser.wait_for("[data-waits]").await;
    keep(browser, &into.join("loading.png")).await?;
    held.commit().await?;
    browser.wait_for("#figures").await;
    query(&db, "ALTER TABLE growth.payments RENAME TO payments_away").execute().await?;
    browser.goto(&format!("{url}/admin/metrics?days=90")).await;
    browser.wait_for("[data-problem]").await;
    keep(browser, &into.join("error.png")).await?;
    query(&db, "ALTER TABLE growth.payments_away RENAME TO payments").execute().await?;
    db.close().await;
    Ok(())
}

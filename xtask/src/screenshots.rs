//! `cargo xtask screenshots`: the pictures of the dashboard in the documentation.
//!
//! They are of the sample business at a time that is always the same, so they change where the pages do. The database
//! is PostgreSQL: it alone can be held up for the picture of a page that waits.

use std::net::SocketAddr;
use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};

use crate::database::{Database, Engine};
use crate::postgres::{Cluster, Durability};
use crate::product::Product;
use crate::scratch::Scratch;
use crate::server::Server;
use crate::{chromium, ports, process, terminal};

/// When the year of the sample business ends; the README is about the same.
const AS_OF: &str = "2026-11-23";

/// A dashboard that is served, and a token for it.
struct Place {
    server: Server,
    token: String,
}

/// Takes all pictures.
pub(crate) fn run() -> Result<ExitCode> {
    let product = Product::as_tested()?;
    let scratch = Scratch::new("screenshots")?;
    let cluster = Cluster::start(Durability::None)?;
    Engine::Postgres(&cluster).has_client()?;
    let (sample, empty) =
        (Engine::Postgres(&cluster).create("sample")?, Engine::Postgres(&cluster).create("empty")?);
    process::stdout(growthctl(&product, &scratch, &sample).args(["demo", "--as-of", AS_OF]))?;
    let figures = Place::open(&product, &scratch, &sample)?;
    let nothing = Place::open(&product, &scratch, &empty)?;
    let docs = process::root().join("docs");
    let mut pictures = product.dashboard_pictures();
    pictures.envs(chromium::find_or_install()?);
    pictures.args(["--url", &figures.server.url(""), "--token", &figures.token]);
    pictures.args(["--database-url", &sample.url()]);
    pictures.args(["--empty-url", &nothing.server.url(""), "--empty-token", &nothing.token]);
    pictures.arg("--into").arg(docs.join("dashboard"));
    pictures.arg("--first-screen").arg(docs.join("dashboard.png"));
    // Its command line has tokens, which are of no use in a moment but look as if they were.
    terminal::progress("taking pictures");
    ensure!(pictures.status()?.success(), "the pictures were not taken{}", figures.server.said());
    Ok(ExitCode::SUCCESS)
}

fn growthctl(product: &Product, scratch: &Scratch, database: &Database<'_>) -> Command {
    let mut command = product.growthctl(scratch.path());
    command.env("HOME", scratch.path()).args(["--database-url", &database.url()]);
    command
}

impl Place {
    fn open(product: &Product, scratch: &Scratch, database: &Database<'_>) -> Result<Self> {
        let mut create = growthctl(product, scratch, database);
        let token = process::stdout(create.args(["keys", "create", "--admin", "pictures"]))?;
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let mut serve = growthctl(product, scratch, database);
        serve.args(["serve-dashboard", "--as-of", AS_OF, "--listen", &address.to_string()]);
        let server = Server::spawn(&mut serve, address, scratch.path().join("dashboard.log"))?;
        Ok(Self { server, token: token.trim().to_owned() })
    }
}

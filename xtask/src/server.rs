//! A server of webhooks as a child process, `growthctl serve-webhook` above all: started, killed, ended, asked how it is.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process;
use crate::product::Product;

/// The secret that the server and whoever signs for it share.
pub(crate) const SECRET: &str = "whsec_of_a_throw_away_server";

/// How long a start, an end or an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// Asking counts what is pending, which would slow down applying it if it were done all the time.
const POLL_PENDING: Duration = Duration::from_millis(100);
/// How much of what a server said is quoted.
const QUOTED: usize = 20;

/// What it takes to start a server.
pub(crate) struct Settings<'a> {
    pub(crate) product: &'a Product,
    pub(crate) database_url: String,
    /// It is the same after each start.
    pub(crate) port: u16,
    /// Where the server runs and its log is.
    pub(crate) folder: &'a Path,
}

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Settings<'_> {
    /// Starts a server and waits until it says that it listens.
    pub(crate) fn start(&self) -> Result<Server> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let log = self.folder.join("server.log");
        let mut command = self.product.growthctl(self.folder);
        command
            .args(["--database-url", &self.database_url, "serve-webhook", "--listen", &address.to_string()])
            .env("STRIPE_WEBHOOK_SECRET", SECRET);
        Server::spawn(&mut command, address, log)
    }
}

impl Server {
    /// Starts a server and waits until its first line says that it listens.
    pub(crate) fn spawn(command: &mut Command, address: SocketAddr, log: PathBuf) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(OpenOptions::new().create(true).append(true).open(&log)?)
            .spawn()
            .with_context(|| format!("cannot run `{}`", process::shown(command)))?;
        let stdout = child.stdout.take();
        let server = Self { child, address, log };
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout?);
            let mut line = String::new();
            stdout.read_line(&mut line).ok()?;
            sender.send(line).ok()?;
            // A pipe that nobody reads would stop the server one day.
            io::copy(&mut stdout, &mut io::sink()).ok()
        });
        let line = receiver.recv_timeout(PATIENCE).unwrap_or_default();
        let expected = format!("listening on http://{address}");
        ensure!(
            line.trim() == expected,
            "the server did not say `{expected}` but `{}`{}",
            line.trim(),
            server.said()
        );
        Ok(server)
    }

    /// Returns the address of a path of the server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the port at which it listens.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the id of the server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the server as a crash would: by SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended by itself ({status}){}", self.said());
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the server to end, by SIGTERM, and returns how it did.
    pub(crate) fn terminate(mut self) -> Result<ExitStatus> {
        let pid = self.child.id().to_string();
        process::stdout(Command::new("sh").args(["-c", r#"kill -TERM "$1""#, "sh", &pid]))?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        bail!("the server does not end within {} s of SIGTERM{}", PATIENCE.as_secs(), self.said())
    }

    /// Waits until every stored event is applied.
    pub(crate) fn wait_until_applied(&self, patience: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            // A database that has just come back may need a moment more than one answer.
            let why = match self.pending() {
                Ok(0) => return Ok(()),
                Ok(pending) => format!("{pending} events are still pending"),
                Err(error) => format!("{error:#}"),
            };
            ensure!(begun.elapsed() < patience, "after {} s {why}{}", patience.as_secs(), self.said());
            thread::sleep(POLL_PENDING);
        }
    }

    /// Asks how many stored events are not yet applied.
    fn pending(&self) -> Result<u64> {
        let told = self.get("/readyz")?;
        told["pending"].as_u64().with_context(|| format!("/readyz does not tell what is pending: {told}"))
    }

    /// Returns the JSON that a path answers with.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let body = self.text(path, "")?;
        serde_json::from_str(body.trim()).with_context(|| format!("{path} does not answer in JSON: {body}"))
    }

    /// Returns what a path answers whoever has this token.
    pub(crate) fn text(&self, path: &str, token: &str) -> Result<String> {
        let answer = self.answer(path, token).with_context(|| format!("no answer from {path}"))?;
        Ok(answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
    }

    /// Asks in HTTP 1.0, in which an answer is all that comes until its end.
    fn answer(&self, path: &str, token: &str) -> Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let authorization =
            if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n{authorization}\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Quotes the end of the server's log.
    pub(crate) fn said(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(QUOTED)..];
        if last.is_empty() { String::new() } else { format!("; it said\n{}", last.join("\n")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

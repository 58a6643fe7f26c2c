//! A server that runs beside the test, on a port of its own: `growthctl serve-webhook` or `serve-dashboard`.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use growth_db::{Db, query};
use growth_testkit::signed::{Answer, Client, SIGNATURE, signature};
use growth_testkit::until;
use serde_json::{Value, json};

use crate::run::{Place, Ran};

pub(crate) const SECRET: &str = "whsec_served_0123456789abcdef";
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
pub(crate) const WEBHOOK: &str = "/webhooks/stripe";

/// The process, which is ended when this is dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Option<SocketAddr>,
    /// Where a dashboard says that one gets in.
    pub(crate) way_in: Option<String>,
    stdout: BufReader<ChildStdout>,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// What a server left behind.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command on a port that is free, with the secret.
pub(crate) fn command(place: &Place) -> Command {
    let mut command = place.bare();
    command.env("DATABASE_URL", &place.database_url).env("STRIPE_WEBHOOK_SECRET", SECRET);
    command.args(["serve-webhook", "--listen", "127.0.0.1:0"]);
    command
}

/// The dashboard's command on a port that is free.
pub(crate) fn dashboard(place: &Place) -> Command {
    let mut command = place.bare();
    command.env("DATABASE_URL", &place.database_url);
    command.args(["serve-dashboard", "--listen", "127.0.0.1:0"]);
    command
}

/// Runs a command that cannot start; one that does is ended and told.
pub(crate) fn refused(command: &mut Command) -> Ran {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let end = std::time::Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if std::time::Instant::now() > end {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("it started: {}", String::from_utf8_lossy(&output.stderr));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Serving {
    /// Starts the command and waits until it serves.
    pub(crate) async fn start(command: &mut Command) -> Self {
        let serving = Self::launch(command);
        until("the server answers", async || {
            let answer = Client::new(serving.address).get("/healthz").await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await;
        serving
    }

    /// Starts the command and returns once it says where it listens.
    pub(crate) fn launch(command: &mut Command) -> Self {
        let has = |name: &str| command.get_args().any(|arg| arg == name);
        let (with_metrics, is_dashboard) = (has("--metrics-listen"), has("serve-dashboard"));
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().unwrap();
        let to = Arc::clone(&log);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let mut log = to.lock().unwrap();
                log.push_str(&line.unwrap());
                log.push('\n');
            }
        });
        let mut line = || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line
        };
        let shown = |line: &str, begin: &str, end: &str| {
            let address = line.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
            let address = address.unwrap_or_else(|| panic!("{line:?}: {}", log.lock().unwrap()));
            address.parse::<SocketAddr>().unwrap()
        };
        let address = shown(&line(), "listening on http://", "\n");
        let metrics = with_metrics.then(|| shown(&line(), "metrics on http://", "/metrics\n"));
        let way_in = is_dashboard.then(&mut line);
        Self { child, address, metrics, way_in, stdout, log, reader: Some(reader) }
    }

    pub(crate) async fn post(&self, body: &str) -> Answer {
        self.post_signed(SECRET, body).await
    }

    pub(crate) async fn post_signed(&self, secret: &str, body: &str) -> Answer {
        let header = signature(secret, now(), body.as_bytes());
        let mut client = Client::new(self.address);
        client.post(WEBHOOK, &[(SIGNATURE, &header)], body.to_owned()).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Client::new(self.address).get(path).await.unwrap()
    }

    /// What the process has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end of the process.
    pub(crate) async fn end(mut self) -> Ended {
        let status = until("the process ends", async || self.child.try_wait().unwrap()).await;
        self.reader.take().unwrap().join().unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "nothing more on stdout");
        Ended { status, log: self.log() }
    }

    pub(crate) async fn terminate(self) -> Ended {
        self.signal("TERM");
        self.end().await
    }
}

#[expect(clippy::disallowed_methods, reason = "the real binary compares signatures with the real time")]
pub(crate) fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

pub(crate) fn event(id: &str) -> Value {
    json!({
        "id": id, "object": "event", "type": "customer.created", "created": 1_750_000_000, "livemode": true,
        "data": {"object": {
            "id": format!("cus_{id}"), "object": "customer", "created": 1_750_000_000, "livemode": true,
            "email": "body@marker.example",
        }},
    })
}

/// The id and the state of each stored event.
pub(crate) async fn states(db: &Db) -> Vec<(String, String)> {
    query(db, "SELECT id, state FROM stripe_events ORDER BY id").fetch_all().await.unwrap()
}

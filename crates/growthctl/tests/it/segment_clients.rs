//! Segment's own clients for Node and Python, of which nothing but the host is set, against `growthctl serve-webhook`.
//!
//! The scripts in `xtask/clients` all send the same: two visitors, who turn out to be Ann, and 250 events of ten users.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use chrono::{DateTime, Utc};
use growth_db::{AssertSqlSafe, Db, Json, query};
use growth_testkit::signed::Client;
use growth_testkit::{on_each_engine, until};
use serde_json::{Value, json};

use crate::run::Place;
use crate::serving::{Serving, command};
use crate::unreliable::{LOST, REFUSED, Unreliable};

/// How many calls a script makes, of which an identify and an alias are no events.
const CALLS: i64 = 258;

/// A client, and how it sends.
#[derive(Clone, Copy, Debug)]
enum Sender {
    Node,
    Python,
    PythonWithGzip,
}

impl Sender {
    /// Lets the client send to a host with a key, and returns what it says of it.
    async fn send_to(self, host: SocketAddr, key: &str) -> Value {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/clients");
        let mut command = match self {
            Self::Node => {
                let mut command = bare("node");
                command.env("NODE_PATH", installed("GROWTHCTL_TEST_NODE_CLIENT"));
                command.arg(scripts.join("node/send.cjs"));
                command
            }
            Self::Python | Self::PythonWithGzip => {
                let mut command = bare(installed("GROWTHCTL_TEST_PYTHON_CLIENT"));
                command.arg(scripts.join("python/send.py"));
                command
            }
        };
        command.arg(format!("http://{host}")).arg(key);
        if matches!(self, Self::PythonWithGzip) {
            command.arg("gzip");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Running(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let status = until("the client ends", async || running.0.try_wait().unwrap()).await;
        let (mut told, mut problems) = (String::new(), String::new());
        running.0.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        running.0.stderr.take().unwrap().read_to_string(&mut problems).unwrap();
        assert!(status.success(), "{self:?}: {problems}");
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told:?} {problems}"))
    }
}

/// A client's process, which is ended when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command with nothing of the environment that could lead it elsewhere, such as to a proxy.
fn bare(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

fn installed(variable: &str) -> std::ffi::OsString {
    std::env::var_os(variable).unwrap_or_else(|| {
        panic!("this test needs Segment's clients: run it with `cargo xtask test` ({variable} is not set)")
    })
}

/// A server and a key for it.
async fn serve(place: &Place) -> (Serving, String) {
    let key = place.run(["keys", "create", "clients"]);
    assert_eq!(key.code, 0, "{}", key.stderr);
    let serving = Serving::start(command(place).args(["--metrics-listen", "127.0.0.1:0"])).await;
    (serving, key.stdout.trim().to_owned())
}

/// What the collector counts: calls stored, and calls that came again.
async fn counted(serving: &Serving) -> [i64; 2] {
    let text = Client::new(serving.metrics.unwrap()).get("/metrics").await.unwrap().body;
    ["stored", "duplicate"].map(|outcome| {
        let begin = format!("growthctl_collector_calls_total{{outcome=\"{outcome}\"}} ");
        let number = text.lines().find_map(|line| line.strip_prefix(&begin));
        number.unwrap_or_else(|| panic!("no {begin}in {text}")).parse().unwrap()
    })
}

fn told(succeeded: i64, failed: i64) -> Value {
    json!({"succeeded": succeeded, "failed": failed, "problems": []})
}

type Counts = Vec<(String, i64)>;

/// Names and numbers.
async fn counts(db: &Db, sql: &'static str) -> Counts {
    query(db, sql).fetch_all().await.unwrap()
}

fn are(counts: &[(&str, i64)]) -> Counts {
    counts.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
}

async fn properties(db: &Db, name: &str) -> Vec<Value> {
    let rows = query(db, "SELECT properties FROM events WHERE event_name = $1").bind(name);
    let rows: Vec<(Json<Value>,)> = rows.fetch_all().await.unwrap();
    rows.into_iter().map(|(Json(properties),)| properties).collect()
}

/// Fails unless the database has all that a script sends, each once, in the events and in the figures.
async fn assert_all_is_there_once(db: &Db) {
    let users: Vec<(String, Option<String>)> =
        query(db, "SELECT external_id, email FROM users ORDER BY external_id").fetch_all().await.unwrap();
    let mut expected = vec![("ann".to_owned(), Some("ann@example.com".to_owned()))];
    expected.extend((0..10).map(|n| (format!("user-{n}"), None)));
    assert_eq!(users, expected);
    let (created_at,): (DateTime<Utc>,) =
        query(db, "SELECT created_at FROM users WHERE external_id = 'ann'").fetch_one().await.unwrap();
    assert_eq!(created_at.to_rfc3339(), "2026-06-01T00:00:00+00:00");

    // Nothing is left with a visitor.
    let of_ann = "SELECT event_name, COUNT(*) AS n FROM events
        WHERE user_id = (SELECT id FROM users WHERE external_id = 'ann') GROUP BY event_name ORDER BY event_name";
    let ann = [
        ("button_clicked", 2),
        ("group_joined", 1),
        ("page_viewed", 1),
        ("screen_viewed", 1),
        ("searched", 1),
    ];
    assert_eq!(counts(db, of_ann).await, are(&ann));
    let of_others = "SELECT external_id, COUNT(*) AS n FROM events JOIN users ON users.id = events.user_id
        WHERE external_id <> 'ann' AND event_name = 'enrichment_completed' GROUP BY external_id ORDER BY external_id";
    let others: Vec<String> = (0..10).map(|n| format!("user-{n}")).collect();
    assert_eq!(counts(db, of_others).await, others.iter().map(|id| (id.clone(), 25)).collect::<Counts>());
    let mut numbers: Vec<i64> = Vec::new();
    for properties in properties(db, "enrichment_completed").await {
        assert_eq!(properties, json!({"number": properties["number"], "contacts": 2}));
        numbers.push(properties["number"].as_i64().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..250).collect::<Vec<i64>>());
    let page = properties(db, "page_viewed").await.remove(0);
    assert_eq!(
        [&page["page_name"], &page["page_category"], &page["path"]],
        [&json!("Pricing"), &json!("docs"), &json!("/pricing")]
    );
    assert_eq!(properties(db, "screen_viewed").await, [json!({"screen_name": "Home"})]);
    assert_eq!(properties(db, "group_joined").await, [json!({"group_id": "g1", "name": "Label"})]);

    for (table, expected) in [
        ("events", CALLS - 2),
        ("event_receipts WHERE source = 'clients'", CALLS - 2),
        ("event_receipts", CALLS),
        ("visitors WHERE user_id IS NOT NULL", 2),
        ("visitors", 2),
        ("user_milestones", 11),
        ("user_activity WHERE user_id <= 0", 0),
    ] {
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) AS n FROM {table}"));
        let (n,): (i64,) = query(db, sql).fetch_one().await.unwrap();
        assert_eq!(n, expected, "{table}");
    }
    let days = "SELECT event_name, CAST(SUM(n) AS BIGINT) AS n FROM daily_event GROUP BY event_name ORDER BY event_name";
    let mut expected = are(&ann);
    expected.insert(1, ("enrichment_completed".to_owned(), 250));
    assert_eq!(counts(db, days).await, expected);
    let contacts = "SELECT 'contacts' AS what, CAST(SUM(contacts) AS BIGINT) AS n FROM daily_event";
    assert_eq!(counts(db, contacts).await, are(&[("contacts", 500)]));
    // That an application tells of a group does not show that its user is there.
    let activity = "SELECT external_id, CAST(SUM(n) AS BIGINT) AS n FROM user_activity
        JOIN users ON users.id = user_activity.user_id GROUP BY external_id ORDER BY external_id";
    let mut expected = are(&[("ann", 5)]);
    expected.extend(others.into_iter().map(|id| (id, 25)));
    assert_eq!(counts(db, activity).await, expected);
}

async fn sends_everything(db: &growth_testkit::TestDb, sender: Sender) {
    let place = Place::with_database(db.url());
    let (serving, key) = serve(&place).await;
    assert_eq!(sender.send_to(serving.address, &key).await, told(CALLS, 0));
    assert_all_is_there_once(db).await;
    assert_eq!(counted(&serving).await, [CALLS, 0]);
    assert_eq!(serving.terminate().await.status.code(), Some(0));
}

async fn sends_again(db: &growth_testkit::TestDb, sender: Sender) {
    let place = Place::with_database(db.url());
    let (serving, key) = serve(&place).await;
    let proxy = Unreliable::start(serving.address).await;
    assert_eq!(sender.send_to(proxy.address, &key).await, told(CALLS, 0));
    let seen = proxy.seen();
    assert_eq!((seen.refused, seen.lost.len()), (REFUSED, LOST), "{seen:?}");
    assert_all_is_there_once(db).await;
    let lost: usize = seen.lost.iter().sum();
    assert_eq!(counted(&serving).await, [CALLS, i64::try_from(lost).unwrap()], "{seen:?}");
    assert_eq!(serving.terminate().await.status.code(), Some(0));
}

on_each_engine! {
    async fn the_client_for_node_works_unchanged(db: TestDb) {
        sends_everything(&db, Sender::Node).await;
    }

    async fn the_client_for_python_works_unchanged(db: TestDb) {
        sends_everything(&db, Sender::Python).await;
    }

    async fn the_client_for_python_may_compress(db: TestDb) {
        sends_everything(&db, Sender::PythonWithGzip).await;
    }

    async fn what_the_client_for_node_sends_again_is_neither_lost_nor_there_twice(db: TestDb) {
        sends_again(&db, Sender::Node).await;
    }

    async fn what_the_client_for_python_sends_again_is_neither_lost_nor_there_twice(db: TestDb) {
        sends_again(&db, Sender::Python).await;
    }

    async fn with_a_wrong_key_the_clients_are_told_and_nothing_is_stored(db: TestDb) {
        let place = Place::with_database(db.url());
        let (serving, key) = serve(&place).await;
        for sender in [Sender::Node, Sender::Python] {
            let told = sender.send_to(serving.address, &format!("{key}x")).await;
            assert_eq!((&told["succeeded"], &told["failed"]), (&json!(0), &json!(CALLS)), "{told}");
            let problems = told["problems"].as_array().unwrap();
            assert!(problems.len() == 1 && problems[0].as_str().unwrap().contains("401"), "{told}");
        }
        for table in ["events", "event_receipts", "users", "visitors", "daily_event", "user_activity"] {
            let sql = AssertSqlSafe(format!("SELECT COUNT(*) AS n FROM {table}"));
            let (n,): (i64,) = query(&*db, sql).fetch_one().await.unwrap();
            assert_eq!(n, 0, "{table}");
        }
        assert_eq!(counted(&serving).await, [0, 0]);
        assert_eq!(serving.terminate().await.status.code(), Some(0));
    }
}

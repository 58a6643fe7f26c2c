//! `growthctl backfill`, against a server that answers as Stripe does.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::rows::CustomerRow;
use growth_db::{Db, query};
use growth_demo::scaled::stripe_objects;
use growth_testkit::stripe::Stripe;
use growth_testkit::{on_each_engine, tables, until};
use serde_json::{Value, json};

use crate::run::{Place, Ran, ran};

pub(crate) const KEY: &str = "rk_live_0123456789abcdef";

#[expect(clippy::disallowed_methods, reason = "the real binary reads up to the real time")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A command that reads from a server.
pub(crate) fn command(place: &Place, base: &str, args: &[&str]) -> Command {
    let mut command = place.bare();
    command.env("DATABASE_URL", &place.database_url).env("STRIPE_SECRET_KEY", KEY);
    command.env("STRIPE_API_BASE", base).env("GROWTHCTL_STRIPE_REQUESTS_PER_SECOND", "100");
    command.args(args);
    command
}

fn backfill(place: &Place, stripe: &Stripe, args: &[&str]) -> Ran {
    ran(&mut command(place, &stripe.url(), &[&["backfill"], args].concat()))
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", ran.stdout, ran.stderr))
}

/// A business of a year.
pub(crate) async fn business(objects: usize) -> Stripe {
    let stripe = Stripe::start(KEY).await;
    for object in stripe_objects(1, now(), objects) {
        stripe.put(object);
    }
    stripe
}

/// Customers, one a minute until twenty minutes ago: what is newer than ten minutes is read again by whoever goes on.
async fn customers(n: i64) -> Stripe {
    let stripe = Stripe::start(KEY).await;
    for i in 0..n {
        let created = (now() - TimeDelta::minutes(i + 20)).timestamp();
        stripe.put(
            json!({"id": format!("cus_{i:05}"), "object": "customer", "created": created, "livemode": true,
            "email": null, "name": null, "metadata": {}}),
        );
    }
    stripe
}

async fn stored(db: &Db) -> BTreeSet<String> {
    tables::all::<CustomerRow>(db, "").await.into_iter().map(|row| row.id).collect()
}

on_each_engine! {
    async fn a_dry_run_changes_nothing_in_the_whole_database_and_tells_what_the_run_then_does(db: TestDb) {
        let place = Place::with_database(db.url());
        let stripe = business(1_500).await;
        let year = ["--days", "400", "--format", "json"];
        // Something is known already, from a webhook.
        let recent = json_of(&backfill(&place, &stripe, &["--days", "20", "--format", "json"]));
        assert_eq!(recent["complete"], true);
        let before = tables::whole(&db).await;
        let dry = backfill(&place, &stripe, &[&year[..], &["--dry-run"]].concat());
        assert_eq!(dry.code, 0, "{}", dry.stderr);
        assert_eq!(tables::whole(&db).await, before);

        let done = backfill(&place, &stripe, &year);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let (dry, done) = (json_of(&dry), json_of(&done));
        for key in ["lists", "unattributed", "after"] {
            assert_eq!(dry[key], done[key], "{key}");
        }
        assert_ne!(done["before"], done["after"]);
        assert_eq!((&dry["dry_run"], &done["dry_run"]), (&json!(true), &json!(false)));
        assert!(done["lists"]["charges"]["new"].as_u64() > Some(100), "{done:#}");
        assert!(done["lists"]["subscriptions"]["unchanged"].as_u64() > Some(10), "{done:#}");

        let after = tables::whole(&db).await;
        let again = json_of(&backfill(&place, &stripe, &year));
        for (list, tally) in again["lists"].as_object().unwrap() {
            assert_eq!(tally["found"], tally["unchanged"], "{list}");
        }
        let kept = |lines: Vec<String>| lines.into_iter().filter(|line| !line.starts_with("backfill_runs ")).collect::<Vec<_>>();
        assert_eq!(kept(tables::whole(&db).await), kept(after), "a second run writes nothing but that it was there");
    }

    async fn a_run_that_is_killed_goes_on_where_it_was(db: TestDb) {
        let place = Place::with_database(db.url());
        let stripe = customers(4_000).await;
        stripe.set_latency(Duration::from_millis(15));
        let mut child = command(&place, &stripe.url(), &["backfill"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("some are stored", async || (stored(&db).await.len() >= 500).then_some(())).await;
        child.kill().unwrap();
        child.wait().unwrap();
        // What was committed when it died may be there a moment later.
        until("nobody is connected", async || is_alone(&db).await.then_some(())).await;
        let before = stored(&db).await;
        assert!(before.len() < 4_000, "it was too quick to be killed");

        let ran = backfill(&place, &stripe, &["--format", "json", "--verbose"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let told = json_of(&ran);
        assert_eq!((&told["resumed"], &told["complete"]), (&json!(true), &json!(true)));
        let found: BTreeSet<String> = told["objects"].as_array().unwrap().iter()
            .filter(|object| object["list"] == "customers")
            .map(|object| object["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(before.intersection(&found).count(), 0, "what was committed is not read again");
        assert_eq!(before.len() + found.len(), 4_000);
        assert_eq!(stored(&db).await.len(), 4_000);
    }

    async fn a_key_that_dies_midway_leaves_ranges_out_which_the_next_run_completes(db: TestDb) {
        let place = Place::with_database(db.url());
        let stripe = customers(1_500).await;
        stripe.revoke_key_after(16);
        let cut = backfill(&place, &stripe, &["--days", "30"]);
        assert_eq!(cut.code, 1, "{}", cut.stderr);
        assert!(cut.stderr.contains("\n  customers from 20"), "{}", cut.stderr);
        assert_eq!(cut.stderr.matches("Stripe does not accept the secret key").count(), 1, "{}", cut.stderr);
        assert!(cut.stderr.contains("run the same command again"), "{}", cut.stderr);
        assert!(cut.stdout.contains("incomplete"), "{}", cut.stdout);
        assert!(place.run(["report"]).stdout.contains("**A backfill is unfinished**"));
        assert!(!cut.stderr.contains(KEY) && !cut.stdout.contains(KEY));
        stripe.recover();
        let rest = backfill(&place, &stripe, &["--days", "30"]);
        assert_eq!(rest.code, 0, "{}", rest.stderr);
        assert!(rest.stderr.contains("going on with a backfill that is unfinished"), "{}", rest.stderr);
        assert_eq!(stored(&db).await.len(), 1_500);
        assert!(!place.run(["report"]).stdout.contains("**A backfill is unfinished**"));
    }

    async fn ctrl_c_ends_it_in_good_order(db: TestDb) {
        let place = Place::with_database(db.url());
        let stripe = customers(500).await;
        let _held = stripe.hold("/v1/customers");
        let mut child = command(&place, &stripe.url(), &["backfill"]);
        let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while stripe.next_request().await.path != "/v1/customers" {}
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &id]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("warning: interrupted: what was read is stored"), "{said}");
    }
}

/// Whether the test's own connections are the only ones.
async fn is_alone(db: &Db) -> bool {
    let others =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
        AND pid <> pg_backend_pid()";
    match db.engine() {
        growth_db::Engine::Sqlite => true,
        growth_db::Engine::Postgres => query(db, others).fetch_one::<(i64,)>().await.unwrap().0 == 0,
    }
}

#[test]
fn a_new_user_looks_before_there_is_a_database() {
    growth_testkit::block_on(async {
        let place = Place::new();
        let stripe = business(400).await;
        let dry = backfill(&place, &stripe, &["--days", "400", "--dry-run"]);
        assert_eq!(dry.code, 0, "{}", dry.stderr);
        for told in ["payment intents", "unattributed", "gross volume", "nothing was written"] {
            assert!(dry.stdout.contains(told), "{told}: {}", dry.stdout);
        }
        assert!(!place.path("test.db").exists());
        let listed = backfill(&place, &stripe, &["--days", "400", "--dry-run", "--verbose"]);
        assert!(
            listed.stdout.lines().any(|line| line.starts_with("new         charges            ch_")),
            "{}",
            listed.stdout
        );

        let done = backfill(&place, &stripe, &["--days", "400"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(done.stdout.contains("complete: the database has everything"), "{}", done.stdout);
        let report = place.run(["report", "--days", "365", "--format", "json"]);
        let report: Value = serde_json::from_str(&report.stdout).unwrap();
        assert!(report["revenue"][0]["all_time"]["payments"]["count"].as_u64() > Some(50), "{report:#}");
    });
}

/// A server that answers every request with a web page.
fn web_server() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            let page = "<html>hello</html>";
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://{address}/")
}

/// An address, a key and arguments, and which exit code and words come of them.
type Case<'a> = (&'a str, Option<&'a str>, &'a [&'a str], i32, &'a str);

#[test]
fn what_cannot_begin_is_told_in_one_sentence_and_writes_nothing() {
    growth_testkit::block_on(async {
        let stripe = customers(3).await;
        let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let (good, page, nobody) = (stripe.url(), web_server(), format!("http://{closed}/"));
        let wrong = "rk_live_marker";
        let with_version = format!("{}v1", stripe.url());
        let cases: [Case<'_>; 12] = [
            (&with_version, Some(KEY), &[], 2, "ends with v1, which is added to it"),
            (&good, None, &[], 2, "no Stripe key: set STRIPE_SECRET_KEY"),
            (&good, Some("pk_live_marker"), &[], 2, "STRIPE_SECRET_KEY: this is no Stripe secret key"),
            (&good, Some(wrong), &[], 2, "STRIPE_SECRET_KEY: Stripe does not accept the secret key"),
            (&good, Some(KEY), &["--days", "0"], 2, "--days: a window has 1 to 36500 days, not 0"),
            (&good, Some(KEY), &["--days", "100000"], 2, "--days: a window has 1 to 36500 days, not 100000"),
            (&page, Some(KEY), &[], 2, "STRIPE_API_BASE: the answer is not one of Stripe's API"),
            (&nobody, Some(KEY), &[], 1, "Stripe cannot be reached"),
            ("rk_live_marker", Some(KEY), &[], 2, "the Stripe API's address \"(a secret key)\""),
            (&good, Some(KEY), &["--account", "rk_live_marker"], 2, "--account: this is no account"),
            ("ftp://x/", Some(KEY), &[], 2, "the Stripe API's address \"ftp://x/\""),
            (&good, Some(KEY), &["--account", "acct_\n"], 2, "--account: this is no account"),
        ];
        for (base, key, args, code, told) in cases {
            for command_name in ["backfill", "audit"] {
                let place = Place::new();
                if command_name == "audit" {
                    assert_eq!(place.run(["migrate"]).code, 0);
                }
                let mut command = command(&place, base, &[&[command_name], args].concat());
                command.env_remove("STRIPE_SECRET_KEY").envs(key.map(|key| ("STRIPE_SECRET_KEY", key)));
                let ran = ran(&mut command);
                assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{args:?}: {}", ran.stderr);
                let error = ran.stderr.trim_end();
                assert!(error.starts_with("error: ") && error.contains(told), "{args:?}: {error}");
                assert_eq!(error.lines().count(), 1, "{error}");
                assert!(!error.contains("marker"), "{error}");
                assert!(command_name == "audit" || !place.path("test.db").exists(), "{args:?}");
            }
        }
    });
}

#[test]
fn the_rate_of_requests_is_a_setting() {
    growth_testkit::block_on(async {
        let stripe = customers(3).await;
        let place = Place::new();
        for (rate, told) in [
            ("0", "GROWTHCTL_STRIPE_REQUESTS_PER_SECOND: 0 is no rate from 1 to 100"),
            ("fast", "is no number"),
        ] {
            let ran = ran(command(&place, &stripe.url(), &["backfill"])
                .env("GROWTHCTL_STRIPE_REQUESTS_PER_SECOND", rate));
            assert_eq!(ran.code, 2, "{}", ran.stderr);
            assert!(ran.stderr.contains(told), "{}", ran.stderr);
        }
        place.write("growthctl.toml", "stripe_requests_per_second = 500\n");
        let ran =
            ran(command(&place, &stripe.url(), &["backfill"])
                .env_remove("GROWTHCTL_STRIPE_REQUESTS_PER_SECOND"));
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(
            ran.stderr.contains("growthctl.toml: stripe_requests_per_second: 500 is no rate"),
            "{}",
            ran.stderr
        );
    });
}

//! `growthctl serve-webhook`

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use growth_db::{Db, query};
use growth_testkit::signed::{Client, SIGNATURE, signature};
use growth_testkit::{on_each_engine, until};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::run::{Place, ran};
use crate::serving::{PATIENCE, SECRET, Serving, WEBHOOK, command, event, now, refused, states};

#[test]
fn without_a_good_secret_it_does_not_start() {
    let place = Place::new();
    for (secret, told) in [
        (
            None,
            "no signing secret: set STRIPE_WEBHOOK_SECRET to the whsec_… of the endpoint in Stripe's dashboard",
        ),
        (Some(""), "no signing secret: set STRIPE_WEBHOOK_SECRET"),
        (Some(" "), "STRIPE_WEBHOOK_SECRET: secret 1 of 1 is blank"),
        (Some("whsec_marker,"), "STRIPE_WEBHOOK_SECRET: secret 2 of 2 is blank"),
        (Some("sk_live_marker"), "STRIPE_WEBHOOK_SECRET: secret 1 of 1 is an API key"),
        (Some("whsec_marker,rk_test_marker"), "STRIPE_WEBHOOK_SECRET: secret 2 of 2 is an API key"),
    ] {
        let mut command = command(&place);
        command
            .env_remove("STRIPE_WEBHOOK_SECRET")
            .envs(secret.map(|secret| ("STRIPE_WEBHOOK_SECRET", secret)));
        let ran = refused(&mut command);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{secret:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{secret:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("marker"), "{}", ran.stderr);
        assert_eq!(ran.stderr.trim_end().lines().count(), 1, "{}", ran.stderr);
    }
    for (line, told) in [
        (
            "stripe_webhook_secret = \"\"",
            "settings file growthctl.toml: stripe_webhook_secret: secret 1 of 1 is blank",
        ),
        (
            "stripe_webhook_secret = \"sk_live_marker\"",
            "settings file growthctl.toml: stripe_webhook_secret: secret 1 of 1 is an API key",
        ),
    ] {
        place.write("growthctl.toml", line);
        let ran = refused(command(&place).env_remove("STRIPE_WEBHOOK_SECRET"));
        assert_eq!(ran.code, 2, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{line}: {}", ran.stderr);
        assert!(!ran.stderr.contains("marker"), "{}", ran.stderr);
    }
}

#[test]
fn a_file_that_is_no_toml_shows_no_secret() {
    let place = Place::new();
    for text in [
        "stripe_webhook_secret = \"whsec_marker\n",
        "stripe_webhook_secret = whsec_marker\n",
        "stripe_webhook_secret = [\"whsec_marker\"]\n",
        "stripe_webhook_secrets = \"whsec_marker\"\n",
        "stripe_webhook_secret = \"whsec_marker\"\nstripe_webhook_secret = \"whsec_marker\"\n",
    ] {
        place.write("growthctl.toml", text);
        let ran = refused(command(&place).env_remove("STRIPE_WEBHOOK_SECRET"));
        assert_eq!(ran.code, 2, "{text}: {}", ran.stderr);
        assert!(ran.stderr.contains("growthctl.toml"), "{text}: {}", ran.stderr);
        assert!(!ran.stderr.contains("whsec_marker"), "{text}: {}", ran.stderr);
    }
}

#[test]
fn without_leave_to_migrate_it_refuses_an_older_database() {
    let place = Place::new();
    let ran = refused(command(&place).arg("--no-migrate"));
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("growthctl migrate"), "{}", ran.stderr);
    assert_eq!(place.run(["migrate", "--check"]).code, 1, "nothing was applied");
}

#[test]
fn an_address_that_is_wrong_or_taken_is_wrong_configuration() {
    let place = Place::new();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let ran = refused(place.bare().env("STRIPE_WEBHOOK_SECRET", SECRET).args([
        "serve-webhook",
        "--listen",
        &taken,
    ]));
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    let told = format!("cannot listen on {taken}: ");
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    let ran = refused(command(&place).args(["--metrics-listen", &taken]));
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    for (flag, value) in [
        ("--metrics-listen", "9090"),
        ("--metrics-listen", "localhost:9090"),
        ("--metrics-listen", "127.0.0.1:99999"),
        ("--max-body", "1023"),
        ("--max-body", "-1"),
        ("--max-body", "16777217"),
    ] {
        let ran = refused(command(&place).arg(format!("{flag}={value}")));
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{value}: {}", ran.stderr);
        assert!(ran.stderr.contains(flag) && ran.stderr.contains(value), "{value}: {}", ran.stderr);
    }
}

on_each_engine! {
    async fn what_was_accepted_is_in_the_figures_after_either_signal(db: TestDb) {
        let place = Place::with_database(db.url());
        let mut expected = Vec::new();
        for (round, name) in ["TERM", "INT"].into_iter().enumerate() {
            let serving = Serving::start(&mut command(&place)).await;
            for n in 0..30 {
                let id = format!("evt_{round}_{n:02}");
                assert_eq!(serving.post(&event(&id).to_string()).await.status, 200);
                expected.push((id, "applied".to_owned()));
            }
            serving.signal(name);
            let ended = serving.end().await;
            assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
            assert!(ended.log.contains("stopped"), "{}", ended.log);
            assert_eq!(states(&db).await, expected);
        }
    }

    async fn metrics_are_on_their_own_address_and_count_each_reason(db: TestDb) {
        let place = Place::with_database(db.url());
        let serving = Serving::start(command(&place).args(["--metrics-listen", "127.0.0.1:0"])).await;
        let body = event("evt_1").to_string();
        let ignored = body.replace("customer.created", "topup.created").replace("evt_1", "evt_2");
        let ignored = ignored.replace("\"object\":\"customer\"", "\"object\":\"topup\"");
        for (secret, body, status) in [
            (SECRET, body.as_str(), 200),
            (SECRET, &body, 200),
            (SECRET, &ignored, 200),
            (SECRET, "nonsense", 400),
            (SECRET, "{}", 400),
            ("whsec_other", &body, 400),
            ("whsec_other", &body, 400),
        ] {
            assert_eq!(serving.post_signed(secret, body).await.status, status, "{body}");
        }
        let mut client = Client::new(serving.address);
        assert_eq!(client.post(WEBHOOK, &[], "").await.unwrap().status, 400);
        assert_eq!(client.get("/metrics").await.unwrap().status, 404);
        let mut scrape = Client::new(serving.metrics.unwrap());
        for path in ["/healthz", "/readyz", WEBHOOK] {
            assert_eq!(scrape.get(path).await.unwrap().status, 404, "{path}");
        }
        let expected = [
            "growthctl_webhook_requests_total{outcome=\"duplicate\"} 1",
            "growthctl_webhook_requests_total{outcome=\"refused\"} 5",
            "growthctl_webhook_refused_total{reason=\"no_signature\"} 1",
            "growthctl_webhook_refused_total{reason=\"not_an_event\"} 1",
            "growthctl_webhook_refused_total{reason=\"not_json\"} 1",
            "growthctl_webhook_refused_total{reason=\"wrong_signature\"} 2",
            "growthctl_webhook_seconds_count 8",
            "growthctl_webhook_under_way 0",
            "growthctl_events_pending 0",
            "growthctl_database_up 1",
            "growthctl_events_projected_total{state=\"applied\"} 1",
            "# EOF",
        ];
        let text = until("everything is counted", async || {
            let answer = scrape.get("/metrics").await.unwrap();
            assert_eq!(answer.status, 200);
            let found = expected.iter().all(|line| answer.body.lines().any(|found| found == *line));
            if !found { sleep(Duration::from_millis(20)).await; }
            found.then_some(answer)
        });
        let text = text.await;
        assert_eq!(text.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
        assert_eq!(serving.terminate().await.status.code(), Some(0));
    }

    async fn a_log_of_json_tells_each_event_and_no_secret(db: TestDb) {
        let place = Place::with_database(db.url());
        let serving = Serving::start(command(&place).args(["--log-format", "json", "-v"])).await;
        let good = event("evt_good").to_string();
        let mut unreadable = event("evt_unreadable");
        unreadable["data"]["object"]["created"] = "body@marker.example".into();
        let mut unknown = event("evt_unknown");
        unknown["type"] = "marker\n\u{1b}[2J\"} {\"level\":\"ERROR\"".into();
        unknown["api_version"] = "body@marker.example".into();
        let mut parts = Vec::new();
        for (secret, body) in [
            (SECRET, good.clone()),
            (SECRET, good.clone()),
            (SECRET, unreadable.to_string()),
            (SECRET, unknown.to_string()),
            (SECRET, "body@marker.example".to_owned()),
            (SECRET, "{\"object\":\"charge\",\"id\":\"body@marker.example\"}".to_owned()),
            (SECRET, "{\"object\":\"event\",\"id\":\"evt_x\",\"type\":\"body@marker.example\"}".to_owned()),
            ("whsec_other", good.clone()),
        ] {
            parts.push(signature(secret, now(), body.as_bytes()).split_once("v1=").unwrap().1.to_owned());
            let answer = serving.post_signed(secret, &body).await;
            assert!([200, 400].contains(&answer.status), "{answer:?}");
            parts.push(signature(secret, now(), body.as_bytes()).split_once("v1=").unwrap().1.to_owned());
            for kept in parts.iter().map(String::as_str).chain([SECRET, "marker.example"]) {
                assert!(!answer.body.contains(kept), "{answer:?}");
            }
        }
        let mut client = Client::new(serving.address);
        let header = "t=1,v1=signature_marker";
        assert_eq!(client.post(WEBHOOK, &[(SIGNATURE, header)], good.clone()).await.unwrap().status, 400);
        until("all is applied", async || {
            states(&db).await.iter().all(|(_, state)| state != "pending").then_some(())
        })
        .await;
        let states = states(&db).await;
        assert_eq!(states.len(), 3, "{states:?}");
        let ended = serving.terminate().await;
        assert_eq!(ended.status.code(), Some(0));
        for kept in parts.iter().map(String::as_str).chain([SECRET, "marker.example", "signature_marker"]) {
            assert!(!ended.log.contains(kept), "{kept} is in {}", ended.log);
        }
        let lines: Vec<Value> = ended.log.lines().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        }).collect();
        let webhooks: Vec<&Value> = lines.iter().filter(|line| line["message"] == "webhook").collect();
        assert_eq!(webhooks.len(), 9, "{webhooks:?}");
        let told = |line: &Value| {
            assert!(line["ms"].as_f64().unwrap() > 0.0, "{line}");
            assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
            [&line["event"], &line["type"], &line["outcome"]].map(|value| value.as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(told(webhooks[0]), ["evt_good", "customer.created", "stored"]);
        assert_eq!(told(webhooks[1]), ["evt_good", "customer.created", "duplicate"]);
        for line in &webhooks[4..] {
            assert_eq!(told(line), ["", "", "refused"]);
            assert!(line["reason"].is_string(), "{line}");
        }
    }

    async fn the_text_of_the_log_shows_no_secret_and_one_line_an_event(db: TestDb) {
        let place = Place::with_database(db.url());
        let serving = Serving::start(command(&place).arg("-v")).await;
        let mut odd = event("evt_\u{1b}[2J\nfake");
        odd["type"] = "two\r\nlines".into();
        assert_eq!(serving.post(&odd.to_string()).await.status, 200);
        assert_eq!(serving.post_signed("whsec_other", &odd.to_string()).await.status, 400);
        let ended = serving.terminate().await;
        assert_eq!(ended.log.lines().filter(|line| line.contains("webhook")).count(), 2, "{}", ended.log);
        assert!(!ended.log.contains(['\u{1b}', '\r']) && !ended.log.contains("\nfake"), "{:?}", ended.log);
        for kept in [SECRET, "marker", "v1="] {
            assert!(!ended.log.contains(kept), "{kept} is in {}", ended.log);
        }
        if let Some((_, password)) = db.url().split_once("://").and_then(|(_, rest)| rest.split_once('@')?.0.split_once(':')) {
            assert!(!ended.log.contains(password), "{}", ended.log);
        }
    }
}

#[test]
fn a_deeply_nested_object_ends_nothing() {
    growth_testkit::block_on(async {
        let place = Place::new();
        let serving = Serving::start(&mut command(&place)).await;
        for (kind, begin, end) in [
            ("customer.created", "[", "]"),
            ("customer.created", "{\"a\":", "}"),
            ("customer.created", "{\"object\":\"customer\",\"default_source\":{\"customer\":", "}}"),
            ("charge.succeeded", "{\"object\":\"charge\",\"payment_intent\":{\"latest_charge\":", "}}"),
            ("invoice.paid", "{\"subscription\":{\"latest_invoice\":", "}}"),
            ("customer.subscription.updated", "{\"latest_invoice\":{\"subscription\":", "}}"),
        ] {
            let times = 1_000_000 / (begin.len() + end.len());
            let deep = begin.repeat(times) + "null" + &end.repeat(times);
            let deep = deep.replacen('{', "{\"id\":\"x_1\",", 1);
            let body = format!(
                "{{\"id\":\"evt_deep\",\"object\":\"event\",\"type\":\"{kind}\",\"created\":1750000000,\
                 \"livemode\":true,\"pending_webhooks\":0,\"data\":{{\"object\":{deep}}}}}"
            );
            let header = signature(SECRET, now(), body.as_bytes());
            let mut client = Client::new(serving.address);
            let answer = client.post(WEBHOOK, &[(SIGNATURE, &header)], body).await;
            let status = answer.map(|answer| answer.status);
            assert!(matches!(status, Ok(400)), "{kind} of {begin}: {status:?}, {}", serving.log());
        }
        assert_eq!(serving.post(&event("evt_after").to_string()).await.status, 200);
        assert_eq!(serving.terminate().await.status.code(), Some(0));
    });
}

#[test]
fn migrations_are_applied_at_the_start() {
    growth_testkit::block_on(async {
        let place = Place::new();
        let serving = Serving::start(&mut command(&place)).await;
        assert_eq!(place.run(["migrate", "--check"]).code, 0);
        assert_eq!(serving.get("/readyz").await.status, 200);
        let ended = serving.terminate().await;
        assert!(ended.log.contains("0001_foundation"), "{}", ended.log);
        let serving = Serving::start(command(&place).arg("--no-migrate")).await;
        assert_eq!(serving.get("/readyz").await.status, 200);
        assert!(!serving.terminate().await.log.contains("0001_foundation"));
    });
}

#[test]
fn nobody_is_told_that_it_is_ready_while_it_stops() {
    growth_testkit::block_on(async {
        let place = Place::new();
        let serving = Serving::start(&mut command(&place)).await;
        let mut kept = Client::connect(serving.address).await.unwrap();
        assert_eq!(kept.get("/readyz").await.unwrap().status, 200);
        // A request under way keeps the server from ending at once.
        let mut slow = std::net::TcpStream::connect(serving.address).unwrap();
        let begin = format!(
            "POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nStripe-Signature: x\r\nContent-Length: 9\r\n\r\nx"
        );
        std::io::Write::write_all(&mut slow, begin.as_bytes()).unwrap();
        assert_eq!(serving.get("/healthz").await.status, 200);
        serving.signal("TERM");
        until("it is not ready", async || {
            // Nobody is let in any more, or is told why.
            let Ok(answer) = Client::new(serving.address).get("/readyz").await else { return Some(()) };
            let told = answer.status == 503 && answer.body.contains("stopping");
            assert!(told || answer.status == 200, "{answer:?}");
            told.then_some(())
        })
        .await;
        std::io::Write::write_all(&mut slow, b"12345678").unwrap();
        let mut answer = String::new();
        slow.set_read_timeout(Some(PATIENCE)).unwrap();
        slow.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "the request under way is answered: {answer}");
        assert_eq!(serving.end().await.status.code(), Some(0));
    });
}

#[test]
fn a_second_signal_ends_it_at_once() {
    growth_testkit::block_on(async {
        let place = Place::new();
        let serving = Serving::start(&mut command(&place)).await;
        assert_eq!(serving.post(&event("evt_1").to_string()).await.status, 200);
        let mut slow = std::net::TcpStream::connect(serving.address).unwrap();
        let begin = format!(
            "POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nStripe-Signature: x\r\nContent-Length: 9\r\n\r\nx"
        );
        std::io::Write::write_all(&mut slow, begin.as_bytes()).unwrap();
        assert_eq!(serving.get("/healthz").await.status, 200);
        serving.signal("INT");
        until("it is told to stop", async || serving.log().contains("stopping").then_some(())).await;
        let start = Instant::now();
        serving.signal("TERM");
        let ended = serving.end().await;
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
        assert!(ended.log.contains("told to stop twice"), "{}", ended.log);
        let db = Db::connect(&place.database_url).await.unwrap();
        assert_eq!(states(&db).await.len(), 1);
    });
}

#[test]
fn a_signal_right_after_it_says_where_it_listens_is_heard() {
    growth_testkit::block_on(async {
        let place = Place::new();
        assert_eq!(place.run(["migrate"]).code, 0);
        for _ in 0..20 {
            let serving = Serving::launch(&mut command(&place));
            let ended = serving.terminate().await;
            assert_eq!(ended.status.code(), Some(0), "{}: {}", ended.status, ended.log);
        }
    });
}

#[test]
fn a_locked_database_does_not_keep_it_from_ending() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let place = Place::with_database(db.url());
        let serving = Serving::start(&mut command(&place)).await;
        assert_eq!(serving.post(&event("evt_1").to_string()).await.status, 200);
        let mut held = db.begin().await.unwrap();
        query(&mut held, "LOCK TABLE growth.stripe_events IN ACCESS EXCLUSIVE MODE").execute().await.unwrap();
        until("the server waits for the lock", async || {
            let waiting = "SELECT COUNT(*) AS n FROM pg_stat_activity \
                           WHERE datname = current_database() AND wait_event_type = 'Lock'";
            let (waiting,): (i64,) = query(&*db, waiting).fetch_one().await.unwrap();
            (waiting > 0).then_some(())
        })
        .await;
        let start = Instant::now();
        serving.signal("TERM");
        // First the projector is waited for, which takes the whole time it is given.
        until("it gives up what cannot be applied", async || {
            serving.log().contains("wait for the next start").then_some(())
        })
        .await;
        serving.signal("TERM");
        let ended = serving.end().await;
        assert!(start.elapsed() < Duration::from_secs(45), "{:?}", start.elapsed());
        assert!(ended.status.code().is_some(), "{}", ended.log);
        drop(held);
    });
}

#[test]
fn a_log_that_nobody_takes_stops_no_event() {
    growth_testkit::block_on(async {
        let place = Place::new();
        let mut child = command(&place).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        drop((stdout, child.stderr.take()));
        let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        let mut client = Client::new(address);
        for n in 0..10 {
            let body = event(&format!("evt_{n}")).to_string();
            let header = signature(SECRET, now(), body.as_bytes());
            let answer = until("an answer", async || {
                client.post(WEBHOOK, &[(SIGNATURE, &header)], body.clone()).await.ok()
            })
            .await;
            assert_eq!(answer.status, 200);
        }
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn each_layer_of_settings_wins_over_the_next() {
    growth_testkit::block_on(async {
        let place = Place::new();
        // Each layer has an address of its own, which tells the one that was used.
        let [flag, environment, file] = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|ip| format!("{ip}:0"));
        let text = format!(
            "webhook_listen = {file:?}\nstripe_webhook_secret = \"whsec_file\"\nwebhook_max_body = 1024\n"
        );
        place.write("growthctl.toml", text);
        let serve = |flag: Option<&str>, environment: Option<&str>| {
            let mut command = place.bare();
            command.env("DATABASE_URL", &place.database_url).arg("serve-webhook");
            command.envs(environment.map(|value| ("GROWTHCTL_WEBHOOK_LISTEN", value)));
            command.args(flag.map(|flag| format!("--listen={flag}")));
            command
        };
        for (flag_value, environment_value, expected) in [
            (Some(flag.as_str()), Some(environment.as_str()), "127.0.0.2"),
            (None, Some(&environment), "127.0.0.3"),
            (None, None, "127.0.0.4"),
        ] {
            let serving = Serving::start(&mut serve(flag_value, environment_value)).await;
            assert_eq!(serving.address.ip().to_string(), expected, "{flag_value:?} {environment_value:?}");
            let body = event("evt_1").to_string();
            assert_eq!(serving.post_signed("whsec_file", &body).await.status, 200);
            let large = body.replace("body@marker", &"x".repeat(1024));
            assert_eq!(serving.post_signed("whsec_file", &large).await.status, 413);
            assert_eq!(serving.terminate().await.status.code(), Some(0));
        }
        // The environment's secret takes the place of the file's.
        let mut command = serve(None, None);
        let serving = Serving::start(command.env("STRIPE_WEBHOOK_SECRET", SECRET)).await;
        assert_eq!(serving.post(&event("evt_2").to_string()).await.status, 200);
        assert_eq!(serving.post_signed("whsec_file", &event("evt_3").to_string()).await.status, 400);
        assert_eq!(serving.terminate().await.status.code(), Some(0));
        for (value, told) in [
            (
                "webhook_max_body = 1",
                "settings file growthctl.toml: webhook_max_body: 1 is no number of bytes",
            ),
            (
                "webhook_listen = \"here\"",
                "settings file growthctl.toml: webhook_listen: \"here\" is no address",
            ),
        ] {
            place.write("growthctl.toml", value);
            let ran = ran(serve(None, None).env("STRIPE_WEBHOOK_SECRET", SECRET));
            assert_eq!(ran.code, 2, "{value}: {}", ran.stderr);
            assert!(ran.stderr.contains(told), "{value}: {}", ran.stderr);
        }
    });
}

#[test]
fn an_empty_flag_or_variable_leaves_the_choice_to_the_next_in_line() {
    growth_testkit::block_on(async {
        let place = Place::new();
        place.write("growthctl.toml", "webhook_listen = \"127.0.0.4:0\"\n");
        for (flag, variable) in [
            ("--listen=", "GROWTHCTL_WEBHOOK_LISTEN"),
            ("--metrics-listen=", "GROWTHCTL_METRICS_LISTEN"),
            ("--max-body=", "GROWTHCTL_WEBHOOK_MAX_BODY"),
        ] {
            for by_flag in [false, true] {
                let mut command = place.bare();
                command.env("DATABASE_URL", &place.database_url).env("STRIPE_WEBHOOK_SECRET", SECRET);
                command.arg("serve-webhook");
                if by_flag {
                    command.arg(flag)
                } else {
                    command.env(variable, "")
                };
                let serving = Serving::start(&mut command).await;
                assert_eq!(serving.address.ip().to_string(), "127.0.0.4");
                assert_eq!(serving.terminate().await.status.code(), Some(0));
            }
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn many_unfinished_bodies_take_little_memory() {
    use tokio::io::AsyncWriteExt;

    growth_testkit::block_on(async {
        let place = Place::new();
        let serving = Serving::start(&mut command(&place)).await;
        let peak = || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", serving.child.id())).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
            line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() >> 10
        };
        let before = peak();
        let begin = format!(
            "POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nStripe-Signature: t={},v1=00\r\nContent-Length: 1048576\r\n\r\n",
            now()
        );
        let body = "x".repeat(1_000_000);
        let unfinished = async || {
            let mut stream = tokio::net::TcpStream::connect(serving.address).await.unwrap();
            // Those that find no budget are closed while they send.
            let _ = stream.write_all(begin.as_bytes()).await;
            let _ = tokio::time::timeout(PATIENCE, stream.write_all(body.as_bytes())).await;
            stream
        };
        let mut large = event("evt_large");
        large["padding"] = "x".repeat(1_000_000).into();
        let large = large.to_string();
        // A body that takes too long leaves its share of the budget, so a slow machine may need another round.
        let held = until("the budget is taken", async || {
            let held = futures_util::future::join_all((0..300).map(|_| unfinished())).await;
            (serving.post(&large).await.status == 503).then_some(held)
        })
        .await;
        let taken = peak() - before;
        // The budget is 32 MiB, and a text that grows may have twice its size.
        assert!(taken < 150, "{taken} MiB for 300 bodies");
        drop(held);
        until("the budget is free again", async || (serving.post(&large).await.status == 200).then_some(()))
            .await;
        assert_eq!(serving.terminate().await.status.code(), Some(0));
    });
}

on_each_engine! {
    async fn with_a_key_it_asks_stripe_for_a_fee_and_shows_that(db: TestDb) {
        const KEY: &str = "rk_test_served_0123456789";
        let stripe = growth_testkit::stripe::Stripe::start(KEY).await;
        let paid_at = now() - 120;
        let mut charge = json!({"object": "charge", "id": "ch_1", "amount": 2000, "captured": true, "currency": "gbp",
            "created": paid_at, "status": "succeeded", "livemode": false, "balance_transaction": "txn_1"});
        let told = json!({"object": "event", "id": "evt_1", "type": "charge.succeeded", "created": paid_at,
            "livemode": false, "data": {"object": charge}});
        charge["balance_transaction"] =
            json!({"object": "balance_transaction", "id": "txn_1", "fee": 59, "currency": "gbp"});
        stripe.put(charge);
        let place = Place::with_database(db.url());
        let mut command = command(&place);
        command.env("STRIPE_SECRET_KEY", KEY).env("STRIPE_API_BASE", stripe.url());
        let serving = Serving::start(command.args(["--metrics-listen", "127.0.0.1:0"])).await;
        assert_eq!(serving.post(&told.to_string()).await.status, 200);
        let fee = until("the fee is known", async || {
            let (fee,): (Option<i64>,) =
                query(&*db, "SELECT MAX(fee) AS fee FROM payments").fetch_one().await.unwrap();
            fee
        });
        assert_eq!(fee.await, 59);
        let mut metrics = Client::new(serving.metrics.unwrap());
        let shown = metrics.get("/metrics").await.unwrap().body;
        let answered = "growthctl_resolver_requests_total{kind=\"fee\",outcome=\"answered\"} 1\n";
        assert!(shown.contains(answered) && shown.contains("growthctl_resolver_backlog{kind=\"fee\"} "), "{shown}");
        let ended = serving.terminate().await;
        assert_eq!(ended.status.code(), Some(0));
        assert!(ended.log.contains("asks_stripe_about=\"test data\"") && !ended.log.contains(KEY), "{}", ended.log);
    }
}

#[test]
fn a_key_that_is_none_is_wrong_use() {
    let place = Place::new();
    let ran = refused(command(&place).env("STRIPE_SECRET_KEY", "pk_live_marker"));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("STRIPE_SECRET_KEY: this is no Stripe secret key"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("marker"), "{}", ran.stderr);
}

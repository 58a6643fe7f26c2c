//! Which signatures are taken.

use growth_testkit::on_each_engine;
use growth_testkit::signed::signature;
use growth_webhook::{SecretError, Secrets};

use crate::raw::{head, post, post_with};
use crate::running::{NOW, Running, SECRET, event, ids, settings};

const WRONG: &str = "the signature is by none of the configured secrets";
const MALFORMED: &str = "the header Stripe-Signature is not of the form t=…,v1=…";
const OLD: &str = "the signature is older than 5 minutes";
const FUTURE: &str = "the signature is more than 5 minutes in the future";

fn error(message: &str) -> String {
    format!("{{\"error\":\"{message}\"}}")
}

/// The hexadecimal part of a signature.
fn v1(secret: &str, at: i64, body: &str) -> String {
    signature(secret, at, body.as_bytes()).split_once("v1=").unwrap().1.to_owned()
}

on_each_engine! {
    async fn a_signature_holds_for_five_minutes_either_way(db: TestDb) {
        let server = Running::start(&db).await;
        for (seconds, refused) in
            [(-301, Some(OLD)), (-300, None), (-299, None), (0, None), (299, None), (300, None), (301, Some(FUTURE))]
        {
            let id = format!("evt_{seconds}");
            let body = event(&id).to_string();
            let answer = server.ask(post(SECRET, NOW + seconds, &body)).await.unwrap();
            let expected = refused.map_or((200, "{\"received\":true}".to_owned()), |why| (400, error(why)));
            assert_eq!((answer.status, answer.body), expected, "{seconds}");
            assert_eq!(ids(&db).await.contains(&id), refused.is_none(), "{seconds}");
        }
        server.set_clock(NOW + 600);
        let answer = server.ask(post(SECRET, NOW, event("evt_later").to_string())).await.unwrap();
        assert_eq!((answer.status, answer.body), (400, error(OLD)), "the clock decides, and it went on");
        server.assert_well(&db).await;
        server.end().await;
    }

    async fn the_signature_is_judged_before_the_body_is_read(db: TestDb) {
        let server = Running::start(&db).await;
        for body in ["", "{", "nonsense", "[]", "{\"object\":\"event\"}", "{\"id\":\"evt_1\",\"object\":\"charge\"}"] {
            let signed = server.post(body).await;
            assert_eq!(signed.status, 400, "{body}");
            assert!(signed.body.starts_with("{\"error\":\"the body is not "), "{body}: {}", signed.body);
            let forged = server.ask(post("whsec_other", NOW, body)).await.unwrap();
            assert_eq!((forged.status, forged.body), (400, error(WRONG)), "{body}");
        }
        assert_eq!(server.refused("not_json").await, 3);
        assert_eq!(server.refused("not_an_event").await, 3);
        assert_eq!(server.refused("wrong_signature").await, 6);
        assert!(ids(&db).await.is_empty());
        server.assert_well(&db).await;
        server.end().await;
    }

    async fn an_event_of_a_version_that_nobody_knows_is_taken_all_the_same(db: TestDb) {
        let server = Running::start(&db).await;
        let mut unknown = event("evt_unknown");
        unknown["type"] = "spaceship.launched".into();
        unknown["api_version"] = "2099-01-01.marble".into();
        unknown["data"]["object"]["object"] = "spaceship".into();
        let mut bare = event("evt_bare");
        bare.as_object_mut().unwrap().remove("api_version");
        bare["livemode"] = "yes".into();
        for body in [unknown, bare] {
            let answer = server.post(body.to_string()).await;
            assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        }
        assert_eq!(ids(&db).await, ["evt_bare", "evt_unknown"]);
        server.end().await;
    }
}

#[test]
fn every_secret_of_a_rotation_is_good_and_no_other() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let mut settings = settings();
        settings.secrets = Secrets::parse("whsec_new , whsec_old").unwrap();
        assert_eq!(settings.secrets.count(), 2);
        let server = Running::start_with(&db, settings).await;
        for (secret, status) in [("whsec_new", 200), ("whsec_old", 200), ("whsec_older", 400), ("", 400)] {
            let body = event(&format!("evt_{secret}")).to_string();
            assert_eq!(server.ask(post(secret, NOW, &body)).await.unwrap().status, status, "{secret}");
        }
        // Stripe itself signs with the old and the new secret for a day.
        let body = event("evt_both").to_string();
        let header = format!(
            "t={NOW},v1={},v1={},v0={}",
            v1("whsec_unknown", NOW, &body),
            v1("whsec_old", NOW, &body),
            v1("whsec_unknown", NOW, &body)
        );
        assert_eq!(server.ask(post_with(header, body.as_bytes())).await.unwrap().status, 200);
        // Old by one secret is old, whatever the other one says.
        let answer = server.ask(post("whsec_new", NOW - 301, event("evt_old").to_string())).await.unwrap();
        assert_eq!(answer.body, error(OLD));
        assert_eq!(ids(&db).await, ["evt_both", "evt_whsec_new", "evt_whsec_old"]);
        server.end().await;
    });
}

#[test]
fn nothing_but_a_whole_signature_is_one() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start(&db).await;
        let body = event("evt_forged").to_string();
        let good = v1(SECRET, NOW, &body);
        let at = |t: i64| v1(SECRET, t, &body);
        for (header, why) in [
            (String::new(), MALFORMED),
            (",".to_owned(), MALFORMED),
            ("=".to_owned(), MALFORMED),
            (format!("t={NOW}"), MALFORMED),
            (format!("v1={good}"), MALFORMED),
            (format!("t=,v1={good}"), MALFORMED),
            (format!("t={NOW},v1"), MALFORMED),
            (format!("t={NOW}, v1={good}"), MALFORMED),
            (format!("t={NOW};v1={good}"), MALFORMED),
            (format!("T={NOW},V1={good}"), MALFORMED),
            (format!("t={NOW}.0,v1={good}"), MALFORMED),
            (format!("t=0x{NOW:x},v1={good}"), MALFORMED),
            (format!("t={NOW}0000000000000000000000,v1={good}"), MALFORMED),
            (format!("t={},v1={}", i64::MAX, at(i64::MAX)), MALFORMED),
            (format!("t={},v1={}", i64::MIN, at(i64::MIN)), MALFORMED),
            (format!("t={},v1={}", 1_i64 << 40, at(1 << 40)), MALFORMED),
            (format!("t={},v1={}", (1_i64 << 40) - 1, at((1 << 40) - 1)), FUTURE),
            (format!("t={},v1={}", -(1_i64 << 40), at(-(1 << 40))), OLD),
            (format!("t=0,v1={}", at(0)), OLD),
            (format!("t={NOW},v0={good}"), MALFORMED),
            (format!("t={NOW},v0={good},v1="), WRONG),
            (format!("t={NOW},v1={}", &good[..62]), WRONG),
            (format!("t={NOW},v1={}", &good[..2]), WRONG),
            (format!("t={NOW},v1={}", &good[..63]), WRONG),
            (format!("t={NOW},v1={good}00"), WRONG),
            (format!("t={NOW},v1={}", "0".repeat(64)), WRONG),
            (format!("t={NOW},v1= {good}"), WRONG),
            (format!("t={NOW},t={},v1={good}", NOW + 1), WRONG),
            (format!("t={},v1={good}", NOW + 1), WRONG),
            (format!("t={NOW},v1={}", at(NOW + 1)), WRONG),
        ] {
            let answer = server.ask(post_with(&header, body.as_bytes())).await.unwrap();
            assert_eq!((answer.status, answer.body), (400, error(why)), "{header}");
        }
        assert!(ids(&db).await.is_empty());
        // What no attacker can make is taken, however it is written.
        let plus = format!("t=+{NOW},v1={good}");
        assert_eq!(server.ask(post_with(plus, body.as_bytes())).await.unwrap().status, 200);
        let upper = format!("t={NOW},v1={}", good.to_uppercase());
        assert_eq!(server.ask(post_with(upper, body.as_bytes())).await.unwrap().status, 200);
        server.end().await;
    });
}

#[test]
fn a_header_that_is_missing_repeated_or_no_text_is_refused() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        let server = Running::start(&db).await;
        let body = event("evt_1").to_string();
        let line = format!("Stripe-Signature: {}", signature(SECRET, NOW, body.as_bytes()));
        let length = format!("Content-Length: {}", body.len());
        let request = |lines: &[&str]| head("POST /webhooks/stripe HTTP/1.1", lines) + "\r\n" + &body;
        for (lines, reason) in [
            (vec![length.as_str()], "no_signature"),
            (vec![&length, &line, &line], "ambiguous_signature"),
            (vec![&length, &line, "stripe-signature: t=1,v1=00"], "ambiguous_signature"),
            (vec![&length, "Stripe-Signature: t=1,v1=\u{fc}"], "ambiguous_signature"),
        ] {
            let before = server.refused(reason).await;
            let answer = server.ask(request(&lines)).await.unwrap();
            assert_eq!(answer.status, 400, "{lines:?}");
            assert_eq!(server.refused(reason).await, before + 1, "{lines:?}");
        }
        let mut zero = post_with("t=1,v1=", body.as_bytes());
        let nul = zero.iter().position(|byte| *byte == b'=').unwrap();
        zero[nul] = 0;
        let mut raw = server.connect().await;
        raw.send(zero).await;
        let answers = raw.answers().await;
        assert!(answers.iter().all(|answer| answer.status == 400), "{answers:?}");
        assert!(ids(&db).await.is_empty());
        assert_eq!(server.ask(request(&[&length, &line])).await.unwrap().status, 200);
        server.end().await;
    });
}

#[test]
fn a_secret_that_would_let_anybody_in_is_refused() {
    for (text, expected) in [
        ("", SecretError::Blank { position: 1, count: 1 }),
        (" \t", SecretError::Blank { position: 1, count: 1 }),
        (",", SecretError::Blank { position: 1, count: 2 }),
        ("whsec_a,", SecretError::Blank { position: 2, count: 2 }),
        ("whsec_a,,whsec_b", SecretError::Blank { position: 2, count: 3 }),
        ("\u{a0}", SecretError::Blank { position: 1, count: 1 }),
        ("sk_live_1", SecretError::ApiKey { position: 1, count: 1 }),
        ("whsec_a, rk_test_1", SecretError::ApiKey { position: 2, count: 2 }),
        ("pk_test_1,whsec_a", SecretError::ApiKey { position: 1, count: 2 }),
    ] {
        let error = Secrets::parse(text).unwrap_err();
        assert_eq!(error, expected, "{text:?}");
        assert!(!error.to_string().contains("_1"), "{error}");
    }
    assert!(!format!("{:?}", settings()).contains(SECRET));
}

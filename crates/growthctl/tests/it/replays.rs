//! What is replayed again, in a better copy, or in a file that is not quite NDJSON.

use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::run::Place;

fn charge(id: &str, amount: impl Into<Value>) -> Value {
    json!({"object": "charge", "id": id, "amount": amount.into(), "captured": true, "currency": "gbp",
        "created": 1_750_000_000, "status": "succeeded", "livemode": true})
}

fn event(id: &str, object: &Value) -> String {
    json!({"object": "event", "id": id, "type": "charge.succeeded", "created": 1_750_000_000, "livemode": true,
        "data": {"object": object}})
    .to_string()
}

fn gross(place: &Place) -> Value {
    place.report()["revenue"][0]["all_time"]["payments"].clone()
}

fn lines(documents: impl IntoIterator<Item = Value>) -> String {
    documents.into_iter().map(|document| document.to_string() + "\n").collect()
}

#[test]
fn of_plain_objects_the_one_that_stands_last_wins() {
    let place = Place::new();
    // Several batches, and then a page and another file, each with a newer state of the same charge.
    place.write("a.ndjson", lines((1..=2_500).map(|amount| charge("ch_1", amount))));
    assert_eq!(place.run(["replay", "a.ndjson"]).code, 0);
    assert_eq!(gross(&place), json!({"count": 1, "amount": 2_500}));
    place.write(
        "b.json",
        json!({"object": "list", "data": [charge("ch_2", 7), charge("ch_2", 6)]}).to_string(),
    );
    place.write("c.json", charge("ch_2", 5).to_string());
    assert_eq!(place.run(["replay", "b.json"]).code, 0);
    assert_eq!(gross(&place), json!({"count": 2, "amount": 2_506}));
    assert_eq!(place.run(["replay", "b.json", "c.json"]).code, 0);
    assert_eq!(gross(&place), json!({"count": 2, "amount": 2_505}));
}

on_each_engine! {
    async fn a_good_copy_of_a_failed_event_repairs_it(db: TestDb) {
        let place = Place::with_database(db.url());
        let (broken, good) = (event("evt_1", &charge("ch_1", "a lot")), event("evt_1", &charge("ch_1", 100)));
        for _ in 0..2 {
            let ran = place.run_with_input(&["replay", "-"], &broken);
            assert_eq!(ran.code, 1);
            assert!(ran.stderr.contains("stdin, line 1: evt_1"), "{}", ran.stderr);
            assert!(ran.stdout.contains("kept, could not be read"), "{}", ran.stdout);
        }
        assert_eq!(place.run_with_input(&["replay", "-"], &good).code, 0);
        let again = place.run_with_input(&["replay", "-"], &broken);
        assert_eq!(again.code, 0);
        assert!(again.stdout.contains("known before, nothing changed"), "{}", again.stdout);
        let freshness = &place.report()["freshness"];
        assert_eq!((&freshness["failed_events"], &freshness["applied_events"]), (&json!(0), &json!(1)));
        assert_eq!(gross(&place), json!({"count": 1, "amount": 100}));
    }

    async fn names_and_amounts_that_no_table_can_hold_cost_themselves_only(db: TestDb) {
        // Random letters, which an index cannot compress.
        let mut seed = 1_u64;
        let long: String = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + u8::try_from((seed >> 33) % 26).unwrap())
        })
        .take(20_000)
        .collect();
        let with = |field: &str, value: Value| {
            let mut charge = charge("ch_9", 100);
            charge[field] = value;
            charge
        };
        let bad = [
            event(&long, &charge("ch_9", 100)),
            event("evt_2", &charge(&long, 100)),
            event("evt_3", &with("customer", long.clone().into())),
            event("evt_4", &with("metadata", json!({"user_id": long}))),
            event("evt_5", &with("currency", long.clone().into())),
            event("evt_6", &charge("ch_9", i64::MAX)),
            json!({"object": "coupon", "id": long, "duration": "once"}).to_string(),
        ];
        let place = Place::with_database(db.url());
        let input = format!("{}\n{}\n", bad.join("\n"), event("evt_0", &charge("ch_1", 100)));
        let ran = place.run_with_input(&["replay", "-"], &input);
        assert_eq!(ran.code, 1);
        for line in 1..=bad.len() {
            assert!(ran.stderr.contains(&format!("line {line}: ")), "{line}: {}", ran.stderr);
        }
        assert!(ran.stderr.len() < 2_000, "{}", ran.stderr);
        assert_eq!(gross(&place), json!({"count": 1, "amount": 100}));
    }
}

#[test]
fn what_does_not_say_its_mode_is_told_once() {
    let refund = |n: usize| {
        json!({"object": "refund", "id": format!("re_{n}"), "amount": 5, "currency": "gbp", "charge": "ch_1",
            "status": "succeeded", "created": 1_750_000_000})
    };
    let place = Place::new();
    place.write("refunds.ndjson", lines((0..1_500).map(refund)));
    let ran = place.run(["replay", "refunds.ndjson"]);
    assert_eq!(ran.code, 0);
    assert_eq!(
        ran.stderr.lines().filter(|line| line.starts_with("warning")).collect::<Vec<_>>(),
        ["warning: 1,500 objects do not say whether live or test, and were taken as live: see --mode"]
    );
    let test = Place::new();
    test.write("refund.json", refund(1).to_string());
    let ran = test.run(["replay", "--mode", "test", "refund.json"]);
    assert!(
        ran.stderr.contains("1 object does not say whether live or test, and was taken as test: see --mode"),
        "{}",
        ran.stderr
    );
    test.write("charge.json", charge("ch_1", 5).to_string());
    assert!(!test.run(["replay", "charge.json"]).stderr.contains("--mode"));
}

#[test]
fn commas_between_documents_and_old_line_ends_are_no_problem() {
    let [a, b] = [1, 2].map(|n| event(&format!("evt_{n}"), &charge(&format!("ch_{n}"), 100)));
    for text in [format!("{a},\n{b},\n"), format!("{a}\r{b}\r"), format!("[{a}\r\n,{b}],")] {
        let place = Place::new();
        let ran = place.run_with_input(&["replay", "-"], &text);
        assert_eq!(ran.code, 0, "{text}: {}", ran.stderr);
        assert_eq!(gross(&place), json!({"count": 2, "amount": 200}));
    }
}

#[test]
fn a_packed_file_is_one_problem() {
    let place = Place::new();
    let utf16: Vec<u8> = format!("\u{feff}{}\n{{}}\n", event("evt_1", &charge("ch_1", 100)))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let files: [(&[u8], &str); 2] = [
        (b"\x1f\x8b\x08\x00\n\x00{\n\"x\n", "this is gzip: unpack it first"),
        (&utf16, "this is UTF-16: save it as UTF-8"),
    ];
    for (bytes, told) in files {
        place.write("events.ndjson", bytes);
        let ran = place.run(["replay", "events.ndjson"]);
        assert_eq!(ran.code, 1);
        let warnings: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("warning")).collect();
        assert_eq!(warnings, [format!("warning: events.ndjson, line 1: {told}")]);
    }
}

on_each_engine! {
    async fn stored_events_are_applied_again(db: TestDb) {
        let place = Place::with_database(db.url());
        let refund = json!({"object": "refund", "id": "re_1", "amount": 40, "currency": "gbp", "charge": "ch_1",
            "status": "succeeded", "created": 1_750_000_000});
        let refunded = json!({"object": "event", "id": "evt_2", "type": "refund.created", "created": 1_750_000_000,
            "livemode": true, "data": {"object": refund}});
        let events = [
            event("evt_1", &charge("ch_1", 100)),
            refunded.to_string(),
            event("evt_3", &charge("ch_2", "?")),
        ];
        assert_eq!(place.run_with_input(&["replay", "-"], &events.join("\n")).code, 1);
        let before = place.report();

        let failed = place.run(["replay", "--failed"]);
        assert_eq!(failed.code, 1, "it is still unreadable");
        assert!(failed.stderr.contains("evt_3 (charge.succeeded): charge ch_2"), "{}", failed.stderr);
        assert!(failed.stdout.contains("kept, could not be applied"), "{}", failed.stdout);
        assert!(!failed.stdout.contains("refund.created"), "{}", failed.stdout);

        let by_type = place.run(["replay", "--type", "refund.created"]);
        assert_eq!(by_type.code, 0, "{}", by_type.stderr);
        assert!(
            by_type.stdout.contains("refund.created") && !by_type.stdout.contains("charge"),
            "{}",
            by_type.stdout
        );
        let long_ago = place.run(["replay", "--since", "2020-01-01", "--type", "refund.created"]);
        assert!(long_ago.stdout.contains("refund.created"), "{}", long_ago.stdout);
        let later = place.run(["replay", "--since", "9998-01-01"]);
        assert!(!later.stdout.contains("refund.created"), "{}", later.stdout);

        assert_eq!(place.run(["replay", "--all"]).code, 1);
        assert_eq!(place.report(), before, "applying again changes nothing");
    }

    async fn what_a_webhook_stored_can_be_applied_without_a_server(db: TestDb) {
        let at = chrono::DateTime::from_timestamp(1_750_000_100, 0).unwrap();
        let row = growth_ingest::receive(event("evt_1", &charge("ch_1", 100)), at).unwrap();
        let mut lane = growth_db::Lane::new(&db);
        lane.open().await.unwrap();
        growth_ingest::keep(&mut lane, &[row]).await.unwrap();
        let place = Place::with_database(db.url());
        assert_eq!(place.report()["freshness"]["pending_events"], json!(1));
        let ran = place.run(["replay", "--pending"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(gross(&place), json!({"count": 1, "amount": 100}));
        assert_eq!(place.report()["freshness"]["pending_events"], json!(0));
    }
}

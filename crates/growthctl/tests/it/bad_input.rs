//! Bad input costs itself and nothing else, and is told with its place.

use serde_json::{Value, json};

use crate::run::Place;

fn charge(id: &str, amount: i64) -> Value {
    json!({"object": "charge", "id": id, "amount": amount, "amount_captured": amount, "captured": true,
        "currency": "gbp", "created": 1_750_000_000, "status": "succeeded", "livemode": true})
}

fn event(id: &str, event_type: &str, object: &Value) -> String {
    json!({"object": "event", "id": id, "type": event_type, "created": 1_750_000_000, "livemode": true,
        "data": {"object": object}})
    .to_string()
}

fn gross(place: &Place) -> Value {
    place.report()["revenue"][0]["all_time"]["payments"].clone()
}

#[test]
fn a_broken_line_is_named_and_the_others_are_taken_in() {
    let place = Place::new();
    let good = |n: i64| event(&format!("evt_{n}"), "charge.succeeded", &charge(&format!("ch_{n}"), 100));
    let cut = &good(2)[..60];
    let text = format!("{}\n{cut}\n{}\nnot json\n{{\"hello\": 1}}\n{}", good(1), good(3), &good(4)[..40]);
    let file = place.write("events.ndjson", text);
    let ran = place.run([std::path::Path::new("replay"), &file]);
    assert_eq!(ran.code, 1);
    for told in [
        "line 2: the document is cut off",
        "line 4: this is not JSON",
        "line 5: not a Stripe",
        "line 6: the document is cut off",
    ] {
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
    assert_eq!(gross(&place), json!({"count": 2, "amount": 200}));
}

#[test]
fn an_unreadable_object_is_kept_with_its_error_and_stops_nobody() {
    let place = Place::new();
    let mut broken = charge("ch_1", 100);
    broken["amount"] = "a lot".into();
    let lines = [
        event("evt_1", "charge.succeeded", &broken),
        event("evt_2", "charge.succeeded", &charge("ch_2", 100)),
    ];
    let ran = place.run_with_input(&["replay", "-"], &lines.join("\n"));
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("stdin, line 1: evt_1 (charge.succeeded): charge ch_1: amount"),
        "{}",
        ran.stderr
    );
    let report = place.report();
    assert_eq!(report["freshness"]["failed_events"], 1);
    assert_eq!(report["freshness"]["applied_events"], 1);
    assert_eq!(gross(&place), json!({"count": 1, "amount": 100}));
}

#[test]
fn nul_characters_large_amounts_and_unknown_values_are_taken_in() {
    let place = Place::new();
    let mut strange = charge("ch_1", 5_000_000_000);
    strange["billing_details"] = json!({"email": "a\u{0}nn@example.com"});
    strange["outcome"] = json!({"type": "never_seen"});
    let mut unknown = charge("ch_2", 100);
    unknown["status"] = "levitating".into();
    let lines = [
        event("evt_1", "charge.succeeded", &strange),
        event("evt_2", "charge.updated", &unknown),
        event("evt_3", "treasury.never_seen", &json!({"object": "treasury.thing", "id": "tr_1"})),
    ];
    let ran = place.run_with_input(&["replay", "-"], &lines.join("\n"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(gross(&place), json!({"count": 1, "amount": 5_000_000_000_i64}));
    assert_eq!(place.report()["freshness"]["ignored_events"], 1);
}

#[test]
fn a_subscription_that_shows_ten_of_its_twelve_items_is_unpriced_and_said_so() {
    let place = Place::new();
    let item = |n: usize| {
        json!({"object": "subscription_item", "id": format!("si_{n}"), "quantity": 1,
        "price": {"object": "price", "id": format!("price_{n}"), "currency": "gbp", "unit_amount": 100,
        "billing_scheme": "per_unit", "type": "recurring",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}})
    };
    let subscription = json!({"object": "subscription", "id": "sub_1", "customer": "cus_1", "currency": "gbp",
        "created": 1_750_000_000, "start_date": 1_750_000_000, "status": "active", "discounts": [],
        "items": {"object": "list", "has_more": true, "total_count": 12, "data": (0..10).map(item).collect::<Vec<_>>()}});
    let ran = place
        .run_with_input(&["replay", "-"], &event("evt_1", "customer.subscription.created", &subscription));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("sub_1 shows 10 of its 12 items"), "{}", ran.stderr);
    let report = place.report();
    assert_eq!(report["revenue"][0]["mrr"]["current"]["unpriced_subscriptions"], 1);
    assert_eq!(report["unpriced"][0]["subscription"], "sub_1");
    assert!(
        report["unpriced"][0]["reason"].as_str().unwrap().contains("10 of the subscription's 12"),
        "{report}"
    );
}

#[test]
fn wrong_use_is_told_in_one_sentence_with_exit_code_2() {
    let place = Place::new();
    let cases: [(&[&str], &str); 9] = [
        (&["replay", "nothing-here.json"], "cannot read nothing-here.json"),
        (&["replay", "."], "is a folder"),
        (&["report", "--demo", "--days", "0"], "--days"),
        (&["report", "--demo", "--as-of", "yesterday-ish"], "--as-of"),
        (&["report", "--demo", "--output", "no/such/folder/report.md"], "there is no folder"),
        (&["report", "--demo", "--output", "report.pdf"], "no format goes by the extension .pdf"),
        (&["--timezone", "Mars/Olympus", "report", "--demo"], "Mars/Olympus"),
        (&["--database-url", "mysql://localhost/x", "migrate"], "is not understood"),
        (&["--goal", "lots", "report", "--demo"], "goal \"lots\""),
    ];
    for (args, told) in cases {
        let ran = place.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(told), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.trim_end().lines().count(), 1, "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn no_half_report_is_left_where_it_cannot_be_written() {
    let place = Place::new();
    let folder = place.path("reports");
    std::fs::create_dir(&folder).unwrap();
    let ran = place.run(["report", "--demo", "--output", "reports"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_missing_database_is_told_with_what_to_do_and_is_not_made() {
    let place = Place::new();
    for ran in [crate::run::ran(place.bare().arg("report")), place.run(["report"])] {
        assert_eq!(ran.code, 2);
        assert!(
            ran.stderr.contains("growthctl replay FILE") && ran.stderr.contains("--demo"),
            "{}",
            ran.stderr
        );
    }
    assert!(!place.path("test.db").exists());
}

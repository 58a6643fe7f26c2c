//! The sample business, through the real doors, beside its own truth.

use growth_demo::business::Business;
use growth_testkit::on_each_engine;
use serde_json::Value;

use crate::run::Place;

const AS_OF: &str = "2026-01-01";

on_each_engine! {
    async fn the_report_of_the_sample_business_agrees_with_its_truth(db: TestDb) {
        let place = Place::with_database(db.url());
        let demo = place.run(["demo", "--as-of", AS_OF]);
        assert_eq!(demo.code, 0, "{}", demo.stderr);
        let business = Business::sample(1, "2026-01-01T00:00:00Z".parse().unwrap());
        let report = place.report();
        let users = &report["users"];
        assert_eq!(users["total"]["current"], business.users.len());
        let revenue = report["revenue"].as_array().unwrap();
        assert_eq!(revenue[0]["currency"], "gbp");
        for (currency, mrr) in business.truth.mrr_micros() {
            let row = revenue.iter().find(|row| row["currency"] == *currency).unwrap();
            assert_eq!(i128::from(row["mrr"]["current"]["net"].as_i64().unwrap()), mrr);
            let succeeded = || business.truth.payments.iter().filter(|p| p.succeeded && p.currency == currency);
            assert_eq!(row["all_time"]["payments"]["count"], succeeded().count());
            assert_eq!(row["all_time"]["payments"]["amount"], succeeded().map(|p| p.amount).sum::<i64>());
            let unknown = succeeded().filter(|p| p.user.is_none());
            assert_eq!(row["all_time"]["unattributed"]["count"], unknown.count(), "{currency}");
            assert_eq!(row["all_time"]["fees_unknown"], succeeded().filter(|p| p.fee.is_none()).count());
            let refunds = business.truth.refunds.iter().filter(|r| r.status != "failed" && r.currency == currency);
            assert_eq!(row["all_time"]["refunds"]["amount"], refunds.map(|r| r.amount).sum::<i64>());
        }
        let again = place.run(["demo"]);
        assert_eq!(again.code, 2);
        assert!(again.stderr.contains("already has data"), "{}", again.stderr);
    }
}

#[test]
fn a_demo_report_needs_nothing_and_is_the_same_every_time() {
    let place = Place::new();
    let args = ["report", "--demo", "--days", "30", "--as-of", AS_OF, "--output", "report.md"];
    let run = || {
        let ran = crate::run::ran(place.bare().args(args));
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "report written to report.md\n"), "{}", ran.stderr);
        std::fs::read_to_string(place.path("report.md")).unwrap()
    };
    let report = run();
    assert_eq!(run(), report);
    assert!(report.starts_with("# ") && report.contains("GBP 500.00"), "{report}");
    let files: Vec<_> = std::fs::read_dir(place.path(".")).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(files, ["report.md"], "nothing else is left behind");
}

#[test]
fn events_for_trying_out_are_written_to_a_file_and_can_be_replayed() {
    let place = Place::new();
    let ran = place.run(["demo", "--events", "events.ndjson", "--stripe-events", "500", "--as-of", AS_OF]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = std::fs::read_to_string(place.path("events.ndjson")).unwrap();
    assert_eq!(text.lines().count(), 500);
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["object"] == "event"));
    let ran = place.run(["replay", "events.ndjson"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        place.report()["freshness"]["applied_events"].as_u64().unwrap()
            + place.report()["freshness"]["ignored_events"].as_u64().unwrap(),
        500
    );
}

#[test]
fn the_readme_quotes_the_report_that_its_command_writes() {
    let place = Place::new();
    let args = ["report", "--demo", "--days", "30", "--as-of", "2026-11-23", "--output", "report.md"];
    let readme = include_str!("../../../../README.md");
    assert!(readme.contains(&format!("$ growthctl {}", args.join(" "))));
    assert_eq!(crate::run::ran(place.bare().args(args)).code, 0);
    let report = std::fs::read_to_string(place.path("report.md")).unwrap();
    let summary: Vec<&str> = report.lines().filter(|line| line.starts_with("- **")).take(5).collect();
    let quoted: Vec<&str> =
        readme.lines().filter_map(|line| line.strip_prefix("> ")).map(str::trim_start).collect();
    assert_eq!(quoted.join(" "), summary.join(" "));
}

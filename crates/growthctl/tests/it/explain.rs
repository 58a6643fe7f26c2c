//! The rows behind a number, and the ways to ask for figures.

use growth_testkit::on_each_engine;
use serde_json::Value;

use crate::run::{Place, Ran};

const PERIOD: [&str; 4] = ["--days", "30", "--as-of", "2026-06-29"];

fn asked(place: &Place, args: &[&str]) -> Ran {
    place.run(args.iter().chain(&PERIOD))
}

fn json(place: &Place, args: &[&str]) -> Value {
    let ran = asked(place, &[args, &["--format", "json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

on_each_engine! {
    async fn the_sample_business_explains_itself(db: TestDb) {
        let place = Place::with_database(db.url());
        let demo = place.run(["demo", "--as-of", "2026-06-29", "--timezone", "Europe/London"]);
        assert_eq!(demo.code, 0, "{}", demo.stderr);

        // Without a word, days are those of the database.
        let report = json(&place, &["report"]);
        assert_eq!(report["header"]["time_zone"], "Europe/London");
        assert_eq!(report["headline"]["apart"], serde_json::json!(["usd"]), "nobody told a rate");

        let explanation = json(&place, &["explain", "mrr"]);
        let gbp = explanation["sums"].as_array().unwrap().iter().find(|sum| sum["currency"] == "gbp").unwrap();
        assert_eq!(gbp["numerator"], report["revenue"][0]["mrr"]["current"]["net"]);
        assert_eq!(explanation["measure"], "micros");

        let churn = asked(&place, &["explain", "churn", "--output", "churn.csv"]);
        assert_eq!((churn.code, churn.stdout.as_str()), (0, "explanation written to churn.csv\n"), "{}", churn.stderr);
        let mut rows = csv::Reader::from_path(place.path("churn.csv")).unwrap();
        let pence = rows.records().map(|row| row.unwrap()).filter(|row| &row[5] == "GBP");
        let pence: i64 = pence.map(|row| row[row.len() - 1].replace('.', "").parse::<i64>().unwrap()).sum();
        assert_eq!(pence * 1_000_000, report["revenue"][0]["movements"]["current"]["churn"].as_i64().unwrap());

        let table = asked(&place, &["explain", "active-users", "--limit", "2"]);
        let active = &report["users"]["active"]["current"];
        assert!(table.stdout.contains("2026-05-30 00:00 to 2026-06-29 00:00, Europe/London"), "{}", table.stdout);
        assert!(table.stdout.contains("more rows: --limit"), "{}", table.stdout);
        assert!(table.stdout.contains(&format!("The rows add up to {active}.")), "{}", table.stdout);

        // Rates turn two currencies into one, and say what they did themselves.
        place.write("growthctl.toml", "exchange_rates = [
            {day = \"2026-01-01\", from = \"USD\", to = \"GBP\", rate = \"0.80\"},
            {day = \"2026-06-10\", from = \"usd\", to = \"gbp\", rate = \"0.75\"}]");
        let headline = &json(&place, &["report"])["headline"];
        let part = |name: &str| headline["movements"]["current"][name].as_i64().unwrap();
        let gained = part("new") + part("reactivation") + part("expansion") + part("fx");
        assert_eq!(part("opening") + gained - part("contraction") - part("churn"), part("closing"));
        // USD 92.00 remain, USD 24.00 left on 18 June: 116 x 0.80 - 24 x 0.75 - 92 x 0.75 = 5.80.
        assert_eq!(part("fx"), -580_000_000);
        assert_eq!(headline["apart"], serde_json::json!([]));
        place.write("growthctl.toml", "");

        // An application has its own product figures; one that nothing is known of is probably misspelt.
        let tracker = json(&place, &["report", "--app", "tracker"]);
        let completed = |report: &Value| report["product"]["enrichments_completed"]["current"].as_u64().unwrap();
        assert!(completed(&tracker) < completed(&report), "{tracker}");
        assert_eq!(tracker["users"], report["users"]);
        let nobody = asked(&place, &["report", "--app", "nobody"]);
        assert_eq!(nobody.code, 2, "{}", nobody.stderr);
        assert!(nobody.stderr.contains("nothing was recorded of the application \"nobody\"; those of this database: "), "{}", nobody.stderr);

        let advice = tracker["insights"].as_array().unwrap().iter().map(|insight| insight["recommendation"].to_string());
        let advice: Vec<String> = advice.filter(|advice| advice.contains("growthctl explain")).collect();
        assert!(!advice.is_empty() && advice.iter().all(|advice| advice.contains(" --app tracker")), "{advice:?}");
        let nobody = asked(&place, &["explain", "mrr", "--account", "acct_nobody"]);
        assert_eq!(nobody.code, 2, "{}", nobody.stderr);
        assert!(nobody.stderr.contains("nothing is known of the connected account \"acct_nobody\""), "{}", nobody.stderr);

        // Of one currency: nothing is left of the others, and the rest is as it was.
        let dollars = json(&place, &["explain", "mrr", "--currency", "USD"]);
        let of_usd = |sums: &Value| sums.as_array().unwrap().iter().filter(|sum| sum["currency"] == "usd").cloned().collect::<Vec<_>>();
        assert_eq!(dollars["sums"], Value::from(of_usd(&explanation["sums"])));
        assert_eq!(dollars["rows"], Value::from(of_usd(&explanation["rows"])));

        let other_zone = asked(&place, &["report", "--timezone", "Asia/Tokyo"]);
        assert_eq!(other_zone.code, 2, "{}", other_zone.stderr);
        assert!(other_zone.stderr.contains("growthctl migrate --rebuild --timezone Asia/Tokyo"), "{}", other_zone.stderr);
        let other_policy = asked(&place, &["report", "--policy", "conservative"]);
        assert_eq!(other_policy.code, 2, "{}", other_policy.stderr);
        assert!(other_policy.stderr.contains("migrate --rebuild --policy conservative"), "{}", other_policy.stderr);
        assert_eq!(asked(&place, &["report", "--policy", "stripe"]).code, 0);
    }
}

#[test]
fn commands_that_a_report_recommends_work_where_they_are_pasted() {
    let place = Place::new();
    let report = asked(&place, &["report", "--demo", "--format", "text"]);
    assert_eq!(report.code, 0, "{}", report.stderr);
    // No line breaks a command: what is between two backquotes is all of it.
    let quoted = |line: &str| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let quotes = report.stdout.lines().flat_map(quoted);
    let commands: Vec<String> = quotes.filter(|quote| quote.starts_with("growthctl ")).collect();
    assert!(commands.len() >= 3, "{}", report.stdout);
    assert_eq!(report.stdout.matches("growthctl explain").count(), commands.len(), "{}", report.stdout);
    let snapshot = json(&place, &["report", "--demo"]);
    for command in commands {
        let args = command.strip_prefix("growthctl ").unwrap().split(' ');
        let ran = place.run(args.chain(["--format", "json"]));
        assert_eq!(ran.code, 0, "{command}: {}", ran.stderr);
        let explanation: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(explanation["header"]["window"], snapshot["header"]["window"], "{command}");
        assert!(!explanation["rows"].as_array().unwrap().is_empty(), "{command}");
    }
    let policy = asked(&place, &["report", "--demo", "--policy", "conservative", "--format", "json"]);
    assert_eq!(policy.code, 0, "{}", policy.stderr);
    assert!(
        policy.stdout.contains("\"policy\": \"conservative\"")
            || policy.stdout.contains("\"policy\":\"conservative\"")
    );
}

#[test]
fn a_name_that_a_spreadsheet_would_run_is_text() {
    let place = Place::new();
    assert_eq!(
        place
            .run(["track", "page_load", "--user", "=cmd|' /C calc'!A0", "--at", "2026-06-20T10:00:00Z"])
            .code,
        0
    );
    let csv = asked(&place, &["explain", "active_users", "--format", "csv"]);
    assert_eq!(
        csv.stdout.lines().nth(1).unwrap().split(',').next(),
        Some("'=cmd|' /C calc'!A0"),
        "{}",
        csv.stdout
    );
}

#[test]
fn what_cannot_be_explained_or_asked_is_told_in_a_sentence() {
    let place = Place::new();
    assert_eq!(place.run(["migrate"]).code, 0);
    for (args, told) in [
        (
            &["explain", "profit"][..],
            "there is no number \"profit\": `growthctl explain --list` names all of them",
        ),
        (&["explain", "event:Page Load"], "an event name"),
        (&["explain", "ltv"], "ask for `arpu` and for `monthly_churn`"),
        (&["explain", "mrr", "--days", "-3"], "--days: a window has 1 to 36500 days, not -3"),
        (&["explain", "mrr", "--days", "0"], "--days: a window has 1 to 36500 days, not 0"),
        (
            &["explain", "mrr", "--output", "mrr.pdf"],
            "no format goes by the extension .pdf: use .txt, .csv or .json",
        ),
        (&["report", "--currency", "pounds"], "--currency: \"pounds\" is no currency"),
        (&["report", "--policy", "mine"], "--policy: "),
    ] {
        let ran = place.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
        assert_eq!(ran.stderr.trim_end().lines().count(), 1, "{}", ran.stderr);
    }
    let nothing = place.run(["explain", "mrr"]);
    assert!(nothing.stdout.contains("There are no rows"), "{}", nothing.stdout);
    let list = place.run(["explain", "--list"]);
    assert!(list.stdout.contains("gross_mrr_churn") && list.stdout.contains("event:NAME"), "{}", list.stdout);
}

//! `growthctl audit`, against a server that answers as Stripe does.

use growth_db::{Db, query};
use growth_testkit::on_each_engine;
use growth_testkit::stripe::Stripe;
use serde_json::{Value, json};

use crate::backfill::{business, command, now};
use crate::run::{Place, Ran, ran};

fn audit(place: &Place, stripe: &Stripe, args: &[&str]) -> Ran {
    ran(&mut command(place, &stripe.url(), &[&["audit"], args].concat()))
}

async fn damage(db: &Db, sql: &'static str) {
    let mut tx = db.begin().await.unwrap();
    query(&mut tx, sql).execute().await.unwrap();
    tx.commit().await.unwrap();
}

on_each_engine! {
    async fn it_passes_after_a_backfill_and_the_repair_it_names_repairs(db: TestDb) {
        let place = Place::with_database(db.url());
        let stripe = business(600).await;
        assert_eq!(ran(&mut command(&place, &stripe.url(), &["backfill", "--days", "400"])).code, 0);
        let passed = audit(&place, &stripe, &["--days", "400"]);
        assert_eq!(passed.code, 0, "{}{}", passed.stdout, passed.stderr);
        assert!(passed.stdout.starts_with("# Stripe audit: PASS\n"), "{}", passed.stdout);

        for table in ["DELETE FROM payments", "DELETE FROM payment_facts", "DELETE FROM payment_aliases"] {
            damage(&db, table).await;
        }
        let written = |ran: &Ran| -> Value {
            assert_eq!((ran.code, ran.stdout.as_str()), (1, "audit written to audit.json\n"), "{}", ran.stderr);
            serde_json::from_str(&std::fs::read_to_string(place.path("audit.json")).unwrap()).unwrap()
        };
        let into_file = ["--days", "400", "--output", "audit.json"];
        let report = written(&audit(&place, &stripe, &into_file));
        assert_eq!(report["passed"], false);
        let first = &report["differences"][0];
        assert_eq!((&first["kind"], &first["problem"]), (&json!("payment"), &json!("missing_here")));
        assert!(first["repair"].as_str().unwrap().starts_with("growthctl backfill --days "), "{first}");
        assert_eq!(ran(&mut command(&place, &stripe.url(), &["backfill", "--days", "400"])).code, 0);
        let repaired = audit(&place, &stripe, &["--days", "400"]);
        assert_eq!(repaired.code, 0, "{}", repaired.stdout);

        // Rows that are not what the stored objects amount to, as after an upgrade that mends how they are read.
        damage(&db, "UPDATE payments SET amount = amount + 1").await;
        let report = written(&audit(&place, &stripe, &into_file));
        assert_eq!(report["differences"][0]["repair"], "growthctl replay --all");
        assert_eq!(place.run(["replay", "--all"]).code, 0);
        let repaired = audit(&place, &stripe, &["--days", "400"]);
        assert_eq!(repaired.code, 0, "{}", repaired.stdout);
    }
}

#[test]
fn a_month_is_one_of_the_time_zone() {
    growth_testkit::block_on(async {
        let place = Place::new();
        let stripe = business(300).await;
        let nothing = audit(&place, &stripe, &[]);
        assert_eq!(nothing.code, 2);
        assert!(nothing.stderr.contains("bring history in with `growthctl backfill`"), "{}", nothing.stderr);
        assert_eq!(ran(&mut command(&place, &stripe.url(), &["backfill", "--days", "400"])).code, 0);
        let month = audit(&place, &stripe, &["--month", "2026-07", "--timezone", "Europe/London"]);
        assert_eq!(month.code, 0, "{}{}", month.stdout, month.stderr);
        let window = "from 2026-06-30T23:00:00Z until before 2026-07-31T23:00:00Z";
        assert!(month.stdout.contains(window), "{}", month.stdout);
        let next_year = (now() + chrono::TimeDelta::days(366)).format("%Y-%m").to_string();
        for (month, told) in
            [("2026-7", "--month: \"2026-7\" is not a month"), (&next_year, "has not begun yet")]
        {
            let wrong = audit(&place, &stripe, &["--month", month]);
            assert_eq!(wrong.code, 2, "{}", wrong.stderr);
            assert!(wrong.stderr.contains(told), "{}", wrong.stderr);
        }
    });
}

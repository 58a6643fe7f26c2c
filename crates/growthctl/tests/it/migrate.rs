//! `growthctl migrate`

use growth_testkit::on_each_engine;

use crate::run::Place;

#[test]
fn check_and_dry_run_tell_what_is_pending_and_change_nothing() {
    let place = Place::new();
    for _ in 0..2 {
        let check = place.run(["migrate", "--check"]);
        assert_eq!((check.code, check.stdout.lines().next()), (1, Some("pending 0001_foundation")));
        let dry_run = place.run(["migrate", "--dry-run"]);
        assert_eq!((dry_run.code, &dry_run.stdout), (0, &check.stdout));
        assert!(!place.path("test.db").exists(), "nothing is made by looking");
    }
    assert!(place.run(["migrate"]).stdout.starts_with("applied 0001_foundation"));
    assert_eq!(place.run(["migrate", "--check"]).code, 0);
    assert_eq!(place.run(["migrate"]).stdout, "the schema is up to date\n");
}

on_each_engine! {
    async fn rebuilding_the_ledger_changes_the_policy_of_the_report(db: TestDb) {
        let place = Place::with_database(db.url());
        assert_eq!(place.run(["demo", "--as-of", "2025-12-01"]).code, 0);
        let before = place.report();
        let rebuilt = place.run(["migrate", "--rebuild"]);
        assert_eq!(rebuilt.code, 0, "{}", rebuilt.stderr);
        assert_eq!(place.report(), before);
        assert_eq!(place.run(["migrate", "--rebuild", "--policy", "conservative"]).code, 0);
        let after = place.report();
        assert_eq!(after["header"]["policy"], "conservative");
        assert_ne!(after["revenue"][0]["mrr"], before["revenue"][0]["mrr"]);
        assert_eq!(place.run(["migrate", "--rebuild"]).code, 0);
        assert_eq!(place.report(), after, "without a word about it, the policy stays");
        assert_eq!(place.run(["migrate", "--rebuild", "--policy", "wishful"]).code, 2);
    }
}

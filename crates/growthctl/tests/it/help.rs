//! Help that teaches, kept as it is on purpose.

use crate::run::{Place, ran};

fn help(args: &[&str]) -> String {
    let place = Place::new();
    let ran = ran(place.bare().args(args).arg("--help").env("COLUMNS", "100"));
    assert_eq!(ran.code, 0);
    ran.stdout
}

#[test]
fn every_command_explains_itself() {
    for command in [
        "migrate",
        "replay",
        "serve-webhook",
        "serve-dashboard",
        "backfill",
        "audit",
        "report",
        "explain",
        "demo",
        "track",
        "users",
        "forget",
        "keys",
        "prune",
        "completions",
    ] {
        insta::assert_snapshot!(command, help(&[command]));
    }
    insta::assert_snapshot!("track usage", help(&["track", "usage"]));
    insta::assert_snapshot!("users import", help(&["users", "import"]));
    insta::assert_snapshot!("growthctl", help(&[]));
}

#[test]
fn a_wrong_flag_is_wrong_use() {
    let place = Place::new();
    assert_eq!(place.run(["report", "--dayz", "3"]).code, 2);
}

//! Flags over the environment over the file over defaults.

use crate::run::{Place, ran};

/// The time zone that a report says it used.
fn zone(place: &Place, flag: Option<&str>, environment: Option<&str>, file: Option<&str>) -> String {
    let mut command = place.bare();
    command.args(["report", "--format", "json", "--as-of", "2026-01-01"]);
    command.env("DATABASE_URL", &place.database_url);
    if let Some(zone) = flag {
        command.args(["--timezone", zone]);
    }
    if let Some(zone) = environment {
        command.env("GROWTHCTL_TIMEZONE", zone);
    }
    let text = file.map(|zone| format!("timezone = {zone:?}\n")).unwrap_or_default();
    place.write("growthctl.toml", text);
    let ran = ran(&mut command);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    report["header"]["time_zone"].as_str().unwrap().to_owned()
}

#[test]
fn each_layer_wins_over_the_next() {
    let place = Place::new();
    assert_eq!(place.run(["migrate"]).code, 0);
    let [flag, environment, file] = ["Europe/London", "Europe/Paris", "Asia/Tokyo"];
    assert_eq!(zone(&place, Some(flag), Some(environment), Some(file)), flag);
    assert_eq!(zone(&place, None, Some(environment), Some(file)), environment);
    assert_eq!(zone(&place, None, Some(""), Some(file)), file);
    assert_eq!(zone(&place, None, None, Some(file)), file);
    assert_eq!(zone(&place, None, None, None), "UTC");
}

#[test]
fn an_unknown_key_in_the_file_is_named() {
    let place = Place::new();
    place.write("growthctl.toml", "timezon = \"UTC\"\n");
    let ran = place.run(["migrate"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("timezon"), "{}", ran.stderr);
}

#[test]
fn a_named_file_must_be_there() {
    let ran = Place::new().run(["--config", "elsewhere.toml", "migrate"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("elsewhere.toml"), "{}", ran.stderr);
}

#[test]
fn without_a_url_the_data_folder_holds_the_database() {
    let place = Place::new();
    let mut command = place.bare();
    assert_eq!(ran(command.env("XDG_DATA_HOME", place.path("data")).arg("migrate")).code, 0);
    assert!(place.path("data/growthctl/growthctl.db").exists());
}

#[test]
fn a_password_is_never_told() {
    let ran = Place::with_database("postgres://me:secret@127.0.0.1:1/none").run(["migrate"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("127.0.0.1:1")
            && ran.stderr.contains("refused")
            && !ran.stderr.contains("secret"),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_empty_variable_for_the_file_names_none() {
    let place = Place::new();
    place.write("growthctl.toml", "timezone = \"Mars/Olympus\"\n");
    let ran = ran(place.bare().env("GROWTHCTL_CONFIG", "").args(["report", "--demo"]));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("settings file growthctl.toml: timezone: "), "{}", ran.stderr);
}

#[test]
fn a_wrong_value_says_where_it_was_told() {
    let place = Place::new();
    for (text, variable, told) in [
        (
            "timezone = \"Mars/Olympus\"",
            None,
            "settings file growthctl.toml: timezone: time zone \"Mars/Olympus\"",
        ),
        ("goal = \"lots\"", None, "settings file growthctl.toml: goal: goal \"lots\""),
        (
            "activation_days = 0",
            None,
            "settings file growthctl.toml: activation_days: 0 is no number of days",
        ),
        ("activation_days = -1", None, "activation_days: -1 is no number of days from 1 to 3650"),
        ("activation_days = 3651", None, "activation_days: 3651 is no number of days from 1 to 3650"),
        ("funnel_days = 0", None, "settings file growthctl.toml: funnel_days: 0 is no number of days"),
        ("currency = \"pounds\"", None, "settings file growthctl.toml: currency: \"pounds\" is no currency"),
        (
            "[insights]\nconcentration_percent = 0",
            None,
            "concentration_percent is a whole number from 1 to 100, not 0",
        ),
        ("[insights]\nluck = 1", None, "unknown field `luck`"),
        (
            "[[exchange_rates]]\nday = \"2026-01-01\"\nfrom = \"USD\"\nto = \"GBP\"\nrate = \"0,79\"",
            None,
            "settings file growthctl.toml: exchange_rates: \"0,79\" is not an exchange rate",
        ),
        (
            "[[exchange_rates]]\nday = \"soon\"\nfrom = \"USD\"\nto = \"GBP\"\nrate = \"0.79\"",
            None,
            "exchange_rates: \"soon\" is no day such as 2026-07-01",
        ),
        ("", Some(("GROWTHCTL_TIMEZONE", "Mars")), "--timezone or GROWTHCTL_TIMEZONE: time zone \"Mars\""),
        ("goal = \"lots\"", Some(("GROWTHCTL_GOAL", "more")), "--goal or GROWTHCTL_GOAL: goal \"more\""),
    ] {
        place.write("growthctl.toml", text);
        let mut command = place.bare();
        command.envs(variable).args(["report", "--demo"]);
        let ran = ran(&mut command);
        assert_eq!(ran.code, 2, "{text}");
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
        assert_eq!(ran.stderr.trim_end().lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn a_folder_that_cannot_be_made_for_the_database_is_wrong_configuration() {
    let place = Place::new();
    place.write("file", "");
    let url = format!("sqlite://{}", place.path("file/folder/test.db").display());
    let ran = place.run(["--database-url", &url, "migrate"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("cannot create the folder"), "{}", ran.stderr);
}

//! Events, usage and users from the shell.

use std::fmt::Write as _;

use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::run::{Place, Ran};

/// What is told of each kind of bad line, and of nothing else.
const BAD_LINES: [(&str, &str); 17] = [
    ("not json", "this is no JSON"),
    (r#"{"event":"page_load""#, "this is no JSON: EOF"),
    (r#"{"at":"2026-07-01T00:00:00Z"}"#, "there is no event"),
    (r#"{"event":"page_load"}"#, "there is no at"),
    (r#"{"event":"page_load","at":"2026-07-01"}"#, "no time with a zone such as 2026-07-01T12:00:00Z"),
    (r#"{"event":"page_load","at":"1999-01-01T00:00:00Z"}"#, "is before the year 2000"),
    (r#"{"event":"page_load","at":"2999-01-01T00:00:00Z"}"#, "is more than a day ahead of its arrival"),
    (r#"{"event":"Page Load","at":"2026-07-01T00:00:00Z"}"#, "did you mean page_load?"),
    (r#"{"event":"","at":"2026-07-01T00:00:00Z"}"#, "an event name cannot be empty"),
    (r#"{"event":"page_load","at":"2026-07-01T00:00:00Z","user":""}"#, "user is empty"),
    (
        r#"{"event":"page_load","at":"2026-07-01T00:00:00Z","user":[]}"#,
        "an id has to be text or a whole number",
    ),
    (r#"{"event":"page_load","at":"2026-07-01T00:00:00Z","id":""}"#, "message_id is empty"),
    (r#"{"event":"page_load","at":"2026-07-01T00:00:00Z","category":"x"}"#, "unknown event category \"x\""),
    (r#"{"event":"page_load","at":"2026-07-01T00:00:00Z","status":"ok"}"#, "unknown event status \"ok\""),
    (
        r#"{"event":"page_load","at":"2026-07-01T00:00:00Z","properties":[1]}"#,
        "properties are not a JSON object",
    ),
    (r#"{"event":"page_load","at":"2026-07-01T00:00:00Z","duration_ms":-1}"#, "duration_ms is -1"),
    (r#"{"event":"page_load","at":"2026-07-01T00:00:00Z","usr":"x"}"#, "unknown field `usr`"),
];

fn good(number: usize) -> String {
    json!({"event": "page_load", "at": "2026-07-01T12:00:00Z", "user": format!("u{}", number % 3)})
        .to_string()
}

fn number(ran: &Ran, label: &str) -> u64 {
    let line = ran.stdout.lines().find(|line| line.contains(label));
    let line = line.unwrap_or_else(|| panic!("{label} is not in {}{}", ran.stdout, ran.stderr));
    line.rsplit('┆').next().unwrap().trim_matches([' ', '│']).replace(',', "").parse().unwrap()
}

fn users(place: &Place) -> Vec<Value> {
    let ran = place.run(["users", "list", "--json", "--limit", "1000"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

on_each_engine! {
    async fn a_file_is_taken_in_line_by_line_and_once(db: TestDb) {
        let place = Place::with_database(db.url());
        let mut text = "\u{FEFF}".to_owned();
        for (n, (bad, _)) in BAD_LINES.into_iter().enumerate() {
            writeln!(text, "{}\r\n\n{bad}", good(n)).unwrap();
        }
        // One that is longer than any event, one that is no text, and the last without its end.
        writeln!(text, "{{\"event\":\"page_load\",\"properties\":{{\"x\":\"{}\"}}}}", "y".repeat(2 << 20)).unwrap();
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(b"{\"event\":\"\xFF\"}\n");
        bytes.extend_from_slice(good(0).as_bytes());
        let file = place.write("events.ndjson", bytes);
        let rejects = place.path("rejected.ndjson");
        let import = |rejects: Option<&std::path::Path>| {
            let mut command = vec!["track".into(), "--file".into(), file.clone().into_os_string(), "--import-id".into(), "july".into()];
            if let Some(rejects) = rejects {
                command.extend(["--rejects".into(), rejects.as_os_str().to_owned()]);
            }
            place.run(command)
        };
        let ran = import(Some(&rejects));
        assert_eq!(ran.code, 1);
        for (n, (_, words)) in BAD_LINES.into_iter().enumerate() {
            let told = format!("events.ndjson, line {}: ", 3 * n + 3);
            let line = ran.stderr.lines().find(|line| line.contains(&told)).unwrap_or_else(|| panic!("{told}: {}", ran.stderr));
            assert!(line.contains(words), "{line}");
        }
        assert!(ran.stderr.contains("line 52: the line has more than 1048576 bytes"), "{}", ran.stderr);
        assert!(ran.stderr.contains("line 53: this is no UTF-8"), "{}", ran.stderr);
        assert_eq!((number(&ran, "recorded"), number(&ran, "rejected")), (18, 19));
        let again = import(None);
        assert_eq!((number(&again, "recorded"), number(&again, "known before")), (0, 18));
        // What was rejected can be taken in when it is corrected, from a file of its own.
        let rejected = std::fs::read(&rejects).unwrap();
        let lines: Vec<&[u8]> = rejected.split(|byte| *byte == b'\n').collect();
        assert_eq!((lines.len(), lines[0], lines[6]), (20, &b"not json"[..], BAD_LINES[6].0.as_bytes()));
        let fixed = place.write("fixed.ndjson", BAD_LINES[16].0.replace("usr", "user"));
        let ran = place.run(["track".as_ref(), "--file".as_ref(), fixed.as_os_str()]);
        assert_eq!((ran.code, number(&ran, "recorded")), (0, 1));
        assert_eq!(users(&place).len(), 4);
    }

    async fn csv_has_a_header_and_what_is_wrong_is_named_with_its_line(db: TestDb) {
        let place = Place::with_database(db.url());
        let text = "event, at, user, properties.contacts, properties\n\
            enrichment_completed,2026-07-01T12:00:00Z,ann,12,\"{\"\"plan\"\": \"\"pro\"\",\n\"\"x\"\": \"\"a,b\"\"}\"\n\
            enrichment_completed,2026-07-01T13:00:00+01:00,bob,,\n\
            page_load,noon,ann,,\n\
            page_load,2026-07-01T12:00:00Z,ann\n\
            \n\
            page_load,2026-07-01T12:00:00Z,ann,,\n";
        let rejects = place.path("rejected.csv");
        let ran = place.run_with_input(&["track", "--file", "-", "--rejects", rejects.to_str().unwrap()], text);
        assert_eq!((ran.code, number(&ran, "recorded"), number(&ran, "rejected")), (1, 3, 2));
        assert!(ran.stderr.contains("stdin, line 5: at is \"noon\""), "{}", ran.stderr);
        assert!(ran.stderr.contains("stdin, line 6: the record has 3 fields, and the header 5"), "{}", ran.stderr);
        let rejected = std::fs::read_to_string(&rejects).unwrap();
        assert_eq!(rejected, "event, at, user, properties.contacts, properties\npage_load,noon,ann,,\n\
            page_load,2026-07-01T12:00:00Z,ann\n");
        let (contacts,): (i64,) = growth_db::query(&*db, "SELECT CAST(SUM(contacts) AS BIGINT) FROM daily_event")
            .fetch_one().await.unwrap();
        assert_eq!(contacts, 12);
        for (text, words) in [
            ("event,at,usr\n", "stdin, line 1: unknown field `usr`"),
            ("page_load,2026-07-01T12:00:00Z\n", "stdin, line 1: unknown field `page_load`"),
        ] {
            let ran = place.run_with_input(&["track", "--file", "-"], text);
            assert_eq!(ran.code, 2);
            assert!(ran.stderr.contains(words), "{}", ran.stderr);
        }
        // A quote that nobody closed does not take the whole file into memory.
        let text = format!("event,at\npage_load,2026-07-01T12:00:00Z\n\"{}", "x\n".repeat(2 << 20));
        let ran = place.run_with_input(&["track", "--file", "-"], &text);
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains("is a quote not closed?"), "{}", ran.stderr);
    }

    async fn rejects_are_whole_and_never_what_is_read(db: TestDb) {
        let place = Place::with_database(db.url());
        let file = place.write("events.csv", b"event,at\npage_load,2026-07-01T12:00:00Z\n\xFF,x\npage_load,2026-07-01T13:00:00Z\n");
        let track = |rejects: &str| {
            place.run(["track".as_ref(), "--file".as_ref(), file.as_os_str(), "--import-id".as_ref(), "a".as_ref(), "--rejects".as_ref(), rejects.as_ref()])
        };
        let before = std::fs::read(&file).unwrap();
        std::os::unix::fs::symlink(&file, place.path("link.csv")).unwrap();
        for same in ["events.csv", "./events.csv", "link.csv"] {
            let ran = track(same);
            assert_eq!(ran.code, 2, "{same}");
            assert!(ran.stderr.contains("this is the file that is read"), "{}", ran.stderr);
        }
        assert_eq!(std::fs::read(&file).unwrap(), before);
        assert_eq!(track("rejected.csv").code, 1);
        assert_eq!(std::fs::read(place.path("rejected.csv")).unwrap(), b"event,at\n\xFF,x\n");
        // Corrected in its place, and beside it under the same name: each line counts once.
        let fixed = String::from_utf8_lossy(&before).replace("\u{FFFD},x", "page_load,2026-07-01T12:00:00Z");
        place.write("events.csv", &fixed);
        assert_eq!(number(&track("rejected.csv"), "recorded"), 1);
        let beside = place.write("fixed.csv", "event,at\npage_load,2026-07-01T14:00:00Z\n");
        let ran = place.run(["track".as_ref(), "--file".as_ref(), beside.as_os_str(), "--import-id".as_ref(), "a".as_ref()]);
        assert_eq!((ran.code, number(&ran, "recorded")), (0, 1));
        // One id, two users: two events.
        let lines = r#"{"event":"page_load","at":"2026-07-01T12:00:00Z","id":"1","user":"a"}
{"event":"page_load","at":"2026-07-01T12:00:00Z","id":"1","user":"b"}"#;
        assert_eq!(number(&place.run_with_input(&["track", "--file", "-"], lines), "recorded"), 2);
    }

    async fn one_event_and_its_mistakes(db: TestDb) {
        let place = Place::with_database(db.url());
        let track = |args: &[&str]| place.run(["track"].iter().chain(args));
        for args in [
            &["user_signed_up", "--user", "ann"][..],
            &["enrichment_completed", "--user", "ann", "--property", "contacts=12", "--property", "note=a=b", "--app", "finder",
              "--duration-ms", "830", "--status", "success", "--session", "s1", "--id", "e1", "--at", "2026-07-01T12:00:00Z"],
            &["export_csv_failed", "--user", "ann", "--status", "failed", "--error-message", "disk full", "--category", "error"],
            &["page_laod", "--custom"],
        ] {
            let ran = track(args);
            assert_eq!((ran.code, ran.stdout), (0, format!("recorded {}\n", args[0])), "{}", ran.stderr);
        }
        let again = track(&["enrichment_completed", "--user", "ann", "--id", "e1", "--at", "2026-07-02T12:00:00Z"]);
        assert_eq!((again.code, again.stdout.as_str()), (0, "known before: the event with this id is recorded already\n"));
        for (args, words) in [
            (&["page_laod"][..], "page_laod is not in the catalogue of events: did you mean page_load? --custom"),
            (&["PageLoad"], "an event name begins with a letter from a to z, not 'P': \"PageLoad\", did you mean page_load?"),
            (&["page_load", "--at", "noon"], "--at is \"noon\", and no time with a zone"),
            (&["page_load", "--property", "x"], "--property \"x\": give a name and a value"),
            (&["page_load", "--property", "contacts=-5"], "the property contacts is -5"),
            (&["page_load", "--duration-ms", "-1"], "duration_ms is -1"),
            (&["page_load", "--duration-ms", "soon"], "invalid value 'soon'"),
            (&["page_load", "--status", "ok"], "[possible values: success, failed, pending]"),
            (&["page_load", "--category", "x"], "[possible values: user_action, system"),
            (&["page_load", "--user", ""], "user is empty"),
            (&["page_load", "--timezone", "America/New_York"], "the database counts the days of UTC, not of America/New_York"),
            (&["page_load", "--file", "x"], "cannot be used with"),
            (&["--file", "x", "--user", "u"], "cannot be used with"),
            (&["--file", "nowhere.ndjson"], "cannot read nowhere.ndjson"),
            (&["--file", "."], "is a folder"),
            (&["usage", "--user", "ann"], "name at least one counter, such as --enrichments 3"),
            (&["usage", "--user", "ann", "--exports", "-1"], "exports is -1: it has to be from 0"),
            (&["usage", "--user", "ann", "--exports", "1", "--date", "May"], "--date \"May\" is no day such as 2026-07-01"),
            (&["usage", "--user", "ann", "--exports", "1", "--date", "1999-12-31"], "date is 1999-12-31: it has to be from the year 2000"),
            (&["usage", "--exports", "1"], "--user <ID>"),
            (&[], "<EVENT>"),
        ] {
            let ran = track(args);
            let expected = if args.contains(&"--timezone") { 1 } else { 2 };
            assert_eq!(ran.code, expected, "{args:?} {}", ran.stderr);
            assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
        }
        assert_eq!(track(&["usage", "--user", "ann", "--exports", "2", "--sessions", "1", "--date", "2026-07-01", "--id", "x"]).code, 0);
        let again = track(&["usage", "--user", "ann", "--exports", "2", "--id", "x"]);
        assert_eq!(again.stdout, "known before: usage with this id is recorded already\n");
        let (events, exports): (i64, i64) = growth_db::query(&*db,
            "SELECT (SELECT COUNT(*) FROM events), (SELECT CAST(SUM(exports) AS BIGINT) FROM usage_counters)")
            .fetch_one().await.unwrap();
        assert_eq!((events, exports), (4, 2));
    }

    async fn another_time_zone_is_counted_after_a_rebuild(db: TestDb) {
        let place = Place::with_database(db.url());
        assert_eq!(place.run(["track", "page_load", "--user", "ann", "--at", "2026-07-01T02:00:00Z"]).code, 0);
        let ran = place.run(["--timezone", "America/New_York", "migrate", "--rebuild"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stdout.contains("counted 1 events again by the days of America/New_York"), "{}", ran.stdout);
        let (day,): (chrono::NaiveDate,) = growth_db::query(&*db, "SELECT day FROM daily_event").fetch_one().await.unwrap();
        assert_eq!(day.to_string(), "2026-06-30");
        assert_eq!(place.run(["track", "page_load", "--timezone", "America/New_York"]).code, 0);
        // Who does not say a zone takes the one that is there.
        assert_eq!(place.run(["track", "page_load"]).code, 0);
    }

    async fn users_are_imported_listed_and_forgotten(db: TestDb) {
        let place = Place::with_database(db.url());
        let csv = "id,email,created_at,is_admin\nann,ann@example.com,2026-01-01T00:00:00Z,\nbob,,2026-02-01T00:00:00Z,true\nx,y,z,\n";
        let ran = place.run_with_input(&["users", "import", "-"], csv);
        assert_eq!((ran.code, number(&ran, "new or changed"), number(&ran, "rejected")), (1, 2, 1));
        assert!(ran.stderr.contains("stdin, line 4: created_at is \"z\", and no time"), "{}", ran.stderr);
        // A list is read back as it was.
        let listed = users(&place).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let ran = place.run_with_input(&["users", "import", "-"], &listed);
        assert_eq!((ran.code, number(&ran, "new or changed"), number(&ran, "known before")), (0, 0, 2));
        let table = place.run(["users", "list", "--limit", "1"]);
        assert!(table.stdout.contains("bob") && table.stdout.contains("admin") && !table.stdout.contains("ann"), "{}", table.stdout);
        assert!(table.stderr.contains("2 users in all"), "{}", table.stderr);

        assert_eq!(place.run(["track", "page_load", "--user", "ann"]).code, 0);
        let dry = place.run(["forget", "ann", "--dry-run"]);
        assert_eq!((dry.code, dry.stdout.as_str()), (0, "1 events would be deleted\nnothing has changed\n"));
        assert_eq!(users(&place).len(), 2);
        let ran = place.run(["forget", "ann"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "1 events deleted\nforgotten\n"));
        assert_eq!(users(&place).len(), 1);
        let again = place.run(["forget", "ann"]);
        assert_eq!(again.code, 2);
        assert!(again.stderr.contains("there is no user \"ann\""), "{}", again.stderr);
        for ran in [place.run(["track", "page_load", "--user", "ann"]), place.run(["track", "usage", "--user", "ann", "--exports", "1"])] {
            assert_eq!(ran.code, 1);
            assert!(ran.stderr.contains("not recorded: this user was forgotten"), "{}", ran.stderr);
        }
        let ran = place.run_with_input(&["users", "import", "-"], csv);
        assert_eq!(number(&ran, "forgotten"), 1);
        assert_eq!(users(&place).len(), 1);
    }

    async fn old_events_go_and_every_figure_stays(db: TestDb) {
        let place = Place::with_database(db.url());
        let lines: Vec<String> = (1..=9)
            .map(|month| json!({"event": "page_load", "user": "ann", "at": format!("2020-0{month}-15T00:00:00Z")}).to_string())
            .collect();
        let file = place.write("events.ndjson", lines.join("\n"));
        let import = || place.run(["track".as_ref(), "--file".as_ref(), file.as_os_str(), "--import-id".as_ref(), "a".as_ref()]);
        assert_eq!(import().code, 0);
        let dry = place.run(["prune", "--older-than", "400d", "--dry-run"]);
        assert!(dry.stdout.contains("9 raw events before 20") && dry.stdout.contains("would go"), "{}", dry.stdout);
        let ran = place.run(["prune", "--older-than", "400d"]);
        assert!(ran.stdout.contains("took away 9 raw events before 20"), "{}", ran.stdout);
        let sql = "SELECT (SELECT COUNT(*) FROM events), (SELECT CAST(SUM(n) AS BIGINT) FROM daily_event),
            (SELECT CAST(SUM(n) AS BIGINT) FROM user_activity)";
        let counts = async || growth_db::query(&*db, sql).fetch_one::<(i64, i64, i64)>().await.unwrap();
        assert_eq!(counts().await, (0, 9, 9));
        assert_eq!(place.run(["migrate", "--rebuild"]).code, 0);
        assert_eq!(counts().await, (0, 9, 9));
        // The same file again counts nothing twice.
        let again = import();
        assert_eq!((again.code, number(&again, "rejected")), (1, 9));
        assert!(again.stderr.contains("up to which events are pruned"), "{}", again.stderr);
        for wrong in ["soon", "5d", "-400d", "99999d"] {
            let ran = place.run(["prune", &format!("--older-than={wrong}")]);
            assert_eq!(ran.code, 2);
            assert!(ran.stderr.contains("no number of days from 31d to 36500d"), "{}", ran.stderr);
        }
    }

    async fn keys_are_made_listed_and_revoked(db: TestDb) {
        let place = Place::with_database(db.url());
        let key = place.run(["keys", "create", "web"]).stdout.trim().to_owned();
        assert!(key.starts_with("gwk_") && key.len() == 36, "{key}");
        let list = place.run(["keys", "list"]).stdout;
        assert!(list.contains("web") && list.contains(&key[..12]) && !list.contains(&key), "{list}");
        assert_eq!(place.run(["keys", "revoke", "web"]).stdout, "revoked 1 key\n");
        let again = place.run(["keys", "revoke", "web"]);
        assert!(again.code == 2 && again.stderr.contains("no key in use has the name"), "{}", again.stderr);
        assert_eq!(place.run(["keys", "create", ""]).code, 2);
    }

    async fn admin_tokens_are_made_listed_and_revoked_beside_write_keys(db: TestDb) {
        let place = Place::with_database(db.url());
        let made = place.run(["keys", "create", "--admin", "ops"]);
        let token = made.stdout.trim().to_owned();
        assert!(token.starts_with("gat_") && token.len() == 53, "{token}");
        assert!(made.stderr.contains("not shown again") && !made.stderr.contains(&token), "{}", made.stderr);
        place.run(["keys", "create", "ops"]);
        let list = place.run(["keys", "list"]).stdout;
        assert!(list.contains("events") && list.contains("admin") && list.contains(&token[..20]), "{list}");
        assert!(!list.contains(&token[..22]), "{list}");
        assert_eq!(place.run(["keys", "revoke", &token[..20]]).stdout, "revoked 1 key\n");
        place.run(["keys", "create", "--admin", "ops"]);
        assert_eq!(place.run(["keys", "revoke", "ops"]).stdout, "revoked 2 keys\n");
        assert_eq!(place.run(["keys", "create", "--admin", "a\tb"]).code, 2);
    }
}

#[test]
fn shells_complete_the_names_of_the_catalogue() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = place.run(["completions", shell]);
        assert_eq!(ran.code, 0);
        let names = growth_domain::catalogue::KNOWN.map(|(name, _)| name);
        // Scripts for fish complete options alone.
        let offered = names.iter().filter(|name| ran.stdout.contains(**name)).count();
        assert_eq!(offered, if shell == "fish" { 0 } else { names.len() }, "{shell}");
    }
    // A script that its shell can read.
    let script = place.write("script", place.run(["completions", "bash"]).stdout);
    assert!(std::process::Command::new("bash").arg("-n").arg(script).status().unwrap().success());
}

//! Where a report goes, in which form, and what is said when it cannot.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::run::{Place, Ran, ran};

const AS_OF: &str = "2025-07-01T00:00:00Z";

/// A place with a payment, so that there is something to report.
fn place() -> Place {
    let place = Place::new();
    let charge = json!({"object": "charge", "id": "ch_1", "amount": 1900, "amount_captured": 1900, "captured": true,
        "currency": "gbp", "created": 1_751_000_000, "status": "succeeded", "livemode": true});
    let event = json!({"object": "event", "id": "evt_1", "type": "charge.succeeded", "created": 1_751_000_000,
        "livemode": true, "data": {"object": charge}});
    let ran = place.run_with_input(&["replay", "-"], &event.to_string());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place
}

fn report(place: &Place, args: &[&str]) -> Ran {
    place.run(["report", "--as-of", AS_OF].iter().chain(args))
}

/// How each form begins.
fn begins(form: &str) -> &'static str {
    match form {
        "markdown" => "# Growth report, 24 to 30 June 2025\n\n",
        "html" => "<!doctype html>\n",
        "json" => "{\n  \"schema_version\": 1,",
        _ => "Growth report, 24 to 30 June 2025\n═══",
    }
}

#[test]
fn a_file_has_the_form_of_its_extension_or_the_one_that_is_named() {
    let place = place();
    for (file, format, form) in [
        ("a.md", None, "markdown"),
        ("a.markdown", None, "markdown"),
        ("a", None, "markdown"),
        ("a.html", None, "html"),
        ("a.HTM", None, "html"),
        ("a.json", None, "json"),
        ("a.txt", None, "text"),
        ("b.txt", Some("html"), "html"),
        ("b.xyz", Some("json"), "json"),
    ] {
        let format = format.map(|format| ["--format", format]);
        let args: Vec<&str> = ["--output", file].into_iter().chain(format.into_iter().flatten()).collect();
        let ran = report(&place, &args);
        assert_eq!((ran.code, ran.stdout), (0, format!("report written to {file}\n")), "{}", ran.stderr);
        let text = fs::read_to_string(place.path(file)).unwrap();
        assert!(text.starts_with(begins(form)), "{file}: {text}");
        assert!(text.contains("19.00") || text.contains("1900"), "{file}: {text}");
        assert!(!text.contains('\u{1b}'), "{file}");
    }
}

#[test]
fn the_same_data_and_the_same_end_give_the_same_bytes() {
    let place = place();
    for form in ["markdown", "html", "json", "text"] {
        let [one, other] = [0, 1].map(|_| report(&place, &["--format", form]).stdout);
        assert!(one.starts_with(begins(form)), "{one}");
        assert_eq!(one, other);
    }
}

#[test]
fn another_program_gets_markdown() {
    let ran = report(&place(), &[]);
    assert!(ran.stdout.starts_with(begins("markdown")), "{}", ran.stdout);
}

/// Runs the report in a terminal of so many columns; progress, which is shown there too, goes elsewhere.
fn in_terminal(place: &Place, columns: u32, args: &str, environment: &[(&str, &str)]) -> String {
    let program = env!("CARGO_BIN_EXE_growthctl");
    let line = format!("stty cols {columns} && '{program}' report --as-of {AS_OF} {args} 2>errors");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    script.env("HOME", place.path("")).env("DATABASE_URL", &place.database_url).env("TERM", "xterm");
    script.envs(environment.iter().copied()).current_dir(place.path(""));
    let ran = ran(&mut script);
    assert_eq!(ran.code, 0, "{} {:?}", ran.stdout, fs::read_to_string(place.path("errors")));
    ran.stdout.replace('\r', "")
}

#[test]
fn a_person_at_a_terminal_gets_text_as_wide_as_it_and_in_colour() {
    let place = place();
    let shown = in_terminal(&place, 90, "", &[]);
    assert!(
        shown.starts_with(&format!(
            "\u{1b}[1mGrowth report, 24 to 30 June 2025\u{1b}[0m\n{}\n",
            "═".repeat(90)
        ))
    );
    let narrow = in_terminal(&place, 60, "", &[("NO_COLOR", "1")]);
    assert!(
        narrow.starts_with(&format!("Growth report, 24 to 30 June 2025\n{}\n", "═".repeat(60))),
        "{narrow}"
    );
    assert!(!narrow.contains('\u{1b}'), "{narrow}");
    let dumb = in_terminal(&place, 60, "", &[("TERM", "dumb")]);
    assert!(!dumb.contains('\u{1b}'), "{dumb}");
    let asked = in_terminal(&place, 90, "--format markdown", &[]);
    assert!(asked.starts_with(begins("markdown")), "{asked}");
    let filed = in_terminal(&place, 60, "--output r.txt", &[]);
    assert_eq!(filed, "report written to r.txt\n");
    let text = fs::read_to_string(place.path("r.txt")).unwrap();
    assert!(text.starts_with(&format!("Growth report, 24 to 30 June 2025\n{}\n", "═".repeat(100))), "{text}");
}

#[test]
fn what_cannot_be_written_is_told_in_a_sentence_that_helps() {
    let place = place();
    fs::create_dir(place.path("folder")).unwrap();
    let before = fs::read_dir(place.path("")).unwrap().count();
    for (args, code, told) in [
        (["--output", "no/such/report.md"], 2, "there is no folder no/such, make it first"),
        (["--output", "folder"], 2, "folder is a folder, name a file in it"),
        (["--output", "r.pdf"], 2, "use .md, .html, .json or .txt, or say --format"),
        (
            ["--output", "/sys/report.md"],
            2,
            "no permission to write /sys/report.md: choose a folder that is yours",
        ),
        (["--output", "/dev/full"], 1, "the disk is full: make room in /dev, or choose another folder"),
        (["--output", "/proc/report.md"], 2, "no file can be made in /proc, choose another folder"),
        (["--days", "0"], 2, "--days: a window has 1 to 36500 days, not 0"),
    ] {
        let ran = report(&place, &args);
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(told), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    assert_eq!(fs::read_dir(place.path("")).unwrap().count(), before, "something was left");
    assert_eq!(fs::read_dir(place.path("folder")).unwrap().count(), 0);
}

#[test]
fn each_command_names_the_forms_that_it_has() {
    let place = place();
    let audit = place.run(["audit", "--output", "audit.html"]);
    assert_eq!(audit.code, 2);
    assert!(
        audit.stderr.contains("no format goes by the extension .html: use .md or .json, or say"),
        "{}",
        audit.stderr
    );
    for (command, forms) in [("report", "markdown, html, json, text"), ("audit", "markdown, json")] {
        let ran = place.run([command, "--format", "pdf"]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(&format!("[possible values: {forms}]")), "{}", ran.stderr);
    }
}

#[test]
fn a_stdout_that_takes_nothing_is_an_error_and_one_that_is_gone_is_none() {
    let place = place();
    let mut command = place.bare();
    command.env("DATABASE_URL", &place.database_url).args(["report", "--as-of", AS_OF]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdin(Stdio::null()).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: cannot write the report to stdout: No space left"), "{said}");

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_a_stream_is_written_to() {
    let place = place();
    let target = place.write("kept.md", "old");
    std::os::unix::fs::symlink(&target, place.path("link.md")).unwrap();
    assert_eq!(report(&place, &["--output", "link.md"]).code, 0);
    assert!(fs::symlink_metadata(place.path("link.md")).unwrap().is_symlink());
    assert!(fs::read_to_string(target).unwrap().starts_with(begins("markdown")));
    let ran = report(&place, &["--output", "/dev/stdout"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with(begins("markdown")) && !ran.stdout.contains("written to"),
        "{}",
        ran.stdout
    );
}

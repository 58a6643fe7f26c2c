//! The weekly job: the steps of `growth-report.yml` and `release.yml`, with a stand-in for GitHub, on the sample business.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use growth_db::{AssertSqlSafe, query};
use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::actions::{GitHub, Run, Workflow, executable, root, source};
use crate::run::Place;

const ARCHIVE: &str = "growthctl-x86_64-unknown-linux-gnu.tar.gz";
const LABELS: [&str; 3] = ["metrics", "growth", "automated"];

/// A product's repository in which the job is set up, and growthctl's with a release.
fn set_up(place: &Place) -> GitHub {
    let mut github = GitHub::new("acme/product");
    github.set("github.token", "a token");
    github.set("github.repository", "acme/product");
    github.set("github.server_url", "https://github.com");
    github.set("github.run_id", "7");
    github.set("vars.GROWTHCTL_REPOSITORY", "acme/growthctl");
    github.set("secrets.DATABASE_URL", &place.database_url);
    release(&github, place);
    github
}

/// Releases a program that calls the one that is tested, which is too large to be packed in every test.
fn release(github: &GitHub, place: &Place) {
    let folder = github.there().join("release");
    fs::create_dir(&folder).unwrap();
    let program = format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_growthctl"));
    executable(&place.path("growthctl"), &program);
    let pack = format!("tar -czf {ARCHIVE} -C \"$1\" growthctl && sha256sum {ARCHIVE} > SHA256SUMS");
    let packed =
        Command::new("sh").args(["-c", &pack, "sh"]).arg(place.path("")).current_dir(&folder).status();
    assert!(packed.unwrap().success());
}

fn run(github: &GitHub) -> Run {
    github.run(&Workflow::read("growth-report.yml"), "report")
}

/// Runs it as of a day, and fails where it does.
fn succeed(github: &mut GitHub, as_of: &str) -> Run {
    github.set("inputs.as_of", as_of);
    let run = run(github);
    assert_eq!(run.failed, None, "{}", run.log);
    run
}

/// Fails unless the job refuses with this sentence, and nothing is posted.
fn refused(github: &GitHub, sentence: &str) {
    let run = run(github);
    assert_eq!(run.failed.as_deref(), Some("check what was asked and what is set up"), "{}", run.log);
    assert_eq!(run.log, format!("::error title=No growth report::{sentence}\n"));
    assert_eq!(github.issues(), Vec::<Value>::new());
}

fn filled_with_the_sample_business(place: &Place) {
    let demo = place.run(["demo", "--as-of", "2026-01-01"]);
    assert_eq!(demo.code, 0, "{}", demo.stderr);
}

fn without_data() -> Place {
    let place = Place::new();
    assert_eq!(place.run(["migrate"]).code, 0);
    place
}

fn titles(github: &GitHub) -> Vec<String> {
    github.issues().iter().map(|issue| issue["title"].as_str().unwrap().to_owned()).collect()
}

fn body(issue: &Value) -> &str {
    issue["body"].as_str().unwrap()
}

on_each_engine! {
    async fn a_week_has_one_issue_which_another_run_updates(db: TestDb) {
        let place = Place::with_database(db.url());
        filled_with_the_sample_business(&place);
        let mut github = set_up(&place);

        let run = succeed(&mut github, "2025-12-29");
        assert_eq!(titles(&github), ["Growth report: 2026-W01 (2025-12-22 to 2025-12-28)"]);
        let issue = github.issues().remove(0);
        assert_eq!(issue["labels"], json!(LABELS.map(|name| json!({"name": name}))));
        let report = github.artifact("growth-report-2026-W01", "report.md");
        assert!(report.starts_with("# Growth report, 22 to 28 December 2025\n") && report.contains("**MRR is GBP "), "{report}");
        let (marker, rest) = body(&issue).split_once('\n').unwrap();
        assert_eq!(marker, "<!-- growthctl-report week=2026-W01 -->");
        assert!(rest.starts_with(&report), "{rest}");
        assert_eq!(
            rest.strip_prefix(&*report).unwrap(),
            "\n---\nWritten by [this run](https://github.com/acme/product/actions/runs/7), which keeps [all files of the \
             report](https://github.com/acme/product/actions/runs/7/artifacts/9) for 90 days.\n"
        );
        assert_eq!(run.summary, report);
        assert!(github.artifact("growth-report-2026-W01", "report.html").starts_with("<!doctype html>"));
        let json: Value = serde_json::from_str(&github.artifact("growth-report-2026-W01", "report.json")).unwrap();
        assert_eq!((&json["header"]["days"], &json["header"]["as_of"]), (&json!(7), &json!("2025-12-29T00:00:00Z")));

        // By hand, in the same week, after the first report was read and closed.
        let closed = json!({"number": 1, "state": "closed", "title": issue["title"], "body": issue["body"],
            "labels": [{"name": "growth"}, {"name": "seen"}]});
        github.put("issues.json", &json!([closed]));
        github.set("inputs.days", "30");
        let run = succeed(&mut github, "2025-12-31");
        assert!(run.log.contains("::notice title=Growth report::updated https://github.com/acme/product/issues/1\n"), "{}", run.log);
        assert_eq!(titles(&github), ["Growth report: 2026-W01 (2025-12-01 to 2025-12-30)"]);
        let updated = github.issues().remove(0);
        assert!(body(&updated).contains("\n# Growth report, 1 to 30 December 2025\n"), "{updated}");
        assert_eq!(updated["state"], "closed");
        assert_eq!(updated["labels"].as_array().unwrap().len(), 4);

        github.set("inputs.days", "");
        succeed(&mut github, "2026-01-05");
        assert_eq!(
            titles(&github),
            ["Growth report: 2026-W01 (2025-12-01 to 2025-12-30)", "Growth report: 2026-W02 (2025-12-29 to 2026-01-04)"]
        );
        let created: Vec<_> = github.calls().into_iter().filter(|call| call.starts_with("label create")).collect();
        assert_eq!(created.len(), 3, "each label is made once: {created:?}");
    }
}

#[test]
fn what_is_not_the_issue_of_the_week_is_left_alone() {
    let place = without_data();
    let mut github = set_up(&place);
    let label = json!([{"name": "growth"}]);
    let others = json!([
        {"number": 1, "title": "No text", "body": null, "labels": label},
        {"number": 2, "title": "Another week's", "body": "<!-- growthctl-report week=2025-W01 -->", "labels": label},
        {"number": 3, "title": "A pull request", "body": "<!-- growthctl-report week=2026-W01 -->", "labels": label,
            "pull_request": {}},
        {"number": 4, "title": "Of another kind", "body": "<!-- growthctl-report week=2026-W01 -->", "labels": []},
    ]);
    github.put("issues.json", &others);
    github.put("labels.json", &json!([{"name": "Growth"}, {"name": "growth-automated"}]));
    succeed(&mut github, "2025-12-29");
    let issues = github.issues();
    assert_eq!((&json!(issues[..4]), issues.len()), (&others, 5));
    let labels = fs::read_to_string(github.there().join("labels.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&labels).unwrap(),
        json!([{"name": "Growth"}, {"name": "growth-automated"}, {"name": "metrics"}, {"name": "automated"}]),
        "a label is the same in capitals"
    );
}

#[test]
fn a_week_begins_on_monday_in_the_time_zone_of_the_report() {
    let place = without_data();
    let mut github = set_up(&place);
    github.set("vars.GROWTHCTL_TIMEZONE", "Pacific/Auckland");
    // Of which the first moment is a Sunday's in UTC.
    succeed(&mut github, "2026-01-05");
    assert_eq!(titles(&github), ["Growth report: 2026-W02 (2025-12-29 to 2026-01-04)"]);
    succeed(&mut github, "2026-01-11");
    assert_eq!(titles(&github), ["Growth report: 2026-W02 (2026-01-04 to 2026-01-10)"]);
}

#[test]
fn settings_come_from_the_file_of_the_repository_too() {
    let place = without_data();
    let mut github = set_up(&place);
    fs::write(github.there().join("growthctl.toml"), "product = \"Acme\"\ntimezone = \"Pacific/Auckland\"\n")
        .unwrap();
    let run = succeed(&mut github, "2026-01-05");
    assert!(
        run.summary.starts_with("# Acme: growth report, 29 December 2025 to 4 January 2026\n"),
        "{}",
        run.summary
    );
    github.set("vars.GROWTHCTL_PRODUCT", "Acme & Sons");
    let run = succeed(&mut github, "2026-01-05");
    assert!(run.summary.starts_with("# Acme & Sons: growth report, "), "{}", run.summary);
    assert_eq!(titles(&github), ["Growth report: 2026-W02 (2025-12-29 to 2026-01-04)"]);
}

#[test]
fn without_its_secret_the_job_says_what_to_do_and_asks_nobody() {
    let mut github = set_up(&without_data());
    github.set("secrets.DATABASE_URL", "");
    refused(
        &github,
        "The secret DATABASE_URL is missing: add it under Settings, Secrets and variables, Actions, with the address of \
         growthctl's database.",
    );
    assert_eq!(github.calls(), Vec::<String>::new());
}

#[test]
fn days_are_a_whole_number_up_to_a_year() {
    let place = without_data();
    let mut github = set_up(&place);
    for days in ["abc", "0", "-1", "07", "7.5", "366", "1000", "7 7", " 7", "$(touch x)"] {
        github.set("inputs.days", days);
        refused(&github, &format!("days has to be a whole number from 1 to 365, and is '{days}'."));
    }
    github.set("inputs.days", "7\n::warning::7");
    refused(&github, "days has to be a whole number from 1 to 365, and is $'7\\n::warning::7'.");
    github.set("inputs.days", "365");
    succeed(&mut github, "2026-01-01");
    assert_eq!(titles(&github), ["Growth report: 2026-W01 (2025-01-01 to 2025-12-31)"]);
}

#[test]
fn in_a_public_repository_a_report_has_to_be_wanted() {
    let place = without_data();
    let mut github = set_up(&place);
    github.put("repository.json", &json!({"visibility": "public"}));
    refused(
        &github,
        "This repository is public, and so would be the revenue and the users in the report: run this workflow in a private \
         one, or set the variable GROWTHCTL_REPORT_IN_PUBLIC to true.",
    );
    github.set("vars.GROWTHCTL_REPORT_IN_PUBLIC", "true");
    succeed(&mut github, "today");
    assert_eq!(github.issues().len(), 1);
}

#[test]
fn a_report_that_fails_fails_the_job_and_posts_nothing() {
    let slack = Slack::start(200);
    let empty = Place::new();
    let mut github = set_up(&empty);
    github.set("secrets.SLACK_WEBHOOK_URL", &slack.url);
    let none = run(&github);
    assert_eq!(none.failed.as_deref(), Some("write the report"));
    assert!(none.log.contains("error: there is no database yet at "), "{}", none.log);

    let place = without_data();
    let mut github = set_up(&place);
    github.set("secrets.SLACK_WEBHOOK_URL", &slack.url);
    github.set("inputs.as_of", "--demo");
    let misused = run(&github);
    assert_eq!(misused.failed.as_deref(), Some("write the report"));
    assert!(misused.log.contains("error: --as-of: "), "{}", misused.log);

    assert_eq!((github.issues(), slack.posts()), (vec![], vec![]));
    assert_eq!((none.summary, misused.summary), (String::new(), String::new()));
}

#[test]
fn an_issue_that_cannot_be_written_fails_the_job() {
    let place = without_data();
    let slack = Slack::start(200);
    let mut github = set_up(&place);
    github.set("secrets.SLACK_WEBHOOK_URL", &slack.url);
    github.put("issues.json", &json!({"message": "Issues has been disabled in this repository."}));
    let run = run(&github);
    assert_eq!(run.failed.as_deref(), Some("open the issue of the week, or update it"), "{}", run.log);
    assert!(run.summary.starts_with("# Growth report"), "the report is not lost");
    assert_eq!(slack.posts(), Vec::<Value>::new());
}

#[test]
fn of_a_report_that_is_too_long_the_issue_has_what_fits_and_says_where_the_rest_is() {
    let place = Place::new();
    // More currencies than there are, since each takes a table.
    let currencies = ('a'..='z').flat_map(|a| ('a'..='e').map(move |b| format!("q{a}{b}")));
    let charges: Vec<Value> = currencies
        .map(|currency| {
            json!({"object": "charge", "id": format!("ch_{currency}"), "amount": 500, "captured": true,
                "currency": currency, "created": 1_766_800_000, "status": "succeeded", "livemode": true})
        })
        .collect();
    place.write("charges.json", json!({"object": "list", "data": charges}).to_string());
    let replay = place.run(["replay", "charges.json"]);
    assert_eq!(replay.code, 0, "{}", replay.stderr);

    let mut github = set_up(&place);
    let run = succeed(&mut github, "2025-12-29");
    let report = github.artifact("growth-report-2026-W01", "report.md");
    assert!(report.len() > 65_536, "{}", report.len());
    assert_eq!(run.summary, report, "the summary has room for it");
    let issue = github.issues().remove(0);
    let (_, body) = body(&issue).split_once('\n').unwrap();
    let note = "**The rest does not fit in here**: [the artifact](https://github.com/acme/product/actions/runs/7/artifacts/9) \
        has the whole report.\n\n\n---\nWritten by ";
    let (begin, _) = body.split_once(note).unwrap();
    let rest = report.strip_prefix(begin).unwrap();
    assert!(rest.starts_with("### "), "it ends where a section does: {}", &rest[..100]);
    assert!(begin.len() > 60_000 && begin.ends_with("\n\n"), "{}", begin.len());
}

#[test]
fn slack_is_told_once_where_its_secret_is() {
    let place = Place::new();
    filled_with_the_sample_business(&place);
    let mut github = set_up(&place);
    github.set("vars.GROWTHCTL_PRODUCT", "Salt & <Pepper>*");
    let run = succeed(&mut github, "2025-12-29");
    assert!(
        run.log.ends_with("There is no secret SLACK_WEBHOOK_URL, so nothing is posted.\n"),
        "{}",
        run.log
    );

    let slack = Slack::start(200);
    github.set("secrets.SLACK_WEBHOOK_URL", &slack.url);
    let run = succeed(&mut github, "2025-12-29");
    let posts = slack.posts();
    assert_eq!(posts.len(), 1, "{}", run.log);
    let lines: Vec<&str> = posts[0]["text"].as_str().unwrap().lines().collect();
    assert_eq!(lines[0], "*Salt &amp; &lt;Pepper&gt;*: growth report, 22 to 28 December 2025*");
    assert!(lines[1].starts_with("• *MRR is GBP "), "{lines:?}");
    let report = github.artifact("growth-report-2026-W01", "report.md");
    let summary = report.split("\n## ").next().unwrap();
    let points = summary.lines().filter(|line| line.starts_with("- **")).count();
    assert!(points >= 4 && lines.len() == points + 2, "{lines:?}");
    assert!(lines[1..=points].iter().all(|line| line.starts_with("• *")), "{lines:?}");
    assert_eq!(lines.last(), Some(&"<https://github.com/acme/product/issues/1|The whole report>"));
    assert!(!lines[1..].iter().any(|line| line.contains("**") || line.contains('\\')), "{lines:?}");
}

#[test]
fn where_slack_does_not_take_it_the_report_is_there_all_the_same() {
    let place = without_data();
    let slack = Slack::start(503);
    let mut github = set_up(&place);
    github.set("secrets.SLACK_WEBHOOK_URL", &slack.url);
    let run = succeed(&mut github, "2025-12-29");
    assert!(
        run.log.contains(
            "::warning title=Slack::The report is in https://github.com/acme/product/issues/1, but Slack did not take the post"
        ),
        "{}",
        run.log
    );
    assert!(run.log.contains("503") && !run.log.contains(&slack.url), "{}", run.log);
    assert_eq!((slack.posts().len(), github.issues().len()), (1, 1));
}

#[test]
fn what_the_release_packs_the_weekly_job_installs() {
    let place = without_data();
    let mut github = set_up(&place);
    fs::remove_dir_all(github.there().join("release")).unwrap();
    let mut growthctl = GitHub::new("acme/growthctl");
    growthctl.set("github.token", "a token");
    growthctl.program("rustup", "#!/bin/sh\n");
    let build = format!(
        "#!/bin/sh\nmkdir -p target/release && printf '#!/bin/sh\\nexec {} \"$@\"\\n' > target/release/growthctl && \
         chmod +x target/release/growthctl\n",
        env!("CARGO_BIN_EXE_growthctl")
    );
    growthctl.program("cargo", &build);
    let workflow = Workflow::read("release.yml");

    growthctl.environment.insert("GITHUB_REF_NAME".to_owned(), "v0.0.1".to_owned());
    let run = growthctl.run(&workflow, "build");
    assert_eq!(run.failed.as_deref(), Some("check that the tag is the version"));
    let tag = format!("v{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        run.log,
        format!(
            "::error title=No release::The tag is v0.0.1, and the version in Cargo.toml is {}.\n",
            &tag[1..]
        )
    );

    growthctl.environment.insert("GITHUB_REF_NAME".to_owned(), tag);
    for job in ["build", "publish"] {
        let run = growthctl.run(&workflow, job);
        assert_eq!(run.failed, None, "{}", run.log);
    }
    fs::rename(growthctl.there().join("release"), github.there().join("release")).unwrap();
    github.set("vars.GROWTHCTL_VERSION", "v0.1.0");
    let run = succeed(&mut github, "2025-12-29");
    assert!(run.log.contains(&format!("{ARCHIVE}: OK\ngrowthctl 0.1.0\n")), "{}", run.log);
    assert_eq!(github.issues().len(), 1);
}

#[test]
fn an_archive_that_is_not_the_released_one_is_not_run() {
    let place = without_data();
    for (sums, said) in [
        (Some(format!("{:064}  {ARCHIVE}\n", 0)), "FAILED"),
        (Some(format!("{:064}  another.tar.gz\n", 0)), "no file was verified"),
        (None, "SHA256SUMS"),
    ] {
        let github = set_up(&place);
        let file = github.there().join("release/SHA256SUMS");
        match sums {
            Some(sums) => fs::write(file, sums).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
        let run = run(&github);
        assert_eq!(run.failed.as_deref(), Some("install growthctl"), "{}", run.log);
        assert!(run.log.contains(said) && !run.log.contains("growthctl 0.1.0"), "{}", run.log);
        assert!(!github.calls().iter().any(|call| call.starts_with("repo clone")), "no other one is built");
    }
}

#[test]
fn without_a_release_growthctl_is_built_by_who_has_no_token() {
    let place = without_data();
    let mut github = set_up(&place);
    let release = github.there().join("release");
    fs::remove_file(release.join(ARCHIVE)).unwrap();
    let install = format!(
        "#!/bin/bash\n[[ $1 == +stable && -z ${{GH_TOKEN:-}} && -d ${{*: -1}} ]] || exit 9\n\
         [[ \"$*\" == *\" --locked --root \"* ]] && ln -s {} \"$5/bin/growthctl\"\n",
        env!("CARGO_BIN_EXE_growthctl")
    );
    github.program("cargo", &install);
    github.program("rustup", "#!/bin/sh\n[ \"$1 $2 $3\" = 'toolchain install stable' ]\n");
    let run = succeed(&mut github, "2025-12-29");
    let said = format!("::notice title=growthctl is built::acme/growthctl has no release with {ARCHIVE}.\n");
    assert!(run.log.contains(&said), "{}", run.log);

    fs::remove_dir_all(release).unwrap();
    github.set("vars.GROWTHCTL_VERSION", "v0.2.0");
    succeed(&mut github, "2025-12-29");
    let clones: Vec<_> = github.calls().into_iter().filter(|call| call.starts_with("repo clone ")).collect();
    let ends: Vec<_> = clones.iter().map(|call| call.split_once("/source ").unwrap().1).collect();
    assert_eq!(ends, ["-- --depth 1", "-- --depth 1 --branch v0.2.0"]);
    assert_eq!(github.issues().len(), 1);
}

#[test]
fn the_role_of_the_documentation_may_do_it() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        filled_with_the_sample_business(&Place::with_database(db.url()));
        let document = document();
        let sql = document.split_once("```sql\n").unwrap().1.split_once("```").unwrap().0;
        // Roles are the server's, and so every test's.
        let (server, name) = db.url().rsplit_once('/').unwrap();
        let role = format!("report_{name}");
        for statement in sql.replace("growth_report", &role).split_terminator(";\n") {
            query(&*db, AssertSqlSafe(statement.to_owned())).execute().await.unwrap();
        }
        let (_, host) = server.split_once('@').unwrap();
        let place = Place::with_database(&format!("postgres://{role}:a-long-password@{host}/{name}"));
        let mut github = set_up(&place);
        succeed(&mut github, "2025-12-29");
        assert!(body(&github.issues()[0]).contains("**MRR is GBP "));
        let written = place.run(["track", "seen", "--user", "1"]);
        assert!(written.code != 0 && written.stderr.contains("permission denied"), "{}", written.stderr);
        for end in ["DROP OWNED BY", "DROP ROLE"] {
            query(&*db, AssertSqlSafe(format!("{end} {role}"))).execute().await.unwrap();
        }
    });
}

#[test]
fn workflows_take_values_by_the_environment_alone_and_actions_by_their_commit() {
    for name in ["ci.yml", "growth-report.yml", "release.yml"] {
        for (job, steps) in Workflow::read(name).jobs.into_iter().map(|(name, job)| (name, job.steps)) {
            for step in steps {
                assert!(!step.run.is_some_and(|run| run.contains("${{")), "{name}, {job}");
            }
        }
        for line in source(name).lines().filter(|line| line.contains("uses:")) {
            let pinned = line.split_once('@').and_then(|(_, pin)| pin.split_once(" # v"));
            let (commit, version) = pinned.unwrap_or_else(|| panic!("{name}: {line}"));
            assert!(
                commit.len() == 40 && commit.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')),
                "{line}"
            );
            assert!(
                version.split('.').count() == 3 && version.split('.').all(|n| n.parse::<u32>().is_ok()),
                "{line}"
            );
        }
    }
}

#[test]
fn the_jobs_may_do_no_more_than_they_do() {
    let weekly = Workflow::read("growth-report.yml");
    assert_eq!(weekly.permissions, json!({}));
    assert_eq!(weekly.on["schedule"], json!([{"cron": "0 9 * * 1"}]));
    let report = &weekly.jobs["report"];
    assert_eq!(report.permissions, Some(json!({"contents": "read", "issues": "write"})));
    let release = Workflow::read("release.yml");
    assert_eq!(release.permissions, json!({}));
    assert_eq!(release.jobs["build"].permissions, Some(json!({"contents": "read"})));
    assert_eq!(release.jobs["publish"].permissions, Some(json!({"contents": "write"})));
    for job in weekly.jobs.values().chain(release.jobs.values()) {
        assert!(job.timeout_minutes.is_some());
    }
    for step in &report.steps {
        let name = step.name.as_deref().unwrap();
        for (secret, only) in
            [("secrets.DATABASE_URL", "write the report"), ("secrets.SLACK_WEBHOOK_URL", "tell Slack")]
        {
            let told = step.env.values().any(|value| value.contains(secret) && !value.contains("!= ''"));
            assert_eq!(told, name == only, "{name}: {secret}");
        }
    }
    let kept = report.steps.iter().find(|step| step.id.as_deref() == Some("artifact")).unwrap();
    assert_eq!(kept.with["retention-days"], 90);
}

#[test]
fn the_documentation_names_every_secret_variable_and_input() {
    let document = document();
    let text = source("growth-report.yml");
    let mut names = BTreeSet::new();
    for kind in ["secrets.", "vars.", "inputs."] {
        for rest in text.split(kind).skip(1) {
            names.insert(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap());
        }
    }
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        assert!(document.contains(&format!("`{name}`")), "{name}");
    }
    for part in ["growth-report.yml -f days=30", "Growth report: 2026-W27 (2026-06-22 to 2026-06-28)"] {
        assert!(document.contains(part), "{part}");
    }
}

fn document() -> String {
    fs::read_to_string(root().join("docs/WEEKLY-REPORT.md")).unwrap()
}

/// A webhook of Slack's on this machine.
struct Slack {
    url: String,
    posts: mpsc::Receiver<Value>,
}

impl Slack {
    /// Listens, and answers each request with this status.
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/services/T0/B0/x", listener.local_addr().unwrap());
        let (sender, posts) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                let mut head = Vec::new();
                for line in reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()) {
                    head.push(line.to_lowercase());
                }
                assert_eq!(head[0], "post /services/t0/b0/x http/1.1");
                assert!(head.contains(&"content-type: application/json".to_owned()), "{head:?}");
                let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                let mut body = vec![0; length.parse().unwrap()];
                reader.read_exact(&mut body).unwrap();
                let sent = sender.send(serde_json::from_slice(&body).unwrap());
                let answer =
                    format!("HTTP/1.1 {status} Told\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
                if sent.is_err() {
                    return;
                }
            }
        });
        Self { url, posts }
    }

    /// What was posted since the last look.
    fn posts(&self) -> Vec<Value> {
        self.posts.try_iter().collect()
    }
}

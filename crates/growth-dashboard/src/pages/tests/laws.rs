//! What is so of every page.

use std::fmt::Write as _;

use growth_metrics::GrowthSnapshot;
use growth_testkit::block_on;

use super::{nesting, samples};
use crate::asked::Asked;
use crate::{business, pages};

/// A name that wants to be more than a name.
pub(super) const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> & {{ 7 * 7 }}";

/// Where links and forms may lead.
const ROUTES: [&str; 4] = ["/admin/metrics", "/admin/sign-in", "/admin/sign-out", "/admin/assets/"];

/// The values of an attribute.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    page.split(begin.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// The words of a text, without what only joins them.
fn words(text: &str) -> Vec<&str> {
    let joins = |c: char| c.is_whitespace() || matches!(c, '(' | ')');
    let words = text.split(joins).map(|word| word.trim_end_matches(','));
    words.filter(|word| !word.is_empty()).collect()
}

/// The text of a page, without its markup.
fn text(page: &str) -> String {
    let parts = page.split('<').map(|part| part.split_once('>').map_or(part, |(_, words)| words));
    parts.collect::<Vec<_>>().join(" ")
}

#[test]
fn markup_nests_and_needs_nothing_that_the_policy_forbids() {
    for (name, page) in samples::all() {
        nesting::check(&page).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert!(values(&page, "style").is_empty() && !page.contains("<style"), "{name}");
        assert!(!page.contains("<script>") && !page.contains("javascript:"), "{name}");
        let tags = page.split('<').filter_map(|tag| tag.split('>').next());
        let mut parts = tags.flat_map(|tag| tag.split(' '));
        assert!(!parts.any(|part| part.starts_with("on") && part.contains("=\"")), "{name}");
        assert_eq!(page.matches("<h1").count(), 1, "{name}");
        assert_eq!(page.matches("<main").count(), 1, "{name}");
    }
}

#[test]
fn every_link_leads_to_a_route_and_every_reference_to_an_id() {
    for (name, page) in samples::all() {
        let ids = values(&page, "id");
        for link in ["href", "src", "action"].iter().flat_map(|attribute| values(&page, attribute)) {
            let leads = match link.strip_prefix('#') {
                Some(id) => ids.contains(&id),
                None => link.starts_with("?days=") || ROUTES.iter().any(|route| link.starts_with(route)),
            };
            assert!(leads, "{name}: {link}");
            if let Some(file) = link.strip_prefix("/admin/assets/") {
                assert!(pages::asset(file).is_some(), "{name}: {link}");
            }
        }
        for id in ["aria-labelledby", "aria-describedby", "for"].iter().flat_map(|of| values(&page, of)) {
            assert!(id.split(' ').all(|id| ids.contains(&id)), "{name}: {id}");
        }
    }
}

#[test]
fn names_are_text_whatever_they_contain() {
    let asked = Asked { app: Some(HOSTILE.to_owned()), ..Asked::default() };
    let pages = [
        pages::metrics(&asked, &business::named(HOSTILE)),
        pages::loading(&asked),
        pages::failed(&asked, HOSTILE),
        pages::sign_in(&asked, Some(HOSTILE)),
    ];
    for page in pages {
        nesting::check(&page).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
        assert!(page.contains("alert(1)"), "{page}");
    }
}

/// The cells of a figure in the report: now, before, and how it changed.
fn told_by_the_report(report: &str, label: &str) -> [String; 3] {
    let row = report.lines().find(|line| line.starts_with(&format!("| {label} ")));
    let row = row.unwrap_or_else(|| panic!("the report has no {label}"));
    let cells: Vec<String> = row.split('|').skip(2).take(3).map(|cell| cell.trim().to_owned()).collect();
    cells.try_into().unwrap()
}

#[test]
fn cards_say_what_the_report_says() {
    let snapshot: GrowthSnapshot = business::two_currencies();
    let report = growth_report::markdown(&snapshot);
    let page = text(&pages::metrics(&Asked::default(), &snapshot));
    let page = words(&page);
    for (told, shown) in [
        ("MRR (net)", "MRR"),
        ("ARR", "ARR"),
        ("Active subscriptions", "Active subscriptions"),
        ("New revenue (gross volume)", "New revenue (gross)"),
        ("Paying customers", "Paying customers"),
        ("ARPU", "ARPU"),
        ("Customer churn", "Customer churn"),
        ("Net revenue retention", "Net revenue retention"),
        ("Gross MRR churn", "Gross MRR churn"),
        ("Failed payments", "Failed payments"),
        ("Total users", "Users"),
        ("New users", "New users"),
        ("DAU", "DAU"),
        ("WAU", "WAU"),
        ("MAU", "MAU"),
        ("Stickiness: DAU / WAU", "DAU / WAU"),
        ("Stickiness: DAU / MAU", "DAU / MAU"),
        ("Enrichments completed", "Enrichments completed"),
        ("Enrichment success rate", "Success rate"),
    ] {
        let [now, before, change] = told_by_the_report(&report, told);
        // The card has the label, then the figure as it is; the parts of its change stand in another order.
        let begin = [words(shown), words(&now)].concat();
        let card = page.windows(begin.len()).position(|part| part == begin);
        let card = card.unwrap_or_else(|| panic!("no card begins with {begin:?}\n{page:?}"));
        let card: Vec<&str> = page[card + begin.len()..].iter().take(20).copied().collect();
        let before = before.split(" (").next().and_then(|before| before.split(", ").next()).unwrap();
        let before = if before.starts_with("n/a") || change.contains("was ") || change == "unchanged" {
            ""
        } else {
            before
        };
        for word in words(before).into_iter().chain(words(&change)).filter(|word| *word != "n/a:") {
            assert!(card.contains(&word), "{told}: no {word} in {card:?}");
        }
    }
}

#[test]
fn what_is_missing_says_how_to_get_it() {
    let asked = Asked::default();
    let empty = pages::metrics(&asked, &business::nothing());
    for command in ["growthctl serve-webhook", "growthctl backfill", "growthctl track", "--demo"] {
        assert!(empty.contains(command), "{command}");
    }
    let no_revenue = pages::metrics(&asked, &samples::without_revenue());
    assert!(no_revenue.contains("growthctl serve-webhook") && !no_revenue.contains("growthctl track"));
    assert!(no_revenue.contains("Conversion funnel"));
    let no_users = pages::metrics(&asked, &samples::without_users());
    assert!(no_users.contains("growthctl track") && !no_users.contains("growthctl serve-webhook"));
    assert!(no_users.contains("Active subscriptions"));
}

#[test]
fn what_went_wrong_is_told_and_can_be_tried_again() {
    let asked = Asked { days: 90, currency: Some("eur".to_owned()), ..Asked::default() };
    let page = pages::failed(&asked, "Counting took longer than it may.");
    assert!(page.contains("Counting took longer than it may.") && page.contains("role=\"alert\""));
    assert!(page.contains("href=\"?days=90&#38;currency=eur\" data-again"), "{page}");
    assert!(pages::loading(&asked).contains("http-equiv=\"refresh\""));
}

#[test]
fn periods_keep_what_else_was_asked_for() {
    let asked = Asked { days: 7, livemode: Some(true), app: Some("a b".to_owned()), ..Asked::default() };
    let page = pages::metrics(&asked, &business::two_currencies());
    for link in [
        "?days=7&#38;mode=live&#38;app=a+b\" aria-current=\"page\"",
        "?days=90&#38;mode=live&#38;app=a+b\"",
        "?days=7&#38;mode=test&#38;app=a+b\"",
    ] {
        assert!(page.contains(link), "{link}");
    }
}

/// Leaves the pages in the folder that `DASHBOARD_PAGES` names, for whoever wants to look at them.
#[test]
fn pages_of_the_sample_business_are_light() {
    block_on(async {
        let snapshots = samples::sample_business().await;
        let page = |(name, of): (String, GrowthSnapshot)| {
            let asked = Asked { days: of.header.days, ..Asked::default() };
            (name, pages::metrics(&asked, &of))
        };
        let mut pages: Vec<(String, String)> = snapshots.into_iter().map(page).collect();
        let assets = pages::assets::assets();
        let files: usize =
            [&assets.style, &assets.script, &assets.icon].iter().map(|file| file.bytes()).sum();
        let mut weights = String::new();
        for (name, page) in &pages {
            nesting::check(page).unwrap_or_else(|problem| panic!("{name}: {problem}"));
            let _ = writeln!(weights, "{name}: {} bytes and files of {files}", page.len());
            assert!(page.len() + files < 300_000, "{weights}");
        }
        if let Some(folder) = std::env::var_os("DASHBOARD_PAGES") {
            pages.extend(samples::all());
            samples::write(folder.as_ref(), &pages);
            std::fs::write(std::path::Path::new(&folder).join("weights.txt"), weights).unwrap();
        }
    });
}

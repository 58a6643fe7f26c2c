use growth_report::markdown;
use insta::assert_snapshot;

use crate::business::{HOSTILE, all, at, doubtful_test_data, named, nothing, two_currencies};

#[test]
fn a_week_in_two_currencies() {
    assert_snapshot!(markdown(&two_currencies()));
}

#[test]
fn an_empty_database_says_what_to_do_next() {
    assert_snapshot!(markdown(&nothing()));
}

#[test]
fn test_data_and_what_is_not_known_are_told() {
    assert_snapshot!(markdown(&doubtful_test_data()));
}

#[test]
fn names_are_text_whatever_they_contain() {
    assert_snapshot!(markdown(&named(HOSTILE)));
}

#[test]
fn product_data_alone_makes_a_report() {
    let mut snapshot = two_currencies();
    snapshot.revenue.clear();
    snapshot.payments.clear();
    snapshot.freshness.last_stripe_event_at = None;
    let text = markdown(&snapshot);
    assert!(text.contains("**No revenue yet**"), "{text}");
    assert!(text.contains("n/a, no Stripe event has been recorded yet."), "{text}");
    assert!(text.contains("| Total users"), "{text}");
    assert!(text.contains("## How each number is defined"), "{text}");
}

#[test]
fn more_payments_than_a_snapshot_lists_are_at_least_so_many() {
    let mut snapshot = two_currencies();
    assert!(markdown(&snapshot).contains("\n2 more are not shown.\n"));
    snapshot.payments = vec![snapshot.payments[0].clone(); 100];
    assert!(markdown(&snapshot).contains("\nAt least 90 more are not shown.\n"));
    snapshot.payments.truncate(11);
    assert!(markdown(&snapshot).contains("\n1 more is not shown.\n"));
    snapshot.payments.truncate(10);
    snapshot.insights_left_out = 0;
    assert!(!markdown(&snapshot).contains("not shown"));
    snapshot.insights_left_out = 1;
    assert!(markdown(&snapshot).contains("\n1 more, less urgent, is not shown.\n"));
}

#[test]
fn a_goal_that_is_reached_has_nothing_to_go() {
    let mut snapshot = two_currencies();
    let goal = snapshot.goal.as_mut().unwrap();
    goal.amount = 32_000;
    goal.progress.denominator = goal.progress.numerator;
    (goal.gap, goal.eta) = (None, growth_domain::goal::Eta::Reached);
    let text = markdown(&snapshot);
    assert!(text.contains("\n- **100.0 % of the goal** of GBP 320.00, reached.\n"), "{text}");
}

#[test]
fn exchange_rates_have_a_line_only_where_they_moved_mrr() {
    let mut snapshot = two_currencies();
    assert!(!markdown(&snapshot).contains("Exchange rates"));
    snapshot.revenue[0].movements.current.fx = growth_domain::money::Micros::from_minor(-400);
    assert!(markdown(&snapshot).contains("| + Exchange rates |"));
}

#[test]
fn every_report_is_one_tidy_document() {
    for snapshot in all() {
        let text = markdown(&snapshot);
        assert!(text.starts_with("# ") && text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("# ")).count(), 1, "{text}");
        assert!(!text.contains("\n\n\n"), "{text}");
        let tidy = |line: &str| line == line.trim_end() && !line.contains('\t');
        assert!(text.lines().all(tidy), "{text}");
        for undefined in ["NaN", "inf ", "inf)", "inf%", "None", "Some("] {
            assert!(!text.contains(undefined), "{undefined} in {text}");
        }
    }
}

#[test]
fn blank_lines_part_headings_lists_tables_and_charts_from_the_rest() {
    fn kind(line: &str) -> Option<&str> {
        let numbered = line.starts_with(|first: char| first.is_ascii_digit()) && line.contains(". ");
        let nested = line.starts_with("   - ");
        let first = line.get(..1).filter(|first| ["#", "-", "|", ">"].contains(first));
        if numbered || nested { Some("1") } else { first }
    }
    for snapshot in all() {
        let text = markdown(&snapshot);
        for (index, block) in text.split("\n\n").enumerate() {
            if block.starts_with("```") {
                assert!(block.starts_with("```mermaid\n") && block.ends_with("\n```"), "{block}");
                continue;
            }
            let lines: Vec<&str> = block.lines().collect();
            for pair in lines.windows(2) {
                let same = kind(pair[0]).is_some_and(|first| first != "#") && kind(pair[0]) == kind(pair[1]);
                assert!(same, "{index}: {pair:?}");
            }
        }
    }
}

#[test]
fn headings_go_down_one_step_at_a_time() {
    for snapshot in all() {
        let mut before = 0;
        for line in markdown(&snapshot).lines().filter(|line| line.starts_with('#')) {
            let level = line.bytes().take_while(|byte| *byte == b'#').count();
            assert!(level <= before + 1 && (level > 1 || before == 0), "{line}");
            before = level;
        }
    }
}

#[test]
fn sections_stand_in_their_order() {
    let text = markdown(&two_currencies());
    let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(
        headings,
        [
            "Key insights",
            "Recommended actions",
            "Revenue",
            "Users",
            "Engagement",
            "Product",
            "Conversion funnel",
            "Latest payments",
            "Data quality",
            "How each number is defined"
        ]
    );
}

#[test]
fn equal_snapshots_give_equal_bytes() {
    for (one, other) in all().into_iter().zip(all()) {
        assert_eq!(markdown(&one), markdown(&other));
    }
}

#[test]
fn a_period_without_any_stripe_event_is_worth_a_look() {
    let mut snapshot = two_currencies();
    assert!(markdown(&snapshot).contains("\nAll is well.\n"));
    snapshot.freshness.last_stripe_event_at = Some(at("2026-06-20T00:00:00Z"));
    let text = markdown(&snapshot);
    assert!(text.contains("\n- **No Stripe event** of this period"), "{text}");
    assert!(text.contains("20 June 2026, 01:00 (8 days before the end of the period)"), "{text}");
}

#[test]
fn a_summary_says_what_went_down_and_what_stayed() {
    let mut snapshot = two_currencies();
    let pounds = &mut snapshot.revenue[0];
    std::mem::swap(&mut pounds.mrr.current, &mut pounds.mrr.previous);
    let moved = &mut pounds.movements.current;
    (moved.new, moved.reactivation, moved.expansion) = Default::default();
    let text = markdown(&snapshot);
    assert!(text.contains("**MRR is GBP 285.00**, down GBP 35.00 (-10.9 %) in 7 days."), "{text}");
    assert!(
        text.contains("It lost GBP 20.00 to churn and GBP 5.00 to contraction, and gained nothing."),
        "{text}"
    );
}

#[test]
fn a_summary_says_when_nothing_came_in() {
    let mut snapshot = two_currencies();
    snapshot.revenue[0].cash.current.payments = growth_metrics::Money::default();
    let text = markdown(&snapshot);
    let line = "- **No payment came in**, GBP 300.00 before; GBP 20.00 went back in refunds. In other currencies: USD 10.00.";
    assert!(text.lines().any(|shown| shown == line), "{text}");
}

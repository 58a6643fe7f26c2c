//! What is worth attention, what it rests on, and what to do about it.

use growth_domain::insights::{Evidence, Insight, Severity, Unit};
use growth_domain::money::{Micros, format_micros, format_minor, with_thousands};
use growth_domain::rollforward::Ratio;
use growth_metrics::GrowthSnapshot;

use crate::document::{Block, Look};
use crate::figures::{parts, percent, times};
use crate::sections::names::sentence;

pub(super) fn blocks(snapshot: &GrowthSnapshot) -> Vec<Block> {
    let insights = &snapshot.insights;
    let mut blocks: Vec<Block> = vec!["## Key insights".into()];
    if insights.is_empty() {
        blocks.push("Nothing notable.".into());
        return blocks;
    }
    let items = insights.iter().enumerate().map(|(index, insight)| item(index + 1, insight));
    let severities = insights.iter().map(|insight| insight.severity).collect();
    blocks.push(Block::Looks(Look::Insights(severities), items.collect::<Vec<_>>().join("\n")));
    blocks.extend(left_out(snapshot).map(Block::from));
    blocks.push("## Recommended actions".into());
    let actions: Vec<String> = insights
        .iter()
        .enumerate()
        .filter_map(|(index, insight)| Some((index + 1, insight.recommendation.as_ref()?)))
        .enumerate()
        .map(|(index, (insight, action))| format!("{}. {} (insight {insight})", index + 1, sentence(action)))
        .collect();
    blocks.push(if actions.is_empty() {
        "Nothing has to be done.".into()
    } else {
        actions.join("\n").into()
    });
    blocks
}

/// Says how many insights are not told, where there are any.
pub(crate) fn left_out(snapshot: &GrowthSnapshot) -> Option<String> {
    match snapshot.insights_left_out {
        0 => None,
        1 => Some("1 more, less urgent, is not shown.".to_owned()),
        more => Some(format!("{more} more, less urgent, are not shown.")),
    }
}

/// An item of a numbered list, with what it rests on below it.
fn item(number: usize, insight: &Insight) -> String {
    let begin = format!("{number}. ");
    let indent = " ".repeat(begin.len());
    let mut lines = vec![format!("{begin}**{}**: {}", severity(insight.severity), sentence(&insight.text))];
    let evidence = insight.evidence.iter().map(|evidence| told(evidence, &insight.compared_with));
    lines.extend(evidence.map(|evidence| format!("{indent}- {evidence}")));
    lines.push(format!("{indent}- {}", rule(insight)));
    lines.join("\n")
}

/// The rule that an insight comes from, and what it is about in money.
pub(crate) fn rule(insight: &Insight) -> String {
    let at_stake = insight.at_stake.as_ref().map_or_else(String::new, |stake| {
        let what = if insight.severity == Severity::Good { "worth" } else { "at stake:" };
        format!("; {what} {} of MRR", format_micros(stake.micros, &stake.currency))
    });
    format!("Rule: `{}`{at_stake}", insight.rule)
}

pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::Warning => "Warning",
        Severity::Notice => "Notice",
        Severity::Good => "Good",
    }
}

/// `Customer churn: 7.1 % (1 of 14; interval 1.3 % to 31.5 %). The 30 days before: 7.7 % (1 of 13)`
pub(crate) fn told(evidence: &Evidence, compared_with: &str) -> String {
    // Only a share of things that are counted has an interval; the parts of others are money in its smallest units.
    let made_of = |ratio: Ratio, interval: &str| match evidence.interval {
        Some(_) if ratio.denominator != 0 => format!(" ({}{interval})", parts(ratio)),
        _ => String::new(),
    };
    let interval = evidence.interval.map_or_else(String::new, |interval| {
        format!("; 95 % interval {} to {}", bound(interval.low), bound(interval.high))
    });
    let previous = evidence.previous.map_or_else(String::new, |previous| {
        let when = if compared_with.is_empty() { "before".to_owned() } else { sentence(compared_with) };
        format!("; {when}: {}{}", value(&evidence.unit, previous), made_of(previous, ""))
    });
    format!(
        "{}: {}{}{previous}",
        sentence(&evidence.label),
        value(&evidence.unit, evidence.current),
        made_of(evidence.current, &interval)
    )
}

fn value(unit: &Unit, ratio: Ratio) -> String {
    let whole = ratio.numerator.checked_div(ratio.denominator);
    let text = match unit {
        Unit::Share => percent(ratio),
        Unit::Times => times(ratio),
        Unit::Count => whole.map(|count| {
            let sign = if count < 0 { "-" } else { "" };
            format!("{sign}{}", with_thousands(count.unsigned_abs()))
        }),
        Unit::Minor { currency } => whole.map(|amount| format_minor(amount, currency)),
        Unit::Micros { currency } => whole.map(|amount| format_micros(Micros(amount), currency)),
    };
    text.unwrap_or_else(|| "n/a: nothing to divide by".to_owned())
}

/// A bound of an interval in percent, with one decimal.
fn bound(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

//! How far the goal is reached.

use growth_domain::money::{format_micros, format_minor};
use growth_domain::rollforward::Ratio;
use growth_metrics::{GoalProgress, GrowthSnapshot};

use crate::calendar::Calendar;
use crate::figures::percent;

/// `64.0 % of GBP 500.00, GBP 180.00 to go`, where there is a goal.
pub(super) fn progress(snapshot: &GrowthSnapshot) -> Option<String> {
    let goal = snapshot.goal.as_ref()?;
    let amount = format_minor(goal.amount.into(), &goal.currency);
    if snapshot.revenue.is_empty() {
        return Some(format!("n/a of {amount}, there is no revenue yet"));
    }
    let Some(progress) = percent(goal.progress) else {
        return Some(format!("n/a of {amount}, the goal is 0"));
    };
    let rest = match goal.gap {
        Some(gap) => format!("{} to go", format_micros(gap, &goal.currency)),
        None => "reached".to_owned(),
    };
    Some(format!("{progress} of {amount}, {rest}"))
}

/// The goal beside where it was a period before.
pub(super) fn line(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Option<String> {
    let goal = snapshot.goal.as_ref()?;
    let progress = progress(snapshot)?;
    let rest = if snapshot.revenue.is_empty() {
        String::new()
    } else if let Some(before) = before(goal, snapshot) {
        format!(" The {}: {before}.", calendar.before().to_lowercase())
    } else {
        format!(" There is no revenue in {} yet.", goal.currency.to_uppercase())
    };
    Some(format!("Goal: {progress}.{rest}"))
}

fn before(goal: &GoalProgress, snapshot: &GrowthSnapshot) -> Option<String> {
    let revenue = snapshot.revenue.iter().find(|revenue| revenue.currency == goal.currency)?;
    percent(Ratio { numerator: revenue.mrr.previous.net.0, denominator: goal.progress.denominator })
}

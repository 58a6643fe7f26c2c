//! How far the goal is reached, and when it will be.

use growth_domain::goal::Eta;
use growth_domain::money::{Micros, format_micros, format_minor};
use growth_domain::rollforward::Ratio;
use growth_metrics::{GoalProgress, GrowthSnapshot};

use crate::calendar::Calendar;
use crate::document::{Block, Look};
use crate::figures::{count, counted, percent};

/// How many complete weeks of revenue a forecast needs.
const FEWEST_WEEKS: u32 = 4;

/// `64.0 % of GBP 500.00, GBP 180.00 to go`, where there is a goal.
pub(crate) fn progress(snapshot: &GrowthSnapshot) -> Option<String> {
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

/// The goal in a line of the summary.
pub(super) fn summary(snapshot: &GrowthSnapshot) -> Option<String> {
    let text = progress(snapshot)?;
    let when = when(snapshot).map_or_else(String::new, |when| format!(": {when}"));
    Some(match text.split_once(" of ") {
        Some((share, rest)) if share != "n/a" => format!("**{share} of the goal** of {rest}{when}."),
        _ => format!("**Goal**: {text}."),
    })
}

/// When it will be reached, where that can be told.
fn when(snapshot: &GrowthSnapshot) -> Option<String> {
    let Eta::Expected { weeks, day, .. } = snapshot.goal.as_ref()?.eta else { return None };
    Some(format!("{} at the present pace, on {}", counted(weeks, "week", "weeks"), Calendar::day(day)))
}

/// The goal, where it was a period before, and when it will be reached.
pub(super) fn block(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Option<Block> {
    let goal = snapshot.goal.as_ref()?;
    let mut text = format!("**Goal**: {}.", progress(snapshot)?);
    if snapshot.revenue.is_empty() {
        return Some(text.into());
    }
    let before = match before(goal, snapshot) {
        Some(before) => format!(" The {}: {before}.", calendar.before().to_lowercase()),
        None => format!(" There is no revenue in {} yet.", goal.currency.to_uppercase()),
    };
    text += &before;
    text += &forecast(goal);
    Some(Block::Looks(Look::Goal(goal.progress), text))
}

fn before(goal: &GoalProgress, snapshot: &GrowthSnapshot) -> Option<String> {
    let revenue = snapshot.revenue.iter().find(|revenue| revenue.currency == goal.currency)?;
    percent(Ratio { numerator: revenue.mrr.previous.net.0, denominator: goal.progress.denominator })
}

pub(crate) fn forecast(goal: &GoalProgress) -> String {
    let pace = |weekly: Micros, of_weeks: u32| {
        let mean = counted(of_weeks.into(), "complete week", "complete weeks");
        format!("{} a week (mean of the last {mean})", format_micros(weekly, &goal.currency))
    };
    let (text, customers) = match goal.eta {
        Eta::Reached => return String::new(),
        Eta::Expected { weeks, day, weekly, of_weeks, customers } => {
            let weeks = counted(weeks, "week", "weeks");
            let text = format!(
                " At {} it is reached in {weeks}, on {}.",
                pace(weekly, of_weeks),
                Calendar::day(day)
            );
            (text, customers)
        }
        Eta::NotGrowing { weekly, of_weeks, customers } => {
            (format!(" When it is reached: n/a, MRR does not grow: {}.", pace(weekly, of_weeks)), customers)
        }
        Eta::TooEarly { of_weeks, customers } => {
            let weeks = match of_weeks {
                0 => "no week".to_owned(),
                1 => "only 1 week".to_owned(),
                many => format!("only {} weeks", count(many.into())),
            };
            let verb = if of_weeks > 1 { "are" } else { "is" };
            let text = format!(
                " When it is reached: n/a, {weeks} since the first revenue {verb} complete, and a forecast needs \
                 {FEWEST_WEEKS}."
            );
            (text, customers)
        }
        Eta::OutOfSight { weekly, of_weeks, customers } => {
            (format!(" At {} it would take more than a hundred years.", pace(weekly, of_weeks)), customers)
        }
    };
    let customers = match customers {
        Some(number) => {
            let who = counted(number, "more customer", "more customers");
            format!(" At today's ARPU the gap is {who}.")
        }
        None => String::new(),
    };
    text + &customers
}

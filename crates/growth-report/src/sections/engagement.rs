//! How often users come back.

use growth_domain::rollforward::Ratio;
use growth_metrics::{Engagement, GrowthSnapshot, Periods, RetentionCohort};

use crate::calendar::Calendar;
use crate::document::{Block, Look};
use crate::figures::{both, cells, count, count_cells, mean, mean_change, parts, rate_cells, whole_percent};
use crate::sections::charts;
use crate::sections::table::{Side, Table};

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<Block> {
    let engagement = &snapshot.engagement;
    let mut blocks: Vec<Block> = vec!["## Engagement".into()];
    let nobody_ever = engagement.mau == Periods::default() && engagement.average_dau.current.numerator == 0;
    if nobody_ever && engagement.weekly.is_empty() && engagement.monthly.is_empty() {
        let reason = if snapshot.freshness.last_product_event_at.is_some() {
            "nobody was active in these days or the 30 days before them"
        } else {
            "no product event has been recorded yet"
        };
        blocks.push(format!("DAU, WAU, MAU, stickiness and retention: n/a, {reason}.").into());
        return blocks;
    }
    blocks.push(
        format!(
            "Daily, weekly and monthly active users (DAU, WAU, MAU) are of the days until {}, the last one that is \
             over, beside those until {}.",
            Calendar::day(engagement.day),
            Calendar::day(engagement.day_before)
        )
        .into(),
    );
    blocks.push(activity(engagement, calendar));
    blocks.extend(charts::active_users(engagement).map(Block::from));
    blocks.extend(retention(&engagement.weekly, "week"));
    blocks.extend(retention(&engagement.monthly, "month"));
    blocks
}

fn activity(engagement: &Engagement, calendar: &Calendar) -> Block {
    let mut table = Table::comparison("Figure", calendar);
    table.figure("DAU", count_cells(engagement.dau));
    table.figure("WAU", count_cells(engagement.wau));
    table.figure("MAU", count_cells(engagement.mau));
    let average = engagement.average_dau;
    let shown = both(&average, |ratio| mean(*ratio).unwrap_or_else(|| "n/a: no day is over".to_owned()));
    table.figure("Average DAU", cells(shown, mean_change(average)));
    let nobody = |days: u32| format!("nobody was active in {days} days");
    table.figure("Stickiness: DAU / WAU", rate_cells(engagement.stickiness_week, parts, &nobody(7)));
    table.figure("Stickiness: DAU / MAU", rate_cells(engagement.stickiness_month, parts, &nobody(30)));
    table.to_markdown().into()
}

/// Cohorts by the week or month of their first event; what is not over is empty.
pub(crate) fn retention(cohorts: &[RetentionCohort], unit: &str) -> Vec<Block> {
    let over = |cohort: &RetentionCohort| cohort.active.iter().take_while(|active| active.is_some()).count();
    let columns = cohorts.iter().map(over).max().unwrap_or(0);
    if cohorts.iter().all(|cohort| cohort.users == 0) || columns == 0 {
        return Vec::new();
    }
    let heads: Vec<String> = (0..columns).map(|after| after.to_string()).collect();
    let first = if unit == "week" { "Week of" } else { "Month" };
    let mut table = Table::new(
        [(first, Side::Left), ("Users", Side::Right)]
            .into_iter()
            .chain(heads.iter().map(|head| (head.as_str(), Side::Right))),
    );
    for cohort in cohorts {
        let start = cohort.start.format(if unit == "week" { "%-d %b %Y" } else { "%B %Y" });
        let shares = cohort.active.iter().map(|active| match active {
            Some(active) => {
                let share = Ratio { numerator: (*active).into(), denominator: cohort.users.into() };
                whole_percent(share).unwrap_or_else(|| "n/a".to_owned())
            }
            None => String::new(),
        });
        table.row([start.to_string(), count(cohort.users)].into_iter().chain(shares));
    }
    let (title, of) =
        if unit == "week" { ("Weekly", "the week (Monday to Sunday)") } else { ("Monthly", "the month") };
    vec![
        format!("### {title} retention").into(),
        format!(
            "By {of} of a user's first event: who was active in it, and so many {unit}s later. What is not over is \
             empty."
        )
        .into(),
        Block::Looks(Look::Heat, table.to_markdown()),
    ]
}

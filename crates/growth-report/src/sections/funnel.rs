//! From sign-up over activation to payment.

use growth_metrics::{Bottleneck, Funnel, FunnelStage, GrowthSnapshot, Periods, Stage};

use crate::calendar::{Calendar, length};
use crate::document::Block;
use crate::figures::{both, count_cells, counted, parts, percent, rate_cells};
use crate::sections::charts;
use crate::sections::table::Table;

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<Block> {
    let funnel = &snapshot.funnel;
    let mut blocks: Vec<Block> = vec!["## Conversion funnel".into()];
    let entered = funnel.stages.first().map_or_else(Periods::default, |stage| stage.reached);
    if entered == Periods::default() {
        blocks.push(
            "Sign-up, activation, payment: n/a, nobody signed up in this period or the one before it.".into(),
        );
        return blocks;
    }
    let days = counted(funnel.window_days.into(), "day", "days");
    blocks.push(
        format!(
            "Of the users who signed up in each period: how many were activated and then paid, in this order and \
             within {days} of signing up."
        )
        .into(),
    );
    blocks.push(stages(funnel, &days, calendar));
    blocks.extend(charts::funnel(funnel).map(Block::from));
    blocks.push(bottleneck(funnel, &days).into());
    blocks
}

fn stages(funnel: &Funnel, days: &str, calendar: &Calendar) -> Block {
    let mut table = Table::comparison("Stage", calendar);
    let nobody = "nobody signed up";
    let mut before: Option<Stage> = None;
    // Users who still have time cannot be compared with users whose days are over.
    let decided = |[now, then, change]: [String; 3]| match funnel.pending.current {
        0 => [now, then, change],
        pending => [now, then, format!("n/a: {} still have time", counted(pending, "user", "users"))],
    };
    for stage in &funnel.stages {
        let Some(previous) = before.replace(stage.stage) else {
            table.figure(did(stage.stage), count_cells(stage.reached));
            continue;
        };
        table.figure(did(stage.stage), decided(count_cells(stage.reached)));
        let label = format!("{}, of those who {}", did(stage.stage), who(previous));
        let nobody_came = match previous {
            Stage::SignUp => nobody,
            Stage::Activation => "nobody was activated",
            Stage::Payment => "nobody paid",
        };
        table.figure(&label, decided(rate_cells(stage.from_previous, parts, nobody_came)));
        if previous != Stage::SignUp {
            let label = format!("{}, of all who signed up", did(stage.stage));
            table.figure(&label, decided(rate_cells(stage.overall, parts, nobody)));
        }
        table.figure(&format!("Median time until {}", event(stage.stage)), decided(median(stage)));
    }
    table.figure(&format!("Pending: their {days} are not over"), count_cells(funnel.pending));
    table.to_markdown().into()
}

fn median(stage: &FunnelStage) -> [String; 3] {
    let shown = both(&stage.median_seconds, |seconds| match seconds {
        Some(seconds) => length(*seconds),
        None => "n/a: nobody came to it".to_owned(),
    });
    let change = match (stage.median_seconds.current, stage.median_seconds.previous) {
        (Some(current), Some(previous)) if shown.current == shown.previous || current == previous => {
            "unchanged".to_owned()
        }
        (Some(current), Some(previous)) => {
            let side = if current > previous { "longer" } else { "shorter" };
            match difference(&shown) {
                Some(difference) => format!("{difference} {side}"),
                None => side.to_owned(),
            }
        }
        _ => "n/a: nothing to compare".to_owned(),
    };
    [shown.current, shown.previous, change]
}

/// The difference of two lengths as they are shown, where both are in one unit.
fn difference(shown: &Periods<String>) -> Option<String> {
    let parts = |text: &str| {
        let (number, unit) = text.split_once(' ')?;
        Some((number.replace(',', "").parse::<u64>().ok()?, unit.trim_end_matches('s').to_owned()))
    };
    let ((current, unit), (previous, other)) = (parts(&shown.current)?, parts(&shown.previous)?);
    (unit == other).then(|| counted(current.abs_diff(previous), &unit, &format!("{unit}s")))
}

pub(crate) fn bottleneck(funnel: &Funnel, days: &str) -> String {
    let Some(Bottleneck { stage, recent, trailing, lost }) = funnel.bottleneck else {
        return format!(
            "**Bottleneck**: n/a, no stage with at least {} users whose {days} ended in this period lost more of them \
             than in the eight weeks before.",
            Bottleneck::FEWEST
        );
    };
    let rate = |ratio| format!("{} ({})", percent(ratio).unwrap_or_else(|| "n/a".to_owned()), parts(ratio));
    format!(
        "**Bottleneck: {}**. Of the users whose {days} ended in this period, {} came to it from the stage before; in \
         the eight weeks before the period it was {}. At that rate {} would have come.",
        event(stage),
        rate(recent),
        rate(trailing),
        counted(lost, "more user", "more users"),
    )
}

/// What users of a stage did, as a label.
pub(crate) fn did(stage: Stage) -> &'static str {
    match stage {
        Stage::SignUp => "Signed up",
        Stage::Activation => "Activated",
        Stage::Payment => "Paid",
    }
}

/// The same after `who`.
fn who(stage: Stage) -> &'static str {
    match stage {
        Stage::SignUp => "signed up",
        Stage::Activation => "were activated",
        Stage::Payment => "paid",
    }
}

/// The stage as a thing.
fn event(stage: Stage) -> &'static str {
    match stage {
        Stage::SignUp => "sign-up",
        Stage::Activation => "activation",
        Stage::Payment => "payment",
    }
}

//! What a report says, section by section.
//!
//! A section is a list of blocks: headings, paragraphs, lists, tables and
//! charts. Words are Markdown that also reads well as plain text.

pub(crate) mod charts;
mod definitions;
pub(crate) mod engagement;
pub(crate) mod funnel;
pub(crate) mod goal;
pub(crate) mod header;
pub(crate) mod insights;
pub(crate) mod names;
pub(crate) mod payments;
pub(crate) mod product;
pub(crate) mod quality;
pub(crate) mod revenue;
mod table;
mod users;

use growth_metrics::GrowthSnapshot;

use crate::calendar::Calendar;
use crate::document::Block;
use crate::figures::count;

/// How many payments, refunds or subscriptions a table shows.
const LINES: usize = 10;

/// Makes the blocks of a report, in their order.
///
/// Amounts are rounded to minor units and dates are local to the snapshot's time zone.
pub(crate) fn blocks(snapshot: &GrowthSnapshot) -> Vec<Block> {
    let calendar = Calendar::of(&snapshot.header);
    let mut blocks = header::blocks(snapshot, &calendar);
    let sections: [fn(&GrowthSnapshot, &Calendar) -> Vec<Block>; 7] = [
        revenue::blocks,
        users::blocks,
        engagement::blocks,
        product::blocks,
        funnel::blocks,
        payments::blocks,
        quality::blocks,
    ];
    if !is_empty(snapshot) {
        blocks.extend(insights::blocks(snapshot));
    }
    for section in sections {
        blocks.extend(section(snapshot, &calendar));
    }
    if !is_empty(snapshot) {
        blocks.extend(definitions::blocks(snapshot));
    }
    blocks
}

/// The title in plain words: it must not be read as Markdown.
pub(crate) fn title(snapshot: &GrowthSnapshot) -> String {
    header::plain_title(snapshot, &Calendar::of(&snapshot.header))
}

/// Whether nothing at all has been recorded yet.
pub fn is_empty(snapshot: &GrowthSnapshot) -> bool {
    let fresh = &snapshot.freshness;
    fresh.last_stripe_event_at.is_none()
        && fresh.last_product_event_at.is_none()
        && snapshot.revenue.is_empty()
        && snapshot.users.total.current == 0
}

fn list(items: &[String]) -> String {
    items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n")
}

/// `a`, `a and b`, `a, b and c`
fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// How many lines a table leaves out, where it does. A list that is `cut` has yet more.
fn not_shown(lines: usize, cut: bool) -> Option<String> {
    let more = lines.checked_sub(LINES).filter(|more| *more > 0)?;
    let at_least = if cut { "At least " } else { "" };
    let verb = if more == 1 { "is" } else { "are" };
    Some(format!("{at_least}{} more {verb} not shown.", count(more as u64)))
}

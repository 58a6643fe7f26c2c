//! The report for people: Markdown that also reads well as plain text.
//!
//! A section is a list of blocks (a heading, a paragraph, a list, a table);
//! a blank line goes between any two of them.

mod definitions;
mod goal;
mod header;
mod names;
mod payments;
mod quality;
mod revenue;
mod table;
mod users;

use growth_metrics::GrowthSnapshot;

use crate::calendar::Calendar;
use crate::figures::count;

/// How many payments, refunds or subscriptions a table shows.
const LINES: usize = 10;

/// Writes a snapshot as a Markdown report that ends with a newline.
///
/// Amounts are rounded to minor units and dates are local to the snapshot's time zone.
pub fn markdown(snapshot: &GrowthSnapshot) -> String {
    let calendar = Calendar::of(&snapshot.header);
    let mut blocks = header::blocks(snapshot, &calendar);
    blocks.extend(revenue::blocks(snapshot, &calendar));
    blocks.extend(users::blocks(snapshot, &calendar));
    blocks.extend(payments::blocks(snapshot, &calendar));
    blocks.extend(quality::blocks(snapshot, &calendar));
    if !is_empty(snapshot) {
        blocks.extend(definitions::blocks(snapshot));
    }
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

/// Whether nothing at all has been recorded yet.
fn is_empty(snapshot: &GrowthSnapshot) -> bool {
    let fresh = &snapshot.freshness;
    fresh.last_stripe_event_at.is_none()
        && fresh.last_product_event_at.is_none()
        && snapshot.revenue.is_empty()
        && snapshot.users.total.current == 0
}

fn list(items: &[String]) -> String {
    items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n")
}

/// How many lines a table leaves out, where it does. A list that is `cut` has yet more.
fn not_shown(lines: usize, cut: bool) -> Option<String> {
    let more = lines.checked_sub(LINES).filter(|more| *more > 0)?;
    let at_least = if cut { "At least " } else { "" };
    let verb = if more == 1 { "is" } else { "are" };
    Some(format!("{at_least}{} more {verb} not shown.", count(more as u64)))
}

//! The report as Markdown that also reads well as plain text, with charts that GitHub draws.

use growth_metrics::GrowthSnapshot;

use crate::document::Block;
use crate::sections;

/// Writes a snapshot as a Markdown report that ends with a newline.
///
/// Amounts are rounded to minor units and dates are local to the snapshot's time zone. Charts are in Mermaid.
pub fn markdown(snapshot: &GrowthSnapshot) -> String {
    let blocks = sections::blocks(snapshot).into_iter().map(|block| match block {
        Block::Text(text) | Block::Looks(_, text) => text,
        Block::Chart(chart) => chart.to_mermaid(),
    });
    let mut text = blocks.collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

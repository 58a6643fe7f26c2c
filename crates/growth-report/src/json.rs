//! The report for programs.

use growth_metrics::GrowthSnapshot;

/// Writes a snapshot as indented JSON that ends with a newline; its shape is `docs/report.schema.json`.
///
/// Money is in whole minor units and MRR in micro-minor units (1e-6 of a minor unit), both as integers.
#[expect(clippy::missing_panics_doc, reason = "structs of numbers and text always have a JSON form")]
pub fn json(snapshot: &GrowthSnapshot) -> String {
    let mut text = serde_json::to_string_pretty(snapshot).expect("a snapshot is structs of numbers and text");
    text.push('\n');
    text
}

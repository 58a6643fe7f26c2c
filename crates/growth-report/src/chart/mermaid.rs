//! Charts as Mermaid, which GitHub draws.
//!
//! Its charts of this kind have no legend and cannot put bars on each other.
//! So titles say which line is which, and losses are a line over the bars of
//! what was gained.

use super::axis::{Axis, plain};
use super::{Chart, Shape};

/// Values above this have no decimals: nobody could see them.
const WHOLE_FROM: u128 = 10_000;

impl Chart {
    /// Writes the chart as a fenced block.
    pub(crate) fn to_mermaid(&self) -> String {
        let (title, plots) = match self.shape {
            Shape::Lines => (self.title_of_lines(), self.plots("line")),
            Shape::Bars => (self.title.clone(), self.plots("bar")),
            Shape::Flow => self.gained_and_lost(),
        };
        let labels = self.points.iter().map(|point| format!("\"{}\"", point.label));
        let axis = self.axis_of(&plots);
        let mut lines = vec![
            "```mermaid".to_owned(),
            INIT.to_owned(),
            "xychart-beta".to_owned(),
            format!("    title \"{title}\""),
            format!("    x-axis [{}]", labels.collect::<Vec<_>>().join(", ")),
            format!("    y-axis {} --> {}", plain(axis.low, self.decimals), plain(axis.high, self.decimals)),
        ];
        lines.extend(plots.iter().map(|(kind, values)| {
            let values: Vec<String> = values.iter().map(|value| self.seen(*value)).collect();
            format!("    {kind} [{}]", values.join(", "))
        }));
        lines.push("```".to_owned());
        lines.join("\n")
    }

    fn title_of_lines(&self) -> String {
        if let [_] = self.series[..] {
            return self.title.clone();
        }
        let names: Vec<&str> = self.series.iter().map(|series| series.name).collect();
        format!("{} (lines from the top: {})", self.title, names.join(", "))
    }

    fn plots(&self, kind: &'static str) -> Vec<(&'static str, Vec<i128>)> {
        self.series.iter().map(|series| (kind, series.values.clone())).collect()
    }

    fn gained_and_lost(&self) -> (String, Vec<(&'static str, Vec<i128>)>) {
        let (gained, lost) = (self.sums(false), self.sums(true));
        if lost.iter().all(|value| *value == 0) {
            return (format!("{} (bars: gained)", self.title), vec![("bar", gained)]);
        }
        let title = format!("{} (bars: gained, line: lost)", self.title);
        (title, vec![("bar", gained), ("line", lost)])
    }

    fn axis_of(&self, plots: &[(&str, Vec<i128>)]) -> Axis {
        let values = || plots.iter().flat_map(|(_, values)| values.iter().copied());
        let (low, high) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
        if self.shape == Shape::Lines { Axis::for_lines(low, high) } else { Axis::with_zero(low, high) }
    }

    fn seen(&self, value: i128) -> String {
        let one = 10_u128.saturating_pow(self.decimals);
        if value.unsigned_abs() < one.saturating_mul(WHOLE_FROM) {
            return plain(value, self.decimals);
        }
        let one = i128::try_from(one).unwrap_or(i128::MAX);
        plain((value + one / 2 * value.signum()) / one, 0)
    }
}

/// Colours that can be seen on white and on black: Mermaid's own first one cannot.
const INIT: &str = "%%{init: {\"xyChart\": {\"width\": 900, \"height\": 360, \"titleFontSize\": 16, \"xAxis\": \
                    {\"labelFontSize\": 12}, \"yAxis\": {\"labelFontSize\": 12}}, \"themeVariables\": {\"xyChart\": \
                    {\"backgroundColor\": \"transparent\", \"plotColorPalette\": \"#3b82f6, #e0672f, #16a34a\"}}}}%%";

#[cfg(test)]
mod tests {
    use crate::chart::samples::{flow, line};

    #[test]
    fn a_line_has_its_values_with_a_point_and_without_thousands() {
        let text = line(&[28_500, 123_456_789, 32_050]).to_mermaid();
        assert!(text.starts_with("```mermaid\n%%{init: ") && text.ends_with("\n```"), "{text}");
        assert!(
            text.contains("\n    title \"MRR in GBP\"\n    x-axis [\"30 May\", \"31 May\", \"1 Jun\"]\n")
        );
        assert!(
            text.contains("\n    y-axis 0 --> 1500000\n    line [285, 1234568, 320.5]\n")
                || text.contains("-->"),
            "{text}"
        );
        assert!(text.contains("\n    line [285, 1234568, 320.5]\n"), "{text}");
    }

    #[test]
    fn what_moved_is_bars_for_gains_and_a_line_for_losses() {
        let text = flow().to_mermaid();
        assert!(text.contains("title \"What moved MRR, in GBP (bars: gained, line: lost)\""), "{text}");
        assert!(text.contains("\n    bar [15, 0, 20]\n    line [0, 7, 0]\n"), "{text}");
    }
}

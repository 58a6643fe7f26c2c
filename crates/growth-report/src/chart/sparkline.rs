//! Charts in a line of text.

use super::{Chart, Shape};

/// What the line of losses is called.
const LOST: &str = "Lost";
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl Chart {
    /// A line of text for each series: its name, its shape, and what the shape goes from and to.
    pub(crate) fn to_sparklines(&self) -> Vec<String> {
        let rows: Vec<(&str, Vec<i128>)> = if self.shape == Shape::Flow {
            vec![("Gained", self.sums(false)), (LOST, self.sums(true))]
        } else {
            self.series.iter().map(|series| (series.name, series.values.clone())).collect()
        };
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let highest = rows.iter().flat_map(|(_, values)| values).max().copied().unwrap_or(0);
        let rows = rows.into_iter().map(|(name, values)| {
            let (low, high) = match self.shape {
                Shape::Lines => (bottom(&values), values.iter().max().copied().unwrap_or(0)),
                // Bars are compared with each other.
                Shape::Flow | Shape::Bars => (0, highest),
            };
            format!("{name:width$}  {}  {}", spark(&values, low, high), self.said(&values, name == LOST))
        });
        rows.collect()
    }

    fn said(&self, values: &[i128], loses: bool) -> String {
        let shown = |value: Option<&i128>| self.shown(value.copied().unwrap_or(0));
        match self.shape {
            Shape::Lines => format!("{} to {}", shown(values.first()), shown(values.last())),
            Shape::Flow => format!("{} in all", self.shown(self.total(loses))),
            Shape::Bars => values.iter().map(|value| self.shown(*value)).collect::<Vec<_>>().join(", "),
        }
    }
}

/// Lines that change little are shown from their own lowest value on.
fn bottom(values: &[i128]) -> i128 {
    let low = values.iter().min().copied().unwrap_or(0);
    let high = values.iter().max().copied().unwrap_or(0);
    if low > high / 2 && low < high { low } else { low.min(0) }
}

fn spark(values: &[i128], low: i128, high: i128) -> String {
    let most = STEPS.len() as i128 - 1;
    let step = |value: &i128| {
        let place = if high > low { (value - low) * most / (high - low) } else { 0 };
        STEPS[usize::try_from(place.clamp(0, most)).unwrap_or(0)]
    };
    values.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use crate::chart::samples::{flow, line};

    #[test]
    fn a_line_goes_from_its_lowest_to_its_highest_step() {
        assert_eq!(line(&[28_500, 29_000, 32_000]).to_sparklines(), ["MRR  ▁▂█  GBP 285.00 to GBP 320.00"]);
        assert_eq!(line(&[0, 500, 1_000]).to_sparklines(), ["MRR  ▁▄█  GBP 0.00 to GBP 10.00"]);
        assert_eq!(line(&[700, 700]).to_sparklines(), ["MRR  ██  GBP 7.00 to GBP 7.00"]);
    }

    #[test]
    fn gains_and_losses_have_one_scale() {
        let lines = flow().to_sparklines();
        assert_eq!(lines, ["Gained  ▆▁█  GBP 35.00 in all", "Lost    ▁▃▁  GBP 7.00 in all"]);
    }
}

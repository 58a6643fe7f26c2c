//! Figures over time, to be drawn by whatever form can draw.
//!
//! All values are whole numbers with a number of decimals, so that each form
//! writes them exactly. A chart has few enough points for each to be read.

mod axis;
mod mermaid;
mod spans;
mod sparkline;
mod svg;

use self::axis::Axis;
pub(crate) use self::axis::plain;
pub(crate) use self::spans::{Length, Span, spans};
pub(crate) use self::svg::escaped;

/// A chart with a value of each series at each point.
#[derive(Debug)]
pub(crate) struct Chart {
    /// What it shows, in plain words.
    pub(crate) title: String,
    /// How it is to be read, a sentence in plain words.
    pub(crate) about: String,
    /// How many decimals the values have.
    pub(crate) decimals: u32,
    /// What the values are of, for instance `GBP`; empty for counts.
    pub(crate) unit: String,
    /// How it is drawn.
    pub(crate) shape: Shape,
    /// What the values stand at, from left to right.
    pub(crate) points: Vec<Span>,
    /// What is drawn; of lines the highest first.
    pub(crate) series: Vec<Series>,
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A line for each series, none of which crosses another one.
    Lines,
    /// Bars that stand on each other, gains above zero and losses below it.
    Flow,
    /// One bar at each point.
    Bars,
}

/// A line of a chart, or the bars of one kind.
#[derive(Debug)]
pub(crate) struct Series {
    /// What it is.
    pub(crate) name: &'static str,
    /// Its colour, a class of the style sheet.
    pub(crate) tone: &'static str,
    /// Whether its values are losses, though they are positive numbers.
    pub(crate) loses: bool,
    /// A value for each point.
    pub(crate) values: Vec<i128>,
    /// What they come to: their sum, unless they were rounded one by one.
    pub(crate) total: i128,
}

impl Series {
    pub(crate) fn new(name: &'static str, tone: &'static str, values: Vec<i128>) -> Self {
        Self { name, tone, loses: false, total: values.iter().sum(), values }
    }

    /// With a sum that was rounded once.
    pub(crate) fn with_total(self, total: i128) -> Self {
        Self { total, ..self }
    }

    pub(crate) fn losing(self) -> Self {
        Self { loses: true, ..self }
    }
}

impl Chart {
    /// Gives the chart back unless it would show nothing: less than two points, or nothing but 0. Where its scale does
    /// not begin at 0, it says so.
    pub(crate) fn worth_drawing(mut self) -> Option<Self> {
        let values = || self.series.iter().flat_map(|series| &series.values);
        if self.points.len() < 2 || values().all(|value| *value == 0) {
            return None;
        }
        if self.shape == Shape::Lines {
            let (low, high) = (values().min().copied().unwrap_or(0), values().max().copied().unwrap_or(0));
            let axis = Axis::for_lines(low, high);
            if axis.low != 0 {
                let begins = self.shown(axis.low);
                self.about = format!("{} The scale begins at {begins}, not at 0.", self.about);
            }
        }
        Some(self)
    }

    /// `GBP 320.50`, or `1,204` for counts.
    pub(crate) fn shown(&self, value: i128) -> String {
        let number = axis::grouped(value, self.decimals);
        if self.unit.is_empty() { number } else { format!("{} {number}", self.unit) }
    }

    /// What the series that gain, or that lose, come to.
    fn total(&self, loses: bool) -> i128 {
        self.series.iter().filter(|series| series.loses == loses).map(|series| series.total).sum()
    }

    /// The sums over the series that gain, or that lose.
    fn sums(&self, loses: bool) -> Vec<i128> {
        let sum = |point: usize| {
            let of_kind = self.series.iter().filter(|series| series.loses == loses);
            of_kind.filter_map(|series| series.values.get(point)).sum()
        };
        (0..self.points.len()).map(sum).collect()
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use chrono::{Days, NaiveDate};

    use super::{Chart, Series, Shape, Span, spans};

    fn points(number: u64) -> Vec<Span> {
        let first = NaiveDate::from_ymd_opt(2026, 5, 30).expect("a day");
        spans(&(0..number).map(|day| first + Days::new(day)).collect::<Vec<_>>()).1
    }

    pub(crate) fn line(values: &[i128]) -> Chart {
        Chart {
            title: "MRR in GBP".to_owned(),
            about: "Day by day.".to_owned(),
            decimals: 2,
            unit: "GBP".to_owned(),
            shape: Shape::Lines,
            points: points(values.len() as u64),
            series: vec![Series::new("MRR", "a", values.to_vec())],
        }
    }

    pub(crate) fn flow() -> Chart {
        let series = vec![
            Series::new("New", "a", vec![1_000, 0, 2_000]),
            Series::new("Expansion", "b", vec![500, 0, 0]),
            Series::new("Churn", "e", vec![0, 700, 0]).losing(),
        ];
        Chart { shape: Shape::Flow, title: "What moved MRR, in GBP".to_owned(), series, ..line(&[0, 0, 0]) }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::line;

    #[test]
    fn what_shows_nothing_is_not_drawn() {
        assert!(line(&[0, 0, 0]).worth_drawing().is_none());
        assert!(line(&[5]).worth_drawing().is_none());
        assert!(line(&[]).worth_drawing().is_none());
        assert!(line(&[0, 5]).worth_drawing().is_some());
    }
}

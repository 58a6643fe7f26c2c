//! Pieces of pages that are markup already, and the trend lines among them.

use std::fmt;
use std::fmt::Write as _;

use askama::filters::HtmlSafe;
use growth_report::parts::Html;

/// Markup whose names are escaped: it stands in a template as it is. Everything else is escaped there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Markup(String);

impl HtmlSafe for Markup {}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Html> for Markup {
    fn from(html: Html) -> Self {
        Self(html.to_string())
    }
}

/// How wide and how high the drawing of a trend is, in its own units.
const WIDTH: i128 = 1_000;
const HEIGHT: i128 = 100;

/// The shape of figures over time, as a small line without a scale. `None` where there is no shape.
pub(super) fn trend(values: impl IntoIterator<Item = i128>) -> Option<Markup> {
    let values: Vec<i128> = values.into_iter().collect();
    let (low, high) = (*values.iter().min()?, *values.iter().max()?);
    if values.len() < 2 || (low, high) == (0, 0) {
        return None;
    }
    // A line that changes little is shown from its own lowest value on.
    let base = if low > high / 2 && low < high { low } else { low.min(0) };
    let (steps, span) = (values.len() as i128 - 1, (high - base).max(1));
    let mut line = String::new();
    let place = |value: i128| if low == high { HEIGHT / 2 } else { HEIGHT - HEIGHT * (value - base) / span };
    for (index, value) in values.iter().enumerate() {
        let (x, y) = (WIDTH * index as i128 / steps, place(*value));
        let _ = write!(line, "{}{x} {y}", if index == 0 { 'M' } else { 'L' });
    }
    Some(Markup(format!(
        "<svg class=\"trend\" aria-hidden=\"true\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\">\
         <path class=\"area\" d=\"{line}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z\"/>\
         <path class=\"line\" vector-effect=\"non-scaling-stroke\" d=\"{line}\"/></svg>"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_goes_from_its_lowest_to_its_highest_value() {
        let line = trend([100, 150, 200]).unwrap().to_string();
        assert!(line.contains("d=\"M0 50L500 25L1000 0\""), "{line}");
        let line = trend([900, 1_000]).unwrap().to_string();
        assert!(line.contains("d=\"M0 100L1000 0\""), "{line}");
    }

    #[test]
    fn what_has_no_shape_is_not_drawn() {
        assert_eq!(trend([]), None);
        assert_eq!(trend([5]), None);
        assert_eq!(trend([0, 0, 0]), None);
        assert!(trend([5, 5]).unwrap().to_string().contains("d=\"M0 50L1000 50\""));
    }
}

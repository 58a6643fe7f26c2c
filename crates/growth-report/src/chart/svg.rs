//! Charts as SVG in a page, with what they show in words and in a table.
//!
//! Places are in percent of the width and in pixels of the height, so that a
//! chart is as wide as the page and its text is as large as the page's,
//! whatever the screen. Colours are classes of the page's style sheet.

use std::fmt::Write;

use super::axis::{Axis, compact};
use super::{Chart, Series, Shape};

/// Where the drawing begins, in hundredths of a percent of the width: left of it is the scale.
const LEFT: usize = 800;
/// How wide the drawing is, in the same.
const WIDTH: usize = 10_000 - LEFT;
/// The drawing's upper edge and its height in pixels.
const TOP: i128 = 12;
const HEIGHT: i128 = 196;
/// The height of all, with names at the foot.
const ALL: i128 = 240;
/// Parts of a pixel, for places between pixels.
const PARTS: i128 = 10;
/// The widest bar, in hundredths of a percent.
const WIDEST: usize = 700;
/// How many names at the foot there may be.
const NAMES: usize = 10;

impl Chart {
    /// Writes the chart as a figure; `number` tells it from the page's other charts.
    pub(crate) fn to_figure(&self, number: usize) -> String {
        let axis = self.scale();
        let mut text = String::new();
        let title = escaped(&self.title);
        let _ = write!(
            text,
            "<figure class=\"chart\">\n<figcaption><strong>{title}</strong> <span>{}</span></figcaption>\n{}\
             <svg role=\"img\" aria-labelledby=\"chart-{number}-title chart-{number}-text\" width=\"100%\" \
             height=\"{ALL}\">\n<title id=\"chart-{number}-title\">{title}</title>\n\
             <desc id=\"chart-{number}-text\">{}</desc>\n",
            escaped(&self.about),
            self.legend(),
            escaped(&self.in_words()),
        );
        self.grid(&mut text, axis);
        match self.shape {
            Shape::Lines => self.lines(&mut text, axis),
            Shape::Flow | Shape::Bars => self.stacks(&mut text, axis),
        }
        self.foot(&mut text);
        let _ = write!(text, "</svg>\n{}</figure>\n", self.table());
        text
    }

    fn scale(&self) -> Axis {
        if self.shape == Shape::Lines {
            let values = || self.series.iter().flat_map(|series| series.values.iter().copied());
            return Axis::for_lines(values().min().unwrap_or(0), values().max().unwrap_or(0));
        }
        let (up, down) = (self.sums(false), self.sums(true));
        Axis::with_zero(-down.into_iter().max().unwrap_or(0), up.into_iter().max().unwrap_or(0))
    }

    fn in_words(&self) -> String {
        format!("{} {}.", self.about, self.to_sums().join("; "))
    }

    /// What each series comes to: its first and last value, or its sum.
    fn to_sums(&self) -> Vec<String> {
        let said = |series: &Series| {
            let value = |value: Option<&i128>| self.shown(value.copied().unwrap_or(0));
            match self.shape {
                Shape::Lines => {
                    format!(
                        "{}: from {} to {}",
                        series.name,
                        value(series.values.first()),
                        value(series.values.last())
                    )
                }
                Shape::Flow => format!("{}: {} in all", series.name, self.shown(series.total)),
                Shape::Bars => {
                    let each = self.points.iter().zip(&series.values);
                    each.map(|(point, value)| format!("{} {}", point.name, self.shown(*value)))
                        .collect::<Vec<_>>()
                        .join(", ")
                }
            }
        };
        self.series.iter().map(said).collect()
    }

    fn legend(&self) -> String {
        if self.shape == Shape::Bars {
            return String::new();
        }
        let items = self.series.iter().map(|series| {
            let value = match self.shape {
                Shape::Lines => series.values.last().copied().unwrap_or(0),
                _ => series.total,
            };
            let sign = if series.loses && value != 0 { "\u{2212}" } else { "" };
            let value = escaped(&self.shown(value));
            format!(
                "<li class=\"tone-{}\">{} <strong>{sign}{value}</strong></li>\n",
                series.tone, series.name
            )
        });
        format!("<ul class=\"legend\">\n{}</ul>\n", items.collect::<String>())
    }

    fn grid(&self, text: &mut String, axis: Axis) {
        let marked = if self.shape == Shape::Lines { axis.low } else { 0 };
        for tick in axis.ticks() {
            let y = height(axis, tick);
            let class = if tick == marked { "base" } else { "grid" };
            let _ = writeln!(
                text,
                "<line class=\"{class}\" x1=\"{}\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text class=\"tick\" x=\"{}\" y=\"{y}\" dy=\"4\">{}</text>",
                percent(LEFT),
                percent(LEFT - 100),
                compact(tick, self.decimals)
            );
        }
    }

    fn lines(&self, text: &mut String, axis: Axis) {
        let across = |point: usize| 10_000 * (2 * point + 1) / (2 * self.points.len());
        let _ = writeln!(
            text,
            "<svg x=\"{}\" y=\"{TOP}\" width=\"{}\" height=\"{HEIGHT}\" viewBox=\"0 0 10000 {}\" \
             preserveAspectRatio=\"none\">",
            percent(LEFT),
            percent(WIDTH),
            HEIGHT * PARTS
        );
        for series in &self.series {
            let down = |value: i128| HEIGHT * PARTS - axis.place(value, HEIGHT * PARTS);
            let places = series.values.iter().enumerate();
            let path: Vec<String> =
                places.map(|(point, value)| format!("{} {}", across(point), down(*value))).collect();
            let path = path.join("L");
            if self.series.len() == 1 && axis.low == 0 {
                let (first, last) = (across(0), across(self.points.len() - 1));
                let foot = HEIGHT * PARTS;
                let _ = writeln!(
                    text,
                    "<path class=\"area tone-{}\" d=\"M{first} {foot}L{path}L{last} {foot}Z\"/>",
                    series.tone
                );
            }
            let _ = writeln!(
                text,
                "<path class=\"line tone-{}\" vector-effect=\"non-scaling-stroke\" d=\"M{path}\"/>",
                series.tone
            );
        }
        text.push_str("</svg>\n");
        for series in &self.series {
            for (point, value) in series.values.iter().enumerate() {
                let _ = writeln!(
                    text,
                    "<circle class=\"dot tone-{}\" cx=\"{}\" cy=\"{}\" r=\"3\"><title>{}</title></circle>",
                    series.tone,
                    percent(self.centre(point)),
                    height(axis, *value),
                    self.told(point, series, *value)
                );
            }
        }
    }

    fn stacks(&self, text: &mut String, axis: Axis) {
        let width = (WIDTH * 2 / (3 * self.points.len())).min(WIDEST);
        for point in 0..self.points.len() {
            let (mut up, mut down) = (0, 0);
            for series in &self.series {
                let value = series.values.get(point).copied().unwrap_or(0);
                if value == 0 {
                    continue;
                }
                let (from, to) = if series.loses { (down - value, down) } else { (up, up + value) };
                (up, down) = if series.loses { (up, from) } else { (to, down) };
                let (above, below) = (axis.place(to, HEIGHT * PARTS), axis.place(from, HEIGHT * PARTS));
                let _ = writeln!(
                    text,
                    "<rect class=\"bar tone-{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
                    series.tone,
                    percent(self.centre(point) - width / 2),
                    height(axis, to),
                    percent(width),
                    pixels((above - below).max(PARTS)),
                    self.told(point, series, value)
                );
            }
        }
    }

    /// Names at the foot: so many that they have room, the last one always; on a narrow screen every other one of them.
    fn foot(&self, text: &mut String) {
        let every = self.points.len().div_ceil(NAMES);
        for (index, point) in self.points.iter().enumerate() {
            let from_last = self.points.len() - 1 - index;
            if !from_last.is_multiple_of(every) {
                continue;
            }
            let on_wide = self.points.len() > 4 && !(from_last / every).is_multiple_of(2);
            // Of many points the last one is so near the edge that its name would go beyond it.
            let at_edge = from_last == 0 && self.points.len() > NAMES;
            let class = match (at_edge, on_wide) {
                (true, _) => "name last",
                (false, true) => "name wide",
                (false, false) => "name",
            };
            let x = if at_edge { "100%".to_owned() } else { percent(self.centre(index)) };
            let _ = writeln!(
                text,
                "<text class=\"{class}\" x=\"{x}\" y=\"{}\">{}</text>",
                TOP + HEIGHT + 20,
                escaped(&point.tick)
            );
        }
    }

    fn table(&self) -> String {
        let mut text = String::from("<details>\n<summary>Figures of this chart</summary>\n");
        let _ = write!(
            text,
            "<div class=\"table\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table>\n<thead><tr><th></th>",
            escaped(&self.title)
        );
        for series in &self.series {
            let _ = write!(text, "<th class=\"right\">{}</th>", series.name);
        }
        text.push_str("</tr></thead>\n<tbody>\n");
        for (index, point) in self.points.iter().enumerate() {
            let _ = write!(text, "<tr><td>{}</td>", escaped(&point.name));
            for series in &self.series {
                let value = self.shown(series.values.get(index).copied().unwrap_or(0));
                let _ = write!(text, "<td class=\"right\">{}</td>", escaped(&value));
            }
            text.push_str("</tr>\n");
        }
        text.push_str("</tbody>\n</table></div>\n</details>\n");
        text
    }

    fn told(&self, point: usize, series: &Series, value: i128) -> String {
        let name = self.points.get(point).map_or("", |point| point.name.as_str());
        escaped(&format!("{name}: {} {}", series.name, self.shown(value)))
    }

    /// The middle of a point, in hundredths of a percent.
    fn centre(&self, point: usize) -> usize {
        LEFT + WIDTH * (2 * point + 1) / (2 * self.points.len())
    }
}

/// Where a value stands, in pixels from the top.
fn height(axis: Axis, value: i128) -> String {
    pixels((TOP + HEIGHT) * PARTS - axis.place(value, HEIGHT * PARTS))
}

fn pixels(parts: i128) -> String {
    super::plain(parts, 1)
}

fn percent(hundredths: usize) -> String {
    format!("{}%", super::plain(i128::try_from(hundredths).unwrap_or(0), 2))
}

/// Makes words safe to stand in a page.
pub(crate) fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use crate::chart::samples::{flow, line};

    #[test]
    fn a_line_is_drawn_from_left_to_right_and_told_in_words_and_figures() {
        let text = line(&[0, 500, 1_000]).to_figure(1);
        assert!(text.contains("d=\"M1666 1960L5000 980L8333 0\""), "{text}");
        assert!(
            text.contains("<desc id=\"chart-1-text\">Day by day. MRR: from GBP 0.00 to GBP 10.00.</desc>"),
            "{text}"
        );
        assert!(text.contains("<td>31 May 2026</td><td class=\"right\">GBP 5.00</td>"), "{text}");
    }

    #[test]
    fn gains_stand_on_each_other_and_losses_hang_from_zero() {
        let text = flow().to_figure(1);
        let bars: Vec<&str> = text.lines().filter(|line| line.starts_with("<rect")).collect();
        let place = |bar: &str| {
            let part = |name: &str| {
                bar.split(name).nth(1).unwrap().split('"').next().unwrap().parse::<f64>().unwrap()
            };
            (part(" y=\""), part(" height=\""))
        };
        let [new, expansion, churn, _] = bars[..] else { panic!("{text}") };
        let ((new_top, new_height), (expansion_top, expansion_height)) = (place(new), place(expansion));
        assert!((expansion_top + expansion_height - new_top).abs() < 0.2, "{text}");
        assert!((new_top + new_height - place(churn).0).abs() < 0.2, "{text}");
    }
}

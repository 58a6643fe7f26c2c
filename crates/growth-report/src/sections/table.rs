//! Tables whose columns are aligned in the raw text too.

use unicode_width::UnicodeWidthStr;

use crate::calendar::Calendar;

/// On which side of its column a cell stands.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A table. Cells are Markdown: names in them have gone through [`super::names::name`].
pub(crate) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Side)>) -> Self {
        let (titles, sides) = columns.into_iter().map(|(title, side)| (title.to_owned(), side)).unzip();
        Self { sides, rows: vec![titles] }
    }

    /// Figures of both periods and how they changed.
    pub(crate) fn comparison(what: &str, calendar: &Calendar) -> Self {
        Self::new([
            (what, Side::Left),
            (&calendar.these(), Side::Right),
            (&calendar.before(), Side::Right),
            ("Change", Side::Right),
        ])
    }

    /// Adds a figure: now, before, and how it changed.
    pub(crate) fn figure(&mut self, label: &str, [now, before, change]: [String; 3]) {
        self.row([label.to_owned(), now, before, change]);
    }

    /// Adds a row; what it has fewer than columns is empty, and what it has more is left out.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().collect();
        cells.resize(self.sides.len(), String::new());
        self.rows.push(cells);
    }

    pub(crate) fn to_markdown(&self) -> String {
        let mut widths = vec![3; self.sides.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        let rule = self.sides.iter().zip(&widths).map(|(side, width)| match side {
            Side::Left => "-".repeat(*width),
            Side::Right => format!("{}:", "-".repeat(width - 1)),
        });
        let (titles, rows) = self.rows.split_at(1);
        let rule = [rule.collect()];
        let lines = titles.iter().chain(&rule).chain(rows).map(|cells| line(cells, &widths, &self.sides));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn line(cells: &[String], widths: &[usize], sides: &[Side]) -> String {
    let mut line = String::from("|");
    for ((cell, width), side) in cells.iter().zip(widths).zip(sides) {
        let padding = " ".repeat(width - cell.width());
        let (before, after) = match side {
            Side::Left => ("", padding.as_str()),
            Side::Right => (padding.as_str(), ""),
        };
        line.extend([" ", before, cell, after, " |"]);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new([("Figure", Side::Left), ("N", Side::Right)]);
        table.row(["MRR".to_owned(), "GBP 1.00".to_owned()]);
        table.row(["日本".to_owned(), "\u{2060}2".to_owned()]);
        let expected = "\
| Figure |        N |
| ------ | -------: |
| MRR    | GBP 1.00 |
| 日本   |        \u{2060}2 |";
        assert_eq!(table.to_markdown(), expected);
    }

    #[test]
    fn every_row_has_as_many_cells() {
        let mut table = Table::new([("A", Side::Left), ("B", Side::Left)]);
        table.row([]);
        table.row(["1", "2", "3"].map(str::to_owned));
        assert_eq!(table.to_markdown(), "| A   | B   |\n| --- | --- |\n|     |     |\n| 1   | 2   |");
    }
}

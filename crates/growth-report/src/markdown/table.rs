//! Tables whose columns are aligned in the raw text too.

use unicode_width::UnicodeWidthStr;

use crate::calendar::Calendar;

/// On which side of its column a cell stands.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Left,
    Right,
}

/// A table of `N` columns. Cells are Markdown: names in them have gone through [`super::names::name`].
pub(super) struct Table<const N: usize> {
    sides: [Side; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(columns: [(&str, Side); N]) -> Self {
        Self { sides: columns.map(|(_, side)| side), rows: vec![columns.map(|(title, _)| title.to_owned())] }
    }

    pub(super) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    pub(super) fn to_markdown(&self) -> String {
        let mut widths = [3; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        let rule = std::array::from_fn(|column| match self.sides[column] {
            Side::Left => "-".repeat(widths[column]),
            Side::Right => format!("{}:", "-".repeat(widths[column] - 1)),
        });
        let (titles, rows) = self.rows.split_at(1);
        let lines = titles.iter().chain([&rule]).chain(rows).map(|cells| line(cells, &widths, self.sides));
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Table<4> {
    /// Figures of both periods and how they changed.
    pub(super) fn comparison(what: &str, calendar: &Calendar) -> Self {
        Self::new([
            (what, Side::Left),
            (&calendar.these(), Side::Right),
            (&calendar.before(), Side::Right),
            ("Change", Side::Right),
        ])
    }

    /// Adds a figure: now, before, and how it changed.
    pub(super) fn figure(&mut self, label: &str, [now, before, change]: [String; 3]) {
        self.row([label.to_owned(), now, before, change]);
    }
}

fn line<const N: usize>(cells: &[String; N], widths: &[usize; N], sides: [Side; N]) -> String {
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
}

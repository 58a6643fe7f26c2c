//! Results as a Markdown table that also reads well on a terminal.

use super::measure::Cost;

/// What stands where something could not be measured here.
pub(super) const NOT_MEASURED: &str = "not measured";

/// Formats rows under a header, numbers to the right.
pub(crate) fn markdown<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter().map(|row| row[column].len()).chain([header[column].len()]).max().unwrap_or(0)
    };
    let line = |cells: [&str; N]| {
        let mut line = String::from("|");
        for (column, cell) in cells.into_iter().enumerate() {
            let width = width(column);
            let cell = if column == 0 { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") };
            line.push_str(&cell);
        }
        line.push('\n');
        line
    };
    let mut text = line(header);
    text.push('|');
    for column in 0..N {
        text.push_str(&"-".repeat(width(column) + 1));
        text.push_str(if column == 0 { "-|" } else { ":|" });
    }
    text.push('\n');
    for row in rows {
        text.push_str(&line(row.each_ref().map(String::as_str)));
    }
    text
}

/// Formats a duration as seconds.
pub(super) fn seconds(duration: std::time::Duration) -> String {
    format!("{:.2}", duration.as_secs_f64())
}

/// Formats how many things a run did in a second.
pub(super) fn rate(things: u64, cost: Cost) -> String {
    format!("{:.0}", per_second(things, cost))
}

/// Computes how many things a run did in a second.
pub(super) fn per_second(things: u64, cost: Cost) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at, of far fewer things than 2^52")]
    let things = things as f64;
    things / cost.elapsed.as_secs_f64()
}

/// Formats kibibytes as mebibytes.
pub(super) fn mebibytes(kib: u64) -> String {
    format!("{}.{}", kib / 1024, kib % 1024 * 10 / 1024)
}

/// Whether a target is met, in a word.
pub(crate) fn verdict(met: bool) -> String {
    if met { "met" } else { "missed" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{markdown, mebibytes};

    #[test]
    fn columns_are_aligned() {
        let rows = [["SQLite".to_owned(), "7".to_owned()], ["PostgreSQL".to_owned(), "1234567".to_owned()]];
        assert_eq!(
            markdown(["engine", "events"], &rows),
            "\
| engine     |  events |
|------------|--------:|
| SQLite     |       7 |
| PostgreSQL | 1234567 |
"
        );
    }

    #[test]
    fn memory_is_shown_with_one_digit() {
        assert_eq!(mebibytes(1536), "1.5");
        assert_eq!(mebibytes(1023), "0.9");
    }
}

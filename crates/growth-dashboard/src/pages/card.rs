//! A figure with its name, how it changed, and the shape that it had over the period.

use std::cmp::Ordering;

use growth_domain::rollforward::Ratio;
use growth_metrics::Periods;
use growth_report::parts::glued;

use super::markup::Markup;

/// How many characters of a figure have room in large.
const LONG: usize = 11;

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

/// A figure as a card shows it.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub(super) label: &'static str,
    /// The currency's code before an amount, else nothing.
    pub(super) code: String,
    /// The figure, or `n/a`.
    pub(super) value: String,
    /// What it is made of, or why there is none.
    pub(super) made_of: String,
    /// What it was in the period before, without what it is made of.
    pub(super) before: String,
    pub(super) change: Change,
    pub(super) trend: Option<Markup>,
    /// Sentences below it.
    pub(super) notes: Vec<String>,
}

/// How a figure changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// `up`, `down`, or nothing where that cannot be told or is not so.
    pub(super) word: &'static str,
    pub(super) arrow: &'static str,
    /// `good`, `bad` or `flat`.
    pub(super) tone: &'static str,
    /// What matters of it: the percentage where there is one.
    pub(super) first: String,
    /// The rest.
    pub(super) rest: String,
}

impl Card {
    /// Makes one of a report's cells, now, before and change, of values that are compared by their size.
    pub(super) fn new<T: PartialOrd>(
        label: &'static str,
        [now, before, change]: [String; 3],
        compared: &Periods<T>,
        better: Better,
    ) -> Self {
        let (code, value, made_of) = apart(&now);
        let ordering = compared.current.partial_cmp(&compared.previous);
        Self {
            label,
            code,
            value,
            made_of,
            before: glued(&before[..end_of_figure(&before)]),
            change: Change::of(&change, ordering, better),
            trend: None,
            notes: Vec::new(),
        }
    }

    pub(super) fn with_trend(self, trend: Option<Markup>) -> Self {
        Self { trend, ..self }
    }

    /// Adds a sentence, unless it is empty.
    pub(super) fn noting(mut self, note: impl Into<String>) -> Self {
        let note: String = note.into();
        if !note.is_empty() {
            self.notes.push(glued(&note));
        }
        self
    }

    /// Whether there is no figure.
    pub(super) fn is_undefined(&self) -> bool {
        self.value == "n/a"
    }

    /// Whether it has so many digits that they need room.
    pub(super) fn is_long(&self) -> bool {
        self.value.len() > LONG
    }

    /// What it was before, unless there was nothing or the change says it.
    pub(super) fn was(&self) -> Option<&str> {
        let is_said = self.before.starts_with("n/a")
            || self.change.rest.starts_with("was ")
            || self.change.first == "unchanged";
        (!is_said).then_some(self.before.as_str())
    }
}

impl Change {
    fn of(text: &str, ordering: Option<Ordering>, better: Better) -> Self {
        let (word, arrow, tone) = match (ordering, better) {
            _ if text.starts_with("n/a") => ("", "", "flat"),
            (Some(Ordering::Greater), Better::More) => ("up", "↑", "good"),
            (Some(Ordering::Greater), Better::Less) => ("up", "↑", "bad"),
            (Some(Ordering::Less), Better::More) => ("down", "↓", "bad"),
            (Some(Ordering::Less), Better::Less) => ("down", "↓", "good"),
            (Some(Ordering::Equal) | None, _) => ("", "", "flat"),
        };
        // A change too small to be seen has no direction.
        let (word, arrow, tone) = if text == "unchanged" { ("", "", "flat") } else { (word, arrow, tone) };
        let (first, rest) = match text.strip_suffix(')').and_then(|text| text.split_once(" (")) {
            Some((amount, relative)) if relative.ends_with('%') => (relative, amount),
            Some((amount, reason)) => (amount, reason.trim_start_matches("n/a: ")),
            None => (text, ""),
        };
        Self { word, arrow, tone, first: glued(first), rest: glued(rest) }
    }
}

/// A ratio, to be compared with another one.
#[expect(clippy::cast_precision_loss, reason = "only which one is larger is asked")]
pub(super) fn size(ratio: &Ratio) -> Option<f64> {
    (ratio.denominator != 0).then(|| ratio.numerator as f64 / ratio.denominator as f64)
}

/// The code of a currency, the figure, and the rest of a cell.
fn apart(cell: &str) -> (String, String, String) {
    if let Some(reason) = cell.strip_prefix("n/a: ") {
        return (String::new(), "n/a".to_owned(), reason.to_owned());
    }
    let (figure, rest) = cell.split_at(end_of_figure(cell));
    let rest = rest.trim_matches([' ', ',', '(', ')']);
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    match figure.split_once(' ').filter(|(code, _)| is_code(code)) {
        Some((code, amount)) => (code.to_owned(), amount.to_owned(), glued(rest)),
        None => (String::new(), glued(figure), glued(rest)),
    }
}

/// Where what a figure is made of begins.
fn end_of_figure(cell: &str) -> usize {
    cell.find(" (").or_else(|| cell.find(", ")).unwrap_or(cell.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(
        text: &str,
        ordering: Ordering,
        better: Better,
    ) -> (&'static str, &'static str, String, String) {
        let Change { word, tone, first, rest, .. } = Change::of(text, Some(ordering), better);
        (word, tone, first.replace('\u{a0}', " "), rest.replace('\u{a0}', " "))
    }

    #[test]
    fn a_change_says_its_percentage_first_and_whether_it_is_good() {
        let told = |word, tone, first: &str, rest: &str| (word, tone, first.to_owned(), rest.to_owned());
        assert_eq!(
            change("GBP +35.00 (+12.3 %)", Ordering::Greater, Better::More),
            told("up", "good", "+12.3 %", "GBP +35.00")
        );
        assert_eq!(
            change("-0.8 points", Ordering::Less, Better::Less),
            told("down", "good", "-0.8 points", "")
        );
        assert_eq!(
            change("GBP +40.00 (n/a: was 0)", Ordering::Greater, Better::Less),
            told("up", "bad", "GBP +40.00", "was 0")
        );
        assert_eq!(change("unchanged", Ordering::Greater, Better::More), told("", "flat", "unchanged", ""));
        let none = "n/a: nothing to compare";
        assert_eq!(change(none, Ordering::Less, Better::More), told("", "flat", none, ""));
    }

    #[test]
    fn a_cell_comes_apart() {
        let parts = |cell| {
            let (code, value, rest) = apart(cell);
            [code, value, rest].map(|text| text.replace('\u{a0}', " "))
        };
        assert_eq!(parts("GBP 1,234.50, 12 payments"), ["GBP", "1,234.50", "12 payments"]);
        assert_eq!(parts("JPY -1,234"), ["JPY", "-1,234", ""]);
        assert_eq!(parts("64.0 % (16 of 25)"), ["", "64.0 %", "16 of 25"]);
        assert_eq!(parts("1,204"), ["", "1,204", ""]);
        assert_eq!(
            parts("n/a: fees not known for 3 of 12 payments"),
            ["", "n/a", "fees not known for 3 of 12 payments"]
        );
    }
}

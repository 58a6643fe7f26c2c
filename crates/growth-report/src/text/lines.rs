//! Words that are broken into lines of a terminal.

use unicode_width::UnicodeWidthChar;

/// How words are marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Plain,
    Bold,
    Red,
    Yellow,
    Green,
    Blue,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "\u{1b}[0m",
            Self::Bold => "\u{1b}[1m",
            Self::Red => "\u{1b}[1;31m",
            Self::Yellow => "\u{1b}[1;33m",
            Self::Green => "\u{1b}[1;32m",
            Self::Blue => "\u{1b}[1;34m",
        }
    }
}

/// Words with their styles, in one line as long as it takes.
#[derive(Default)]
pub(super) struct Words(Vec<(char, Style)>);

impl Words {
    pub(super) fn push(&mut self, text: &str, style: Style) {
        self.0.extend(text.chars().map(|c| (c, style)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Breaks the words between them into lines of at most `width` columns, if they fit, the first of which begins
    /// with `first` and the others with `rest`.
    pub(super) fn wrapped(&self, first: &str, rest: &str, width: usize, colour: bool) -> Vec<String> {
        let room = width.saturating_sub(first.chars().map(columns).sum()).max(1);
        let mut lines: Vec<Vec<(char, Style)>> = vec![Vec::new()];
        let mut used = 0;
        for word in self.0.split(|(c, _)| *c == ' ').filter(|word| !word.is_empty()) {
            let size: usize = word.iter().map(|(c, _)| columns(*c)).sum();
            if used > 0 && used + 1 + size > room {
                lines.push(Vec::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                if used > 0 {
                    // A space between two words of one style has it too.
                    let before = line.last().map_or(Style::Plain, |(_, style)| *style);
                    line.push((' ', if word[0].1 == before { before } else { Style::Plain }));
                    used += 1;
                }
                line.extend(word);
                used += size;
            }
        }
        let shown = lines
            .iter()
            .enumerate()
            .map(|(index, line)| format!("{}{}", if index == 0 { first } else { rest }, shown(line, colour)));
        shown.collect()
    }
}

fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

fn shown(line: &[(char, Style)], colour: bool) -> String {
    let mut text = String::new();
    let mut before = Style::Plain;
    for (c, style) in line {
        if colour && *style != before {
            if before != Style::Plain {
                text.push_str(Style::Plain.code());
            }
            if *style != Style::Plain {
                text.push_str(style.code());
            }
        }
        before = *style;
        // What glued words together has done its work.
        text.push(if *c == '\u{a0}' { ' ' } else { *c });
    }
    if colour && before != Style::Plain {
        text.push_str(Style::Plain.code());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let mut words = Words::default();
        words.push("MRR is GBP 320.00", Style::Bold);
        words.push(", up 12 %", Style::Plain);
        words
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(words().wrapped("- ", "  ", 14, false), ["- MRR is GBP", "  320.00, up", "  12 %"]);
        assert_eq!(words().wrapped("", "", 2, false).len(), 7, "a word that is too long stands alone");
    }

    #[test]
    fn codes_begin_and_end_on_each_line() {
        let lines = words().wrapped("", "", 12, true);
        assert_eq!(lines[0], "\u{1b}[1mMRR is GBP\u{1b}[0m");
        assert_eq!(lines[1], "\u{1b}[1m320.00\u{1b}[0m, up");
    }
}

//! The report for a terminal.
//!
//! Its words are those of the Markdown, read event by event; its tables are
//! fitted to the terminal's width, and its charts are lines of blocks.

mod lines;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table, TableComponent};
use growth_domain::insights::Severity;
use growth_domain::rollforward::Ratio;
use growth_metrics::GrowthSnapshot;
use pulldown_cmark::{Alignment, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use unicode_width::UnicodeWidthStr;

use crate::document::{Block, Look};
use crate::figures::{glued, percent};
use crate::sections;
use crate::text::lines::{Style, Words};

/// The narrowest and the widest report.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=140;
/// How wide a bar is that shows how far a goal is reached.
const BAR: i128 = 40;

/// Writes a snapshot for a terminal of so many columns; the text ends with a newline.
///
/// With `colour`, headings and what matters are marked by ANSI codes.
pub fn text(snapshot: &GrowthSnapshot, width: usize, colour: bool) -> String {
    let width = width.clamp(*WIDTHS.start(), *WIDTHS.end());
    let blocks = sections::blocks(snapshot).into_iter().map(|block| match block {
        Block::Text(markdown) => words(&markdown, None, width, colour),
        Block::Looks(look, markdown) => {
            let mut lines = words(&markdown, Some(&look), width, colour);
            if let Look::Goal(reached) = look {
                lines.extend(bar(reached));
            }
            lines
        }
        Block::Chart(chart) => {
            let title = format!("{}. {}", chart.title, chart.about);
            let mut words = Words::default();
            words.push(&title, Style::Bold);
            let mut lines = words.wrapped("", "", width, colour);
            lines.extend(
                chart.to_sparklines(width.saturating_sub(2)).into_iter().map(|line| format!("  {line}")),
            );
            lines
        }
    });
    let mut text = blocks.map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

/// `████████░░░░ 64.0 %`
fn bar(reached: Ratio) -> Option<String> {
    let shown = percent(reached)?;
    let full = (reached.numerator.max(0) * BAR / reached.denominator).min(BAR);
    let part = |number: i128, with: &str| with.repeat(usize::try_from(number).unwrap_or(0));
    Some(format!("{}{} {shown}", part(full, "█"), part(BAR - full, "░")))
}

/// The lines of a block of Markdown.
fn words(markdown: &str, look: Option<&Look>, width: usize, colour: bool) -> Vec<String> {
    let mut page = Page { width, colour, look, ..Page::default() };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        page.take(event);
    }
    page.lines
}

/// What has been written of a block, and where in it we are.
#[derive(Default)]
struct Page<'a> {
    width: usize,
    colour: bool,
    look: Option<&'a Look>,
    lines: Vec<String>,
    words: Words,
    /// The marks of the items we are in, outermost first; each is shown once.
    marks: Vec<String>,
    /// The number of the next item of each list we are in, where it has numbers.
    lists: Vec<Option<u64>>,
    items: usize,
    strong: bool,
    quoted: bool,
    table: Option<Grid>,
}

/// A table that is being read.
#[derive(Default)]
struct Grid {
    sides: Vec<Alignment>,
    rows: Vec<Vec<String>>,
}

impl Page<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.say(&text),
            // A command that is broken apart would be another one where it is pasted.
            Event::Code(text) => self.say(&format!("`{}`", text.replace(' ', "\u{a0}"))),
            Event::SoftBreak | Event::HardBreak => self.say(" "),
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            _ => {}
        }
    }

    /// Adds words, without the invisible joiner that Markdown needs in some.
    fn say(&mut self, text: &str) {
        let text = text.replace('\u{2060}', "");
        if let Some(grid) = &mut self.table {
            if let Some(cell) = grid.rows.last_mut().and_then(|row| row.last_mut()) {
                cell.push_str(&text);
            }
            return;
        }
        let style = match (self.strong, self.look, self.lists.len()) {
            (true, Some(Look::Insights(severities)), 1) => {
                severities.get(self.items.saturating_sub(1)).map_or(Style::Bold, |severity| style(*severity))
            }
            (true, ..) => Style::Bold,
            (false, ..) => Style::Plain,
        };
        self.words.push(&glued(&text), style);
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Strong | Tag::Heading { .. } => self.strong = true,
            Tag::BlockQuote(_) => self.quoted = true,
            Tag::List(number) => {
                self.flush();
                self.lists.push(number);
            }
            Tag::Item => {
                if self.lists.len() == 1 {
                    self.items += 1;
                }
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                };
                self.marks.push(mark);
            }
            Tag::Table(sides) => self.table = Some(Grid { sides, rows: Vec::new() }),
            Tag::TableHead | Tag::TableRow => {
                if let Some(grid) = &mut self.table {
                    grid.rows.push(Vec::new());
                }
            }
            Tag::TableCell => {
                if let Some(row) = self.table.as_mut().and_then(|grid| grid.rows.last_mut()) {
                    row.push(String::new());
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Strong => self.strong = false,
            TagEnd::Heading(level) => {
                self.strong = false;
                self.flush();
                self.underline(level);
            }
            TagEnd::Paragraph => self.flush(),
            TagEnd::BlockQuote(_) => self.quoted = false,
            TagEnd::Item => {
                self.flush();
                self.marks.pop();
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Table => {
                if let Some(grid) = self.table.take() {
                    self.lines.extend(grid.lines(self.width));
                }
            }
            _ => {}
        }
    }

    /// Writes the words so far as lines.
    fn flush(&mut self) {
        let words = std::mem::take(&mut self.words);
        if words.is_empty() {
            return;
        }
        let blank = |mark: &String| " ".repeat(mark.width());
        let rest: String = self.marks.iter().map(blank).collect();
        let first = match self.marks.split_last() {
            Some((mark, outer)) => outer.iter().map(blank).collect::<String>() + mark,
            None => String::new(),
        };
        let quote = if self.quoted { "> " } else { "" };
        let (first, rest) = (format!("{quote}{first}"), format!("{quote}{rest}"));
        self.lines.extend(words.wrapped(&first, &rest, self.width, self.colour));
        if let Some(mark) = self.marks.last_mut() {
            *mark = " ".repeat(mark.width());
        }
    }

    fn underline(&mut self, level: HeadingLevel) {
        let line = match level {
            HeadingLevel::H1 => "═",
            HeadingLevel::H2 => "─",
            _ => return,
        };
        self.lines.push(line.repeat(self.width));
    }
}

impl Grid {
    fn lines(self, width: usize) -> Vec<String> {
        let mut table = Table::new();
        table.load_preset(NOTHING).force_no_tty().set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        table.set_style(TableComponent::HeaderLines, '─');
        table.set_style(TableComponent::MiddleHeaderIntersections, '─');
        let mut rows = self.rows.into_iter();
        if let Some(head) = rows.next() {
            table.set_header(head);
        }
        table.add_rows(rows);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if self.sides.get(index) == Some(&Alignment::Right) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical => Style::Red,
        Severity::Warning => Style::Yellow,
        Severity::Notice => Style::Blue,
        Severity::Good => Style::Green,
    }
}

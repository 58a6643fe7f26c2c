//! Markdown as a part of the page.

use growth_domain::insights::Severity;
use growth_domain::rollforward::Ratio;
use pulldown_cmark::{Alignment, Event, Options, Parser, Tag, TagEnd, html};

use crate::chart::escaped;
use crate::document::Look;
use crate::figures::{glued, percent};

/// Adds a block of Markdown; `under` is the heading that its tables are named by.
pub(crate) fn push(page: &mut String, markdown: &str, look: Option<&Look>, under: &str) {
    let events: Vec<Event<'_>> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    let mut place = Place { look, under, ..Place::default() };
    let shown = events.iter().enumerate().map(|(index, event)| place.shown(event, &events[index + 1..]));
    let shown: Vec<Event<'_>> = shown.collect();
    match look {
        Some(Look::Goal(reached)) => {
            page.push_str("<div class=\"goal\">\n");
            html::push_html(page, shown.into_iter());
            page.push_str(&bar(*reached));
            page.push_str("</div>\n");
        }
        _ => html::push_html(page, shown.into_iter()),
    }
}

/// Where in a block we are.
#[derive(Default)]
struct Place<'a> {
    look: Option<&'a Look>,
    under: &'a str,
    sides: Vec<Alignment>,
    column: usize,
    in_head: bool,
    lists: usize,
    items: usize,
    /// Whether what comes is the first text of a cell.
    begins: bool,
    /// Whether what comes follows the first strong words of an item.
    follows: bool,
}

impl Place<'_> {
    /// Gives an event as the page shows it; `next` are those that follow.
    fn shown<'e>(&mut self, event: &Event<'e>, next: &[Event<'e>]) -> Event<'e> {
        let markup = match event {
            Event::Start(tag) => match tag {
                Tag::Table(sides) => {
                    self.sides.clone_from(sides);
                    let kind = match (self.look, &sides[..]) {
                        (Some(Look::Heat), _) => " heat",
                        (_, [_, Alignment::Right, Alignment::Right, Alignment::Right]) => " figures",
                        _ => "",
                    };
                    let name = escaped(self.under);
                    format!(
                        "<div class=\"table{kind}\" role=\"region\" tabindex=\"0\" aria-label=\"{name}\">\n<table>\n"
                    )
                }
                Tag::TableHead => {
                    (self.in_head, self.column) = (true, 0);
                    "<thead><tr>".to_owned()
                }
                Tag::TableRow => {
                    self.column = 0;
                    let total = starts(next, "= ");
                    if total { "<tr class=\"total\">".to_owned() } else { "<tr>".to_owned() }
                }
                Tag::TableCell => self.cell(next),
                Tag::List(_) => {
                    self.lists += 1;
                    match (self.look, self.lists) {
                        (Some(Look::Summary), 1) => "<ul class=\"summary\">\n".to_owned(),
                        (Some(Look::Insights(_)), 1) => "<ol class=\"insights\">\n".to_owned(),
                        _ => return event.clone(),
                    }
                }
                Tag::Item => match (self.look, self.lists) {
                    (Some(Look::Insights(severities)), 1) => {
                        let class = severities.get(self.items).map_or("", |severity| class(*severity));
                        self.items += 1;
                        format!("<li class=\"{class}\">")
                    }
                    _ => return event.clone(),
                },
                _ => return event.clone(),
            },
            Event::End(tag) => match tag {
                TagEnd::Table => "</tbody>\n</table>\n</div>\n".to_owned(),
                TagEnd::TableHead => {
                    self.in_head = false;
                    "</tr></thead>\n<tbody>\n".to_owned()
                }
                TagEnd::TableRow => "</tr>\n".to_owned(),
                TagEnd::TableCell => {
                    let is_head = self.in_head || self.column == 1;
                    if is_head { "</th>".to_owned() } else { "</td>".to_owned() }
                }
                TagEnd::List(_) => {
                    self.lists -= 1;
                    return event.clone();
                }
                TagEnd::Strong => {
                    self.follows = matches!(self.look, Some(Look::Summary));
                    return event.clone();
                }
                _ => return event.clone(),
            },
            // There is none, since names are escaped. Should there be, it is text.
            Event::Html(markup) | Event::InlineHtml(markup) => return Event::Text(markup.clone()),
            Event::Text(text) if std::mem::take(&mut self.begins) && !text.starts_with("n/a") => number(text),
            Event::Text(text) if std::mem::take(&mut self.follows) => return Event::Text(begin(text).into()),
            Event::Text(text) => return Event::Text(glued(text).into()),
            _ => return event.clone(),
        };
        Event::Html(markup.into())
    }

    fn cell(&mut self, next: &[Event<'_>]) -> String {
        let mut classes = Vec::new();
        if self.sides.get(self.column) == Some(&Alignment::Right) {
            classes.push("right".to_owned());
        }
        if !self.in_head && starts(next, "n/a") {
            classes.push("undefined".to_owned());
        }
        if !self.in_head && starts(next, "unchanged") {
            classes.push("unchanged".to_owned());
        }
        if matches!(self.look, Some(Look::Heat)) && !self.in_head && self.column > 1 {
            classes.extend(warmth(next));
        }
        self.begins = !self.in_head && self.sides.get(self.column) == Some(&Alignment::Right);
        self.column += 1;
        let classes = match classes.join(" ") {
            none if none.is_empty() => none,
            classes => format!(" class=\"{classes}\""),
        };
        match (self.in_head, self.column) {
            (true, _) => format!("<th scope=\"col\"{classes}>"),
            (false, 1) => format!("<th scope=\"row\"{classes}>"),
            (false, _) => format!("<td{classes}>"),
        }
    }
}

/// Whether the text of what follows begins so.
fn starts(next: &[Event<'_>], with: &str) -> bool {
    let text = next.iter().find_map(|event| match event {
        Event::Text(text) => Some(Some(text)),
        Event::End(TagEnd::TableCell) => Some(None),
        _ => None,
    });
    text.flatten().is_some_and(|text| text.starts_with(with))
}

/// A number with what it is made of in small, which may stand below it.
fn number(text: &str) -> String {
    match text.find(" (").or_else(|| text.find(", ").map(|comma| comma + 1)) {
        Some(at) => {
            let (number, rest) = text.split_at(at);
            format!("<span>{}</span> <small>{}</small>", escaped(number), escaped(rest.trim_start()))
        }
        None => format!("<span>{}</span>", escaped(text)),
    }
}

/// What follows a headline, so that it can stand on a line of its own.
fn begin(text: &str) -> String {
    let mut text = text.trim_start_matches([',', '.', ':', ' ']).chars();
    glued(&text.next().map_or_else(String::new, |first| first.to_uppercase().chain(text).collect::<String>()))
}

/// The class of a percentage, from `heat-0` to `heat-10`.
fn warmth(next: &[Event<'_>]) -> Option<String> {
    let Some(Event::Text(text)) = next.first() else { return None };
    let whole: u32 = text.split(['.', ' ']).next()?.parse().ok()?;
    Some(format!("heat-{}", (whole.min(100) + 5) / 10))
}

pub(crate) fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
        Severity::Good => "good",
    }
}

/// A bar that is as full as the goal is reached.
pub(crate) fn bar(reached: Ratio) -> String {
    let Some(shown) = percent(reached) else { return String::new() };
    let full = Ratio { numerator: reached.numerator.clamp(0, reached.denominator.max(0)), ..reached };
    let width = percent(full).unwrap_or_default().replace(' ', "");
    format!(
        "<svg class=\"progress\" role=\"img\" aria-label=\"{shown} of the goal\" width=\"100%\" height=\"12\">\
         <rect class=\"track\" width=\"100%\" height=\"12\" rx=\"6\"/>\
         <rect class=\"done\" width=\"{width}\" height=\"12\" rx=\"6\"/></svg>\n"
    )
}

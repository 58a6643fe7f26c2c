//! The page and the terminal text say what the Markdown says.

use growth_report::{html, markdown, text};
use insta::assert_snapshot;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::business::{HOSTILE, all, doubtful_test_data, named, nothing, two_currencies};

/// The page without its style sheet and its digest, which are not of the report.
fn page(text: &str) -> String {
    let (before, rest) = text.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    let (start, digest) = before.split_once("'sha256-").unwrap();
    let (_, end) = digest.split_once('\'').unwrap();
    format!("{start}'sha256-…'{end}<style>…</style>{after}")
}

#[test]
fn a_week_as_a_page() {
    assert_snapshot!(page(&html(&two_currencies())));
}

#[test]
fn an_empty_database_as_a_page() {
    assert_snapshot!(page(&html(&nothing())));
}

#[test]
fn a_week_in_a_terminal() {
    assert_snapshot!(text(&two_currencies(), 110, false));
}

#[test]
fn an_empty_database_in_a_terminal() {
    assert_snapshot!(text(&nothing(), 80, false));
}

#[test]
fn doubtful_data_in_a_narrow_terminal() {
    assert_snapshot!(text(&doubtful_test_data(), 80, false));
}

#[test]
fn equal_snapshots_give_equal_bytes_in_every_form() {
    for (one, other) in all().into_iter().zip(all()) {
        assert_eq!(html(&one), html(&other));
        for colour in [false, true] {
            assert_eq!(text(&one, 100, colour), text(&other, 100, colour));
        }
    }
}

#[test]
fn colour_is_all_that_colour_adds() {
    for snapshot in all() {
        let (plain, coloured) = (text(&snapshot, 100, false), text(&snapshot, 100, true));
        assert!(!plain.contains('\u{1b}'));
        let (first, coded) = coloured.split_once('\u{1b}').unwrap();
        let uncoded = coded.split('\u{1b}').map(|part| part.split_once('m').unwrap().1);
        assert!(plain == std::iter::once(first).chain(uncoded).collect::<String>(), "{coloured}");
    }
}

#[test]
fn no_line_of_a_terminal_is_wider_than_it_unless_a_word_is() {
    for snapshot in [two_currencies(), doubtful_test_data(), nothing()] {
        for width in [60, 80, 120] {
            for line in text(&snapshot, width, false).lines() {
                let columns = unicode_width::UnicodeWidthStr::width(line);
                assert!(columns <= width, "{columns} columns of {width}: {line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }
}

/// The words of a Markdown document, without those of charts.
fn words(markdown: &str) -> Vec<String> {
    let mut chart = false;
    let mut words = Vec::new();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => chart = true,
            Event::End(TagEnd::CodeBlock) => chart = false,
            Event::Text(text) | Event::Code(text) if !chart => {
                words.extend(text.split_whitespace().map(str::to_owned));
            }
            _ => {}
        }
    }
    words
}

#[test]
fn every_form_has_every_word() {
    for snapshot in all() {
        let (page, terminal) = (html(&snapshot), text(&snapshot, 140, false));
        let page =
            page.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        for word in words(&markdown(&snapshot)) {
            assert!(page.contains(&word), "{word} is not in the page");
            let word = word.replace('\u{2060}', "");
            assert!(terminal.contains(&word), "{word} is not in the terminal text");
        }
    }
}

#[test]
fn a_hostile_name_is_words_in_a_page() {
    let page = html(&named(HOSTILE));
    assert!(page.contains("&lt;b&gt;f&lt;/b&gt;"), "{page}");
    for markup in ["<b>", "<script", "<a href=\"h", "<del>", "<em>"] {
        assert!(!page.contains(markup), "{markup}");
    }
    let tags = |page: &str| page.matches('<').count();
    assert_eq!(tags(&page), tags(&html(&named("plain"))));
}

#[test]
fn a_page_asks_for_nothing() {
    for snapshot in all() {
        let page = html(&snapshot);
        for request in
            ["http:", "https:", "src=", "url(", "@import", "<script", "<iframe", " style=", "onload"]
        {
            assert!(!page.contains(request), "{request}");
        }
    }
}

#[test]
fn what_a_page_opens_it_closes() {
    let lone = ["meta", "link", "!doctype", "rect", "line", "circle", "path", "hr", "br"];
    for snapshot in all() {
        let page = page(&html(&snapshot));
        let mut open: Vec<&str> = Vec::new();
        for tag in page.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').unwrap();
            let name = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap();
            match tag {
                _ if tag.ends_with('/') || lone.contains(&name) && !tag.starts_with('/') => {
                    let closes_itself =
                        tag.ends_with('/') || ["meta", "link", "!doctype", "br"].contains(&name);
                    if !closes_itself {
                        open.push(name);
                    }
                }
                _ if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "{tag}"),
                _ => open.push(name),
            }
        }
        assert_eq!(open, [""; 0]);
    }
}

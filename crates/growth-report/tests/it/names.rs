use growth_report::markdown;
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::business::{HOSTILE, named};
use crate::tables::{assert_rectangular, tables};

/// Everything in a document but its words: names must not change it.
fn structure(text: &str) -> Vec<String> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let parts = Parser::new_ext(text, options).filter_map(|event| match event {
        Event::Text(_) => None,
        Event::Start(Tag::Table(sides)) => Some(format!("table of {}", sides.len())),
        other => Some(format!("{other:?}")),
    });
    parts.collect()
}

#[test]
fn a_hostile_name_is_read_as_it_is_written() {
    let read = "a|b `c` *d* _e_ <b>f</b> [g](h) \\| &lt; ~~i~~ # @\u{2060}jane";
    let text = markdown(&named(HOSTILE));
    let tables = tables(&text);
    let [payments, refunds, unpriced] = &tables[tables.len() - 3..] else { panic!("{text}") };
    assert_eq!(payments[1][4], read);
    assert_eq!(payments[3][2], format!("failed ({read})"));
    assert_eq!(refunds[1][2], read);
    assert_eq!(unpriced[1][3], read);
}

#[test]
fn a_hostile_name_changes_nothing_but_words() {
    assert_eq!(structure(&markdown(&named(HOSTILE))), structure(&markdown(&named("plain"))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_name_changes_anything_but_words(
        name in prop_oneof!["[\\\\|`*_<>\\[\\]()&#;~@!a-c \n-]{0,24}", "\\PC{0,80}", any::<String>()],
    ) {
        let text = markdown(&named(&name));
        assert_rectangular(&text);
        prop_assert_eq!(structure(&text), structure(&markdown(&named("plain"))));
    }
}

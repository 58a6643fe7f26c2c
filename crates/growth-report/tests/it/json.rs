use growth_report::json;
use insta::assert_snapshot;

use crate::business::{all, two_currencies};

#[test]
fn a_week_in_two_currencies() {
    assert_snapshot!(json(&two_currencies()));
}

#[test]
fn json_ends_with_one_newline_and_is_the_same_again() {
    for (one, other) in all().into_iter().zip(all()) {
        let text = json(&one);
        assert!(text.ends_with("}\n"), "{text}");
        assert_eq!(text, json(&other));
    }
}

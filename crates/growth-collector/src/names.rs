//! Names of events as clients of Segment write them.

use growth_domain::catalogue::EventName;

/// Writes a name such as `Enrichment Completed` or `enrichmentCompleted` in the `snake_case` that the catalogue has.
///
/// A name that is in it already stays as it is. A character that no name may have stays too where it is no ASCII, so
/// that it is refused with its name, and does not become another name.
pub(crate) fn snake_case(name: &str) -> String {
    if EventName::parse(name).is_ok() {
        return name.to_owned();
    }
    let mut snake = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for character in name.trim().chars() {
        let begins_word =
            character.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
        if begins_word {
            snake.push('_');
        }
        match character {
            'A'..='Z' => snake.push(character.to_ascii_lowercase()),
            'a'..='z' | '0'..='9' => snake.push(character),
            character if character.is_ascii() => {
                if !snake.ends_with('_') {
                    snake.push('_');
                }
            }
            other => snake.push(other),
        }
        before = character;
    }
    snake.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use growth_domain::catalogue::EventName;
    use proptest::prelude::*;

    use super::snake_case;

    #[test]
    fn names_of_clients_become_names_of_the_catalogue() {
        for (given, name) in [
            ("enrichment_completed", "enrichment_completed"),
            ("Enrichment Completed", "enrichment_completed"),
            ("enrichmentCompleted", "enrichment_completed"),
            ("Signed Up", "signed_up"),
            ("  export-csv / started! ", "export_csv_started"),
            ("API Request", "api_request"),
            ("step2Done", "step2_done"),
            ("$pageview", "pageview"),
            ("Größe", "größe"),
            ("", ""),
            ("!!", ""),
        ] {
            assert_eq!(snake_case(given), name, "{given}");
        }
    }

    proptest! {
        #[test]
        fn a_name_of_the_catalogue_stays_as_it_is(name in "[a-z][a-z0-9_]{0,99}") {
            prop_assert_eq!(snake_case(&name), name);
        }

        #[test]
        fn a_name_in_ascii_that_begins_with_a_letter_is_taken(name in "[A-Za-z][ -~]{0,60}") {
            prop_assert!(EventName::parse(&snake_case(&name)).is_ok(), "{}", name);
        }
    }
}

//! The catalogue of product events: their categories, known names and statuses.
//!
//! A name outside the catalogue is a custom event, so that an application can
//! count what it likes; [`suggest`] tells a typing mistake from a new name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name of an event, in characters.
const MAX_NAME: usize = 100;

/// How many typing mistakes away a name may be to be suggested.
const MAX_MISTAKES: usize = 2;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventCategory {
    /// What a person does with the account.
    UserAction,
    /// What the application does by itself.
    System,
    /// What leads to money.
    Revenue,
    /// What a person does with the product.
    FeatureUsage,
    /// How long something took.
    Performance,
    /// What went wrong.
    Error,
}

impl EventCategory {
    /// Every category, in the order of the catalogue.
    pub const ALL: [Self; 6] =
        [Self::UserAction, Self::System, Self::Revenue, Self::FeatureUsage, Self::Performance, Self::Error];

    /// Gives the stored text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserAction => "user_action",
            Self::System => "system",
            Self::Revenue => "revenue",
            Self::FeatureUsage => "feature_usage",
            Self::Performance => "performance",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for EventCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no category.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown event category {0:?}: use user_action, system, revenue, feature_usage, performance or error"
)]
pub struct UnknownCategory(pub String);

impl FromStr for EventCategory {
    type Err = UnknownCategory;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|category| category.as_str() == text)
            .ok_or_else(|| UnknownCategory(text.to_owned()))
    }
}

/// How the thing that an event tells of ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// It worked.
    #[default]
    Success,
    /// It did not.
    Failed,
    /// It has begun and not ended.
    Pending,
}

impl EventStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Success, Self::Failed, Self::Pending];

    /// Gives the stored text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Pending => "pending",
        }
    }
}

impl fmt::Display for EventStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown event status {0:?}: use success, failed or pending")]
pub struct UnknownStatus(pub String);

impl FromStr for EventStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// The known names, each with its category.
pub const KNOWN: [(&str, EventCategory); 28] = [
    ("user_signed_up", EventCategory::UserAction),
    ("user_logged_in", EventCategory::UserAction),
    ("user_logged_out", EventCategory::UserAction),
    ("enrichment_started", EventCategory::FeatureUsage),
    ("enrichment_completed", EventCategory::FeatureUsage),
    ("enrichment_failed", EventCategory::FeatureUsage),
    ("export_csv_started", EventCategory::FeatureUsage),
    ("export_csv_completed", EventCategory::FeatureUsage),
    ("export_json_started", EventCategory::FeatureUsage),
    ("export_json_completed", EventCategory::FeatureUsage),
    ("export_tracker_started", EventCategory::FeatureUsage),
    ("export_tracker_completed", EventCategory::FeatureUsage),
    ("search_performed", EventCategory::FeatureUsage),
    ("search_failed", EventCategory::FeatureUsage),
    ("checkout_started", EventCategory::Revenue),
    ("checkout_completed", EventCategory::Revenue),
    ("checkout_failed", EventCategory::Revenue),
    ("subscription_created", EventCategory::Revenue),
    ("subscription_cancelled", EventCategory::Revenue),
    ("feature_used", EventCategory::FeatureUsage),
    ("feature_enabled", EventCategory::FeatureUsage),
    ("feature_disabled", EventCategory::FeatureUsage),
    ("page_viewed", EventCategory::UserAction),
    ("screen_viewed", EventCategory::UserAction),
    ("page_load", EventCategory::Performance),
    ("api_request", EventCategory::Performance),
    ("error_occurred", EventCategory::Error),
    ("api_error", EventCategory::Error),
];

/// The name of an event, known or custom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventName {
    /// A name of the catalogue.
    Known {
        /// The name itself.
        name: &'static str,
        /// The category that the catalogue gives it.
        category: EventCategory,
    },
    /// Any other name in `snake_case`.
    Custom(String),
}

/// What is wrong with the name of an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventNameError {
    /// It has no characters.
    #[error("an event name cannot be empty")]
    Empty,
    /// It has too many characters.
    #[error("an event name has at most {max} characters, not {0}", max = MAX_NAME)]
    TooLong(usize),
    /// It begins with something else than a lower-case letter.
    #[error("an event name begins with a letter from a to z, not {first:?}: {name:?}")]
    Start {
        /// The whole name.
        name: String,
        /// How it begins.
        first: char,
    },
    /// It contains something else than lower-case letters, digits and underscores.
    #[error(
        "an event name has only letters from a to z, digits and underscores, not {character:?}: {name:?}"
    )]
    Character {
        /// The whole name.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
}

impl EventName {
    /// Reads a name: one of [`KNOWN`], or a custom one that matches `[a-z][a-z0-9_]{0,99}`.
    pub fn parse(text: &str) -> Result<Self, EventNameError> {
        if let Some((name, category)) = KNOWN.into_iter().find(|(name, _)| *name == text) {
            return Ok(Self::Known { name, category });
        }
        let first = text.chars().next().ok_or(EventNameError::Empty)?;
        let length = text.chars().count();
        if length > MAX_NAME {
            return Err(EventNameError::TooLong(length));
        }
        if !first.is_ascii_lowercase() {
            return Err(EventNameError::Start { name: text.to_owned(), first });
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if let Some(character) = text.chars().find(|c| !allowed(*c)) {
            return Err(EventNameError::Character { name: text.to_owned(), character });
        }
        Ok(Self::Custom(text.to_owned()))
    }

    /// Gives the stored text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known { name, .. } => name,
            Self::Custom(name) => name,
        }
    }

    /// Gives the catalogue's category, which a custom name does not have.
    pub fn category(&self) -> Option<EventCategory> {
        match self {
            Self::Known { category, .. } => Some(*category),
            Self::Custom(_) => None,
        }
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Finds the known name that a text was probably meant to be.
///
/// Letter case and separators do not count (`UserSignedUp`, `user-signed-up`);
/// beyond that up to two typing mistakes do (a letter too many, too few, wrong,
/// or swapped with its neighbour). A known name itself needs no suggestion.
pub fn suggest(text: &str) -> Option<&'static str> {
    if text.chars().count() > MAX_NAME || KNOWN.iter().any(|(name, _)| *name == text) {
        return None;
    }
    let meant = to_snake_case(text);
    KNOWN
        .iter()
        .map(|(name, _)| (mistakes(&meant, name), *name))
        .filter(|(mistakes, _)| *mistakes <= MAX_MISTAKES)
        .min_by_key(|(mistakes, _)| *mistakes)
        .map(|(_, name)| name)
}

fn to_snake_case(text: &str) -> String {
    let mut snake = String::with_capacity(text.len() + 4);
    let mut after_lower = false;
    for c in text.chars() {
        if c.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        snake.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        after_lower = c.is_ascii_lowercase();
    }
    snake
}

/// Counts insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn mistakes(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut two_back = Vec::new();
    let mut back: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let replaced = back[j] + usize::from(l != r);
            let mut best = replaced.min(back[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *l == right[j - 1] && left[i - 1] == *r {
                best = best.min(two_back[j - 1] + 1);
            }
            row.push(best);
        }
        two_back = std::mem::replace(&mut back, row);
    }
    back[right.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_known_name_is_a_valid_name_of_its_own() {
        let names: BTreeSet<_> = KNOWN.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), KNOWN.len());
        for (name, category) in KNOWN {
            let parsed = EventName::parse(name).unwrap();
            assert_eq!(parsed, EventName::Known { name, category });
            assert_eq!((parsed.as_str(), parsed.category()), (name, Some(category)));
            assert!(matches!(EventName::parse(&format!("{name}_2")), Ok(EventName::Custom(_))));
        }
    }

    #[test]
    fn every_known_name_is_in_the_document() {
        let document = include_str!("../../../docs/TRACKING.md");
        for (name, category) in KNOWN {
            let line = document.lines().find(|line| line.starts_with(&format!("| `{category}`")));
            assert!(line.is_some_and(|line| line.contains(&format!("`{name}`"))), "{name} of {category}");
        }
    }

    #[test]
    fn a_custom_name_is_snake_case_of_up_to_100_characters() {
        for name in ["a", "pitch_generated", "step_2_done", &"x".repeat(100)] {
            let parsed = EventName::parse(name).unwrap();
            assert_eq!(parsed, EventName::Custom(name.to_owned()));
            assert_eq!(parsed.category(), None);
            assert_eq!(parsed.to_string(), name);
        }
    }

    #[test]
    fn a_bad_name_is_refused_with_what_is_wrong() {
        for (name, message) in [
            ("", "an event name cannot be empty".to_owned()),
            (&*"x".repeat(101), "an event name has at most 100 characters, not 101".to_owned()),
            ("2fast", "an event name begins with a letter from a to z, not '2': \"2fast\"".to_owned()),
            ("_hidden", "an event name begins with a letter from a to z, not '_': \"_hidden\"".to_owned()),
            (
                "page-load",
                "an event name has only letters from a to z, digits and underscores, not '-': \"page-load\""
                    .to_owned(),
            ),
            (
                "straße",
                "an event name has only letters from a to z, digits and underscores, not 'ß': \"straße\""
                    .to_owned(),
            ),
        ] {
            assert_eq!(EventName::parse(name).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn near_misses_get_a_suggestion() {
        for (text, meant) in [
            ("user_singed_up", "user_signed_up"),
            ("UserSignedUp", "user_signed_up"),
            ("user-signed-up", "user_signed_up"),
            ("user_sign_up", "user_signed_up"),
            ("subscription_canceled", "subscription_cancelled"),
            ("enrichment_complete", "enrichment_completed"),
            ("pageload", "page_load"),
            ("api_eror", "api_error"),
            ("ApiRequest", "api_request"),
        ] {
            assert_eq!(suggest(text), Some(meant), "{text}");
        }
    }

    #[test]
    fn new_names_and_known_names_get_none() {
        for text in ["page_load", "pitch_generated", "", "x", "campaign_created", &"page_load".repeat(50)] {
            assert_eq!(suggest(text), None, "{text}");
        }
    }

    #[test]
    fn categories_and_statuses_have_one_text_each() {
        for category in EventCategory::ALL {
            assert_eq!(category.as_str().parse(), Ok(category));
            assert_eq!(serde_json::to_value(category).unwrap(), category.as_str());
        }
        for status in EventStatus::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(
            "done".parse::<EventStatus>().unwrap_err().to_string(),
            "unknown event status \"done\": use success, failed or pending"
        );
        assert!(
            "Revenue".parse::<EventCategory>().unwrap_err().to_string().contains("revenue, feature_usage")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_either_a_name_or_refused(text in "\\PC{0,120}") {
            if let Ok(name) = EventName::parse(&text) {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert!(text.len() <= 100);
            }
            suggest(&text);
        }
    }
}

//! Pages, as text.

use growth_metrics::GrowthSnapshot;

use crate::asked::Asked;

/// The page of figures.
pub(crate) fn metrics(asked: &Asked, snapshot: &GrowthSnapshot) -> String {
    format!("{}{}", asked.days, snapshot.header.product)
}

/// The same page while its figures are being counted: it asks again by itself.
pub(crate) fn loading(asked: &Asked) -> String {
    asked.days.to_string()
}

/// The same page where there are no figures: what is wrong, and how to try again.
pub(crate) fn failed(asked: &Asked, sentence: &str) -> String {
    format!("{} {sentence}", asked.days)
}

/// The page to sign in, perhaps with what was wrong.
pub(crate) fn sign_in(problem: Option<&str>) -> String {
    problem.unwrap_or_default().to_owned()
}

/// A page that is not there.
pub(crate) fn not_found() -> String {
    "not found".to_owned()
}

/// A file that pages load: its media type and its bytes.
pub(crate) fn asset(_name: &str) -> Option<(&'static str, &'static [u8])> {
    None
}

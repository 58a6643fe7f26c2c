//! Pages, as text.
//!
//! A page is a template and what it shows. Figures are worded by the report, so that both say the same; whatever
//! comes from outside is escaped, by the report or by the template. Every page works without its script.

mod assets;
mod card;
mod freshness;
mod markup;
mod metrics;
mod money;
mod product;
#[cfg(test)]
mod tests;
mod top;

use askama::Template;
use growth_metrics::GrowthSnapshot;

use self::metrics::Metrics;
use self::top::Top;
use crate::asked::Asked;
use crate::routes::SIGN_IN;

/// Where pages and their files are.
pub(crate) const HOME: &str = "/admin";

/// The page of figures.
pub(crate) fn metrics(asked: &Asked, snapshot: &GrowthSnapshot) -> String {
    if growth_report::parts::is_empty(snapshot) {
        let other_accounts = snapshot.freshness.other_accounts > 0;
        return written(&Start { top: Top::with_figures(asked, snapshot), other_accounts });
    }
    written(&Metrics::new(asked, snapshot))
}

/// The same page while its figures are being counted: it asks again by itself.
pub(crate) fn loading(asked: &Asked) -> String {
    written(&Loading { top: Top::of(asked) })
}

/// The same page where there are no figures: what is wrong, and how to try again.
pub(crate) fn failed(asked: &Asked, sentence: &str) -> String {
    written(&Failed { top: Top::of(asked), heading: "There are no figures now", sentence })
}

/// The page of somebody who wanted to sign out and is not.
pub(crate) fn not_signed_out() -> String {
    let sentence = "The database does not answer, so your session goes on. Go back and sign out again.";
    written(&Failed { top: Top::of(&Asked::default()), heading: "You are not signed out yet", sentence })
}

/// The page to sign in, for those who want to see these figures, perhaps with what was wrong, a sentence.
pub(crate) fn sign_in(wanted: &Asked, problem: Option<&str>) -> String {
    written(&SignIn { action: wanted.at(SIGN_IN), problem })
}

/// A page that is not there.
pub(crate) fn not_found() -> String {
    written(&NotFound)
}

/// A file that pages load: its media type and its bytes.
pub(crate) fn asset(name: &str) -> Option<(&'static str, &'static [u8])> {
    assets::find(name)
}

/// The page where nothing has been recorded yet: what to do first.
#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    top: Top,
    other_accounts: bool,
}

#[derive(Template)]
#[template(path = "loading.html")]
struct Loading {
    top: Top,
}

#[derive(Template)]
#[template(path = "failed.html")]
struct Failed<'a> {
    top: Top,
    heading: &'static str,
    sentence: &'a str,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    action: String,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound;

/// Nothing that a page shows can fail to be written.
fn written(page: &impl Template) -> String {
    page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page was not written");
        "<!doctype html><title>growthctl</title><p>This page could not be written.</p>".to_owned()
    })
}

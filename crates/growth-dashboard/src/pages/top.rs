//! What stands on top of every page: whose figures these are, of which period, and what can be done.

use growth_metrics::GrowthSnapshot;
use growth_report::parts::name;

use crate::asked::{Asked, PERIODS};

/// The top of a page.
pub(super) struct Top {
    /// The product's name.
    pub(super) product: String,
    /// Live or test data, where that is known, and where the other one is.
    pub(super) mode: Option<Mode>,
    pub(super) periods: Vec<PeriodLink>,
    /// The page itself, as a query.
    pub(super) here: String,
    /// The application that the figures are of.
    pub(super) app: Option<String>,
}

/// Whether money is real.
pub(super) struct Mode {
    pub(super) livemode: bool,
    pub(super) other: String,
}

/// A period that can be chosen.
pub(super) struct PeriodLink {
    pub(super) days: u32,
    pub(super) query: String,
    pub(super) is_current: bool,
}

impl Top {
    /// The top of a page without figures.
    pub(super) fn of(asked: &Asked) -> Self {
        let periods = PERIODS.into_iter().map(|days| PeriodLink {
            days,
            query: asked.query(days),
            is_current: days == asked.days,
        });
        Self {
            product: String::new(),
            mode: None,
            periods: periods.collect(),
            here: asked.query(asked.days),
            app: asked.app.clone(),
        }
    }

    /// The top of the page of figures.
    pub(super) fn with_figures(asked: &Asked, snapshot: &GrowthSnapshot) -> Self {
        let header = &snapshot.header;
        let other = Asked { livemode: Some(!header.livemode), ..asked.clone() };
        let product = match header.product.as_str() {
            "" => String::new(),
            product => name(product),
        };
        let mode = Mode { livemode: header.livemode, other: other.query(asked.days) };
        Self { product, mode: Some(mode), app: header.app.as_deref().map(name), ..Self::of(asked) }
    }

    /// What the page is called.
    pub(super) fn heading(&self) -> &str {
        if self.product.is_empty() { "Growth" } else { &self.product }
    }
}

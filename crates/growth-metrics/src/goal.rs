//! How far the goal is reached, and when it will be.

use growth_domain::goal::Pace;
use growth_domain::money::Micros;
use growth_domain::rollforward::Ratio;
use growth_domain::window::day_of;

use crate::request::{Goal, Request};
use crate::snapshot::{CurrencyRevenue, GoalProgress};

/// MRR in the goal's own currency over the goal; other currencies are not converted.
///
/// `weeks` is the net new MRR of the complete weeks since the first revenue, the newest first.
pub(crate) fn progress(
    goal: &Goal,
    currencies: &[CurrencyRevenue],
    weeks: &[Micros],
    request: &Request,
) -> GoalProgress {
    let revenue = currencies.iter().find(|revenue| revenue.currency == goal.currency);
    let mrr = revenue.map(|revenue| revenue.mrr.current).unwrap_or_default();
    let wanted = Micros::from_minor(goal.amount);
    let pace = Pace {
        mrr: mrr.net,
        goal: wanted,
        paying_customers: mrr.paying_customers,
        weeks,
        weeks_since_first_revenue: u32::try_from(weeks.len()).unwrap_or(Pace::WEEKS),
        day: day_of(request.window.end, request.time_zone),
    };
    GoalProgress {
        currency: goal.currency.clone(),
        amount: goal.amount,
        progress: Ratio { numerator: mrr.net.0, denominator: wanted.0 },
        gap: Some(wanted - mrr.net).filter(|gap| *gap > Micros::ZERO),
        eta: pace.eta(),
    }
}

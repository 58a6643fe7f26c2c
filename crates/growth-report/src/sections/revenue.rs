//! Revenue: the first currency in full, then every other one in short.

pub(crate) mod cash;
pub(crate) mod headline;
mod rates;
mod recurring;

use growth_domain::money::Micros;
use growth_domain::rollforward::Ratio;
use growth_metrics::{CurrencyRevenue, GrowthSnapshot, Mrr, Periods};

use crate::calendar::Calendar;
use crate::document::Block;
use crate::figures::{
    both, count_cells, known_money_cells, money_cells, parts, rate_cells, shown, sum_cells,
};
use crate::sections::table::Table;
use crate::sections::{charts, goal};

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec!["## Revenue".into()];
    if snapshot.revenue.is_empty() {
        let reason = if snapshot.freshness.last_stripe_event_at.is_some() {
            "none of the recorded Stripe events tells of a subscription or a payment"
        } else {
            "no Stripe event has been recorded yet"
        };
        blocks.push(format!("MRR, movements, rates and payments: n/a, {reason}.").into());
    }
    blocks.extend(goal::block(snapshot, calendar));
    let Some((first, others)) = snapshot.revenue.split_first() else { return blocks };
    if !others.is_empty() {
        let names: Vec<String> =
            snapshot.revenue.iter().map(|revenue| revenue.currency.to_uppercase()).collect();
        let is_converted = snapshot.headline.as_ref().is_some_and(headline::has_others);
        let converted = if is_converted {
            "Each currency also stands for itself"
        } else {
            "Each currency stands apart, nothing is converted or added up"
        };
        blocks.push(format!("{converted}: {}.", names.join(", ")).into());
    }
    if let Some(headline) = &snapshot.headline {
        blocks.extend(headline::blocks(headline, calendar));
    }
    blocks.extend(in_full(first, !others.is_empty(), calendar));
    for revenue in others {
        blocks.extend(in_short(revenue, calendar));
    }
    blocks
}

fn in_full(revenue: &CurrencyRevenue, is_one_of_many: bool, calendar: &Calendar) -> Vec<Block> {
    let code = revenue.currency.to_uppercase();
    let heading = |what: &str| {
        if is_one_of_many {
            return format!("### {code}: {what}");
        }
        let (first, rest) = what.split_at(1);
        format!("### {}{rest}", first.to_uppercase())
    };
    let mut blocks: Vec<Block> = vec![heading("recurring revenue").into()];
    let recurs = recurs(revenue);
    if recurs {
        blocks.push("As it stands at the end of each period.".into());
        blocks.push(recurring::standing(revenue, calendar));
        blocks.extend(charts::mrr(revenue).map(Block::from));
    } else {
        blocks.push(format!("There is no subscription in {code}.").into());
    }
    blocks.extend(cash::blocks(revenue, heading("money in and out"), calendar));
    if recurs {
        blocks.push(heading("what moved MRR").into());
        blocks.push(recurring::movements(&revenue.movements, &revenue.currency, calendar));
        blocks.extend(charts::movements(revenue).map(Block::from));
        blocks.extend(recurring::reasons(revenue, calendar));
        blocks.push(heading("rates").into());
        blocks.extend(rates::blocks(revenue, calendar));
    }
    blocks
}

/// Whether there is or was MRR in a currency.
pub fn recurs(revenue: &CurrencyRevenue) -> bool {
    revenue.mrr != Periods::default() || revenue.movements != Periods::default()
}

/// The figures that matter most, in one table.
fn in_short(revenue: &CurrencyRevenue, calendar: &Calendar) -> Vec<Block> {
    let (mrr, currency) = (&revenue.mrr, revenue.currency.as_str());
    let mut table = Table::comparison("Figure", calendar);
    let money = |of: fn(&Mrr) -> Micros| money_cells(both(mrr, |mrr| shown(of(mrr))), currency);
    if recurs(revenue) {
        table.figure("MRR (net)", money(|mrr| mrr.net));
        let unpriced = both(mrr, |mrr| mrr.unpriced_subscriptions);
        if unpriced != Periods::default() {
            table.figure("Not in MRR: unpriced subscriptions", count_cells(unpriced));
        }
        table.figure("ARR", money(|mrr| mrr.arr));
        table.figure("Active subscriptions", count_cells(both(mrr, |mrr| mrr.active_subscriptions)));
        table.figure("Paying customers", count_cells(both(mrr, |mrr| mrr.paying_customers)));
        let arpu = both(mrr, |mrr| mrr.arpu.map(shown));
        table.figure("ARPU", known_money_cells(arpu, currency, "no paying customers"));
        let gained = both(&revenue.movements, |moved| shown(moved.gained()));
        table.figure("MRR gained", money_cells(gained, currency));
        let lost = both(&revenue.movements, |moved| shown(moved.lost()));
        table.figure("MRR lost", money_cells(lost, currency));
        let nobody = "nobody paid at the start";
        let churn = both(&revenue.retention, |kept| kept.customer_churn);
        table.figure("Customer churn", rate_cells(churn, parts, nobody));
        let kept = both(&revenue.retention, |kept| kept.net_revenue_retention);
        let of_money = |ratio: Ratio| {
            let money = |micros| growth_domain::money::format_micros(Micros(micros), currency);
            format!("{} of {}", money(ratio.numerator), money(ratio.denominator))
        };
        table.figure("Net revenue retention", rate_cells(kept, of_money, nobody));
    }
    let moved = &revenue.cash;
    if ![moved.current, moved.previous, revenue.all_time].iter().all(cash::is_still) {
        let payments = both(moved, |cash| cash.payments);
        let cells = sum_cells(payments, currency, "payment", "payments");
        table.figure("New revenue (gross volume)", cells);
        table.figure("Net volume", cash::net_volume(moved, currency));
        table.figure(&cash::all_time_label(revenue, calendar), cash::all_time(revenue, currency));
    }
    vec![format!("### {}", currency.to_uppercase()).into(), table.to_markdown().into()]
}

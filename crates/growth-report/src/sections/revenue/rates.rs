//! Rates, and what one customer is worth.

use growth_domain::money::{Micros, format_micros, format_minor};
use growth_domain::rollforward::Ratio;
use growth_metrics::{CurrencyRevenue, LifetimeValue, Periods, Recovery, Retention};

use crate::calendar::Calendar;
use crate::document::Block;
use crate::figures::{both, cells, count, parts, percent, rate_cells, sum_cells, times, times_change};
use crate::sections::list;
use crate::sections::names::name;
use crate::sections::table::Table;

pub(super) fn blocks(revenue: &CurrencyRevenue, calendar: &Calendar) -> Vec<Block> {
    let currency = revenue.currency.as_str();
    let mut table = Table::comparison("Rate", calendar);
    let rate = |of: fn(&Retention) -> Ratio| both(&revenue.retention, of);
    let micros = |micros: i128| format_micros(Micros(micros), currency);
    let of_money = |ratio: Ratio| format!("{} of {}", micros(ratio.numerator), micros(ratio.denominator));
    let nobody = "nobody paid at the start";
    table.figure("Customer churn", rate_cells(rate(|kept| kept.customer_churn), parts, nobody));
    table.figure(
        "Net revenue retention",
        rate_cells(rate(|kept| kept.net_revenue_retention), of_money, nobody),
    );
    let gross = rate(|kept| kept.gross_revenue_retention);
    table.figure("Gross revenue retention", rate_cells(gross, of_money, nobody));
    let churn = rate(|kept| kept.gross_mrr_churn);
    table.figure("Gross MRR churn", rate_cells(churn, of_money, "no MRR at the start"));
    let quick = rate(|kept| kept.quick_ratio);
    let shown = both(&quick, |ratio| match times(*ratio) {
        Some(times) => format!("{times} ({} to {})", micros(ratio.numerator), micros(ratio.denominator)),
        None => "n/a: no MRR was lost".to_owned(),
    });
    table.figure("Quick ratio", cells(shown, times_change(quick)));
    table.figure("Trial conversion", rate_cells(revenue.trial_conversion, parts, "no trial ended"));
    recovery(&mut table, &revenue.recovery, currency);
    vec![table.to_markdown().into(), list(&customers(revenue)).into()]
}

fn recovery(table: &mut Table, recovery: &Periods<Recovery>, currency: &str) {
    let none = "no first attempt failed";
    let minor = |ratio: Ratio| {
        let amount = |minor: i128| format_minor(minor, currency);
        format!("{} of {}", amount(ratio.numerator), amount(ratio.denominator))
    };
    let by_count = both(recovery, |recovery| recovery.by_count);
    table.figure("Failed payments recovered, by count", rate_cells(by_count, parts, none));
    let by_volume = both(recovery, |recovery| recovery.by_volume);
    table.figure("Failed payments recovered, by amount", rate_cells(by_volume, minor, none));
    let open = both(recovery, |recovery| recovery.open);
    table.figure("Failed payments still open", sum_cells(open, currency, "invoice", "invoices"));
}

fn customers(revenue: &CurrencyRevenue) -> Vec<String> {
    let largest = match &revenue.largest_customer {
        Some(largest) => {
            let share = percent(largest.share).unwrap_or_else(|| "n/a".to_owned());
            let micros = |micros: i128| format_micros(Micros(micros), &revenue.currency);
            let (own, all) = (micros(largest.share.numerator), micros(largest.share.denominator));
            format!("{} is {share} of MRR ({own} of {all})", name(&largest.customer))
        }
        None => "n/a, nobody has MRR".to_owned(),
    };
    vec![
        format!("**Lifetime value (LTV)**: {}.", lifetime_value(&revenue.lifetime_value, revenue)),
        format!("**Largest customer**: {largest}."),
    ]
}

fn lifetime_value(ltv: &LifetimeValue, revenue: &CurrencyRevenue) -> String {
    let churn = || {
        let rate = percent(ltv.monthly_churn).unwrap_or_else(|| "n/a".to_owned());
        format!("{rate} a month ({} in three months)", parts(ltv.monthly_churn))
    };
    match ltv.value {
        Some(value) => {
            let arpu = revenue.mrr.current.arpu.map_or_else(String::new, |arpu| {
                format!(", the ARPU of {}", format_micros(arpu, &revenue.currency))
            });
            format!(
                "{} a customer{arpu} over a customer churn of {}",
                format_micros(value, &revenue.currency),
                churn()
            )
        }
        None if ltv.customers < LifetimeValue::FEWEST => format!(
            "n/a, {} paid at the start of the latest month, and it takes {} to tell",
            match ltv.customers {
                0 => "no customer".to_owned(),
                1 => "only 1 customer".to_owned(),
                many => format!("only {} customers", count(many)),
            },
            LifetimeValue::FEWEST
        ),
        None => "n/a, no customer left in the last three months".to_owned(),
    }
}

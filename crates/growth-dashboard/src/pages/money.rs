//! The cards of revenue: one group for each currency, and one for all of them where they are converted.

use growth_domain::money::Micros;
use growth_domain::rollforward::Ratio;
use growth_metrics::{Cash, CurrencyRevenue, GrowthSnapshot, Headline, Mrr, Periods, Retention, RevenueDay};
use growth_report::parts::{
    self, both, count_cells, counted, goal_bar, goal_forecast, goal_progress, has_others, known_money_cells,
    money_cells, moved_by, net_volume_cells, rate_cells, rates_in_words, recurs, shown, sum_cells,
};

use super::card::{Better, Card, size};
use super::markup::{Markup, trend};

/// The cards of a currency.
pub(super) struct CurrencyCards {
    /// In upper case.
    pub(super) code: String,
    /// The largest card; `None` where nothing recurs.
    pub(super) mrr: Option<Card>,
    /// How far the goal is reached, where it is in this currency.
    pub(super) goal: Option<Goal>,
    pub(super) cards: Vec<Card>,
    /// Figures beside them, in small.
    pub(super) rates: Vec<Card>,
}

/// How far the goal is reached.
pub(super) struct Goal {
    pub(super) bar: Markup,
    pub(super) progress: String,
    pub(super) forecast: String,
}

/// All currencies in one.
pub(super) struct Converted {
    pub(super) code: String,
    /// `None` where no rate is known.
    pub(super) card: Option<Card>,
    pub(super) rates: Markup,
}

/// MRR of all currencies, where there are several.
pub(super) fn converted(headline: &Headline) -> Option<Converted> {
    let (code, rates) = (headline.currency.to_uppercase(), rates_in_words(headline).into());
    if !has_others(headline) {
        return (!headline.apart.is_empty()).then_some(Converted { code, card: None, rates });
    }
    let closing = both(&headline.movements, |moved| shown(moved.closing));
    let card = Card::new("MRR", money_cells(closing, &headline.currency), &closing, Better::More)
        .noting(moved_by(&headline.movements.current, &headline.currency));
    Some(Converted { code, card: Some(card), rates })
}

/// The goal, where it is in this currency. A goal in a currency without revenue is told with the first one.
fn goal(snapshot: &GrowthSnapshot, index: usize, currency: &str) -> Option<Goal> {
    let goal = snapshot.goal.as_ref()?;
    let has_own = snapshot.revenue.iter().any(|revenue| revenue.currency == goal.currency);
    if goal.currency != currency && (has_own || index > 0) {
        return None;
    }
    Some(Goal {
        bar: goal_bar(goal.progress).into(),
        progress: parts::glued(&goal_progress(snapshot)?),
        forecast: parts::glued(&goal_forecast(goal)),
    })
}

/// The cards of every currency, in the order of the snapshot.
pub(super) fn currencies(snapshot: &GrowthSnapshot) -> Vec<CurrencyCards> {
    let revenue = snapshot.revenue.iter().enumerate();
    revenue
        .map(|(index, revenue)| of_currency(revenue, goal(snapshot, index, &revenue.currency), index == 0))
        .collect()
}

fn of_currency(revenue: &CurrencyRevenue, goal: Option<Goal>, in_full: bool) -> CurrencyCards {
    let mut group = CurrencyCards {
        code: revenue.currency.to_uppercase(),
        mrr: None,
        goal,
        cards: Vec::new(),
        rates: Vec::new(),
    };
    if recurs(revenue) {
        group.mrr = Some(mrr(revenue));
        group.cards.push(arr(revenue));
        group.cards.push(subscriptions(revenue));
        if in_full {
            group.rates = rates(revenue);
        }
    }
    group.cards.push(cash(revenue));
    group
}

fn by_day(revenue: &CurrencyRevenue, of: impl Fn(&RevenueDay) -> i128) -> Option<Markup> {
    trend(revenue.days.iter().map(of))
}

fn money(revenue: &CurrencyRevenue, label: &'static str, better: Better, of: fn(&Mrr) -> Micros) -> Card {
    let amounts = both(&revenue.mrr, |mrr| shown(of(mrr)));
    Card::new(label, money_cells(amounts, &revenue.currency), &amounts, better)
}

fn mrr(revenue: &CurrencyRevenue) -> Card {
    let unpriced = match revenue.mrr.current.unpriced_subscriptions {
        0 => String::new(),
        number => {
            format!(
                "Not in it: {} whose price is not known.",
                counted(number, "subscription", "subscriptions")
            )
        }
    };
    money(revenue, "MRR", Better::More, |mrr| mrr.net)
        .with_trend(by_day(revenue, |day| shown(day.mrr)))
        .noting(moved_by(&revenue.movements.current, &revenue.currency))
        .noting(unpriced)
}

fn arr(revenue: &CurrencyRevenue) -> Card {
    money(revenue, "ARR", Better::More, |mrr| mrr.arr)
        .with_trend(by_day(revenue, |day| shown(Micros(day.mrr.0 * 12))))
        .noting("12 × MRR")
}

fn subscriptions(revenue: &CurrencyRevenue) -> Card {
    let active = both(&revenue.mrr, |mrr| mrr.active_subscriptions);
    let now = &revenue.mrr.current;
    let trials = match now.trialing_subscriptions {
        0 => String::new(),
        number => format!("{} in trial besides", parts::count(number)),
    };
    Card::new("Active subscriptions", count_cells(active), &active, Better::More)
        .with_trend(by_day(revenue, |day| day.active_subscriptions.into()))
        .noting(trials)
}

fn cash(revenue: &CurrencyRevenue) -> Card {
    let (moved, currency) = (&revenue.cash, revenue.currency.as_str());
    let payments = both(moved, |cash| cash.payments);
    let [net, ..] = net_volume_cells(moved, currency);
    let refunds = if moved.current.refunds.amount == 0 {
        String::new()
    } else {
        let [refunded, ..] = sum_cells(both(moved, |cash| cash.refunds), currency, "refund", "refunds");
        format!("Refunded: {refunded}")
    };
    Card::new(
        "New revenue (gross)",
        sum_cells(payments, currency, "payment", "payments"),
        &both(&payments, |money| money.amount),
        Better::More,
    )
    .with_trend(by_day(revenue, |day| day.payments.amount.into()))
    .noting(format!("Net volume: {net}"))
    .noting(refunds)
}

/// Rates, and what one customer is worth.
fn rates(revenue: &CurrencyRevenue) -> Vec<Card> {
    let currency = revenue.currency.as_str();
    let rate = |of: fn(&Retention) -> Ratio| both(&revenue.retention, of);
    let share = |label, ratios: Periods<Ratio>, made_of: &dyn Fn(Ratio) -> String, none: &str, better| {
        Card::new(label, rate_cells(ratios, made_of, none), &both(&ratios, size), better)
    };
    let of_money = |ratio: Ratio| {
        let amount = |micros| growth_domain::money::format_micros(Micros(micros), currency);
        format!("{} of {}", amount(ratio.numerator), amount(ratio.denominator))
    };
    let paying = both(&revenue.mrr, |mrr| mrr.paying_customers);
    let arpu = both(&revenue.mrr, |mrr| mrr.arpu.map(shown));
    let failed = both(&revenue.cash, |cash: &Cash| cash.failed_payments);
    let nobody = "nobody paid at the start";
    vec![
        Card::new("Paying customers", count_cells(paying), &paying, Better::More),
        Card::new("ARPU", known_money_cells(arpu, currency, "no paying customers"), &arpu, Better::More),
        share("Customer churn", rate(|kept| kept.customer_churn), &parts::parts, nobody, Better::Less),
        share(
            "Net revenue retention",
            rate(|kept| kept.net_revenue_retention),
            &of_money,
            nobody,
            Better::More,
        ),
        share(
            "Gross MRR churn",
            rate(|kept| kept.gross_mrr_churn),
            &of_money,
            "no MRR at the start",
            Better::Less,
        ),
        Card::new(
            "Failed payments",
            sum_cells(failed, currency, "payment", "payments"),
            &both(&failed, |money| money.amount),
            Better::Less,
        ),
    ]
}

//! The report's words, tables and pictures one by one, for pages that lay them out otherwise.
//!
//! Whoever shows a figure by these shows it as the report does. What comes as [`Html`] is a piece of a page whose
//! names are escaped; what comes as a `String` is plain text, to be escaped by whoever shows it.

use std::fmt;

use growth_domain::insights::Insight;
use growth_domain::money::format_minor;
use growth_domain::rollforward::{Ratio, RollForward};
use growth_metrics::{
    Cash, CurrencyRevenue, Engagement, Funnel, GoalProgress, GrowthSnapshot, Headline, PaymentLine, Periods,
    Product, Stage,
};

pub use crate::calendar::{Calendar, length};
use crate::chart::Chart;
use crate::document::Block;
pub use crate::figures::{
    both, cells, count, count_cells, counted, glued, known_money_cells, mean, mean_change, money_cells,
    parts, percent, rate_cells, shown, sum_cells, times, times_change, whole_percent,
};
use crate::html::words;
pub use crate::sections::is_empty;
pub use crate::sections::names::unescaped as name;
pub use crate::sections::revenue::headline::has_others;
pub use crate::sections::revenue::recurs;
use crate::sections::{
    charts, engagement, funnel, goal, header, insights, names, payments, product, quality, revenue,
};

/// A piece of a page. Its names are escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Words of the report within a paragraph.
    fn inline(markdown: &str) -> Self {
        let mut page = String::new();
        words::push(&mut page, markdown, None, "");
        let page = page.trim();
        let inner = page.strip_prefix("<p>").and_then(|page| page.strip_suffix("</p>"));
        Self(inner.unwrap_or(page).to_owned())
    }

    fn of(blocks: &[Block], under: &str) -> Self {
        let mut page = String::new();
        for block in blocks {
            match block {
                Block::Text(markdown) => words::push(&mut page, markdown, None, under),
                Block::Looks(look, markdown) => words::push(&mut page, markdown, Some(look), under),
                Block::Chart(chart) => page.push_str(&chart.to_figure(0)),
            }
        }
        Self(page)
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn figure(chart: Option<Chart>, number: usize) -> Option<Html> {
    chart.map(|chart| Html(chart.to_figure(number)))
}

/// MRR by day; `number` tells the figure from the page's other charts. `None` where there is nothing to draw.
pub fn mrr_chart(revenue: &CurrencyRevenue, number: usize) -> Option<Html> {
    figure(charts::mrr(revenue), number)
}

/// What moved MRR by day.
pub fn movements_chart(revenue: &CurrencyRevenue, number: usize) -> Option<Html> {
    figure(charts::movements(revenue), number)
}

/// MAU, WAU and DAU by day.
pub fn active_users_chart(engagement: &Engagement, number: usize) -> Option<Html> {
    figure(charts::active_users(engagement), number)
}

/// The cohorts by week as a table with shades, with its heading; `None` where there are none.
pub fn weekly_retention(engagement: &Engagement) -> Option<Html> {
    some(&engagement::retention(&engagement.weekly, "week"), "Weekly retention")
}

/// The cohorts by month.
pub fn monthly_retention(engagement: &Engagement) -> Option<Html> {
    some(&engagement::retention(&engagement.monthly, "month"), "Monthly retention")
}

/// The users with the most usage, as a table.
pub fn top_users(product: &Product) -> Option<Html> {
    (!product.top_users.is_empty())
        .then(|| Html::of(&[product::top_users(&product.top_users)], "Most active users"))
}

/// The most frequent events, as a table.
pub fn events(product: &Product, calendar: &Calendar) -> Option<Html> {
    (!product.events.is_empty()).then(|| Html::of(&[product::events(&product.events, calendar)], "Events"))
}

fn some(blocks: &[Block], under: &str) -> Option<Html> {
    (!blocks.is_empty()).then(|| Html::of(blocks, under))
}

/// What makes figures incomplete or uncertain, a sentence each.
pub fn doubts(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<Html> {
    quality::doubts(snapshot, calendar).iter().map(|doubt| Html::inline(doubt)).collect()
}

/// Where the data stands, a sentence each.
pub fn facts(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<Html> {
    quality::facts(snapshot, calendar).iter().map(|fact| Html::inline(fact)).collect()
}

/// `64.0 % of GBP 500.00, GBP 180.00 to go`, where there is a goal.
pub fn goal_progress(snapshot: &GrowthSnapshot) -> Option<String> {
    goal::progress(snapshot)
}

/// When the goal is reached, in sentences; empty once it is.
pub fn goal_forecast(goal: &GoalProgress) -> String {
    goal::forecast(goal).trim_start().to_owned()
}

/// A bar that is as full as the goal is reached.
pub fn goal_bar(reached: Ratio) -> Html {
    Html(words::bar(reached))
}

/// `It gained GBP 40.00 from new customers; it lost GBP 20.00 to churn.`, empty where MRR did not move.
pub fn moved_by(moved: &RollForward, currency: &str) -> String {
    header::moved_by(moved, currency).trim_start().to_owned()
}

/// By which rates a headline is converted, and what is not in it.
pub fn rates_in_words(headline: &Headline) -> Html {
    Html::inline(&revenue::headline::sentences(headline))
}

/// The cells of net volume: now, before, and how it changed.
pub fn net_volume_cells(moved: &Periods<Cash>, currency: &str) -> [String; 3] {
    revenue::cash::net_volume(moved, currency)
}

/// Which days activity is counted by, and what is known of the day that is not over; empty where the period has whole
/// days.
pub fn days_of_activity(snapshot: &GrowthSnapshot, calendar: &Calendar) -> String {
    header::days(snapshot, calendar).trim_start().to_owned()
}

/// What users of a stage did.
pub fn did(stage: Stage) -> &'static str {
    funnel::did(stage)
}

/// Which stage of the funnel loses most, in words.
pub fn bottleneck(funnel: &Funnel) -> Html {
    let days = counted(funnel.window_days.into(), "day", "days");
    Html::inline(&funnel::bottleneck(funnel, &days))
}

/// An insight, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsightInWords {
    /// `critical`, `warning`, `notice` or `good`.
    pub class: &'static str,
    /// The same as people read it.
    pub severity: &'static str,
    /// What is so.
    pub text: Html,
    /// What it rests on, a figure each.
    pub evidence: Vec<Html>,
    /// The rule that it comes from, and what is at stake.
    pub rule: Html,
    /// What to do about it.
    pub recommendation: Option<Html>,
}

/// Says how many insights a snapshot does not tell of, where there are any.
pub fn insights_left_out(snapshot: &GrowthSnapshot) -> Option<String> {
    insights::left_out(snapshot)
}

impl InsightInWords {
    /// Words an insight as the report does.
    pub fn of(insight: &Insight) -> Self {
        let told = |evidence| Html::inline(&insights::told(evidence, &insight.compared_with));
        let action = insight.recommendation.as_ref();
        Self {
            class: words::class(insight.severity),
            severity: insights::severity(insight.severity),
            text: Html::inline(&names::sentence(&insight.text)),
            evidence: insight.evidence.iter().map(told).collect(),
            rule: Html::inline(&insights::rule(insight)),
            recommendation: action.map(|action| Html::inline(&names::sentence(action))),
        }
    }
}

/// A payment, in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentInWords {
    /// When, in the report's zone.
    pub at: String,
    /// How much.
    pub amount: String,
    /// What became of it, and why it failed.
    pub status: String,
    /// What was bought.
    pub plan: String,
    /// By whom.
    pub user: String,
    /// Whether it was given back.
    pub refunded: String,
}

impl PaymentInWords {
    /// Words a payment as the report does.
    pub fn of(line: &PaymentLine, calendar: &Calendar) -> Self {
        Self {
            at: calendar.stamp(line.at),
            amount: format_minor(line.amount.into(), &line.currency),
            status: payments::status(line, names::unescaped),
            plan: payments::plan(line, names::unescaped),
            user: payments::user(line, names::unescaped),
            refunded: payments::refunded(line),
        }
    }
}

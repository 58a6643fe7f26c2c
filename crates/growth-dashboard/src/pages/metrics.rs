//! The page of figures.

use askama::Template;
use growth_metrics::{GrowthSnapshot, PaymentLine, Period};
use growth_report::parts::{
    Calendar, InsightInWords, PaymentInWords, active_users_chart, days_of_activity, events, glued,
    insights_left_out, monthly_retention, movements_chart, mrr_chart, top_users, weekly_retention,
};

use super::freshness::{self, FreshnessBar};
use super::markup::Markup;
use super::money::{self, Converted, CurrencyCards};
use super::product::{self, ProductCards};
use super::top::Top;
use crate::asked::Asked;

/// How many payments are listed.
const PAYMENTS: usize = 10;

/// The page of figures.
#[derive(Template)]
#[template(path = "metrics.html")]
pub(super) struct Metrics {
    top: Top,
    /// The period: its local dates, or when it begins and ends.
    period: String,
    length: String,
    /// What it is compared with.
    compared: String,
    before: String,
    zone: &'static str,
    /// When the figures are of.
    moment: String,
    time: String,
    account: Option<String>,
    /// Which days activity is counted by, where it is not by those of the period.
    days: String,
    freshness: FreshnessBar,
    converted: Option<Converted>,
    currencies: Vec<CurrencyCards>,
    product: Option<ProductCards>,
    charts: Vec<Markup>,
    activity: Option<Markup>,
    weekly: Option<Markup>,
    monthly: Option<Markup>,
    insights: Vec<Insight>,
    insights_left_out: Option<String>,
    payments: Vec<Payment>,
    events: Option<Markup>,
    top_users: Option<Markup>,
}

struct Insight {
    class: &'static str,
    severity: &'static str,
    text: Markup,
    evidence: Vec<Markup>,
    rule: Markup,
    recommendation: Option<Markup>,
}

struct Payment {
    at: String,
    machine: String,
    amount: String,
    status: String,
    tone: &'static str,
    plan: String,
    user: String,
    refunded: String,
}

impl Metrics {
    pub(super) fn new(asked: &Asked, snapshot: &GrowthSnapshot) -> Self {
        let header = &snapshot.header;
        let calendar = Calendar::of(header);
        let first = snapshot.revenue.first();
        let charts = [first.and_then(|of| mrr_chart(of, 1)), first.and_then(|of| movements_chart(of, 2))];
        let knows_users =
            snapshot.freshness.last_product_event_at.is_some() || snapshot.users.total.current > 0;
        Self {
            top: Top::with_figures(asked, snapshot),
            period: period(&header.window, &calendar),
            length: calendar.length(),
            compared: calendar.the_before(),
            before: calendar.dates(&header.previous),
            zone: calendar.zone(),
            moment: calendar.moment(header.as_of),
            time: calendar.time(header.as_of),
            account: (!header.account.is_empty()).then(|| growth_report::parts::name(&header.account)),
            days: days_of_activity(snapshot, &calendar),
            freshness: freshness::bar(snapshot, &calendar),
            // That there is no rate is for whoever asked for a currency.
            converted: (snapshot.headline.as_ref().and_then(money::converted))
                .filter(|converted| converted.card.is_some() || asked.currency.is_some()),
            currencies: money::currencies(snapshot),
            product: knows_users.then(|| product::cards(snapshot)),
            charts: charts.into_iter().flatten().map(Markup::from).collect(),
            activity: active_users_chart(&snapshot.engagement, 3).map(Markup::from),
            weekly: weekly_retention(&snapshot.engagement).map(Markup::from),
            monthly: monthly_retention(&snapshot.engagement).map(Markup::from),
            insights_left_out: insights_left_out(snapshot),
            insights: snapshot.insights.iter().map(|of| Insight::from(InsightInWords::of(of))).collect(),
            payments: snapshot.payments.iter().take(PAYMENTS).map(|of| Payment::of(of, &calendar)).collect(),
            events: events(&snapshot.product, &calendar).map(Markup::from),
            top_users: top_users(&snapshot.product).map(Markup::from),
        }
    }
}

fn period(window: &Period, calendar: &Calendar) -> String {
    if calendar.has_whole_days(window) {
        calendar.dates(window)
    } else {
        format!("{} to {}", calendar.moment(window.start), calendar.moment(window.end))
    }
}

impl From<InsightInWords> for Insight {
    fn from(words: InsightInWords) -> Self {
        Self {
            class: words.class,
            severity: words.severity,
            text: words.text.into(),
            evidence: words.evidence.into_iter().map(Markup::from).collect(),
            rule: words.rule.into(),
            recommendation: words.recommendation.map(Markup::from),
        }
    }
}

impl Payment {
    fn of(line: &PaymentLine, calendar: &Calendar) -> Self {
        let words = PaymentInWords::of(line, calendar);
        Self {
            at: words.at,
            machine: line.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            amount: glued(&words.amount),
            status: words.status,
            tone: match line.status.as_str() {
                "succeeded" => "good",
                "failed" => "bad",
                "pending" => "waits",
                _ => "flat",
            },
            plan: words.plan,
            user: words.user,
            refunded: glued(&words.refunded),
        }
    }
}

//! The cards of users and of what they do.

use growth_domain::rollforward::Ratio;
use growth_metrics::{ActivityDay, FunnelStage, GrowthSnapshot, Periods, ProductDay, Stage};
use growth_report::parts::{
    self, Calendar, both, bottleneck, count, count_cells, counted, did, parts as made_of, percent, rate_cells,
};

use super::card::{Better, Card, size};
use super::markup::{Markup, trend};

/// The cards of users and of what they do.
pub(super) struct ProductCards {
    /// All users, and new ones.
    pub(super) users: Vec<Card>,
    /// DAU, WAU, MAU.
    pub(super) active: Vec<Card>,
    pub(super) stickiness: Vec<Card>,
    /// Of which days activity is.
    pub(super) active_until: String,
    pub(super) enrichments: Vec<Card>,
    pub(super) funnel: Option<FunnelCard>,
}

/// The funnel, as bars.
pub(super) struct FunnelCard {
    pub(super) stages: Vec<Bar>,
    /// What has to be known of it.
    pub(super) about: String,
    pub(super) bottleneck: Markup,
}

/// A stage of the funnel.
pub(super) struct Bar {
    pub(super) name: &'static str,
    pub(super) reached: String,
    /// Of those who came to the stage before; nothing for the first one.
    pub(super) rate: String,
    /// Of all, as a width.
    pub(super) width: String,
}

pub(super) fn cards(snapshot: &GrowthSnapshot) -> ProductCards {
    ProductCards {
        users: users(snapshot),
        active: active(snapshot),
        stickiness: stickiness(snapshot),
        active_until: format!(
            "{}, beside {}",
            Calendar::day(snapshot.engagement.day),
            Calendar::day(snapshot.engagement.day_before)
        ),
        enrichments: enrichments(snapshot),
        funnel: funnel(snapshot),
    }
}

fn by_day(snapshot: &GrowthSnapshot, of: fn(&ActivityDay) -> u64) -> Option<Markup> {
    trend(snapshot.engagement.days.iter().map(|day| of(day).into()))
}

fn number(label: &'static str, counts: Periods<u64>, better: Better) -> Card {
    Card::new(label, count_cells(counts), &counts, better)
}

fn rate(label: &'static str, ratios: Periods<Ratio>, none: &str) -> Card {
    Card::new(label, rate_cells(ratios, made_of, none), &both(&ratios, size), Better::More)
}

fn users(snapshot: &GrowthSnapshot) -> Vec<Card> {
    let users = &snapshot.users;
    vec![
        number("Users", users.total, Better::More),
        number("New users", users.new, Better::More).with_trend(by_day(snapshot, |day| day.new_users)),
    ]
}

fn active(snapshot: &GrowthSnapshot) -> Vec<Card> {
    let engagement = &snapshot.engagement;
    vec![
        number("DAU", engagement.dau, Better::More).with_trend(by_day(snapshot, |day| day.dau)),
        number("WAU", engagement.wau, Better::More).with_trend(by_day(snapshot, |day| day.wau)),
        number("MAU", engagement.mau, Better::More).with_trend(by_day(snapshot, |day| day.mau)),
    ]
}

fn stickiness(snapshot: &GrowthSnapshot) -> Vec<Card> {
    let engagement = &snapshot.engagement;
    vec![
        rate("DAU / WAU", engagement.stickiness_week, "nobody was active in 7 days"),
        rate("DAU / MAU", engagement.stickiness_month, "nobody was active in 30 days"),
    ]
}

fn enrichments(snapshot: &GrowthSnapshot) -> Vec<Card> {
    let product = &snapshot.product;
    let days = |of: fn(&ProductDay) -> u64| trend(product.days.iter().map(|day| of(day).into()));
    vec![
        number("Enrichments completed", product.enrichments_completed, Better::More)
            .with_trend(days(|day| day.enrichments_completed)),
        rate("Success rate", product.enrichment_success, "no enrichment was completed or failed"),
    ]
}

fn funnel(snapshot: &GrowthSnapshot) -> Option<FunnelCard> {
    let funnel = &snapshot.funnel;
    if funnel.stages.first()?.reached == Periods::default() {
        return None;
    }
    let days = counted(funnel.window_days.into(), "day", "days");
    let pending = match funnel.pending.current {
        0 => String::new(),
        pending => {
            let who = counted(pending, "user still has", "users still have");
            format!(" {who} time.")
        }
    };
    Some(FunnelCard {
        stages: funnel.stages.iter().map(bar).collect(),
        about: format!(
            "Of those who signed up in the period, within {days}; percentages are of the stage before.{pending}"
        ),
        bottleneck: bottleneck(funnel).into(),
    })
}

fn bar(stage: &FunnelStage) -> Bar {
    let rate = match percent(stage.from_previous.current) {
        _ if stage.stage == Stage::SignUp => String::new(),
        Some(percent) => parts::glued(&percent),
        None => "n/a".to_owned(),
    };
    let overall = if stage.stage == Stage::SignUp && stage.reached.current > 0 {
        Ratio { numerator: 1, denominator: 1 }
    } else {
        stage.overall.current
    };
    Bar {
        name: did(stage.stage),
        reached: count(stage.reached.current),
        rate,
        width: percent(overall).unwrap_or_else(|| "0 %".to_owned()).replace([' ', ','], ""),
    }
}

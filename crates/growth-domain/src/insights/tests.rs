//! What holds for all rules together.

use proptest::prelude::*;

use super::*;
use crate::goal::Eta;
use crate::rollforward::{Cohort, RollForward};

pub(super) fn major(units: i64) -> Micros {
    Micros::from_minor(units * 100)
}

fn same<T: Copy>(value: T) -> Compared<T> {
    Compared { current: value, previous: value }
}

pub(super) fn calm_revenue() -> Revenue {
    let movements = RollForward { opening: major(1_000), closing: major(1_000), ..RollForward::default() };
    Revenue {
        currency: "gbp".into(),
        movements: same(movements),
        cohort: same(Cohort { customers: 100, ..Cohort::default() }),
        paying_customers: 100,
        active_subscriptions: 100,
        payments: same(100),
        trial_conversion: same(Ratio { numerator: 60, denominator: 100 }),
        ..Revenue::default()
    }
}

/// A business of which there is nothing to tell.
pub(super) fn calm() -> Signals {
    Signals {
        days: 30,
        revenue: Some(calm_revenue()),
        users: Users {
            new: same(100),
            activation: same(Ratio { numerator: 60, denominator: 100 }),
            activation_days: 7,
            ..Users::default()
        },
        product: Product { enrichments: same(1_000), ..Product::default() },
        ..Signals::default()
    }
}

pub(super) fn with_revenue(change: impl FnOnce(&mut Revenue)) -> Signals {
    let mut revenue = calm_revenue();
    change(&mut revenue);
    Signals { revenue: Some(revenue), ..calm() }
}

/// What one rule says by the default thresholds.
pub(super) fn said(rule: &str, signals: &Signals) -> Option<Insight> {
    let rule = RULES.iter().find(|known| known.id == rule).unwrap_or_else(|| panic!("no rule {rule}"));
    rule.check(signals, &Thresholds::default())
}

fn told(signals: &Signals) -> Vec<&'static str> {
    notable(signals, &Thresholds::default()).insights.iter().map(|insight| insight.rule).collect()
}

#[test]
fn of_a_calm_business_and_of_one_that_nothing_is_known_of_there_is_nothing_to_tell() {
    assert_eq!(told(&calm()), Vec::<&str>::new());
    assert_eq!(told(&Signals::default()), Vec::<&str>::new());
}

#[test]
fn the_most_urgent_comes_first_then_the_most_money_then_the_order_of_the_rules() {
    let mut signals = with_revenue(|revenue| {
        revenue.at_risk = major(60);
        revenue.ending = major(80);
        revenue.unattributed_payments = 50;
    });
    signals.users.new = Compared { current: 10, previous: 100 };
    signals.data = Data { failed_events: 1, unpriced_subscriptions: 1, ..Data::default() };
    let order =
        ["failed_events", "ending_subscriptions", "at_risk", "new_users_trend", "unpriced", "unattributed"];
    assert_eq!(told(&signals), order);
}

#[test]
fn at_most_seven_are_told() {
    let mut signals = with_revenue(|revenue| {
        revenue.at_risk = major(60);
        revenue.ending = major(80);
        revenue.unattributed_payments = 50;
        revenue.movements.current.contraction = major(40);
    });
    signals.users.new = Compared { current: 10, previous: 100 };
    signals.product.enrichments = Compared { current: 10, previous: 100 };
    signals.data = Data { failed_events: 1, unpriced_subscriptions: 1, counted_twice: 1, ..Data::default() };
    let insights = told(&signals);
    assert_eq!(insights.len(), MOST);
    assert!(!insights.contains(&"unattributed"), "the least urgent is left out: {insights:?}");
    assert_eq!(notable(&signals, &Thresholds::default()).left_out, 2);
}

#[test]
fn a_threshold_from_the_settings_decides() {
    let mut signals = calm();
    signals.users.new = Compared { current: 4, previous: 0 };
    let lower = Thresholds { min_count: 4, ..Thresholds::default() };
    assert_eq!(notable(&signals, &Thresholds::default()), Notable::default());
    assert_eq!(notable(&signals, &lower).insights.len(), 1);
}

#[test]
fn every_rule_and_every_threshold_is_in_the_document() {
    let document = include_str!("../../../../docs/METRICS.md");
    let row = |name: &str| document.lines().find(|line| line.starts_with(&format!("| `{name}`")));
    for rule in RULES {
        assert!(row(rule.id).is_some(), "the document says nothing of rule {}", rule.id);
    }
    for threshold in Thresholds::ALL {
        let row = row(threshold.name).unwrap_or_else(|| panic!("nothing of threshold {}", threshold.name));
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells[2], threshold.default.to_string(), "the default of {}", threshold.name);
        let (least, most) = threshold.allowed;
        assert_eq!(cells[3], format!("{least} to {most}"), "the limits of {}", threshold.name);
    }
}

#[test]
fn names_of_rules_are_unique() {
    let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), RULES.len());
}

/// What `growthctl explain` lists the rows of.
const METRICS: [&str; 19] = [
    "mrr",
    "ending_mrr",
    "at_risk_mrr",
    "churn",
    "new_mrr",
    "expansion",
    "contraction",
    "customer_churn",
    "new_revenue",
    "refunds",
    "disputes",
    "recovery",
    "trial_conversion",
    "active_users",
    "activation",
    "funnel",
    "enrichments",
    "unattributed",
    "unpriced",
];

/// The commands in a text, which there are.
fn knows_commands_of(text: &str) -> bool {
    let mut commands = text.split('`').filter_map(|part| part.strip_prefix("growthctl "));
    commands.all(|command| match command.split_once(' ') {
        Some(("explain", of)) => METRICS.contains(&of.split(' ').next().unwrap_or_default()),
        _ => ["backfill", "audit", "serve-webhook", "replay --failed", "replay --pending"].contains(&command),
    })
}

/// Numbers one after the other, to fill any field with.
struct Numbers<I>(I);

impl<I: Iterator<Item = i64>> Numbers<I> {
    fn int(&mut self) -> i64 {
        self.0.next().unwrap()
    }

    fn count(&mut self) -> u64 {
        self.int().unsigned_abs()
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.count() % 400).unwrap()
    }

    fn micros(&mut self) -> Micros {
        Micros::from_minor(self.int())
    }

    fn ratio(&mut self) -> Ratio {
        Ratio { numerator: self.int().into(), denominator: self.int().into() }
    }

    fn cash(&mut self) -> Cash {
        Cash { count: self.count(), amount: self.int() }
    }

    fn both<T>(&mut self, mut of: impl FnMut(&mut Self) -> T) -> Compared<T> {
        Compared { current: of(self), previous: of(self) }
    }

    fn maybe<T>(&mut self, of: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.int() % 4 != 0).then(|| of(self))
    }

    fn moved(&mut self) -> RollForward {
        RollForward {
            opening: self.micros(),
            new: self.micros(),
            reactivation: self.micros(),
            expansion: self.micros(),
            contraction: self.micros(),
            churn: self.micros(),
            fx: self.micros(),
            closing: self.micros(),
        }
    }

    fn cohort(&mut self) -> Cohort {
        let (customers, lost) = (self.count(), self.count());
        let (opening, closing, retained) = (self.micros(), self.micros(), self.micros());
        Cohort { customers, lost, lost_mrr: self.micros(), opening, closing, retained }
    }

    fn eta(&mut self) -> Eta {
        let (weekly, of_weeks, customers) = (self.micros(), self.small(), self.maybe(Self::count));
        match self.int() % 5 {
            0 => Eta::Reached,
            1 => Eta::Expected {
                weeks: self.count(),
                day: "2026-07-01".parse().unwrap(),
                weekly,
                of_weeks,
                customers,
            },
            2 => Eta::NotGrowing { weekly, of_weeks, customers },
            3 => Eta::TooEarly { of_weeks, customers },
            _ => Eta::OutOfSight { weekly, of_weeks, customers },
        }
    }

    fn revenue(&mut self) -> Revenue {
        Revenue {
            currency: ["gbp", "jpy", "kwd"][self.small() as usize % 3].into(),
            movements: self.both(Self::moved),
            cohort: self.both(Self::cohort),
            paying_customers: self.count(),
            active_subscriptions: self.count(),
            ending: self.micros(),
            at_risk: self.micros(),
            churned: Churned {
                count: self.count(),
                mrr: self.micros(),
                involuntary_count: self.count(),
                involuntary: self.micros(),
            },
            recovery: Recovery { failed: self.cash(), recovered: self.cash(), open: self.cash() },
            largest: self.maybe(|next| Largest {
                customer: ["cus_1", "  NaN {x}\n"][next.small() as usize % 2].into(),
                mrr: next.micros(),
                of: next.micros(),
            }),
            ending_discounts: self
                .maybe(|next| EndingDiscounts { subscriptions: next.count(), more: next.micros() }),
            payments: self.both(Self::count),
            unattributed_payments: self.count(),
            refunds: self.both(Self::cash),
            disputes: self.both(Self::cash),
            trial_conversion: self.both(Self::ratio),
        }
    }

    fn signals(&mut self) -> Signals {
        Signals {
            days: self.small(),
            flags: "--as-of 2026-06-29".to_owned(),
            goal: self.maybe(|next| Goal {
                currency: "usd".into(),
                amount: next.micros(),
                mrr: next.both(Self::micros),
                eta: next.eta(),
            }),
            revenue: self.maybe(Self::revenue),
            others: (0..self.small() % 3)
                .map(|_| OtherCurrency {
                    currency: "eur".into(),
                    movements: self.moved(),
                    customers: self.count(),
                })
                .collect(),
            users: Users {
                new: self.both(Self::count),
                activation: self.both(Self::ratio),
                activation_pending: self.count(),
                activation_days: self.small(),
                stickiness: self.both(Self::ratio),
                next_week: self.both(Self::ratio),
                next_week_cohorts: self.small(),
                bottleneck: self.maybe(|next| Bottleneck {
                    stage: if next.int() % 2 == 0 { Stage::Activation } else { Stage::Payment },
                    recent: next.ratio(),
                    trailing: next.ratio(),
                    lost: next.count(),
                }),
            },
            product: Product {
                enrichments: self.both(Self::count),
                enrichment_success: self.both(Self::ratio),
            },
            data: Data {
                failed_events: self.count(),
                pending_events: self.count(),
                pending_hours: self.maybe(Self::count),
                webhook_hours: self.maybe(Self::count),
                backfill_hours: self.maybe(Self::count),
                unpriced_subscriptions: self.count(),
                counted_twice: self.count(),
                reconstructed_movements: self.count(),
                reconstructed_subscriptions: self.count(),
            },
        }
    }
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(1), -3_i64..200, 0_i64..100_000, any::<i64>(), Just(i64::MAX), Just(i64::MIN)]
}

/// Any signals at all, of whatever numbers.
fn any_signals() -> impl Strategy<Value = Signals> {
    proptest::collection::vec(number(), 8..120)
        .prop_map(|numbers| Numbers(numbers.into_iter().cycle()).signals())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_numbers_give_a_few_plain_sentences_in_order(signals in any_signals(), min_count in 1_u32..50) {
        let thresholds = Thresholds { min_count, ..Thresholds::default() };
        let Notable { insights, left_out } = notable(&signals, &thresholds);
        let fired = RULES.iter().filter(|rule| rule.check(&signals, &thresholds).is_some()).count();
        prop_assert!(insights.len() <= MOST);
        prop_assert_eq!(insights.len() as u64 + left_out, fired as u64);
        prop_assert_eq!(&insights, &notable(&signals, &thresholds).insights);
        prop_assert!(insights.is_sorted_by_key(|insight| insight.severity));
        for rule in RULES {
            let Some(insight) = rule.check(&signals, &thresholds) else { continue };
            prop_assert!(!insight.evidence.is_empty(), "{}", rule.id);
            prop_assert!(insight.evidence.iter().all(|evidence| evidence.current.denominator != 0), "{}", rule.id);
            let advice = insight.recommendation.unwrap_or_default();
            prop_assert!(advice.contains(|char: char| char.is_ascii_digit()), "{}: {}", rule.id, advice);
            prop_assert!(knows_commands_of(&advice), "{}: {}", rule.id, advice);
            for text in [&insight.text, &advice, &insight.compared_with] {
                let is_plain = !text.contains("  ") && !text.contains(['{', '}', '\n', '<']);
                prop_assert!(is_plain, "{}: {}", rule.id, text);
                prop_assert!(!text.contains("NaN") && !text.contains("inf") && !text.contains("n/a"), "{text}");
            }
            for text in [&insight.text, &advice] {
                prop_assert!(text.ends_with('.') && !text.contains(".."), "{}: {}", rule.id, text);
            }
        }
    }
}

//! Snapshots built by hand, whose figures agree with each other.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use growth_domain::goal::Eta;
use growth_domain::money::Micros;
use growth_domain::movements::Kind;
use growth_domain::pricing::Policy;
use growth_domain::rollforward::{Cohort, Ratio, RollForward};
use growth_metrics::{
    Cash, Converted, CurrencyRevenue, Days, Engagement, Freshness, Funnel, GoalProgress, GrowthSnapshot,
    Header, Headline, LargestCustomer, LifetimeValue, Money, MovementReason, Mrr, PaymentLine, Period,
    Periods, Product, Recovery, RefundLine, Retention, RevenueDay, Unpriced, Users,
};

use crate::activity;

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn minor(amount: i64) -> Micros {
    Micros::from_minor(amount)
}

fn header() -> Header {
    Header {
        product: "Acme".to_owned(),
        as_of: at("2026-06-28T23:00:00Z"),
        days: 7,
        window: Period { start: at("2026-06-21T23:00:00Z"), end: at("2026-06-28T23:00:00Z") },
        previous: Period { start: at("2026-06-14T23:00:00Z"), end: at("2026-06-21T23:00:00Z") },
        time_zone: "Europe/London".to_owned(),
        policy: Policy::Stripe,
        livemode: true,
        account: String::new(),
        app: None,
        activity: Days { first: day("2026-06-22"), last: day("2026-06-28") },
        previous_activity: Days { first: day("2026-06-15"), last: day("2026-06-21") },
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn goal(mrr: i64) -> GoalProgress {
    GoalProgress {
        currency: "gbp".to_owned(),
        amount: 50_000,
        progress: Ratio { numerator: minor(mrr).0, denominator: minor(50_000).0 },
        gap: Some(minor(50_000 - mrr)),
        eta: if mrr == 0 {
            Eta::TooEarly { of_weeks: 0, customers: None }
        } else {
            Eta::Expected {
                weeks: 12,
                day: day("2026-09-20"),
                weekly: minor(1_500),
                of_weeks: 8,
                customers: Some(9),
            }
        },
    }
}

/// Nothing recorded yet.
pub(crate) fn nothing() -> GrowthSnapshot {
    GrowthSnapshot {
        schema_version: 1,
        header: header(),
        goal: Some(goal(0)),
        headline: None,
        revenue: Vec::new(),
        engagement: Engagement::default(),
        product: Product::default(),
        funnel: Funnel::default(),
        insights: Vec::new(),
        insights_left_out: 0,
        users: Users { activation_days: 7, ..Users::default() },
        payments: Vec::new(),
        refunds: Vec::new(),
        unpriced: Vec::new(),
        freshness: Freshness::default(),
    }
}

fn retention(cohort: Cohort, moved: &RollForward) -> Retention {
    Retention {
        cohort,
        customer_churn: cohort.customer_churn(),
        net_revenue_retention: cohort.net_revenue_retention(),
        gross_revenue_retention: cohort.gross_revenue_retention(),
        gross_mrr_churn: Ratio { numerator: moved.lost().0, denominator: moved.opening.0 },
        quick_ratio: Ratio { numerator: moved.gained().0, denominator: moved.lost().0 },
    }
}

fn money(count: u64, amount: i64) -> Money {
    Money { count, amount }
}

fn cash(payments: Money, refunds: Money, fees: i64) -> Cash {
    let net_before_fees = payments.amount - refunds.amount;
    Cash {
        payments,
        refunds,
        net_before_fees,
        known_fees: fees,
        net: Some(net_before_fees - fees),
        ..Cash::default()
    }
}

fn reason(kind: Kind, reason: Option<&str>, count: u64, amount: i64) -> MovementReason {
    MovementReason { kind, reason: reason.map(str::to_owned), count, amount: minor(amount) }
}

/// The days of the week in pounds.
fn week() -> Vec<RevenueDay> {
    let still = RevenueDay {
        day: day("2026-06-22"),
        mrr: minor(28_500),
        active_subscriptions: 15,
        new: Micros::ZERO,
        reactivation: Micros::ZERO,
        expansion: Micros::ZERO,
        contraction: Micros::ZERO,
        churn: Micros::ZERO,
        payments: money(2, 4_000),
    };
    let mut days = [
        RevenueDay { new: minor(2_000), ..still },
        RevenueDay { expansion: minor(1_000), ..still },
        RevenueDay { churn: minor(2_000), ..still },
        still,
        RevenueDay { contraction: minor(500), payments: money(1, 2_000), ..still },
        RevenueDay { new: minor(2_000), payments: money(1, 2_000), ..still },
        RevenueDay { reactivation: minor(1_000), payments: money(2, 20_200), ..still },
    ];
    let mut mrr = still.mrr;
    let active = [16, 16, 15, 15, 15, 16, 17];
    for ((date, day), active) in still.day.iter_days().zip(&mut days).zip(active) {
        mrr = mrr + day.new + day.reactivation + day.expansion - day.contraction - day.churn;
        (day.day, day.mrr, day.active_subscriptions) = (date, mrr, active);
    }
    days.to_vec()
}

/// Both currencies in pounds: a dollar is worth 75 pence.
fn headline() -> Headline {
    let movements = pounds().movements;
    let dollars = Micros(62_500_000);
    let now = movements.current;
    let rate = |currency: &str, rate: &str| Converted {
        currency: currency.to_owned(),
        rate: Periods { current: rate.to_owned(), previous: rate.to_owned() },
    };
    Headline {
        currency: "gbp".to_owned(),
        movements: Periods {
            current: RollForward { new: now.new + dollars, closing: now.closing + dollars, ..now },
            previous: movements.previous,
        },
        converted: vec![rate("gbp", "1"), rate("usd", "0.75")],
        apart: Vec::new(),
    }
}

fn pounds() -> CurrencyRevenue {
    let before = RollForward {
        opening: minor(25_000),
        new: minor(4_000),
        churn: minor(500),
        closing: minor(28_500),
        ..RollForward::default()
    };
    let now = RollForward {
        opening: minor(28_500),
        new: minor(4_000),
        reactivation: minor(1_000),
        expansion: minor(1_000),
        contraction: minor(500),
        churn: minor(2_000),
        fx: Micros::ZERO,
        closing: minor(32_000),
    };
    let cohort = |customers, opening, closing, retained| Cohort {
        customers,
        lost: 1,
        lost_mrr: minor(2_000),
        opening: minor(opening),
        closing: minor(closing),
        retained: minor(retained),
    };
    let mut this_week = cash(money(12, 40_200), money(1, 2_000), 1_245);
    this_week.failed_payments = money(1, 2_000);
    CurrencyRevenue {
        currency: "gbp".to_owned(),
        mrr: Periods {
            current: Mrr {
                net: minor(32_000),
                list: minor(34_000),
                discount: minor(2_000),
                committed: minor(30_000),
                at_risk: minor(2_000),
                arr: minor(384_000),
                active_subscriptions: 17,
                trialing_subscriptions: 3,
                unpriced_subscriptions: 0,
                paying_customers: 16,
                arpu: Some(minor(2_000)),
            },
            previous: Mrr {
                net: minor(28_500),
                list: minor(30_000),
                discount: minor(1_500),
                committed: minor(28_500),
                at_risk: Micros::ZERO,
                arr: minor(342_000),
                active_subscriptions: 15,
                trialing_subscriptions: 3,
                unpriced_subscriptions: 0,
                paying_customers: 14,
                arpu: Some(Micros(2_035_714_286)),
            },
        },
        movements: Periods { current: now, previous: before },
        retention: Periods {
            current: retention(cohort(14, 28_500, 27_000, 26_000), &now),
            previous: retention(cohort(13, 25_000, 24_500, 24_500), &before),
        },
        cash: Periods { current: this_week, previous: cash(money(10, 30_000), money(0, 0), 930) },
        all_time: cash(money(143, 312_450), money(4, 7_900), 9_890),
        first_payment_at: Some(at("2025-03-03T09:12:00Z")),
        reasons: Periods {
            current: vec![
                reason(Kind::New, Some("trial_converted"), 1, 2_000),
                reason(Kind::New, None, 1, 2_000),
                reason(Kind::Reactivation, None, 1, 1_000),
                reason(Kind::Expansion, Some("discount_expired"), 1, 1_000),
                reason(Kind::Contraction, Some("plan_change"), 1, 500),
                reason(Kind::Churn, Some("voluntary"), 1, 2_000),
            ],
            previous: vec![
                reason(Kind::New, None, 2, 4_000),
                reason(Kind::Churn, Some("involuntary"), 1, 500),
            ],
        },
        recovery: Periods {
            current: Recovery {
                failed: money(3, 6_000),
                recovered: money(2, 4_000),
                open: money(1, 2_000),
                by_count: Ratio { numerator: 2, denominator: 3 },
                by_volume: Ratio { numerator: 4_000, denominator: 6_000 },
            },
            previous: Recovery::default(),
        },
        trial_conversion: Periods {
            current: Ratio { numerator: 1, denominator: 2 },
            previous: Ratio { numerator: 0, denominator: 1 },
        },
        lifetime_value: LifetimeValue { customers: 14, ..LifetimeValue::default() },
        largest_customer: Some(LargestCustomer {
            customer: "cus_1".to_owned(),
            share: Ratio { numerator: minor(4_000).0, denominator: minor(32_000).0 },
        }),
        days: week(),
    }
}

fn dollars() -> CurrencyRevenue {
    let before = RollForward::default();
    let now = RollForward { new: Micros(83_333_333), closing: Micros(83_333_333), ..before };
    CurrencyRevenue {
        currency: "usd".to_owned(),
        mrr: Periods {
            current: Mrr {
                net: now.closing,
                list: now.closing,
                committed: now.closing,
                arr: Micros(999_999_996),
                active_subscriptions: 1,
                paying_customers: 1,
                arpu: Some(now.closing),
                ..Mrr::default()
            },
            previous: Mrr::default(),
        },
        movements: Periods { current: now, previous: before },
        retention: Periods {
            current: retention(Cohort::default(), &now),
            previous: retention(Cohort::default(), &before),
        },
        cash: Periods {
            current: cash(money(1, 1_000), money(0, 0), 59),
            previous: cash(money(0, 0), money(0, 0), 0),
        },
        all_time: cash(money(1, 1_000), money(0, 0), 59),
        ..CurrencyRevenue::default()
    }
}

fn payment(number: u32) -> PaymentLine {
    PaymentLine {
        id: format!("pi_{number}"),
        event_id: format!("evt_{number}"),
        at: at("2026-06-28T22:41:00Z") - TimeDelta::hours(13 * i64::from(number)),
        amount: 2_000,
        currency: "gbp".to_owned(),
        status: "succeeded".to_owned(),
        plan_name: Some("Pro".to_owned()),
        billing_period: Some("month".to_owned()),
        user: Some(format!("user_{number}")),
        attributed_by: Some("client_reference_id".to_owned()),
        customer: Some(format!("cus_{number}")),
        payment_intent: Some(format!("pi_{number}")),
        charge: Some(format!("ch_{number}")),
        invoice: Some(format!("in_{number}")),
        subscription: Some(format!("sub_{number}")),
        refund_amount: 0,
        fee: Some(50),
        fee_currency: Some("gbp".to_owned()),
        failure_code: None,
    }
}

/// A good week in two currencies.
pub(crate) fn two_currencies() -> GrowthSnapshot {
    let mut payments: Vec<PaymentLine> = (0..12).map(payment).collect();
    payments[1].plan_name = Some("Pro (yearly)".to_owned());
    payments[1].billing_period = Some("year".to_owned());
    payments[1].amount = 18_200;
    payments[2].currency = String::from("usd");
    payments[2].amount = 1_000;
    payments[3].refund_amount = 2_000;
    payments[4].status = String::from("failed");
    payments[4].failure_code = Some("card_declined".to_owned());
    payments[5].plan_name = None;
    payments[5].billing_period = None;
    GrowthSnapshot {
        goal: Some(goal(32_000)),
        headline: Some(headline()),
        revenue: vec![pounds(), dollars()],
        engagement: activity::engagement(header().activity.last),
        product: activity::product(),
        funnel: activity::funnel(),
        insights: activity::insights(),
        insights_left_out: 2,
        users: Users {
            total: Periods { current: 1_204, previous: 1_187 },
            new: Periods { current: 17, previous: 21 },
            active: Periods { current: 312, previous: 298 },
            activation: Periods {
                current: Ratio { numerator: 0, denominator: 0 },
                previous: Ratio { numerator: 9, denominator: 21 },
            },
            activation_pending: Periods { current: 17, previous: 0 },
            activation_days: 7,
        },
        payments,
        freshness: Freshness {
            last_stripe_event_at: Some(at("2026-06-28T22:41:10Z")),
            last_webhook_received_at: Some(at("2026-06-28T22:41:12Z")),
            oldest_pending_received_at: None,
            last_stripe_event_received_at: Some(at("2026-06-28T22:41:12Z")),
            last_product_event_at: Some(at("2026-06-28T22:58:30Z")),
            applied_events: 1_412,
            ignored_events: 37,
            ..Freshness::default()
        },
        ..nothing()
    }
}

/// Stripe's test data with everything that can be unknown, in yen, as of a time inside a day.
pub(crate) fn doubtful_test_data() -> GrowthSnapshot {
    let moved = RollForward { opening: minor(1_000), closing: minor(1_000), ..RollForward::default() };
    let stays = Cohort {
        customers: 1,
        lost: 0,
        lost_mrr: Micros::ZERO,
        opening: minor(1_000),
        closing: minor(1_000),
        retained: minor(1_000),
    };
    let mrr = Mrr {
        net: minor(1_000),
        list: minor(1_000),
        committed: minor(1_000),
        arr: minor(12_000),
        active_subscriptions: 13,
        unpriced_subscriptions: 12,
        paying_customers: 1,
        arpu: Some(minor(1_000)),
        ..Mrr::default()
    };
    let mut now = cash(money(12, 14_800), money(2, 1_500), 180);
    now.unattributed = money(2, 2_000);
    now.by_invoice_only = money(1, 1_000);
    now.refunds_without_payment = money(1, 500);
    now.disputes = money(1, 1_000);
    now.net_before_fees -= 1_000;
    now.fees_unknown = 3;
    now.net = None;
    let mut before = cash(money(1, 1_000), money(0, 0), 36);
    before.net = Some(-36);
    before.net_before_fees = 0;
    before.disputes = money(1, 1_000);
    let yen = CurrencyRevenue {
        currency: "jpy".to_owned(),
        mrr: Periods {
            current: mrr,
            previous: Mrr { unpriced_subscriptions: 0, active_subscriptions: 1, ..mrr },
        },
        movements: Periods { current: moved, previous: moved },
        retention: Periods { current: retention(stays, &moved), previous: retention(stays, &moved) },
        cash: Periods { current: now, previous: before },
        all_time: Cash { payments: money(20, 22_000), fees_unknown: 3, net: None, ..now },
        ..CurrencyRevenue::default()
    };
    let dinars = CurrencyRevenue {
        currency: "kwd".to_owned(),
        cash: Periods {
            current: cash(money(0, 0), money(0, 0), 0),
            previous: cash(money(0, 0), money(0, 0), 0),
        },
        all_time: cash(money(1, 1_250), money(0, 0), 40),
        ..CurrencyRevenue::default()
    };
    let unattributed = PaymentLine { user: None, attributed_by: None, ..payment(0) };
    let yen_payment = |number| PaymentLine { currency: "jpy".to_owned(), amount: 1_000, ..payment(number) };
    GrowthSnapshot {
        header: Header {
            livemode: false,
            account: "acct_1".to_owned(),
            policy: Policy::Conservative,
            as_of: at("2026-06-29T08:30:00Z"),
            window: Period { start: at("2026-06-22T08:30:00Z"), end: at("2026-06-29T08:30:00Z") },
            previous: Period { start: at("2026-06-15T08:30:00Z"), end: at("2026-06-22T08:30:00Z") },
            activity: Days { first: day("2026-06-23"), last: day("2026-06-29") },
            previous_activity: Days { first: day("2026-06-16"), last: day("2026-06-22") },
            app: Some("web".to_owned()),
            ..header()
        },
        goal: Some(goal(0)),
        revenue: vec![yen, dinars],
        payments: vec![
            PaymentLine {
                currency: "jpy".to_owned(),
                amount: 1_000,
                refund_amount: 400,
                ..unattributed.clone()
            },
            PaymentLine { status: "pending".to_owned(), ..yen_payment(1) },
        ],
        refunds: vec![
            RefundLine {
                id: "re_1".to_owned(),
                at: at("2026-06-26T10:00:00Z"),
                amount: 500,
                currency: "jpy".to_owned(),
                status: "succeeded".to_owned(),
                counted: true,
                payment: None,
                charge: Some("ch_9".to_owned()),
                reason: None,
            },
            RefundLine {
                id: "re_2".to_owned(),
                at: at("2026-06-25T10:00:00Z"),
                amount: 1_000,
                currency: "jpy".to_owned(),
                status: "succeeded".to_owned(),
                counted: true,
                payment: Some("pi_1".to_owned()),
                charge: Some("ch_1".to_owned()),
                reason: Some("requested_by_customer".to_owned()),
            },
        ],
        unpriced: (1..=12)
            .map(|number| Unpriced {
                subscription: format!("sub_{number}"),
                customer: format!("cus_{number}"),
                currency: "jpy".to_owned(),
                reason: "the tiers of price price_1 are not known".to_owned(),
            })
            .collect(),
        freshness: Freshness {
            last_stripe_event_at: Some(at("2026-06-25T23:30:00Z")),
            last_webhook_received_at: None,
            oldest_pending_received_at: Some(at("2026-06-25T23:29:00Z")),
            last_stripe_event_received_at: Some(at("2026-06-25T23:30:01Z")),
            last_product_event_at: None,
            applied_events: 40,
            ignored_events: 2,
            pending_events: 3,
            failed_events: 1,
            reconstructed_subscriptions: 13,
            possibly_counted_twice: 0,
            reconstructed_movements: 4,
            other_accounts: 1,
            backfill_unfinished_since: Some(at("2026-06-14T00:00:00Z")),
        },
        ..nothing()
    }
}

/// The same name wherever a name can stand.
pub(crate) fn named(name: &str) -> GrowthSnapshot {
    let mut snapshot = doubtful_test_data();
    let rich = two_currencies();
    (snapshot.product, snapshot.insights) = (rich.product, rich.insights);
    (snapshot.headline, snapshot.engagement, snapshot.funnel) = (rich.headline, rich.engagement, rich.funnel);
    let yen = &mut snapshot.revenue[0];
    yen.reasons.current = vec![reason(Kind::Churn, Some(name), 1, 500)];
    let share = Ratio { numerator: 1, denominator: 2 };
    yen.largest_customer = Some(LargestCustomer { customer: name.to_owned(), share });
    for event in &mut snapshot.product.events {
        name.clone_into(&mut event.name);
    }
    for user in &mut snapshot.product.top_users {
        user.user = Some(name.to_owned());
    }
    for insight in &mut snapshot.insights {
        name.clone_into(&mut insight.text);
        name.clone_into(&mut insight.compared_with);
        insight.recommendation = Some(name.to_owned());
        insight.evidence.iter_mut().for_each(|evidence| name.clone_into(&mut evidence.label));
    }
    snapshot.header.app = Some(name.to_owned());
    name.clone_into(&mut snapshot.header.product);
    name.clone_into(&mut snapshot.header.account);
    for payment in &mut snapshot.payments {
        name.clone_into(&mut payment.status);
        payment.plan_name = Some(name.to_owned());
        payment.billing_period = Some(name.to_owned());
        payment.user = Some(name.to_owned());
    }
    let failed = PaymentLine {
        status: "failed".to_owned(),
        failure_code: Some(name.to_owned()),
        ..snapshot.payments[0].clone()
    };
    snapshot.payments.push(failed);
    for refund in &mut snapshot.refunds {
        name.clone_into(&mut refund.id);
        refund.charge = Some(name.to_owned());
        refund.reason = Some(name.to_owned());
    }
    for unpriced in &mut snapshot.unpriced {
        name.clone_into(&mut unpriced.subscription);
        name.clone_into(&mut unpriced.customer);
        name.clone_into(&mut unpriced.reason);
    }
    snapshot
}

/// One of each.
pub(crate) fn all() -> [GrowthSnapshot; 4] {
    [two_currencies(), nothing(), doubtful_test_data(), named(HOSTILE)]
}

/// A name that tries to be everything but a name.
pub(crate) const HOSTILE: &str = "a|b `c` *d* _e_ <b>f</b> [g](h) \\| &lt; ~~i~~\n# @jane";

//! A second computation of every figure, from the sample business's own list of facts.
//!
//! It reads no database and shares no computation with the product, only the shapes of its results. It is as plain as it
//! can be, and does not mind how long it takes.

mod cash;
mod clock;
mod facts;
mod forecast;
mod movements;
mod people;
mod product;
mod revenue;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::Tz;
use growth_domain::pricing::Policy;
use growth_domain::rollforward::Ratio;
use growth_metrics::{
    CurrencyRevenue, Days, Freshness, GrowthSnapshot, Header, PaymentLine, Period, Periods, RefundLine,
    Request,
};

use self::clock::{Span, day, days_before};
pub(crate) use self::facts::Facts;
pub(crate) use self::forecast::Worth;

/// What is asked for, and of what.
pub(crate) struct Asked<'a> {
    facts: &'a Facts<'a>,
    request: &'a Request,
    /// What other currencies are worth in GBP, as the request's rates say.
    worths: &'a [Worth],
    zone: Tz,
    window: Span,
    previous: Span,
    /// The local days that activity is of, both included.
    days: (NaiveDate, NaiveDate),
    previous_days: (NaiveDate, NaiveDate),
}

fn ratio(numerator: impl Into<i128>, denominator: impl Into<i128>) -> Ratio {
    Ratio { numerator: numerator.into(), denominator: denominator.into() }
}

fn both<T>(asked: &Asked<'_>, of: impl Fn(Span) -> T) -> Periods<T> {
    Periods { current: of(asked.window), previous: of(asked.previous) }
}

/// The snapshot that the facts come to. Payments and refunds have only what the truth tells of them.
pub(crate) fn expected(facts: &Facts<'_>, request: &Request, worths: &[Worth]) -> GrowthSnapshot {
    let (zone, end) = (request.time_zone, request.window.end);
    let length = u64::from(request.days);
    let start = days_before(end, length, zone);
    let last = day(end, zone) - chrono::Days::new(1);
    let first = last - chrono::Days::new(length - 1);
    let asked = Asked {
        facts,
        request,
        worths,
        zone,
        window: (start, end),
        previous: (days_before(end, 2 * length, zone), start),
        days: (first, last),
        previous_days: (first - chrono::Days::new(length), first - chrono::Days::new(1)),
    };
    let cuts = [asked.previous.0, asked.window.0, asked.window.1];
    let known = known(&facts.subscriptions, &asked);
    let moved = movements::movements(&known, &cuts);
    let revenue = revenues(&asked, &moved);
    let active = people::active(&asked);
    GrowthSnapshot {
        schema_version: 1,
        header: header(&asked),
        goal: forecast::goal(&asked, &revenue),
        headline: forecast::headline(&asked, &revenue, &moved),
        revenue,
        users: people::users(&asked, &active),
        engagement: people::engagement(&asked, &active),
        product: product::product(&asked, &active),
        funnel: people::funnel(&asked),
        insights: Vec::new(),
        insights_left_out: 0,
        payments: payments(&asked),
        refunds: refunds(&asked),
        unpriced: Vec::new(),
        freshness: freshness(&asked),
    }
}

/// Subscriptions as far as they are known at the end of the report.
fn known(subscriptions: &[facts::Subscription], asked: &Asked<'_>) -> Vec<facts::Subscription> {
    let mut known = subscriptions.to_vec();
    for subscription in &mut known {
        subscription.states.retain(|(at, _)| *at < asked.window.1);
    }
    known
}

fn header(asked: &Asked<'_>) -> Header {
    let period = |(start, end): Span| Period { start, end };
    let days = |(first, last): (NaiveDate, NaiveDate)| Days { first, last };
    Header {
        product: asked.request.product.clone(),
        as_of: asked.window.1,
        days: asked.request.days,
        window: period(asked.window),
        previous: period(asked.previous),
        activity: days(asked.days),
        previous_activity: days(asked.previous_days),
        time_zone: asked.zone.name().to_owned(),
        policy: Policy::Stripe,
        livemode: true,
        account: asked.request.account.clone(),
        app: asked.request.app.clone(),
    }
}

/// The goal's currency first, then the largest MRR, then by name.
fn revenues(asked: &Asked<'_>, moved: &[movements::Moved]) -> Vec<CurrencyRevenue> {
    let end = asked.window.1;
    let truth = &asked.facts.business.truth;
    let mut currencies: BTreeSet<&str> = BTreeSet::new();
    for own in &asked.facts.subscriptions {
        currencies.extend(own.states.iter().any(|(at, _)| *at < end).then_some(own.currency.as_str()));
    }
    for payment in &truth.payments {
        let at = payment.paid_at.unwrap_or(asked.facts.begun[&payment.payment_intent]);
        currencies.extend((at < end).then_some(payment.currency.as_str()));
    }
    let mut revenues: Vec<CurrencyRevenue> =
        currencies.into_iter().map(|currency| revenue::revenue(asked, currency, moved)).collect();
    let goal = asked.request.goal.as_ref().map(|goal| goal.currency.clone());
    revenues.sort_by_key(|own| {
        (goal.as_ref() != Some(&own.currency), -own.mrr.current.net.0, own.currency.clone())
    });
    revenues
}

fn payments(asked: &Asked<'_>) -> Vec<PaymentLine> {
    let line = |payment: &growth_demo::world::TruthPayment| PaymentLine {
        id: payment.payment_intent.clone(),
        event_id: String::new(),
        at: payment.paid_at.unwrap_or(asked.facts.begun[&payment.payment_intent]),
        amount: payment.amount,
        currency: payment.currency.clone(),
        status: if payment.succeeded { "succeeded" } else { "failed" }.to_owned(),
        plan_name: None,
        billing_period: None,
        user: payment.user.clone(),
        attributed_by: None,
        customer: payment.customer.clone(),
        payment_intent: Some(payment.payment_intent.clone()),
        charge: Some(payment.charge.clone()),
        invoice: payment.invoice.clone(),
        subscription: payment.subscription.clone(),
        refund_amount: asked
            .facts
            .business
            .truth
            .refunds
            .iter()
            .filter(|refund| refund.payment_intent == payment.payment_intent && refund.status != "failed")
            .map(|refund| refund.amount)
            .sum(),
        fee: payment.fee,
        fee_currency: payment.fee.map(|_| payment.currency.clone()),
        failure_code: None,
    };
    let mut lines: Vec<PaymentLine> = asked.facts.business.truth.payments.iter().map(line).collect();
    lines.retain(|line| line.at < asked.window.1);
    lines.sort_by_key(|line| (std::cmp::Reverse(line.at), line.id.clone()));
    lines.truncate(100);
    lines
}

fn refunds(asked: &Asked<'_>) -> Vec<RefundLine> {
    let line = |refund: &growth_demo::world::TruthRefund| RefundLine {
        id: refund.id.clone(),
        at: refund.created,
        amount: refund.amount,
        currency: refund.currency.clone(),
        status: refund.status.clone(),
        counted: refund.status != "failed",
        payment: Some(refund.payment_intent.clone()),
        charge: Some(refund.charge.clone()),
        reason: Some("requested_by_customer".to_owned()),
    };
    let mut lines: Vec<RefundLine> = asked.facts.business.truth.refunds.iter().map(line).collect();
    lines.retain(|line| line.at < asked.window.1);
    lines.sort_by_key(|line| (std::cmp::Reverse(line.at), line.id.clone()));
    lines
}

/// Nothing is missing, and nothing came from elsewhere.
fn freshness(asked: &Asked<'_>) -> Freshness {
    let business = asked.facts.business;
    let created = business.stripe_events.iter().filter_map(|event| event["created"].as_i64());
    let seen = business.events.iter().filter(|event| event.user.is_some() && event.active);
    Freshness {
        last_stripe_event_at: created.max().and_then(|at| chrono::DateTime::from_timestamp(at, 0)),
        last_product_event_at: seen.map(|event| event.at).max(),
        ..Freshness::default()
    }
}

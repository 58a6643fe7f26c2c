//! What the business's own list of facts says, before anything is counted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use growth_demo::business::Business;
use serde_json::Value;

/// A subscription from one instant to the next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) status: String,
    pub(crate) price: String,
    pub(crate) quantity: i64,
    pub(crate) paused: bool,
    /// Whether its end is set.
    pub(crate) ending: bool,
    pub(crate) why_canceled: Option<String>,
    /// Micros a month before discounts, and what is left after them; 0 while it does not count.
    pub(crate) list: i128,
    pub(crate) net: i128,
}

impl State {
    pub(crate) fn counts(&self) -> bool {
        matches!(self.status.as_str(), "active" | "past_due") && !self.paused
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) customer: String,
    pub(crate) currency: String,
    /// Its states, each at another instant.
    pub(crate) states: Vec<(DateTime<Utc>, State)>,
}

impl Subscription {
    /// How it stood right before an instant.
    pub(crate) fn before(&self, instant: DateTime<Utc>) -> Option<&State> {
        self.states.iter().rev().find(|(at, _)| *at < instant).map(|(_, state)| state)
    }

    pub(crate) fn worth_before(&self, instant: DateTime<Utc>) -> i128 {
        self.before(instant).map_or(0, |state| state.net)
    }
}

/// Everything that figures are made of.
pub(crate) struct Facts<'a> {
    pub(crate) business: &'a Business,
    /// By their ids.
    pub(crate) subscriptions: Vec<Subscription>,
    /// When each payment was begun, by its intent.
    pub(crate) begun: BTreeMap<String, DateTime<Utc>>,
    /// When each dispute gave its money back.
    pub(crate) reinstated: BTreeMap<String, DateTime<Utc>>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(business: &'a Business) -> Self {
        let subscriptions = subscriptions(&business.stripe_events);
        let intents = business.stripe_events.iter().map(|event| &event["data"]["object"]);
        let begun = intents
            .filter(|object| object["object"] == "payment_intent")
            .map(|intent| (text(&intent["id"]), time(&intent["created"]).unwrap()))
            .collect();
        let given_back =
            business.stripe_events.iter().filter(|event| event["type"] == "charge.dispute.funds_reinstated");
        let reinstated = given_back
            .map(|event| (text(&event["data"]["object"]["id"]), time(&event["created"]).unwrap()))
            .collect();
        Self { business, subscriptions, begun, reinstated }
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(value.as_i64()?, 0)
}

/// What a coupon takes off for as long as the subscription lives.
#[derive(Clone, Copy)]
enum Off {
    Nothing,
    Percent(i128),
    Minor(i128),
}

fn off(coupon: &Value) -> Off {
    if coupon["duration"] != "forever" {
        return Off::Nothing;
    }
    match (coupon["percent_off"].as_f64(), coupon["amount_off"].as_i64()) {
        #[expect(clippy::cast_possible_truncation, reason = "the world has whole percents")]
        (Some(percent), _) => Off::Percent(percent as i128),
        (None, Some(minor)) => Off::Minor(minor.into()),
        (None, None) => Off::Nothing,
    }
}

/// What events tell of one subscription: when, in which order within the second, and how it is.
type Told<'a> = Vec<(DateTime<Utc>, u8, &'a Value)>;

pub(crate) fn subscriptions(events: &[Value]) -> Vec<Subscription> {
    let mut coupons: BTreeMap<String, Off> = BTreeMap::new();
    let mut discounts: BTreeMap<String, Off> = BTreeMap::new();
    let mut told: BTreeMap<String, Told<'_>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["type"] == "coupon.created") {
        let coupon = &event["data"]["object"];
        coupons.insert(text(&coupon["id"]), off(coupon));
    }
    for event in events {
        let (kind, object) = (text(&event["type"]), &event["data"]["object"]);
        if kind == "customer.discount.created" {
            let coupon = object["coupon"]["id"].as_str().or(object["source"]["coupon"].as_str()).unwrap();
            discounts.insert(text(&object["id"]), coupons[coupon]);
        }
        // Of one second, what began comes before what changed, and the end comes last.
        let rank = match kind.as_str() {
            "customer.subscription.created" => 0,
            "customer.subscription.updated" => 1,
            "customer.subscription.deleted" => 2,
            _ => continue,
        };
        let at = if rank == 2 { &object["ended_at"] } else { &event["created"] };
        told.entry(text(&object["id"])).or_default().push((time(at).unwrap(), rank, object));
    }
    let subscription = |(id, mut told): (String, Told<'_>)| {
        told.sort_by_key(|(at, rank, _)| (*at, *rank));
        let first = told[0].2;
        let mut states: Vec<(DateTime<Utc>, State)> = Vec::new();
        for (at, _, object) in &told {
            states.retain(|(earlier, _)| earlier != at);
            states.push((*at, state(object, &discounts)));
        }
        Subscription { id, customer: text(&first["customer"]), currency: text(&first["currency"]), states }
    };
    told.into_iter().map(subscription).collect()
}

fn state(object: &Value, discounts: &BTreeMap<String, Off>) -> State {
    let item = &object["items"]["data"][0];
    let price = &item["price"];
    let (unit, quantity) = (price["unit_amount"].as_i64().unwrap(), item["quantity"].as_i64().unwrap());
    let every = i128::from(price["recurring"]["interval_count"].as_i64().unwrap());
    let months = every * if price["recurring"]["interval"] == "year" { 12 } else { 1 };
    let mut state = State {
        status: text(&object["status"]),
        price: text(&price["id"]),
        quantity,
        paused: !object["pause_collection"].is_null(),
        ending: object["cancel_at_period_end"] == true,
        why_canceled: object["cancellation_details"]["reason"].as_str().map(str::to_owned),
        list: 0,
        net: 0,
    };
    if state.counts() {
        let line = i128::from(unit) * i128::from(quantity);
        // A hundredth of a minor unit is the smallest that a percentage leaves.
        let hundredths = match object["discounts"][0].as_str().map_or(Off::Nothing, |id| discounts[id]) {
            Off::Nothing => line * 100,
            Off::Percent(percent) => line * (100 - percent),
            Off::Minor(minor) => (line - minor).max(0) * 100,
        };
        state.list = divided(line * 1_000_000, months);
        state.net = divided(hundredths * 10_000, months);
    }
    state
}

/// The nearest whole number, and of two the even one.
pub(crate) fn divided(number: i128, by: i128) -> i128 {
    let (below, rest) = (number.div_euclid(by), number.rem_euclid(by));
    below + i128::from(rest * 2 > by || (rest * 2 == by && below % 2 != 0))
}

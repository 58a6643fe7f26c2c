//! A simulated Stripe account that emits events and knows the truth.
//!
//! Operations take an instant and return what they made, or `None` (`false`)
//! where Stripe would refuse, for instance the renewal of a canceled
//! subscription; a refused operation emits nothing.
//!
//! Two rules keep the final state free of ambiguity. Events about one object
//! that say different things never share a second unless their meaning orders
//! them (created and then active, open and then paid): an operation on an object
//! whose last event lies in the same second or later happens one second after
//! that event. And a customer has one user: give the same user id wherever one
//! customer gets a `client_reference_id` or a `user_id`. Within a second the
//! events of one operation come in any order.

mod api;
mod catalogue;
mod customers;
mod ids;
mod invoices;
mod objects;
mod payments;
mod records;
mod subscriptions;
#[cfg(test)]
mod tests;
mod truth;

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::{Value, json};

pub use self::catalogue::{CouponTerms, Duration, Interval, Off, PriceTerms};
use self::ids::Ids;
use self::records::{Coupon, Customer, Dispute, Invoice, Payment, Price, Product, Refund, Subscription};
pub use self::subscriptions::Terms;
pub use self::truth::{
    Truth, TruthDispute, TruthInvoice, TruthItem, TruthPayment, TruthRefund, TruthSubscription,
};
use crate::random::Random;

/// Which API version's objects an account sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// 2025-02-24.acacia: invoices, intents and charges name each other.
    Acacia,
    /// 2025-10-29.clover: only `invoice_payment` links an invoice with its intent.
    Clover,
}

impl Shape {
    /// Returns the API version's name.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::Acacia => "2025-02-24.acacia",
            Self::Clover => "2025-10-29.clover",
        }
    }
}

/// One simulated Stripe account.
#[derive(Clone, Debug)]
pub struct World {
    shape: Shape,
    upgrade: Option<(DateTime<Utc>, Shape)>,
    livemode: bool,
    account: Option<String>,
    fees_hidden: u64,
    beginnings: bool,
    random: Random,
    ids: Ids,
    products: Vec<Product>,
    prices: BTreeMap<String, Price>,
    coupons: BTreeMap<String, Coupon>,
    customers: BTreeMap<String, Customer>,
    subscriptions: BTreeMap<String, Subscription>,
    invoices: BTreeMap<String, Invoice>,
    payments: BTreeMap<String, Payment>,
    /// Payments as they were when a charge failed that another one followed.
    declined: Vec<Payment>,
    /// Checkout sessions, which do not change once they are complete.
    sessions: Vec<Value>,
    refunds: BTreeMap<String, Refund>,
    disputes: BTreeMap<String, Dispute>,
    users_by_email: BTreeMap<String, String>,
    events: Vec<Value>,
}

impl World {
    /// Opens an account; equal seeds and operations give equal events.
    ///
    /// One charge in ten shows only the id of its balance transaction, see [`World::with_fees_hidden`].
    pub fn new(shape: Shape, livemode: bool, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let ids = Ids::new(random.fork());
        Self {
            shape,
            upgrade: None,
            livemode,
            account: None,
            fees_hidden: 10,
            beginnings: true,
            random,
            ids,
            products: Vec::new(),
            prices: BTreeMap::new(),
            coupons: BTreeMap::new(),
            customers: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            invoices: BTreeMap::new(),
            payments: BTreeMap::new(),
            declined: Vec::new(),
            sessions: Vec::new(),
            refunds: BTreeMap::new(),
            disputes: BTreeMap::new(),
            users_by_email: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// Lets the account change its API version: events from that instant on have the other shape.
    #[must_use]
    pub fn with_upgrade(mut self, at: DateTime<Utc>, shape: Shape) -> Self {
        self.upgrade = Some((at, shape));
        self
    }

    /// Makes it a connected account (`acct_…`), which every event then names.
    #[must_use]
    pub fn with_account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Sets in how many of a hundred charges the fee is not shown.
    #[must_use]
    pub fn with_fees_hidden(mut self, percent: u64) -> Self {
        self.fees_hidden = percent;
        self
    }

    /// Leaves out what tells of no money yet, as an endpoint that subscribes to less would: `invoice.created`,
    /// `invoice.finalized`, `payment_intent.created` and `payment_method.attached`.
    #[must_use]
    pub fn without_beginnings(mut self) -> Self {
        self.beginnings = false;
        self
    }

    /// Tells the truth, not the account, that a user of the application has this e-mail address.
    ///
    /// Customers with the address and no better link then belong to that user.
    pub fn know_user(&mut self, user: &str, email: &str) {
        self.users_by_email.insert(email.to_lowercase(), user.to_owned());
    }

    /// Returns the events so far, in the order of the operations.
    pub fn events(&self) -> &[Value] {
        &self.events
    }

    /// Hands out the events so far and forgets them; the truth stays.
    pub fn take_events(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.events)
    }

    /// Forgets everybody and their payments, while ids stay unique and the catalogue stays.
    pub(crate) fn forget_customers(&mut self) {
        self.customers.clear();
        self.subscriptions.clear();
        self.invoices.clear();
        self.payments.clear();
        self.declined.clear();
        self.sessions.clear();
        self.refunds.clear();
        self.disputes.clear();
        self.users_by_email.clear();
    }

    fn shape_at(&self, at: DateTime<Utc>) -> Shape {
        match self.upgrade {
            Some((from, shape)) if at >= from => shape,
            _ => self.shape,
        }
    }

    fn look(&self, at: DateTime<Utc>) -> objects::Look {
        objects::Look { shape: self.shape_at(at), livemode: self.livemode, at }
    }

    /// Wraps the drafts of one operation into events: in order of their seconds, within a second in any order.
    fn emit(&mut self, mut drafts: Vec<Draft>) {
        self.random.shuffle(&mut drafts);
        drafts.sort_by_key(|draft| draft.at);
        for draft in drafts {
            let mut event = json!({
                "id": self.ids.stamped("evt", '1', draft.at),
                "object": "event",
                "api_version": self.shape_at(draft.at).api_version(),
                "created": draft.at.timestamp(),
                "data": {},
                "livemode": self.livemode,
                "pending_webhooks": 1,
                "request": { "id": null, "idempotency_key": null },
                "type": draft.kind,
            });
            event["data"]["object"] = draft.object;
            if let Some(previous) = draft.previous {
                event["data"]["previous_attributes"] = previous;
            }
            if let Some(account) = &self.account {
                event["account"] = Value::from(account.as_str());
            }
            self.events.push(event);
        }
    }
}

/// An event before it has its envelope.
#[derive(Clone, Debug)]
struct Draft {
    at: DateTime<Utc>,
    kind: &'static str,
    object: Value,
    previous: Option<Value>,
}

impl Draft {
    fn new(at: DateTime<Utc>, kind: &'static str, object: Value) -> Self {
        Self { at, kind, object, previous: None }
    }

    fn with_previous(mut self, previous: Value) -> Self {
        self.previous = Some(previous);
        self
    }
}

/// Cuts an instant to whole seconds, which is all that Stripe's objects keep.
fn second(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(0)
}

/// Returns the second of an operation on an object whose last event was then.
fn after(touched: DateTime<Utc>, at: DateTime<Utc>) -> DateTime<Utc> {
    second(at).max(touched + TimeDelta::seconds(1))
}

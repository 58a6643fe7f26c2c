//! The life of a subscription.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::catalogue::Duration;
use super::records::{Coupon, Discount, Line, Price, Subscription};
use super::{Draft, Shape, World, after, objects, second};

/// How somebody subscribes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// Units, at least 1.
    pub quantity: i64,
    /// A coupon's id.
    pub coupon: Option<&'a str>,
    /// Days of trial before the first payment.
    pub trial_days: Option<u32>,
    /// Subscribes in a checkout session with this `client_reference_id`.
    pub via_checkout: Option<&'a str>,
    /// `metadata.user_id` of the subscription.
    pub user_id: Option<&'a str>,
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self { quantity: 1, coupon: None, trial_days: None, via_checkout: None, user_id: None }
    }
}

impl World {
    /// Subscribes a customer to a price and returns the subscription's id.
    ///
    /// Emits `customer.subscription.created`, mostly `customer.subscription.updated` when the first payment
    /// makes it active, everything about the first invoice and its payment, `customer.discount.created` with
    /// a coupon and `checkout.session.completed` for a checkout. The last update and the session may follow
    /// one or two seconds later, all else shares the second.
    ///
    /// Refuses unknown or deleted customers, unknown prices and coupons, and coupons in another currency.
    pub fn subscribe(
        &mut self,
        customer: &str,
        price: &str,
        terms: &Terms,
        at: DateTime<Utc>,
    ) -> Option<String> {
        let at = second(at);
        let known = self.customers.get(customer).filter(|own| !own.deleted)?;
        let at = at.max(known.created);
        let price_terms = self.prices.get(price)?.terms.clone();
        let coupon = terms.coupon.map(|id| self.coupons.get(id).cloned().ok_or(())).transpose().ok()?;
        if terms.quantity < 1 || coupon.as_ref().is_some_and(|own| !own.terms.fits(&price_terms.currency)) {
            return None;
        }
        let trial = terms.trial_days.filter(|days| *days > 0);
        let trial = trial.map(|days| (at, at + TimeDelta::days(i64::from(days))));
        let discount = coupon.as_ref().map(|coupon| self.start_discount(coupon, at));
        let id = self.ids.stamped("sub", '1', at);
        let subscription = Subscription {
            id: id.clone(),
            item: self.ids.short("si"),
            customer: customer.to_owned(),
            price: price.to_owned(),
            quantity: terms.quantity,
            status: if trial.is_some() { "trialing" } else { "active" },
            discount,
            created: at,
            period_start: at,
            period_end: trial.map_or_else(|| price_terms.period_end(at), |(_, end)| end),
            trial,
            cancel_at_period_end: false,
            canceled_at: None,
            ended_at: None,
            reason: None,
            paused: false,
            user_id: terms.user_id.map(str::to_owned),
            latest_invoice: None,
            open_invoice: None,
            touched: at,
        };
        self.subscriptions.insert(id.clone(), subscription);
        self.learn_user(customer, terms);

        let lines = self.full_line(&id, at).into_iter().collect();
        let invoice = self.bill(&id, "subscription_create", lines, at)?;
        let mut drafts = Vec::new();
        drafts.extend(self.discount_draft(&id, "customer.discount.created", at));
        drafts.extend(self.method_draft(customer, at));
        drafts.extend(self.first_subscription(customer, &price_terms.currency, at));
        drafts.extend(self.beginnings(&invoice, at));
        drafts.extend(self.settle(&invoice, at));
        drafts.extend(self.creation_drafts(&id, at));
        if let Some(reference) = terms.via_checkout {
            drafts.extend(self.checkout_draft(&id, &invoice, reference, at));
        }
        self.emit(drafts);
        Some(id)
    }

    /// Ends a trial early or on its day and takes the first payment: `customer.subscription.updated` and
    /// everything about the paid invoice.
    pub fn end_trial(&mut self, subscription: &str, at: DateTime<Utc>) -> bool {
        self.is(subscription, &["trialing"]) && self.cycle(subscription, true, at).is_some()
    }

    /// Begins the next period at that instant and takes its payment: `customer.subscription.updated` and
    /// everything about the paid invoice. A paused subscription only moves on, without an invoice.
    ///
    /// Refuses subscriptions that are not active or about to end.
    pub fn renew(&mut self, subscription: &str, at: DateTime<Utc>) -> bool {
        let Some(own) = self.subscriptions.get(subscription) else { return false };
        if own.status != "active" || own.cancel_at_period_end {
            return false;
        }
        if own.paused {
            return self.move_on(subscription, at).is_some();
        }
        self.cycle(subscription, true, at).is_some()
    }

    /// Lets a payment fail: the next period's, or once more that of the invoice still open.
    ///
    /// Emits `invoice.payment_failed`, `payment_intent.payment_failed`, `charge.failed`, and the first time
    /// those of a new invoice and `customer.subscription.updated` (past due). Refuses where nothing is due.
    pub fn fail_payment(&mut self, subscription: &str, at: DateTime<Utc>) -> bool {
        let Some(own) = self.subscriptions.get(subscription) else { return false };
        if own.status == "past_due" {
            return self.fail_again(subscription, at).is_some();
        }
        let due = !own.is_over() && !own.paused && !own.cancel_at_period_end;
        let total = own.quantity * self.prices.get(&own.price).map_or(0, |price| price.terms.unit_amount);
        if !due || total <= self.taken(own, total, at) {
            return false;
        }
        self.cycle(subscription, false, at).is_some()
    }

    /// Pays the open invoice of a subscription that is past due: everything about the paid invoice and
    /// `customer.subscription.updated` (active).
    pub fn recover(&mut self, subscription: &str, at: DateTime<Utc>) -> bool {
        self.is(subscription, &["past_due"]) && self.settle_late(subscription, at).is_some()
    }

    /// Ends a subscription whose payment failed for good: `customer.subscription.deleted`.
    pub fn give_up(&mut self, subscription: &str, at: DateTime<Utc>) -> bool {
        if !self.is(subscription, &["past_due"]) {
            return false;
        }
        let drafts = self.end(subscription, "payment_failed", at);
        self.emit(drafts);
        true
    }

    /// Changes price and quantity: `customer.subscription.updated`.
    ///
    /// `prorate` bills the difference for the rest of the period at once, where there is one to pay and the
    /// subscription is active; a credit is forgotten. Another interval begins a new period. Refuses prices
    /// in another currency and changes that change nothing.
    pub fn change(
        &mut self,
        subscription: &str,
        price: &str,
        quantity: i64,
        prorate: bool,
        at: DateTime<Utc>,
    ) -> bool {
        quantity > 0 && self.switch(subscription, price, quantity, prorate, at).is_some()
    }

    /// Lets a subscription end with its period: `customer.subscription.updated`.
    ///
    /// The end itself is a later [`World::cancel_now`] at [`World::period_end`].
    pub fn cancel_at_period_end(&mut self, subscription: &str, at: DateTime<Utc>) -> bool {
        let open = self.subscriptions.get(subscription).is_some_and(|own| !own.cancel_at_period_end);
        open && self.update(subscription, at, |own, at| {
            own.cancel_at_period_end = true;
            own.canceled_at = Some(at);
            own.reason = Some("cancellation_requested");
            json!({
                "cancel_at": null,
                "cancel_at_period_end": false,
                "canceled_at": null,
                "cancellation_details": { "reason": null },
            })
        })
    }

    /// Ends a subscription: `customer.subscription.deleted`.
    pub fn cancel_now(&mut self, subscription: &str, at: DateTime<Utc>) -> bool {
        let drafts = self.end(subscription, "cancellation_requested", at);
        let ended = !drafts.is_empty();
        self.emit(drafts);
        ended
    }

    /// Pauses collection, while the status stays: `customer.subscription.updated`.
    pub fn pause(&mut self, subscription: &str, at: DateTime<Utc>) -> bool {
        let running = self.subscriptions.get(subscription).is_some_and(|own| !own.paused);
        running
            && self.update(subscription, at, |own, _| {
                own.paused = true;
                json!({ "pause_collection": null })
            })
    }

    /// Resumes collection: `customer.subscription.updated`.
    pub fn resume(&mut self, subscription: &str, at: DateTime<Utc>) -> bool {
        let paused = self.subscriptions.get(subscription).is_some_and(|own| own.paused);
        paused
            && self.update(subscription, at, |own, _| {
                own.paused = false;
                json!({ "pause_collection": { "behavior": "void", "resumes_at": null } })
            })
    }

    /// Announces the next invoice of an active subscription: `invoice.upcoming`, whose object has no id.
    pub fn announce(&mut self, subscription: &str, at: DateTime<Utc>) -> bool {
        let draft = self.upcoming(subscription, second(at));
        let announced = draft.is_some();
        self.emit(draft.into_iter().collect());
        announced
    }

    /// Returns when a subscription's current period or trial ends; `None` once it is over.
    pub fn period_end(&self, subscription: &str) -> Option<DateTime<Utc>> {
        self.subscriptions.get(subscription).filter(|own| !own.is_over()).map(|own| own.period_end)
    }

    /// Returns the intent of a subscription's latest invoice, where it has one.
    pub fn last_payment(&self, subscription: &str) -> Option<String> {
        let invoice = self.subscriptions.get(subscription)?.latest_invoice.as_ref()?;
        self.invoices.get(invoice)?.payment_intent.clone()
    }

    /// Ends a subscription and drafts the event, none when it is over already.
    pub(super) fn end(&mut self, subscription: &str, reason: &'static str, at: DateTime<Utc>) -> Vec<Draft> {
        let Some(own) = self.subscriptions.get_mut(subscription).filter(|own| !own.is_over()) else {
            return Vec::new();
        };
        let at = after(own.touched, at);
        own.touched = at;
        own.status = "canceled";
        own.ended_at = Some(at);
        own.canceled_at.get_or_insert(at);
        own.reason = Some(reason);
        self.draft(subscription, "customer.subscription.deleted", at).into_iter().collect()
    }

    fn is(&self, subscription: &str, statuses: &[&str]) -> bool {
        self.subscriptions.get(subscription).is_some_and(|own| statuses.contains(&own.status))
    }

    /// Applies a change to a subscription that is not over, which returns its previous attributes.
    fn update(
        &mut self,
        subscription: &str,
        at: DateTime<Utc>,
        change: impl FnOnce(&mut Subscription, DateTime<Utc>) -> Value,
    ) -> bool {
        let Some(own) = self.subscriptions.get_mut(subscription).filter(|own| !own.is_over()) else {
            return false;
        };
        let at = after(own.touched, at);
        own.touched = at;
        let previous = change(own, at);
        let draft = self.draft(subscription, "customer.subscription.updated", at);
        self.emit(draft.map(|draft| draft.with_previous(previous)).into_iter().collect());
        true
    }

    /// Begins the next period of a paused subscription.
    fn move_on(&mut self, subscription: &str, at: DateTime<Utc>) -> Option<()> {
        let terms = self.prices.get(&self.subscriptions.get(subscription)?.price)?.terms.clone();
        let look = self.look(at);
        let moved = self.update(subscription, at, |own, at| {
            let previous = previous_period(&look, own);
            own.period_start = at;
            own.period_end = terms.period_end(at);
            previous
        });
        moved.then_some(())
    }

    /// Begins the next period, bills it and lets the payment succeed or fail.
    fn cycle(&mut self, subscription: &str, succeeds: bool, at: DateTime<Utc>) -> Option<()> {
        let own = self.subscriptions.get_mut(subscription)?;
        let terms = self.prices.get(&own.price)?.terms.clone();
        let at = after(own.touched, at);
        own.touched = at;
        let look = self.look(at);
        let own = self.subscriptions.get_mut(subscription)?;
        let mut previous = previous_period(&look, own);
        let status = if succeeds { "active" } else { "past_due" };
        if own.status != status {
            previous["status"] = Value::from(own.status);
        }
        if own.status == "trialing" {
            own.trial = own.trial.map(|(start, end)| (start, end.min(at)));
        }
        own.status = status;
        own.period_start = at;
        own.period_end = terms.period_end(at);

        let mut drafts: Vec<Draft> = self.drop_spent_discount(subscription, at).into_iter().collect();
        let lines = self.full_line(subscription, at).into_iter().collect();
        let invoice = self.bill(subscription, "subscription_cycle", lines, at)?;
        drafts.extend(self.beginnings(&invoice, at));
        if succeeds {
            drafts.extend(self.settle(&invoice, at));
        } else {
            self.subscriptions.get_mut(subscription)?.open_invoice = Some(invoice.clone());
            drafts.extend(self.fail(&invoice, at));
        }
        let update = self.draft(subscription, "customer.subscription.updated", at)?;
        drafts.push(update.with_previous(previous));
        self.emit(drafts);
        Some(())
    }

    fn fail_again(&mut self, subscription: &str, at: DateTime<Utc>) -> Option<()> {
        let own = self.subscriptions.get_mut(subscription)?;
        let at = after(own.touched, at);
        own.touched = at;
        let invoice = own.open_invoice.clone()?;
        let drafts = self.fail(&invoice, at);
        self.emit(drafts);
        Some(())
    }

    fn settle_late(&mut self, subscription: &str, at: DateTime<Utc>) -> Option<()> {
        let own = self.subscriptions.get_mut(subscription)?;
        let at = after(own.touched, at);
        own.touched = at;
        own.status = "active";
        let invoice = own.open_invoice.take()?;
        let mut drafts = self.settle(&invoice, at);
        let update = self.draft(subscription, "customer.subscription.updated", at)?;
        drafts.push(update.with_previous(json!({ "status": "past_due" })));
        self.emit(drafts);
        Some(())
    }

    fn switch(
        &mut self,
        subscription: &str,
        price: &str,
        quantity: i64,
        prorate: bool,
        at: DateTime<Utc>,
    ) -> Option<()> {
        let own = self.subscriptions.get(subscription).filter(|own| !own.is_over())?;
        let (old, new) = (self.prices.get(&own.price)?, self.prices.get(price)?);
        let same = own.price == price && own.quantity == quantity;
        if same || old.terms.currency != new.terms.currency {
            return None;
        }
        let at = after(own.touched, at);
        let look = self.look(at);
        let moves = (old.terms.interval, old.terms.interval_count)
            != (new.terms.interval, new.terms.interval_count)
            && own.status == "active";
        let previous = json!({
            "items": { "data": [objects::item(&look, own, old)] },
            "quantity": own.quantity,
        });
        let unused = self.share_left(own, old, at);
        let terms = new.terms.clone();
        let before = own.clone();
        let own = self.subscriptions.get_mut(subscription)?;
        price.clone_into(&mut own.price);
        own.quantity = quantity;
        own.touched = at;
        if moves {
            own.period_start = at;
            own.period_end = terms.period_end(at);
        }
        let own = self.subscriptions.get(subscription)?;
        let bills = prorate && own.status == "active" && !own.paused;
        let rest = self.share_left(own, self.prices.get(price)?, at);
        let mut drafts = Vec::new();
        if bills && rest > unused {
            let lines = self.proration_lines(subscription, &before, (unused, rest), at);
            let invoice = self.bill(subscription, "subscription_update", lines, at)?;
            drafts.extend(self.beginnings(&invoice, at));
            drafts.extend(self.settle(&invoice, at));
        }
        let update = self.draft(subscription, "customer.subscription.updated", at)?;
        drafts.push(update.with_previous(previous));
        self.emit(drafts);
        Some(())
    }

    /// Computes what the rest of the current period costs, after discounts that last.
    fn share_left(&self, own: &Subscription, price: &Price, at: DateTime<Utc>) -> i64 {
        let line = price.terms.unit_amount * own.quantity;
        let forever = self.coupon_of(own).filter(|coupon| coupon.terms.is_forever());
        let net = line - forever.map_or(0, |coupon| coupon.terms.of(line));
        let length = (own.period_end - own.period_start).num_seconds().max(1);
        let left = (own.period_end - at).num_seconds().clamp(0, length);
        i64::try_from(i128::from(net) * i128::from(left) / i128::from(length)).unwrap_or(0)
    }

    /// Makes the lines that take off the rest of what was paid for and bill what takes its place.
    fn proration_lines(
        &mut self,
        subscription: &str,
        before: &Subscription,
        (unused, rest): (i64, i64),
        at: DateTime<Utc>,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        for (description, amount) in [("Unused time", -unused), ("Remaining time", rest)] {
            let Some(mut line) = self.full_line(subscription, at) else { continue };
            if amount < 0
                && let Some(price) = self.prices.get(&before.price)
            {
                line.price.clone_from(&before.price);
                line.quantity = before.quantity;
                line.end = before.period_end;
                line.description = format!("{} × {}", before.quantity, price.terms.nickname);
            }
            let description = format!("{description} on {}", line.description);
            lines.push(Line { description, amount, proration: true, ..line });
        }
        lines
    }

    /// Makes the line that bills the current period.
    fn full_line(&mut self, subscription: &str, at: DateTime<Utc>) -> Option<Line> {
        let id = self.ids.stamped("il", '1', at);
        let own = self.subscriptions.get(subscription)?;
        let terms = &self.prices.get(&own.price)?.terms;
        let free = own.status == "trialing";
        Some(Line {
            id,
            item: own.item.clone(),
            price: own.price.clone(),
            description: format!("{} × {}", own.quantity, terms.nickname),
            amount: if free { 0 } else { terms.unit_amount * own.quantity },
            quantity: own.quantity,
            proration: false,
            start: at,
            end: own.period_end,
        })
    }

    /// Drafts how a new subscription came to be: active or trialing at once, or mostly incomplete first.
    fn creation_drafts(&mut self, subscription: &str, at: DateTime<Utc>) -> Vec<Draft> {
        const CREATED: &str = "customer.subscription.created";
        let at_once = self.is(subscription, &["trialing"]) || self.random.percent(25);
        if at_once {
            return self.draft(subscription, CREATED, at).into_iter().collect();
        }
        let later = at + TimeDelta::seconds(i64::from(self.random.percent(30)));
        let Some(own) = self.subscriptions.get_mut(subscription) else { return Vec::new() };
        own.touched = later;
        own.status = "incomplete";
        let created = self.draft(subscription, CREATED, at);
        if let Some(own) = self.subscriptions.get_mut(subscription) {
            own.status = "active";
        }
        let updated = self.draft(subscription, "customer.subscription.updated", later);
        let updated = updated.map(|draft| draft.with_previous(json!({ "status": "incomplete" })));
        created.into_iter().chain(updated).collect()
    }

    fn checkout_draft(
        &mut self,
        subscription: &str,
        invoice: &str,
        reference: &str,
        at: DateTime<Utc>,
    ) -> Option<Draft> {
        let id = self.ids.session(self.livemode);
        let later = at + TimeDelta::seconds(self.random.between(0, 2));
        let own = self.subscriptions.get(subscription)?;
        let invoice = self.invoices.get(invoice)?;
        let checkout = objects::Checkout {
            id: &id,
            created: at,
            reference,
            email: &invoice.email,
            subscription: own,
            invoice: Some(&invoice.id),
            total: invoice.total(),
            subtotal: invoice.subtotal(),
            currency: &invoice.currency,
        };
        let object = objects::checkout_session(&self.look(later), &checkout);
        self.sessions.push(object.clone());
        Some(Draft::new(later, "checkout.session.completed", object))
    }

    fn draft(&self, subscription: &str, kind: &'static str, at: DateTime<Utc>) -> Option<Draft> {
        let own = self.subscriptions.get(subscription)?;
        let object =
            objects::subscription(&self.look(at), own, self.prices.get(&own.price)?, self.coupon_of(own));
        Some(Draft::new(at, kind, object))
    }

    pub(super) fn coupon_of(&self, own: &Subscription) -> Option<&Coupon> {
        self.coupons.get(&own.discount.as_ref()?.coupon)
    }

    fn learn_user(&mut self, customer: &str, terms: &Terms) {
        let Some(record) = self.customers.get_mut(customer) else { return };
        if let (None, Some(reference)) = (&record.reference, terms.via_checkout) {
            record.reference = Some(reference.to_owned());
        }
        if let (None, Some(user)) = (&record.subscription_user, terms.user_id) {
            record.subscription_user = Some(user.to_owned());
        }
    }

    fn start_discount(&mut self, coupon: &Coupon, at: DateTime<Utc>) -> Discount {
        let end = match coupon.terms.duration {
            Duration::Months(months) => at.checked_add_months(chrono::Months::new(months)),
            Duration::Forever | Duration::Once => None,
        };
        Discount {
            id: self.ids.stamped("di", '1', at),
            coupon: coupon.id.clone(),
            start: at,
            end,
            used: false,
        }
    }

    /// Takes a discount away that has done all it was for: `customer.discount.deleted`.
    fn drop_spent_discount(&mut self, subscription: &str, at: DateTime<Utc>) -> Option<Draft> {
        let own = self.subscriptions.get(subscription)?;
        let discount = own.discount.as_ref()?;
        let spent = match self.coupon_of(own)?.terms.duration {
            Duration::Forever => false,
            Duration::Once => discount.used,
            Duration::Months(_) => discount.end.is_some_and(|end| end <= at),
        };
        if !spent {
            return None;
        }
        let own = self.subscriptions.get_mut(subscription)?;
        if let Some(discount) = &mut own.discount {
            discount.end = Some(at);
        }
        let draft = self.discount_draft(subscription, "customer.discount.deleted", at);
        self.subscriptions.get_mut(subscription)?.discount = None;
        draft
    }

    fn discount_draft(&self, subscription: &str, kind: &'static str, at: DateTime<Utc>) -> Option<Draft> {
        let own = self.subscriptions.get(subscription)?;
        let discount = own.discount.as_ref()?;
        let coupon = self.coupon_of(own)?;
        let object = objects::discount(&self.look(at), discount, coupon, &own.id, &own.customer);
        Some(Draft::new(at, kind, object))
    }

    /// Computes what the discount takes off an invoice over that amount.
    pub(super) fn taken(&self, own: &Subscription, amount: i64, at: DateTime<Utc>) -> i64 {
        let (Some(discount), Some(coupon)) = (&own.discount, self.coupon_of(own)) else { return 0 };
        let works = match coupon.terms.duration {
            Duration::Forever => true,
            Duration::Once => !discount.used,
            Duration::Months(_) => discount.end.is_some_and(|end| at < end),
        };
        if works { coupon.terms.of(amount) } else { 0 }
    }
}

/// Tells what an update replaced when a new period began.
fn previous_period(look: &objects::Look, own: &Subscription) -> Value {
    let mut previous = objects::period(own);
    if look.shape == Shape::Clover {
        previous["id"] = Value::from(own.item.as_str());
        previous = json!({ "items": { "data": [previous] } });
    }
    previous["latest_invoice"] = own.latest_invoice.as_deref().map_or(Value::Null, Value::from);
    previous
}

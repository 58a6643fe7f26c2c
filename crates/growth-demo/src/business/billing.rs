//! Who pays: the stories of the business's customers, played at Stripe.

mod stories;

use std::collections::BTreeSet;

use chrono::{DateTime, Months, TimeDelta, Utc};
use serde_json::json;

use self::stories::{STORIES, Story, Turn};
use super::journal::{ACCOUNT, Journal, event};
use super::people::Person;
use super::time_on;
use crate::random::Random;
use crate::world::{CouponTerms, Duration, Interval, Off, PriceTerms, Shape, Terms, World};

/// How long after the first enrichment somebody subscribes at most.
const PATIENCE_DAYS: i64 = 45;

/// After how many days the account changes its API version.
const UPGRADE_DAYS: i64 = 90;

/// How long a trial is.
const TRIAL_DAYS: u32 = 14;

/// How many contact packs customers buy beside their subscriptions.
const PACKS: u32 = 45;

/// What a single contact pack costs, in minor units.
const PACK: i64 = 4_900;

/// The plans on sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Monthly,
    Yearly,
    MonthlyUsd,
    YearlyUsd,
}

/// The coupons on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offer {
    None,
    /// 20 % forever.
    Label,
    /// 50 % once.
    Launch,
    /// 25 % for three months.
    Spring,
}

impl Offer {
    fn id(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Label => Some("INDIE20"),
            Self::Launch => Some("LAUNCH50"),
            Self::Spring => Some("SPRING25"),
        }
    }
}

/// How a payment finds its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Checkout,
    Metadata,
    Email,
}

/// The business's Stripe account.
#[derive(Clone, Debug)]
pub(super) struct Books {
    world: World,
    random: Random,
    end: DateTime<Utc>,
    prices: [(Plan, String); 4],
    /// Every customer and since when.
    customers: Vec<(String, DateTime<Utc>)>,
}

/// A customer in the middle of a story.
#[derive(Clone, Debug)]
struct Seat {
    person: usize,
    user: String,
    customer: String,
    subscription: String,
    /// When the current period began.
    since: DateTime<Utc>,
}

impl Books {
    /// Opens the account with its catalogue.
    pub(super) fn open(mut random: Random, start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        let mut world = World::new(Shape::Acacia, true, random.next())
            .with_upgrade(start + TimeDelta::days(UPGRADE_DAYS), Shape::Clover);
        let product = world.create_product("Contact enrichment", start);
        let mut price = |plan, nickname: &str, currency: &str, interval, unit_amount| {
            let terms = PriceTerms {
                nickname: nickname.to_owned(),
                unit_amount,
                currency: currency.to_owned(),
                interval,
                interval_count: 1,
            };
            (plan, world.create_price(&product, terms, start + TimeDelta::seconds(30)))
        };
        let prices = [
            price(Plan::Monthly, "Pro monthly", "gbp", Interval::Month, 1_900),
            price(Plan::Yearly, "Pro yearly", "gbp", Interval::Year, 19_000),
            price(Plan::MonthlyUsd, "Pro monthly (USD)", "usd", Interval::Month, 2_400),
            price(Plan::YearlyUsd, "Pro yearly (USD)", "usd", Interval::Year, 24_000),
        ];
        for (offer, name, percent, duration) in [
            (Offer::Label, "Independent label", 20, Duration::Forever),
            (Offer::Launch, "Launch offer", 50, Duration::Once),
            (Offer::Spring, "Spring offer", 25, Duration::Months(3)),
        ] {
            let terms = CouponTerms { name: name.to_owned(), off: Off::Percent(percent), duration };
            world.create_coupon(offer.id().unwrap_or_default(), terms, start + TimeDelta::minutes(2));
        }
        Self { world, random, end, prices, customers: Vec::new() }
    }

    /// Hands the account out.
    pub(super) fn close(self) -> World {
        self.world
    }

    /// Plays every story with somebody who has completed an enrichment, and some single payments.
    pub(super) fn run(&mut self, people: &mut [Person], journal: &mut Journal) {
        for person in people.iter() {
            if let Some(email) = &person.user.email {
                self.world.know_user(&person.user.external_id, email);
            }
        }
        let mut busy = BTreeSet::new();
        for story in &STORIES {
            let times = story.times + self.random.between(0, story.perhaps);
            for turn in 0..times {
                let at = self.draw_time(story, turn, times);
                if let Some((person, at)) = self.cast(people, &mut busy, at) {
                    self.play(story, person, people, at, journal);
                }
            }
        }
        for _ in 0..3 {
            let day = self.day_before_end(5, 300);
            self.world.one_off_payment(None, PACK, "gbp", day);
        }
        self.sell_packs();
        self.check_out_in_vain(people, &busy, journal);
    }

    fn sell_packs(&mut self) {
        if self.customers.is_empty() {
            return;
        }
        for _ in 0..PACKS {
            let (customer, since) = self.customers[self.random.index(self.customers.len())].clone();
            let age = (self.latest() - since).num_minutes().max(0);
            let at = since + TimeDelta::minutes(self.random.between(0, age));
            self.world.one_off_payment(Some(&customer), PACK, "gbp", at);
        }
    }

    /// Draws when somebody subscribes: those who live the same story are spread over its time.
    fn draw_time(&mut self, story: &Story, turn: i64, times: i64) -> DateTime<Utc> {
        if story.turn == Turn::FallsBehind {
            // The last payment is due a few days before the end, so that it is still being tried.
            let months = u32::try_from(self.random.between(3, 6)).unwrap_or(3);
            let due = self.end - TimeDelta::days(self.random.between(2, 4));
            return due.checked_sub_months(Months::new(months)).unwrap_or(due);
        }
        let (youngest, oldest) = story.age_days;
        let share = |turn| youngest + (oldest - youngest) * turn / times;
        let age = self.random.between(share(turn), share(turn + 1));
        let at = time_on((self.end - TimeDelta::days(age)).date_naive(), &mut self.random);
        at.min(self.end - TimeDelta::hours(6))
    }

    fn day_before_end(&mut self, from: i64, to: i64) -> DateTime<Utc> {
        let day = self.end - TimeDelta::days(self.random.between(from, to));
        time_on(day.date_naive(), &mut self.random)
    }

    /// Finds somebody who could subscribe then, else who comes closest, and when.
    fn cast(
        &mut self,
        people: &[Person],
        busy: &mut BTreeSet<usize>,
        at: DateTime<Utc>,
    ) -> Option<(usize, DateTime<Utc>)> {
        let in_time = |since: &DateTime<Utc>| *since < self.end - TimeDelta::days(1);
        let free: Vec<(usize, DateTime<Utc>)> = people
            .iter()
            .enumerate()
            .filter(|(n, _)| !busy.contains(n))
            .filter_map(|(n, person)| Some((n, person.activated_at.filter(in_time)?)))
            .collect();
        let ready: Vec<usize> = free
            .iter()
            .filter(|(_, since)| {
                let wait = at - *since;
                wait >= TimeDelta::hours(1) && wait <= TimeDelta::days(PATIENCE_DAYS)
            })
            .map(|(n, _)| *n)
            .collect();
        let (person, at) = if ready.is_empty() {
            let (n, since) = free.iter().min_by_key(|(_, since)| (at - *since).abs())?;
            (*n, at.max(*since + TimeDelta::hours(2)))
        } else {
            (self.random.pick(&ready), at)
        };
        busy.insert(person);
        Some((person, at))
    }

    fn play(
        &mut self,
        story: &Story,
        person: usize,
        people: &mut [Person],
        at: DateTime<Utc>,
        journal: &mut Journal,
    ) {
        let Some(mut seat) = self.arrive(story, person, people, at, journal) else { return };
        let left = match story.turn {
            Turn::Stays => None,
            Turn::BuysPack => self.buys_pack(&mut seat),
            Turn::IsInTrial => return Self::stay(people, person, at, self.end),
            Turn::TakesYearly => self.changes(&mut seat, Plan::Yearly, story.seats, true),
            Turn::TakesMonthly => self.changes(&mut seat, Plan::Monthly, story.seats, false),
            Turn::HasSeats(seats) => self.changes(&mut seat, story.plan, seats, seats > story.seats),
            Turn::Cancels => self.cancels(&mut seat, 3),
            Turn::Quits => Some(self.quits(&mut seat)),
            Turn::LeavesInTrial => self.cancels(&mut seat, 1),
            Turn::Returns => self.cancels(&mut seat, 2),
            Turn::WillCancel => Some(self.will_cancel(&mut seat)),
            Turn::Recovers(attempts) => self.recovers(&mut seat, attempts),
            Turn::GivesUp => self.gives_up(&mut seat),
            Turn::FallsBehind => self.falls_behind(&mut seat),
            Turn::Pauses { resumes } => self.pauses(&mut seat, resumes),
            Turn::IsRefunded { fails } => self.is_refunded(&mut seat, fails),
            Turn::IsRefundedInPart => self.is_refunded_in_part(&seat),
            Turn::Disputes => self.disputes(&seat),
        };
        if let Some(left) = left {
            journal.record(event(
                Some(&seat.user),
                left,
                ACCOUNT,
                "subscription_cancelled",
                json!({ "subscription": seat.subscription }),
            ));
            let until = self.world.period_end(&seat.subscription).unwrap_or(left);
            Self::stay(people, person, at, until);
            if story.turn == Turn::Returns {
                self.returns(story, &seat, left, people, journal);
            }
            return;
        }
        if !matches!(story.turn, Turn::FallsBehind | Turn::Pauses { resumes: false }) {
            self.advance(&mut seat, self.latest());
        }
        Self::stay(people, person, at, self.end);
    }

    fn stay(people: &mut [Person], person: usize, from: DateTime<Utc>, until: DateTime<Utc>) {
        if let Some(person) = people.get_mut(person) {
            person.paid.push((from, until));
        }
    }

    /// Makes somebody a customer with a subscription.
    fn arrive(
        &mut self,
        story: &Story,
        person: usize,
        people: &[Person],
        at: DateTime<Utc>,
        journal: &mut Journal,
    ) -> Option<Seat> {
        let known = &people.get(person)?.user;
        let link = match self.random.below(100) {
            0..75 => Link::Checkout,
            75..88 => Link::Metadata,
            _ => Link::Email,
        };
        let address = known.email.clone().unwrap_or_default();
        // People write their addresses as they like.
        let address = if link == Link::Email { capitalised(&address) } else { address };
        let user_id = (link == Link::Metadata).then_some(known.external_id.as_str());
        let customer = self.world.create_customer(&address, user_id, at - TimeDelta::seconds(40));
        self.customers.push((customer.clone(), at));
        let seat = Seat {
            person,
            user: known.external_id.clone(),
            customer,
            subscription: String::new(),
            since: at,
        };
        self.subscribe(story, seat, link == Link::Checkout, at, journal)
    }

    fn subscribe(
        &mut self,
        story: &Story,
        seat: Seat,
        via_checkout: bool,
        at: DateTime<Utc>,
        journal: &mut Journal,
    ) -> Option<Seat> {
        let price = self.price(story.plan);
        let terms = Terms {
            quantity: story.seats,
            coupon: story.offer.id(),
            trial_days: story.trial.then_some(TRIAL_DAYS),
            via_checkout: via_checkout.then_some(seat.user.as_str()),
            user_id: None,
        };
        let subscription = self.world.subscribe(&seat.customer, &price, &terms, at)?;
        let mut tell = |name, seconds, told| {
            let at = at + TimeDelta::seconds(seconds);
            journal.record(event(Some(&seat.user), at, ACCOUNT, name, told));
        };
        tell("checkout_started", -150, json!({ "price": price }));
        tell("checkout_completed", 1, json!({ "price": price }));
        tell("subscription_created", 2, json!({ "subscription": subscription, "seats": story.seats }));
        Some(Seat { subscription, since: at, ..seat })
    }

    fn price(&self, plan: Plan) -> String {
        let found = self.prices.iter().find(|(own, _)| *own == plan);
        found.map_or_else(String::new, |(_, price)| price.clone())
    }

    /// Lets every period that is due until then begin.
    fn advance(&mut self, seat: &mut Seat, until: DateTime<Utc>) {
        while let Some(due) = self.world.period_end(&seat.subscription).filter(|due| *due <= until) {
            if !self.renew(seat, due) {
                break;
            }
        }
    }

    /// Lets so many periods begin, as far as they do before the end.
    fn advance_by(&mut self, seat: &mut Seat, periods: i64) {
        for _ in 0..periods {
            let due = self.world.period_end(&seat.subscription).filter(|due| *due < self.latest());
            if !due.is_some_and(|due| self.renew(seat, due)) {
                break;
            }
        }
    }

    fn renew(&mut self, seat: &mut Seat, due: DateTime<Utc>) -> bool {
        let announced = due - TimeDelta::days(3);
        if announced > seat.since {
            self.world.announce(&seat.subscription, announced);
        }
        seat.since = due;
        self.world.end_trial(&seat.subscription, due) || self.world.renew(&seat.subscription, due)
    }

    /// Returns the last instant at which something may be done, so that what follows is not too late.
    fn latest(&self) -> DateTime<Utc> {
        self.end - TimeDelta::minutes(5)
    }

    /// Moves an instant to the latest possible one where it is later.
    fn by_then(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        at.min(self.latest())
    }

    /// Picks a time in the current period, so many days after its beginning.
    fn within(&mut self, seat: &Seat, from: i64, to: i64) -> DateTime<Utc> {
        let at = seat.since + TimeDelta::minutes(self.random.between(from * 1_440, to * 1_440));
        at.min(self.latest())
    }

    fn buys_pack(&mut self, seat: &mut Seat) -> Option<DateTime<Utc>> {
        let at = self.within(seat, 3, 25);
        self.world.one_off_payment(Some(&seat.customer), PACK, "gbp", at);
        None
    }

    fn changes(&mut self, seat: &mut Seat, plan: Plan, seats: i64, prorate: bool) -> Option<DateTime<Utc>> {
        let periods = self.random.between(1, 2);
        self.advance_by(seat, periods);
        let at = self.within(seat, 6, 24);
        let price = self.price(plan);
        self.world.change(&seat.subscription, &price, seats, prorate, at);
        None
    }

    /// Cancels in one of the first periods, which ends with the period.
    fn cancels(&mut self, seat: &mut Seat, periods: i64) -> Option<DateTime<Utc>> {
        let possible = ((self.end - seat.since).num_days() / 31).clamp(1, periods);
        let periods = self.random.between(1, possible);
        self.advance_by(seat, periods - 1);
        let asked = self.within(seat, 2, 12);
        let ends = self.world.period_end(&seat.subscription)?;
        self.world.cancel_at_period_end(&seat.subscription, asked);
        if ends <= self.latest() {
            self.world.cancel_now(&seat.subscription, ends);
        }
        Some(asked)
    }

    fn quits(&mut self, seat: &mut Seat) -> DateTime<Utc> {
        let periods = self.random.between(0, 2);
        self.advance_by(seat, periods);
        let at = self.within(seat, 4, 20);
        self.world.cancel_now(&seat.subscription, at);
        at
    }

    fn will_cancel(&mut self, seat: &mut Seat) -> DateTime<Utc> {
        self.advance(seat, self.latest() - TimeDelta::hours(1));
        let at = (self.end - TimeDelta::days(4)).max(seat.since + TimeDelta::minutes(30));
        self.world.cancel_at_period_end(&seat.subscription, at);
        at
    }

    fn returns(
        &mut self,
        story: &Story,
        seat: &Seat,
        left: DateTime<Utc>,
        people: &mut [Person],
        journal: &mut Journal,
    ) {
        let back = left + TimeDelta::days(self.random.between(60, 90));
        if back > self.latest() {
            return;
        }
        let Some(mut seat) = self.subscribe(story, seat.clone(), true, back, journal) else { return };
        self.advance(&mut seat, self.latest());
        Self::stay(people, seat.person, back, self.end);
    }

    fn recovers(&mut self, seat: &mut Seat, attempts: i64) -> Option<DateTime<Utc>> {
        let periods = self.random.between(0, 1);
        self.advance_by(seat, periods);
        let due = self.world.period_end(&seat.subscription)?;
        for attempt in 0..attempts {
            let at = self.by_then(due + TimeDelta::days(3 * attempt));
            self.world.fail_payment(&seat.subscription, at);
        }
        seat.since = due;
        let at = due + TimeDelta::days(3 * attempts - 1) + TimeDelta::minutes(self.random.between(1, 900));
        self.world.recover(&seat.subscription, self.by_then(at));
        None
    }

    fn gives_up(&mut self, seat: &mut Seat) -> Option<DateTime<Utc>> {
        // The first period, and half of another for the attempts.
        let possible = ((self.end - seat.since).num_days() - 15) / 31 - 1;
        let periods = self.random.between(0, possible.clamp(0, 2));
        self.advance_by(seat, periods);
        let due = self.world.period_end(&seat.subscription)?;
        for days in [0, 3, 5, 7] {
            self.world.fail_payment(&seat.subscription, self.by_then(due + TimeDelta::days(days)));
        }
        let at = self.by_then(due + TimeDelta::days(14));
        self.world.give_up(&seat.subscription, at);
        Some(at)
    }

    fn falls_behind(&mut self, seat: &mut Seat) -> Option<DateTime<Utc>> {
        self.advance(seat, self.end - TimeDelta::days(20));
        let due = self.world.period_end(&seat.subscription)?;
        for days in [0, 3, 5] {
            let at = due + TimeDelta::days(days);
            if at < self.latest() {
                self.world.fail_payment(&seat.subscription, at);
            }
        }
        None
    }

    fn pauses(&mut self, seat: &mut Seat, resumes: bool) -> Option<DateTime<Utc>> {
        self.advance_by(seat, 1);
        let at = self.within(seat, 5, 20);
        self.world.pause(&seat.subscription, at);
        if resumes {
            let back = self.by_then(at + TimeDelta::days(45));
            self.advance(seat, back - TimeDelta::hours(1));
            self.world.resume(&seat.subscription, back);
        } else {
            self.advance(seat, self.latest());
        }
        None
    }

    fn is_refunded(&mut self, seat: &mut Seat, fails: bool) -> Option<DateTime<Utc>> {
        let payment = self.world.last_payment(&seat.subscription)?;
        let at = self.within(seat, 2, 6);
        let refund = self.world.refund(&payment, 1_900, at);
        self.world.cancel_now(&seat.subscription, self.by_then(at + TimeDelta::minutes(2)));
        if let Some(refund) = refund.filter(|_| fails) {
            self.world.fail_refund(&refund, self.by_then(at + TimeDelta::days(6)));
        }
        Some(at)
    }

    fn is_refunded_in_part(&mut self, seat: &Seat) -> Option<DateTime<Utc>> {
        let payment = self.world.last_payment(&seat.subscription)?;
        let at = self.within(seat, 2, 20);
        self.world.refund(&payment, 500, at);
        None
    }

    fn disputes(&mut self, seat: &Seat) -> Option<DateTime<Utc>> {
        let payment = self.world.last_payment(&seat.subscription)?;
        let at = self.within(seat, 15, 25);
        let dispute = self.world.dispute(&payment, at)?;
        self.world.cancel_now(&seat.subscription, self.by_then(at + TimeDelta::hours(3)));
        self.world.lose_dispute(&dispute, self.by_then(at + TimeDelta::days(40)));
        Some(at)
    }

    /// Lets some who do not pay begin a checkout and leave it.
    fn check_out_in_vain(&mut self, people: &[Person], busy: &BTreeSet<usize>, journal: &mut Journal) {
        for (_, person) in people.iter().enumerate().filter(|(n, _)| !busy.contains(n)) {
            let Some(at) = person.activated_at.filter(|_| self.random.percent(22)) else { continue };
            let at = time_on(at.date_naive() + TimeDelta::days(self.random.between(1, 20)), &mut self.random);
            let user = Some(person.user.external_id.as_str());
            let price = self.price(Plan::Monthly);
            journal.record(event(user, at, ACCOUNT, "checkout_started", json!({ "price": price })));
            if self.random.percent(30) {
                let later = at + TimeDelta::seconds(90);
                let mut failed = event(user, later, ACCOUNT, "checkout_failed", json!({ "price": price }));
                "failed".clone_into(&mut failed.status);
                failed.error_message = Some("the card was declined".to_owned());
                journal.record(failed);
            }
        }
    }
}

fn capitalised(address: &str) -> String {
    address.get(..1).map_or_else(String::new, str::to_uppercase) + address.get(1..).unwrap_or_default()
}

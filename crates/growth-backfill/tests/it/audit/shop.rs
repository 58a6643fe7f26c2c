//! A small business with something of everything, and how it is audited.

use std::collections::BTreeMap;
use std::time::Duration as Pause;

use chrono::{DateTime, TimeDelta, Utc};
use growth_backfill::{Audit, AuditOptions, Report, Sides, Step, Totals};
use growth_db::Db;
use growth_db::rows::StripeEventRow;
use growth_demo::world::{CouponTerms, Duration, Interval, Off, PriceTerms, Shape, Terms, Truth, World};
use growth_ingest::{Intake, Source, ingest};
use growth_testkit::histories::beginning;
use growth_testkit::stripe::Stripe;
use growth_testkit::tables::{self, Dump};
use serde_json::Value;

use crate::{SECRET, client};

pub(super) struct Shop {
    pub(super) world: World,
    pub(super) now: DateTime<Utc>,
    /// An active subscription with a discount.
    pub(super) subscription: String,
    /// A one-off payment of 25.00 GBP, and a refund of a part of it.
    pub(super) payment: String,
    pub(super) refund: String,
}

impl Shop {
    pub(super) fn open(shape: Shape) -> Self {
        let mut world = World::new(shape, true, 11).with_fees_hidden(0);
        let at = |days| beginning() + TimeDelta::days(days);
        let product = world.create_product("Enrichment", at(0));
        let mut price = |minor, interval, currency: &str| {
            let terms = PriceTerms {
                nickname: format!("{minor}"),
                unit_amount: minor,
                currency: currency.to_owned(),
                interval,
                interval_count: 1,
            };
            world.create_price(&product, terms, at(0))
        };
        let (monthly, yearly) = (price(1900, Interval::Month, "gbp"), price(19_000, Interval::Year, "gbp"));
        let dollars = price(2500, Interval::Month, "usd");
        let mut coupon = |id: &str, off, duration| {
            world.create_coupon(id, CouponTerms { name: id.to_owned(), off, duration }, at(0))
        };
        let friend = coupon("friend", Off::Percent(20), Duration::Forever);
        let launch = coupon("launch", Off::Percent(50), Duration::Months(3));
        let customers: Vec<String> =
            (0..6).map(|n| world.create_customer(&format!("c{n}@example.com"), None, at(n))).collect();
        let subscribe = |world: &mut World, customer: usize, price: &str, terms: Terms<'_>, day| {
            world.subscribe(&customers[customer], price, &terms, at(day)).unwrap()
        };
        let terms = Terms { quantity: 2, coupon: Some(&friend), ..Terms::default() };
        let subscription = subscribe(&mut world, 0, &monthly, terms, 10);
        subscribe(&mut world, 1, &yearly, Terms { coupon: Some(&launch), ..Terms::default() }, 11);
        subscribe(&mut world, 2, &dollars, Terms::default(), 12);
        subscribe(&mut world, 3, &monthly, Terms { trial_days: Some(90), ..Terms::default() }, 13);
        let late = subscribe(&mut world, 4, &dollars, Terms::default(), 14);
        let over = subscribe(&mut world, 5, &monthly, Terms::default(), 15);
        assert!(world.renew(&subscription, at(41)) && world.fail_payment(&late, at(45)));
        assert!(world.cancel_now(&over, at(50)));
        let payment = world.one_off_payment(Some(&customers[1]), 2500, "gbp", at(51)).unwrap();
        let refund = world.refund(&payment, 700, at(52)).unwrap();
        let failed = world.refund(&payment, 300, at(53)).unwrap();
        assert!(world.fail_refund(&failed, at(54)));
        let disputed = world.one_off_payment(None, 900, "usd", at(55)).unwrap();
        let dispute = world.dispute(&disputed, at(56)).unwrap();
        assert!(world.win_dispute(&dispute, at(60)));
        let lost = world.one_off_payment(None, 1100, "gbp", at(57)).unwrap();
        world.dispute(&lost, at(58)).unwrap();
        Self { world, now: at(61), subscription, payment, refund }
    }

    pub(super) fn events(&self) -> Vec<Value> {
        self.world.events().to_vec()
    }

    pub(super) fn take_events(&mut self) -> Vec<Value> {
        self.world.take_events()
    }

    /// A server that shows its objects in a shape.
    pub(super) async fn stripe(&self, account: &str, shape: Shape) -> Stripe {
        let stripe = Stripe::start_at(SECRET, self.now).await;
        for object in self.world.objects(shape) {
            stripe.put_in(account, object);
        }
        stripe
    }
}

/// Of everything that ever was.
pub(super) fn options(account: &str, now: DateTime<Utc>) -> AuditOptions {
    let from = beginning() - TimeDelta::days(1);
    AuditOptions { account: account.to_owned(), from, until: now, now, patience: Pause::ZERO }
}

pub(super) async fn audit(db: &Db, stripe: &Stripe, options: AuditOptions) -> Report {
    Audit::new(db.clone(), client(stripe), options).run(&mut |_: Step<'_>| {}).await.unwrap()
}

pub(super) async fn take_in(db: &Db, account: &str, events: &[Value]) {
    let documents = events.iter().map(|event| {
        let mut event = event.clone();
        if !account.is_empty() {
            event["account"] = account.into();
        }
        (event.to_string(), event)
    });
    let intake = Intake {
        source: Source::Webhook,
        received_at: beginning(),
        livemode: true,
        account: account.to_owned(),
    };
    ingest(db, intake, documents.collect()).await.unwrap();
}

/// All tables of Stripe's data, the inbox too.
pub(super) async fn everything(db: &Db) -> Dump {
    let mut dump = tables::revenue_by_account(db).await;
    tables::dump::<StripeEventRow>(db, None, &mut dump).await;
    for lines in dump.values_mut() {
        lines.sort();
    }
    dump
}

/// What both sides sum up to where nothing is wrong.
pub(super) fn totals_of(truth: &Truth) -> BTreeMap<String, Totals> {
    fn both(sides: &mut Sides, amount: i64) {
        sides.ours += amount;
        sides.theirs += amount;
    }
    let mut all: BTreeMap<String, Totals> = BTreeMap::new();
    let mut of = |currency: &str, add: &dyn Fn(&mut Totals)| add(all.entry(currency.to_owned()).or_default());
    for payment in &truth.payments {
        of(&payment.currency, &|totals| {
            if payment.succeeded {
                both(&mut totals.gross_volume, payment.amount);
                both(&mut totals.fees, payment.fee.unwrap());
            }
        });
    }
    for refund in truth.refunds.iter().filter(|refund| refund.status != "failed") {
        of(&refund.currency, &|totals| both(&mut totals.refunds, refund.amount));
    }
    for dispute in &truth.disputes {
        of(&dispute.currency, &|totals| both(&mut totals.disputes, dispute.amount - dispute.reinstated));
    }
    for subscription in &truth.subscriptions {
        let counts = matches!(subscription.status.as_str(), "active" | "past_due") && !subscription.paused;
        let micros = i64::try_from(subscription.mrr_micros()).unwrap();
        of(&subscription.currency, &|totals| {
            both(&mut totals.active_subscriptions, i64::from(counts));
            both(&mut totals.mrr_micros, micros);
        });
    }
    all
}

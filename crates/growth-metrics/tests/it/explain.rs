//! The rows behind each number add up to the number of the snapshot.

use std::collections::BTreeMap;

use chrono_tz::Europe::London;
use chrono_tz::{Tz, UTC};
use growth_db::Db;
use growth_demo::business::Business;
use growth_domain::money::Micros;
use growth_domain::rollforward::Ratio;
use growth_metrics::explain::{
    CashMetric, Cell, EventMetric, Metric, MrrMetric, Part, ProductMetric, UsageMetric, UserMetric, explain,
};
use growth_metrics::{CurrencyRevenue, Error, GrowthSnapshot, Request, RetentionCohort, snapshot};
use growth_testkit::on_each_engine;

use crate::place::{january, request, subscription, take_in};
use crate::sample::{self, DAYS, at, fill};

/// A number, or what is above the line of a ratio.
fn number(numerator: impl Into<i128>) -> Part {
    Part { numerator: numerator.into(), denominator: None }
}

fn ratio(Ratio { numerator, denominator }: Ratio) -> Part {
    Part { numerator, denominator: Some(denominator) }
}

/// The snapshot's figure of each number, by currency where it is money.
fn figures(metric: &Metric, snapshot: &GrowthSnapshot) -> BTreeMap<Option<String>, Part> {
    let by_currency = |of: &dyn Fn(&CurrencyRevenue) -> Part| {
        snapshot.revenue.iter().map(|revenue| (Some(revenue.currency.clone()), of(revenue))).collect()
    };
    let of_all = |part| BTreeMap::from([(None, part)]);
    match metric {
        Metric::Mrr(which) => by_currency(&|revenue| of_mrr(*which, revenue)),
        Metric::Cash(which) => by_currency(&|revenue| of_cash(*which, revenue)),
        Metric::Users(which) => of_all(of_users(*which, snapshot)),
        Metric::Product(which) => of_all(of_product(which, snapshot)),
    }
}

fn of_mrr(metric: MrrMetric, revenue: &CurrencyRevenue) -> Part {
    use MrrMetric as M;
    let (mrr, moved) = (&revenue.mrr.current, &revenue.movements.current);
    let kept = &revenue.retention.current;
    let micros = |micros: Micros| number(micros.0);
    match metric {
        M::Mrr => micros(mrr.net),
        M::List => micros(mrr.list),
        M::Discounts => micros(mrr.discount),
        M::Committed => micros(mrr.committed),
        M::Ending => micros(mrr.net - mrr.committed),
        M::AtRisk => micros(mrr.at_risk),
        M::Arr => micros(mrr.arr),
        M::ActiveSubscriptions => number(mrr.active_subscriptions),
        M::TrialingSubscriptions => number(mrr.trialing_subscriptions),
        M::Unpriced => number(mrr.unpriced_subscriptions),
        M::PayingCustomers => number(mrr.paying_customers),
        M::Arpu => {
            assert_eq!(mrr.arpu, mrr.net.divided_by(mrr.paying_customers));
            ratio(Ratio { numerator: mrr.net.0, denominator: mrr.paying_customers.into() })
        }
        M::Opening => micros(moved.opening),
        M::New => micros(moved.new),
        M::Reactivation => micros(moved.reactivation),
        M::Expansion => micros(moved.expansion),
        M::Contraction => micros(moved.contraction),
        M::Churn => micros(moved.churn),
        M::NetNew => micros(moved.net_new()),
        M::CustomerChurn => ratio(kept.customer_churn),
        M::NetRetention => ratio(kept.net_revenue_retention),
        M::GrossRetention => ratio(kept.gross_revenue_retention),
        M::GrossChurn => ratio(kept.gross_mrr_churn),
        M::QuickRatio => ratio(kept.quick_ratio),
        M::MonthlyChurn => ratio(revenue.lifetime_value.monthly_churn),
        M::TrialConversion => ratio(revenue.trial_conversion.current),
        M::LargestCustomer => {
            ratio(revenue.largest_customer.as_ref().map(|largest| largest.share).unwrap_or_default())
        }
    }
}

fn of_cash(metric: CashMetric, revenue: &CurrencyRevenue) -> Part {
    use CashMetric as M;
    let cash = &revenue.cash.current;
    match metric {
        M::NewRevenue => number(cash.payments.amount),
        M::TotalRevenue => number(revenue.all_time.payments.amount),
        M::ByInvoice => number(cash.by_invoice_only.amount),
        M::Unattributed => number(cash.unattributed.amount),
        M::FailedPayments => number(cash.failed_payments.amount),
        M::Refunds => number(cash.refunds.amount),
        M::Disputes => number(cash.disputes.amount),
        M::Fees => number(cash.known_fees),
        M::NetBeforeFees => number(cash.net_before_fees),
        M::NetVolume => number(cash.net.unwrap_or(cash.net_before_fees - cash.known_fees)),
        M::Recovery => ratio(revenue.recovery.current.by_count),
        M::RecoveryByAmount => ratio(revenue.recovery.current.by_volume),
        M::StillOpen => number(revenue.recovery.current.open.amount),
    }
}

fn of_users(metric: UserMetric, snapshot: &GrowthSnapshot) -> Part {
    use UserMetric as M;
    let (users, engagement) = (&snapshot.users, &snapshot.engagement);
    match metric {
        M::Total => number(users.total.current),
        M::New => number(users.new.current),
        M::Active => number(users.active.current),
        M::Activation => ratio(users.activation.current),
        M::ActivationPending => number(users.activation_pending.current),
        M::AverageDaily => ratio(engagement.average_dau.current),
        M::Daily => number(engagement.dau.current),
        M::Weekly => number(engagement.wau.current),
        M::Monthly => number(engagement.mau.current),
        M::Stickiness => ratio(engagement.stickiness_week.current),
        M::StickinessMonth => ratio(engagement.stickiness_month.current),
        M::WeeklyRetention => came_back(&engagement.weekly),
        M::MonthlyRetention => came_back(&engagement.monthly),
        M::FunnelActivation => ratio(snapshot.funnel.stages[1].overall.current),
        M::FunnelPayment => ratio(snapshot.funnel.stages[2].from_previous.current),
        M::FunnelPending => number(snapshot.funnel.pending.current),
        M::Funnel => ratio(snapshot.funnel.stages[2].overall.current),
    }
}

/// Of the cohorts of a matrix whose next week or month is over: who was active in it.
fn came_back(cohorts: &[RetentionCohort]) -> Part {
    let next = cohorts.iter().filter_map(|cohort| Some((*cohort.active.get(1)?.as_ref()?, cohort.users)));
    let (back, users) = next.fold((0, 0), |(back, all), (active, users)| (back + active, all + users));
    ratio(Ratio { numerator: back.into(), denominator: users.into() })
}

fn of_product(metric: &ProductMetric, snapshot: &GrowthSnapshot) -> Part {
    use {EventMetric as E, UsageMetric as U};
    let (product, usage) = (&snapshot.product, &snapshot.product.usage.current);
    match metric {
        ProductMetric::Events(E::EnrichmentsStarted) => number(product.enrichments_started.current),
        ProductMetric::Events(E::EnrichmentsFailed) => number(product.enrichments_failed.current),
        ProductMetric::Events(E::Enrichments) => number(product.enrichments_completed.current),
        ProductMetric::Events(E::EnrichmentSuccess) => ratio(product.enrichment_success.current),
        ProductMetric::Events(E::Contacts) => number(product.contacts.current),
        ProductMetric::Events(E::ContactsPerEnrichment) => ratio(product.contacts_per_enrichment.current),
        ProductMetric::Events(E::Exports) => {
            number(product.exports.iter().map(|export| export.completed.current).sum::<u64>())
        }
        ProductMetric::Usage(U::Enrichments) => number(usage.enrichments),
        ProductMetric::Usage(U::Searches) => number(usage.searches),
        ProductMetric::Usage(U::Exports) => number(usage.exports),
        ProductMetric::Usage(U::Pitches) => number(usage.pitches_generated),
        ProductMetric::Usage(U::Emails) => number(usage.emails_sent),
        ProductMetric::Usage(U::Campaigns) => number(usage.campaigns_created),
        ProductMetric::Usage(U::Contacts) => number(usage.contacts_added),
        ProductMetric::Usage(U::Sessions) => number(usage.sessions),
        ProductMetric::Usage(U::SessionDuration) => number(usage.session_duration_ms),
        ProductMetric::Event(name) => {
            let told = product.events.iter().find(|event| event.name == *name);
            number(told.map_or(0, |event| event.count.current))
        }
    }
}

/// Every number, the events that the snapshot lists, and one that the sample business has nothing of.
fn metrics(snapshot: &GrowthSnapshot) -> Vec<Metric> {
    let listed = snapshot.product.events.iter().map(|event| event.name.clone());
    let names = listed.chain(["screen_viewed".to_owned()]);
    Metric::all().into_iter().chain(names.map(|name| Metric::Product(ProductMetric::Event(name)))).collect()
}

pub(crate) async fn assert_explained(db: &Db, request: &Request) {
    let snapshot = snapshot(db, request).await.unwrap();
    for metric in metrics(&snapshot) {
        let of = format!("{metric} of {} days until {}", request.days, request.window.end);
        let explanation = explain(db, request, &metric).await.unwrap();
        assert_eq!(explanation.header, snapshot.header, "{of}");
        for row in &explanation.rows {
            assert_eq!(row.cells.len(), explanation.columns.len(), "{of}: {row:?}");
        }
        let (mut sums, figures) = (explanation.sums(), figures(&metric, &snapshot));
        for (currency, expected) in &figures {
            let Part { numerator, denominator } = sums.remove(&currency.as_deref()).unwrap_or_default();
            assert_eq!(numerator, expected.numerator, "{of}, {currency:?}");
            assert_eq!(denominator.unwrap_or(0), expected.denominator.unwrap_or(0), "{of}, {currency:?}");
        }
        assert!(sums.is_empty(), "{of} has rows of {sums:?}, which the snapshot has nothing of");
    }
}

/// Asks for every length of window until the end, and for one long before it.
async fn assert_all_explained(db: &Db, seed: u64, end: &str, zone: Tz) {
    let end = at(end);
    fill(db, &Business::sample(seed, end), end, zone).await;
    for days in DAYS {
        assert_explained(db, &sample::request(end, days, zone)).await;
    }
    let earlier = end - chrono::TimeDelta::minutes(200 * 1440 + 77);
    assert_explained(db, &sample::request(earlier, 30, zone)).await;
    let of_app = Request { app: Some("tracker".into()), ..sample::request(end, 30, zone) };
    assert_explained(db, &of_app).await;
}

on_each_engine! {
    async fn the_rows_add_up_until_the_middle_of_a_day(db: TestDb) {
        assert_all_explained(&db, 1, "2026-06-15T12:34:56.789Z", UTC).await;
    }

    async fn the_rows_add_up_over_a_change_of_the_clock(db: TestDb) {
        assert_all_explained(&db, 2, "2026-04-02T13:00:00Z", London).await;
    }

    async fn the_rows_add_up_to_nothing_in_an_empty_database(db: TestDb) {
        for days in DAYS {
            assert_explained(&db, &request(january(8), days, London)).await;
        }
    }

    async fn the_rows_behind_users_name_them(db: TestDb) {
        use growth_track::{Counting, Event, Settings, record};
        let did = |user: &str, name: &str, day| Event::new(name, january(day)).user(user).app("web");
        let counting = Counting { time_zone: Some(UTC), activation_event: None };
        let settings = Settings { counting, ..Settings::new(january(31)) };
        let events = [did("ann", "user_signed_up", 3), did("ann", "enrichment_completed", 4), did("bob", "page_load", 7)];
        assert_eq!(record(&db, &events, &settings).await.unwrap().rejected, []);
        take_in(&db, &[crate::place::event("evt_1", "customer.subscription.created", january(5),
            &subscription("sub_1", january(5), 1, &serde_json::json!({})))]).await;
        for metric in [UserMetric::Active, UserMetric::Weekly, UserMetric::Stickiness, UserMetric::Funnel, UserMetric::New] {
            let rows = explain(&db, &request(january(8), 7, UTC), &Metric::Users(metric)).await.unwrap().rows;
            let named: Vec<&Cell> = rows.iter().map(|row| &row.cells[0]).collect();
            assert_eq!(named, [&Cell::Text("ann".into()), &Cell::Text("bob".into())], "{metric:?}");
            assert!(rows.iter().all(|row| matches!(row.cells[1], Cell::At(_))), "{metric:?}");
        }
    }

    async fn an_event_that_nobody_ever_told_is_no_number(db: TestDb) {
        let told = async |name: &str| {
            let metric = Metric::Product(ProductMetric::Event(name.to_owned()));
            match explain(&db, &request(january(8), 7, UTC), &metric).await {
                Ok(explanation) => explanation.rows.len().to_string(),
                Err(error @ Error::UnknownEvent { .. }) => error.to_string(),
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(told("page_load").await, "0");
        assert_eq!(told("page_loads").await, "no event \"page_loads\" was ever recorded; did you mean page_load?");
        assert_eq!(told("quarrel").await, "no event \"quarrel\" was ever recorded; those of this database: none");
        let counting = growth_track::Counting { time_zone: Some(UTC), activation_event: None };
        let settings = growth_track::Settings { counting, ..growth_track::Settings::new(january(31)) };
        let did = |day| growth_track::Event::new("song_played", january(day)).user("ann").app("web");
        assert_eq!(growth_track::record(&db, &[did(20)], &settings).await.unwrap().rejected, []);
        assert_eq!(told("song_played").await, "0");
        assert_eq!(told("quarrel").await, "no event \"quarrel\" was ever recorded; those of this database: song_played");
    }

    async fn the_rows_behind_users_do_not_name_who_was_forgotten(db: TestDb) {
        use growth_track::{Counters, Counting, Event, Settings, Usage, count_usage, forget, record};
        let counting = Counting { time_zone: Some(UTC), activation_event: None };
        let settings = Settings { counting, ..Settings::new(january(31)) };
        let did = Event::new("page_load", january(3)).user("ann").app("web");
        record(&db, &[did], &settings).await.unwrap();
        let counters = Counters { searches: 2, ..Counters::default() };
        let usage = Usage { user: "ann".into(), date: january(3).date_naive(), app: "web".into(), counters, ..Usage::default() };
        count_usage(&db, &[usage], january(4)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        forget(&mut tx, "ann", january(5)).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        for (metric, column) in [("total_users", 0), ("active_users", 0), ("funnel", 0), ("usage_searches", 1)] {
            let metric: Metric = metric.parse().unwrap();
            for row in explain(&db, &request(january(8), 7, UTC), &metric).await.unwrap().rows {
                assert_eq!(row.cells[column], Cell::Unknown, "{metric}");
            }
        }
        assert_explained(&db, &request(january(8), 7, UTC)).await;
    }
}

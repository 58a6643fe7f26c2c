//! Rows into one growth snapshot.
//!
//! Every figure that growthctl shows comes from a [`GrowthSnapshot`], so the
//! report, its JSON and later pages can never disagree. Invariants:
//!
//! * The same rows and the same request give the same snapshot; there is no clock here.
//! * The identity of the roll-forward is checked whenever a period is built.
//! * What is not known is told as not known, never as 0.

mod activity;
mod cash;
mod discounts;
mod engagement;
mod error;
pub mod explain;
mod freshness;
mod funnel;
mod goal;
mod headline;
mod insights;
mod payments;
mod product;
mod recovery;
mod request;
mod revenue;
mod signups;
mod snapshot;
mod timeline;
mod users;
mod worth;

use futures_util::future::try_join4;
use growth_db::Db;

use self::signups::SignUps;

pub use error::Error;
pub use payments::{Payments, PaymentsPage, payments};
pub use request::{Goal, Request};
pub use snapshot::{
    ActivityDay, Bottleneck, Cash, Converted, CurrencyRevenue, Days, Engagement, EventCount, ExportCount,
    Freshness, Funnel, FunnelStage, GoalProgress, GrowthSnapshot, Header, Headline, LargestCustomer,
    LifetimeValue, Money, MovementReason, Mrr, PaymentLine, Period, Periods, Product, ProductDay, Recovery,
    RefundLine, Retention, RetentionCohort, RevenueDay, Stage, TopUser, UnfinishedDay, Unpriced, Usage,
    Users,
};

/// Builds the snapshot of a window and the window before it.
///
/// # Errors
///
/// Where the database cannot be read, and where the ledger does not add up, which is a defect.
pub async fn snapshot(db: &Db, request: &Request) -> Result<GrowthSnapshot, Error> {
    let scope = request.scope(db).await?;
    let policy = request::policy(db, request).await?;
    request::check_time_zone(db, request).await?;
    request::check_account(db, request).await?;
    request::check_app(db, request).await?;
    // Four at a time, since all of them wait for the database.
    let money = async {
        let mut subscriptions = revenue::figures(db, &scope, request).await?;
        recovery::add(db, &scope, request, &mut subscriptions.revenue).await?;
        cash::add(db, &scope, request, &mut subscriptions.revenue).await?;
        let freshness = freshness::figures(db, &scope, request, &subscriptions).await?;
        let payments = payments::latest(db, &scope, request).await?;
        let refunds = cash::refunds(db, &scope, request).await?;
        Ok::<_, Error>((subscriptions, freshness, payments, refunds))
    };
    let people = async {
        let total = users::total(db, request.window.end).await?;
        let seen = engagement::seen(db, request).await?;
        Ok::<_, Error>((total, seen, SignUps::read(db, &scope, request).await?))
    };
    let (activity, used) = (engagement::activity(db, request), product::used(db, request));
    let (money, people, activity, used) = try_join4(money, people, activity, used).await?;
    let (subscriptions, freshness, payments, refunds) = money;
    let (total, seen, sign_ups) = people;
    let currencies = revenue::in_order(subscriptions.revenue, request.goal.as_ref());
    let weeks = |goal: &Goal| subscriptions.weeks.get(&goal.currency).map_or(&[][..], Vec::as_slice);
    let goal = request.goal.as_ref().map(|goal| goal::progress(goal, &currencies, weeks(goal), request));
    let mut snapshot = GrowthSnapshot {
        schema_version: snapshot::SCHEMA_VERSION,
        header: request.header(&scope, policy),
        goal,
        headline: subscriptions.headline,
        payments,
        refunds,
        unpriced: subscriptions.unpriced,
        users: users::figures(request, &activity, total, sign_ups.newcomers),
        engagement: engagement::figures(db, request, &activity, &seen.first, &sign_ups.by_day).await?,
        product: product::figures(db, request, &activity, used).await?,
        funnel: funnel::figures(request, sign_ups.groups),
        insights: Vec::new(),
        insights_left_out: 0,
        freshness: Freshness { last_product_event_at: seen.last, ..freshness },
        revenue: currencies,
    };
    let notable = insights::of(db, &scope, request, &snapshot).await?;
    (snapshot.insights, snapshot.insights_left_out) = (notable.insights, notable.left_out);
    Ok(snapshot)
}

/// Every statement of this crate with its name, for the test that prepares them on both engines.
#[doc(hidden)]
pub fn statements() -> Vec<(String, String)> {
    let [cash, product, users] = explain::statements();
    growth_db::named(&[
        cash,
        product,
        users,
        activity::STATEMENTS,
        cash::STATEMENTS,
        engagement::STATEMENTS,
        discounts::STATEMENTS,
        freshness::STATEMENTS,
        funnel::STATEMENTS,
        payments::STATEMENTS,
        product::STATEMENTS,
        recovery::STATEMENTS,
        request::STATEMENTS,
        revenue::STATEMENTS,
        users::STATEMENTS,
        worth::STATEMENTS,
    ])
}

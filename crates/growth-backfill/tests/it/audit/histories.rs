//! After everything was taken in, an audit of any window passes, whatever happened.

use std::cell::Cell;

use chrono::TimeDelta;
use growth_backfill::{AuditOptions, Problem, Report};
use growth_db::Db;
use growth_demo::world::Shape;
use growth_testkit::histories::{Plan, beginning, plans, world};
use growth_testkit::on_each_engine;
use growth_testkit::stripe::Stripe;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::shop::{audit, options, take_in};
use crate::SECRET;

/// Events may hide a fee that the API shows; nothing else differs.
fn agrees_but_for_fees(report: &Report) -> bool {
    let is_fee = |problem: &Problem| matches!(problem, Problem::Differs { field: "fee", .. });
    report.left_out.is_empty() && report.differences.iter().all(|found| is_fee(&found.problem))
}

async fn passes(db: &Db, account: &str, plan: &Plan, (first, share): (i64, i64)) {
    let (mut world, last) = world(plan);
    let now = last + TimeDelta::hours(1);
    let stripe = Stripe::start_at(SECRET, now).await;
    for object in world.objects(Shape::Clover) {
        stripe.put_in(account, object);
    }
    take_in(db, account, &world.take_events()).await;
    let report = audit(db, &stripe, options(account, now)).await;
    assert!(agrees_but_for_fees(&report), "{}", report.to_markdown());

    let all = (now - beginning()).num_seconds();
    let from = beginning() + TimeDelta::seconds(all * first / 100);
    let until = from + TimeDelta::seconds(all * share / 100);
    let report = audit(db, &stripe, AuditOptions { from, until, ..options(account, now) }).await;
    assert!(agrees_but_for_fees(&report), "{from} until {until}:\n{}", report.to_markdown());
}

on_each_engine! {
    async fn it_passes_after_any_history(db: TestDb) {
        let config = Config { cases: 24, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let case = Cell::new(0);
        let outcome = runner.run(&(plans(30), (0..90_i64, 5..60_i64)), |(plan, window)| {
            case.set(case.get() + 1);
            let account = format!("acct_{}", case.get());
            let checked = passes(&db, &account, &plan, window);
            block_in_place(|| Handle::current().block_on(checked));
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("{failure}");
        }
    }
}

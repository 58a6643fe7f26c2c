//! An audit finds what differs between the database and Stripe, and nothing else.

mod differences;
mod histories;
mod shop;

use growth_backfill::{Kind, List};
use growth_demo::world::Shape;
use growth_testkit::on_each_engine;
use growth_testkit::stripe::Fault;

use self::shop::{Shop, audit, everything, options, take_in, totals_of};

#[test]
fn statements_prepare_alike() {
    growth_testkit::block_on(growth_testkit::assert_prepared_alike(growth_backfill::statements));
}

on_each_engine! {
    async fn it_passes_in_both_shapes_with_the_totals_of_the_truth(db: TestDb) {
        for (shape, shown) in [
            (Shape::Acacia, Shape::Acacia),
            (Shape::Acacia, Shape::Clover),
            (Shape::Clover, Shape::Clover),
        ] {
            let account = format!("acct_{shape:?}_{shown:?}");
            let shop = Shop::open(shape);
            take_in(&db, &account, &shop.events()).await;
            let stripe = shop.stripe(&account, shown).await;
            let report = audit(&db, &stripe, options(&account, shop.now)).await;
            assert!(report.passed(), "{shape:?} by {shown:?}:\n{}", report.to_markdown());
            let truth = shop.world.truth();
            assert_eq!(report.totals, totals_of(&truth));
            assert_eq!(report.compared[&Kind::Payment].objects, truth.payments.len() as u64);
            assert_eq!(report.compared[&Kind::Subscription].objects, truth.subscriptions.len() as u64);
        }
    }

    async fn it_writes_nothing(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        let events = shop.events();
        take_in(&db, "", &events[..events.len() / 2]).await;
        let before = everything(&db).await;
        let stripe = shop.stripe("", Shape::Clover).await;
        let report = audit(&db, &stripe, options("", shop.now)).await;
        assert!(!report.passed() && !report.differences.is_empty());
        assert_eq!(everything(&db).await, before);
    }

    async fn a_list_that_the_key_may_not_read_fails_it_and_names_the_permission(db: TestDb) {
        let shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.events()).await;
        let stripe = shop.stripe("", Shape::Clover).await;
        stripe.fail("/v1/refunds", Fault::Forbidden { permission: "rak_refund_read" }, usize::MAX);
        let report = audit(&db, &stripe, options("", shop.now)).await;
        assert!(!report.passed());
        assert_eq!(report.differences, []);
        assert_eq!(report.not_compared, [Kind::Refund]);
        let [left_out] = &report.left_out[..] else { panic!("{:#?}", report.left_out) };
        assert_eq!(left_out.list, List::Refunds);
        assert!(left_out.reason.contains("rak_refund_read"), "{}", left_out.reason);
        assert!(report.to_markdown().contains("rak_refund_read"));
    }

    async fn a_webhook_that_comes_while_auditing_is_no_difference(db: TestDb) {
        let mut shop = Shop::open(Shape::Clover);
        take_in(&db, "", &shop.take_events()).await;
        let stripe = shop.stripe("", Shape::Clover).await;
        let holds = ["/v1/payment_intents", "/v1/charges", "/v1/subscriptions"].map(|path| stripe.hold(path));
        let auditing = async { audit(&db, &stripe, options("", shop.now)).await };
        let meanwhile = async {
            for _ in 0..3 {
                while !holds_back(&stripe.next_request().await.path) {}
            }
            let mut world = shop.world.clone();
            let payment = world.one_off_payment(None, 4200, "gbp", shop.now);
            assert!(world.cancel_now(&shop.subscription, shop.now) && payment.is_some());
            for object in world.objects(Shape::Clover) {
                stripe.put(object);
            }
            take_in(&db, "", &world.take_events()).await;
            holds.into_iter().for_each(growth_testkit::stripe::Hold::release);
        };
        let (report, ()) = tokio::join!(auditing, meanwhile);
        assert!(report.passed(), "{}", report.to_markdown());
    }
}

fn holds_back(path: &str) -> bool {
    ["/v1/payment_intents", "/v1/charges", "/v1/subscriptions"].contains(&path)
}

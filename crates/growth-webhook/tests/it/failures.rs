//! Events that cannot be applied: kept with their error, and no trouble for the others.

use growth_db::rows::inbox::{EventState, Filter};
use growth_db::rows::{InvoiceRow, PaymentRow};
use growth_db::{Db, Engine};
use growth_ingest::Again;
use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use crate::objects::{charge, event, invoice, units};
use crate::place::{Place, change, january, keep_from_applying, let_apply, revenue};
use crate::rows::{everything, only, rows, states, stored_event};

/// Lets the database refuse payments of 13.13.
async fn forbid(db: &Db) {
    let sql = match db.engine() {
        Engine::Postgres => "ALTER TABLE payments ADD CONSTRAINT no_thirteen CHECK (amount <> 1313)",
        Engine::Sqlite => {
            "CREATE TRIGGER no_thirteen BEFORE INSERT ON payments WHEN NEW.amount = 1313
             BEGIN SELECT RAISE(ABORT, 'no_thirteen'); END"
        }
    };
    change(db, sql).await;
}

async fn allow(db: &Db) {
    let sql = match db.engine() {
        Engine::Postgres => "ALTER TABLE payments DROP CONSTRAINT no_thirteen",
        Engine::Sqlite => "DROP TRIGGER no_thirteen",
    };
    change(db, sql).await;
}

fn paid(n: usize) -> Value {
    let amount = if n == 7 { 1313 } else { 1000 };
    let amount = json!({"amount": amount, "amount_captured": amount});
    event(
        &format!("evt_{n}"),
        "charge.succeeded",
        january(3),
        &charge(&format!("ch_{n}"), january(3), amount),
    )
}

/// Tells of twenty payments, which are applied at once; the database refuses the one that is poisonous.
async fn swallow_poison(db: &Db, place: &Place) {
    forbid(db).await;
    keep_from_applying(db).await;
    place.post_all((0..20).map(paid)).await;
    assert_eq!(place.readiness().await["pending"], 20);
    let_apply(db).await;
    place.settled().await;
    assert_eq!(states(db).await, [("applied".to_owned(), 19), ("failed".to_owned(), 1)].into());
    let poison = stored_event(db, "evt_7").await;
    assert_eq!(poison.state, "failed");
    let why = poison.last_error.unwrap();
    assert!(why.contains("evt_7 (charge.succeeded)") && why.contains("no_thirteen"), "{why}");
    assert_eq!(revenue(db, "gbp").await.cash.current.payments.amount, 19_000);
    // Others go on being applied.
    place.tell([paid(20)]).await;
    assert_eq!(rows::<PaymentRow>(db).await.len(), 20);
}

async fn assert_healed(db: &Db, attempts: i64) {
    assert_eq!(states(db).await, [("applied".to_owned(), 21)].into());
    let healed = stored_event(db, "evt_7").await;
    assert_eq!((healed.last_error, healed.attempts), (None, attempts));
    assert_eq!(revenue(db, "gbp").await.cash.current.payments.amount, 20_000 + 1313);
}

on_each_engine! {
    async fn a_poisonous_event_is_kept_and_applied_when_stripe_sends_it_again(db: TestDb) {
        let place = Place::open(&db).await;
        swallow_poison(&db, &place).await;
        // As long as the reason is there, it fails again.
        place.tell([paid(7)]).await;
        assert_eq!(stored_event(&db, "evt_7").await.state, "failed");
        allow(&db).await;
        place.tell([paid(7)]).await;
        place.close().await;
        assert_healed(&db, 5).await;
    }

    async fn a_poisonous_event_is_kept_and_applied_by_hand(db: TestDb) {
        let place = Place::open(&db).await;
        swallow_poison(&db, &place).await;
        allow(&db).await;
        let mut again = Again::new(Filter { states: vec![EventState::Failed], ..Filter::default() });
        let applied = again.next(&db).await.unwrap();
        let applied: Vec<_> = applied.iter().map(|outcome| (outcome.id.as_str(), outcome.state)).collect();
        assert_eq!(applied, [("evt_7", EventState::Applied)]);
        assert!(again.next(&db).await.unwrap().is_empty());
        assert_healed(&db, 2).await;
        place.close().await;
    }

    async fn a_good_copy_repairs_an_event_that_could_not_be_read(db: TestDb) {
        let told = |amount: Value| {
            let amount = json!({"amount": amount, "amount_captured": amount});
            event("evt_1", "charge.succeeded", january(3), &charge("ch_1", january(3), amount))
        };
        let (broken, good) = (told(json!("a lot")), told(json!(1000)));
        let place = Place::open(&db).await;
        place.tell([broken.clone()]).await;
        let failed = stored_event(&db, "evt_1").await;
        assert_eq!(failed.state, "failed");
        assert!(failed.last_error.unwrap().contains("amount"));
        assert!(rows::<PaymentRow>(&db).await.is_empty());
        // The same broken copy is no better the second time.
        place.tell([broken.clone()]).await;
        assert_eq!(stored_event(&db, "evt_1").await.state, "failed");
        place.tell([good]).await;
        let repaired = stored_event(&db, "evt_1").await;
        assert_eq!((repaired.state.as_str(), repaired.last_error), ("applied", None));
        assert_eq!(only::<PaymentRow>(&db).await.amount, 1000);
        // And what is good is not broken again.
        let before = everything(&db).await;
        place.tell([broken]).await;
        place.close().await;
        assert_eq!(everything(&db).await, before);
    }

    async fn what_fails_takes_nothing_with_it(db: TestDb) {
        let place = Place::open(&db).await;
        keep_from_applying(&db).await;
        let mut no_customer = units("sub_bad", january(3), 1, json!({}));
        no_customer["customer"] = Value::Null;
        place.post_all([
            event("evt_1", "customer.subscription.created", january(3), &units("sub_1", january(3), 1, json!({}))),
            event("evt_2", "customer.subscription.created", january(3), &no_customer),
            event("evt_3", "invoice.paid", january(3), &invoice("in_1", january(3), json!({"currency": 5}))),
            event("evt_4", "invoice.paid", january(3), &invoice("in_2", january(3), json!({}))),
        ]).await;
        let_apply(&db).await;
        place.settled().await;
        place.close().await;
        assert_eq!(states(&db).await, [("applied".to_owned(), 2), ("failed".to_owned(), 2)].into());
        assert_eq!(only::<InvoiceRow>(&db).await.id, "in_2");
        let mrr = revenue(&db, "gbp").await.mrr.current.net;
        assert_eq!(mrr.to_minor_rounded(), 2000);
    }
}

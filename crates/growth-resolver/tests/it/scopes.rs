//! Modes and accounts never mix.

use growth_testkit::on_each_engine;
use serde_json::Value;

use crate::{World, charge, charge_in_event, event_in, rows};

fn of_mode(livemode: bool, mut object: Value) -> Value {
    object["livemode"] = livemode.into();
    object
}

on_each_engine! {
    async fn a_key_asks_for_data_of_its_mode_only(db: TestDb) {
        event_in(&db, "", false, "charge.succeeded", 1, charge_in_event(1)).await;
        event_in(&db, "", true, "charge.succeeded", 2, of_mode(true, charge_in_event(2))).await;
        let mut live = World::with_key(&db, "sk_live_made_up").await;
        live.stripe.put(of_mode(true, charge(2, Some(20))));
        assert_eq!(live.paths().await, ["/v1/charges/ch_2"]);
        let mut test = World::with_key(&db, "sk_test_made_up").await;
        test.stripe.put(charge(1, Some(10)));
        assert_eq!(test.paths().await, ["/v1/charges/ch_1"]);
        let fees: Vec<(bool, i64)> = rows(&db, "SELECT livemode, fee FROM payments ORDER BY id").await;
        assert_eq!(fees, [(false, 10), (true, 20)]);
    }

    async fn a_connected_accounts_data_is_asked_for_and_kept_as_its_own(db: TestDb) {
        event_in(&db, "acct_1", false, "charge.succeeded", 1, charge_in_event(1)).await;
        event_in(&db, "", false, "charge.succeeded", 1, charge_in_event(1)).await;
        let mut world = World::new(&db).await;
        world.stripe.put(charge(1, Some(10)));
        world.stripe.put_in("acct_1", charge(1, Some(20)));
        let (_, requests) = world.round().await;
        let mut accounts: Vec<String> = requests.into_iter().map(|request| request.account).collect();
        accounts.sort();
        assert_eq!(accounts, ["", "acct_1"]);
        let fees: Vec<(String, i64)> = rows(&db, "SELECT account, fee FROM payments ORDER BY account").await;
        assert_eq!(fees, [(String::new(), 10), ("acct_1".to_owned(), 20)]);
        let inbox: Vec<(String,)> =
            rows(&db, "SELECT account FROM stripe_events WHERE source = 'api' ORDER BY account").await;
        assert_eq!(inbox, [(String::new(),), ("acct_1".to_owned(),)]);
        assert_eq!(world.paths().await, [""; 0]);
    }
}

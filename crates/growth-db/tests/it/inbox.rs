//! What waits in the inbox, and in which order it is taken out.

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::rows::inbox::{self, EventKey, EventState, Filter, Settled, StripeEventRow};
use growth_db::rows::users::{self, ToldUser};
use growth_db::{Db, Target, query};
use growth_testkit::on_each_engine;

fn came(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + seconds, 0).unwrap()
}

fn event(id: &str, seconds: i64, payload: &str) -> StripeEventRow {
    StripeEventRow {
        account: "acct_1".to_owned(),
        livemode: true,
        id: id.to_owned(),
        event_type: format!("type.{}", payload.len()),
        created: came(0),
        api_version: None,
        source: "webhook".to_owned(),
        received_at: came(seconds),
        state: "pending".to_owned(),
        attempts: 0,
        last_error: None,
        payload: payload.to_owned(),
    }
}

fn key(id: &str) -> EventKey {
    ("acct_1".to_owned(), true, id.to_owned())
}

fn ids(rows: &[StripeEventRow]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

async fn settle(db: &Db, id: &str, state: EventState, last_error: Option<&str>) {
    let mut tx = db.begin().await.unwrap();
    let (account, livemode, id) = key(id);
    let last_error = last_error.map(str::to_owned);
    inbox::settle(
        &mut tx,
        &[Settled { account, livemode, id, attempts: 0, state: state.as_str(), last_error }],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

/// What everybody sees, which a transaction that is still open would not show.
async fn states(db: &Db) -> Vec<(String, String, i64, Option<String>, String)> {
    let sql = "SELECT id, state, attempts, last_error, payload FROM stripe_events ORDER BY id";
    query(db, sql).fetch_all().await.unwrap()
}

fn state(
    id: &str,
    state: &str,
    attempts: i64,
    error: Option<&str>,
    payload: &str,
) -> (String, String, i64, Option<String>, String) {
    (id.to_owned(), state.to_owned(), attempts, error.map(str::to_owned), payload.to_owned())
}

on_each_engine! {
    async fn what_is_received_is_committed_and_a_second_copy_is_left_alone(db: TestDb) {
        let both = [event("evt_1", 0, "first"), event("evt_1", 1, "second"), event("evt_2", 2, "b")];
        let mut new = inbox::receive(Target::Alone(&db), &both).await.unwrap();
        new.sort();
        assert_eq!(new, [key("evt_1"), key("evt_2")]);
        assert_eq!(inbox::receive(Target::Alone(&db), &[event("evt_2", 3, "other")]).await.unwrap(), []);
        assert_eq!(inbox::receive(Target::Alone(&db), &[]).await.unwrap(), []);
        assert_eq!(
            states(&db).await,
            [state("evt_1", "pending", 0, None, "first"), state("evt_2", "pending", 0, None, "b")]
        );
        assert_eq!(inbox::waiting(&db).await.unwrap(), (2, Some(came(0))));
    }

    async fn a_second_copy_gives_a_failed_event_another_chance_and_no_other(db: TestDb) {
        inbox::receive(Target::Alone(&db), &[event("evt_1", 0, "a"), event("evt_2", 0, "b"), event("evt_3", 0, "c")]).await.unwrap();
        settle(&db, "evt_1", EventState::Failed, Some("broken")).await;
        settle(&db, "evt_2", EventState::Applied, None).await;
        let copies = ["evt_1", "evt_2", "evt_3", "evt_4"].map(|id| event(id, 9, "better"));
        assert_eq!(inbox::try_again(Target::Alone(&db), &copies).await.unwrap(), [key("evt_1")]);
        // Whoever read the first copy comes too late to say what became of it.
        settle(&db, "evt_1", EventState::Applied, None).await;
        assert_eq!(
            states(&db).await,
            [
                state("evt_1", "pending", 2, Some("broken"), "better"),
                state("evt_2", "applied", 1, None, "b"),
                state("evt_3", "pending", 0, None, "c"),
            ]
        );
    }

    async fn those_that_waited_longest_are_first_and_a_batch_is_bounded_in_number_and_size(db: TestDb) {
        let rows = [event("evt_d", 1, "1234"), event("evt_c", 2, "1234"), event("evt_b", 3, "é56"), event("evt_a", 3, "1")];
        inbox::receive(Target::Alone(&db), &rows).await.unwrap();
        let pending = async |most, bytes| {
            let rows = inbox::pending(&*db, most, bytes).await.unwrap();
            ids(&rows).join(" ")
        };
        assert_eq!(pending(10, 1_000).await, "evt_d evt_c evt_a evt_b");
        assert_eq!(pending(2, 1_000).await, "evt_d evt_c");
        assert_eq!(pending(10, 5).await, "evt_d evt_c", "the second one begins within five bytes");
        assert_eq!(pending(10, 1).await, "evt_d", "one is always given, however large");
        assert_eq!(pending(10, 9).await, "evt_d evt_c evt_a");
        settle(&db, "evt_d", EventState::Ignored, None).await;
        assert_eq!(pending(1, 1).await, "evt_c");
        assert!(inbox::any_pending(&db).await.unwrap());
    }

    async fn stored_events_are_found_by_state_type_and_arrival_one_page_after_the_other(db: TestDb) {
        let rows: Vec<_> = (0..7_i64).map(|n| event(&format!("evt_{n}"), n, &"x".repeat(usize::try_from(n % 2).unwrap()))).collect();
        inbox::receive(Target::Alone(&db), &rows).await.unwrap();
        settle(&db, "evt_1", EventState::Failed, Some("broken")).await;
        settle(&db, "evt_2", EventState::Applied, None).await;
        let found = async |filter: Filter| {
            let (mut found, mut after) = (Vec::new(), EventKey::default());
            loop {
                let page = inbox::stored(&*db, &filter, &after, 2, 1_000).await.unwrap();
                let Some(last) = page.last() else { break };
                assert!(page.len() <= 2);
                after = key(&last.id);
                found.extend(ids(&page).into_iter().map(str::to_owned));
            }
            assert_eq!(inbox::count(&db, &filter).await.unwrap(), found.len() as u64);
            found.join(" ").replace("evt_", "")
        };
        assert_eq!(found(Filter::default()).await, "0 1 2 3 4 5 6");
        let states = vec![EventState::Failed, EventState::Applied];
        assert_eq!(found(Filter { states, ..Filter::default() }).await, "1 2");
        assert_eq!(found(Filter { since: Some(came(4)), ..Filter::default() }).await, "4 5 6");
        let of_type = Filter { event_types: vec!["type.1".to_owned()], since: Some(came(2)), ..Filter::default() };
        assert_eq!(found(of_type).await, "3 5");
        assert_eq!(found(Filter { event_types: vec!["'".to_owned()], ..Filter::default() }).await, "");
    }

    async fn users_who_are_new_or_differ_wait_once_and_come_back_when_they_change(db: TestDb) {
        let tell = async |email: Option<&'static str>| {
            let mut tx = db.begin().await.unwrap();
            let user = ToldUser { external_id: "u1", email, created_at: came(0), is_admin: false };
            users::tell(&mut tx, &[user]).await.unwrap();
            tx.commit().await.unwrap();
        };
        let take = async || {
            let mut tx = db.begin().await.unwrap();
            let taken = users::take_unlinked(&mut tx, 10).await.unwrap();
            tx.commit().await.unwrap();
            taken.into_iter().map(|user| user.email.unwrap_or_default()).collect::<Vec<_>>()
        };
        assert!(!users::any_unlinked(&db).await.unwrap());
        tell(None).await;
        tell(Some("a@example.com")).await;
        assert!(users::any_unlinked(&db).await.unwrap());
        assert_eq!(take().await, ["a@example.com"]);
        assert_eq!(take().await, [""; 0]);
        tell(Some("a@example.com")).await;
        assert_eq!(take().await, [""; 0], "nothing changed");
        tell(Some("b@example.com")).await;
        assert_eq!(take().await, ["b@example.com"]);
    }
}

#[test]
fn a_user_who_changes_while_being_taken_waits_again() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let tell = async |email: &'static str| {
            let mut tx = db.begin().await.unwrap();
            let created_at = came(0) + TimeDelta::seconds(1);
            let user = ToldUser { external_id: "u1", email: Some(email), created_at, is_admin: false };
            users::tell(&mut tx, &[user]).await.unwrap();
            tx
        };
        tell("old@example.com").await.commit().await.unwrap();
        let changing = tell("new@example.com").await;
        let take = async || {
            let mut tx = db.begin().await.unwrap();
            let taken = users::take_unlinked(&mut tx, 10).await.unwrap();
            tx.commit().await.unwrap();
            taken.into_iter().filter_map(|user| user.email).collect::<Vec<_>>()
        };
        // It neither waits for whoever is changing the user nor takes the old address off the list.
        assert_eq!(take().await, [""; 0]);
        changing.commit().await.unwrap();
        assert_eq!(take().await, ["new@example.com"]);
    });
}

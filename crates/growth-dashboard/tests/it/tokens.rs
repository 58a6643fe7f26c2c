//! Admin tokens.

use std::time::Duration;

use chrono::TimeDelta;
use growth_dashboard::auth::{TokenError, create_token, list_tokens, revoke_tokens, token_hint};
use growth_testkit::on_each_engine;

use crate::place::{NOW, PAGE, Place, at};

on_each_engine! {
    async fn a_token_lets_in_whoever_has_it_and_makes_no_session(db: TestDb) {
        let place = Place::new(&db);
        assert!(!place.dashboard.auth().has_a_way_in().await.unwrap());
        let token = place.token("ops").await;
        assert!(place.dashboard.auth().has_a_way_in().await.unwrap());
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let given = [("authorization", &*format!("{scheme} {token}"))];
            let answer = place.get(crate::place::ADMINS_ONLY, &given).await;
            assert!(answer.is_let_in() && answer.cookie().is_none(), "{answer:?}");
        }
        let answer = place.get(PAGE, &[("authorization", &format!("Bearer {token}"))]).await;
        assert!(answer.status == 400 && answer.cookie().is_none(), "{answer:?}");
        for wrong in [
            String::new(),
            token.to_uppercase(),
            token[..token.len() - 1].to_owned(),
            format!("{token}0"),
            format!("{}{}", &token[..21], "0".repeat(32)),
            token.replace("gat_", "gwk_"),
        ] {
            let answer = place.with_bearer(&wrong).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "wrong_token"), "{wrong}");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
        }
        // Of two, nobody knows which one is meant.
        let both = format!("Bearer {token}");
        let two = [("authorization", &*both), ("authorization", &*both)];
        assert_eq!(place.get(crate::place::ADMINS_ONLY, &two).await.status, 401);
        let none = place.get(crate::place::ADMINS_ONLY, &[("authorization", "Basic b3BzOm9wcw==")]).await;
        assert_eq!(none.code(), "signed_out");
    }

    async fn only_a_digest_is_stored(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        let (hash, name): (String, String) =
            growth_db::query(&*db, "SELECT hash, name FROM admin_tokens").fetch_one().await.unwrap();
        assert!(hash.starts_with("$argon2id$") && name == "ops", "{hash}");
        assert!(!hash.contains(&token[21..]), "{hash}");
        for wrong in ["", " ", "a\nb", &"x".repeat(256)] {
            let refused = create_token(&db, wrong, at(NOW)).await;
            assert!(matches!(refused, Err(TokenError::Name(_))), "{wrong:?}");
        }
    }

    async fn a_revoked_token_is_out_within_ten_seconds_and_its_sessions_too(db: TestDb) {
        let place = Place::new(&db);
        let (first, second) = (place.token("ops").await, place.token("boss").await);
        let cookie = place.session(&first).await;
        let other = place.session(&second).await;
        assert!(place.with_bearer(&first).await.is_let_in() && place.with_cookie(&cookie).await.is_let_in());
        let listed = list_tokens(&db).await.unwrap();
        let hint = listed.iter().map(token_hint).find(|hint| first.starts_with(hint.as_str())).unwrap();
        assert_eq!(revoke_tokens(&db, "nobody", place.now()).await.unwrap(), 0);
        assert_eq!(revoke_tokens(&db, &hint, place.now()).await.unwrap(), 1);
        assert_eq!(revoke_tokens(&db, "ops", place.now()).await.unwrap(), 0);
        place.wait(TimeDelta::seconds(10));
        assert_eq!(place.with_bearer(&first).await.code(), "wrong_token");
        assert_eq!(place.with_cookie(&cookie).await.status, 401);
        assert_eq!(place.sign_in(&first, &[]).await.status, 401);
        assert!(place.with_bearer(&second).await.is_let_in() && place.with_cookie(&other).await.is_let_in());
        assert_eq!(revoke_tokens(&db, &second, place.now()).await.unwrap(), 1);
        assert!(!place.dashboard.auth().has_a_way_in().await.unwrap());
    }

    async fn whoever_was_just_let_in_is_while_the_database_is_down(db: TestDb) {
        let place = Place::new(&db);
        let (token, unseen) = (place.token("ops").await, place.token("boss").await);
        let cookie = place.session(&token).await;
        assert!(place.with_cookie(&cookie).await.is_let_in());
        db.close().await;
        place.wait(TimeDelta::seconds(9));
        assert!(place.with_bearer(&token).await.is_let_in() && place.with_cookie(&cookie).await.is_let_in());
        let answer = place.with_bearer(&unseen).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "unavailable"));
        place.wait(TimeDelta::seconds(1));
        assert_eq!(place.with_bearer(&token).await.code(), "unavailable");
        assert_eq!(place.with_cookie(&cookie).await.code(), "unavailable");
        assert_eq!(place.get(PAGE, &[("cookie", &cookie)]).await.status, 503);
        assert_eq!(place.sign_in(&token, &[]).await.status, 503);
        let link = place.dashboard.auth().one_time_link();
        for _ in 0..2 {
            // It has let nobody in, so it is not used up.
            assert_eq!(place.get(&link, &[]).await.status, 503);
        }
        // Nobody is locked out for what is not their fault.
        for _ in 0..12 {
            assert_eq!(place.with_bearer(&token).await.status, 503);
        }
    }

    async fn however_many_come_with_one_token_at_once_are_let_in(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        // More than may wait for tokens of their own to be verified.
        let asking = (0..200).map(|_| place.with_bearer(&token));
        for answer in futures_util::future::join_all(asking).await {
            assert!(answer.is_let_in(), "{answer:?}");
        }
    }
}

#[test]
fn nobody_waits_in_line_for_a_database_that_does_not_answer() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let place = Place::new(&db);
        let token = place.token("ops").await;
        let mut held = db.begin().await.unwrap();
        let lock = "LOCK TABLE admin_tokens IN ACCESS EXCLUSIVE MODE";
        growth_db::query(&mut held, lock).execute().await.unwrap();
        // One after the other they would be told after five seconds each.
        let asking = futures_util::future::join_all((0..30).map(|_| place.with_bearer(&token)));
        let answers = tokio::time::timeout(Duration::from_mins(1), asking).await.unwrap();
        assert!(answers.iter().all(|answer| answer.status == 503), "{answers:?}");
        drop(held);
        assert!(place.with_bearer(&token).await.is_let_in());
    });
}

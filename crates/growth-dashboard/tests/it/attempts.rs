//! Guessing.

use chrono::TimeDelta;
use growth_dashboard::auth;
use growth_testkit::on_each_engine;

use crate::place::{ADMINS_ONLY, Place};

fn guess(number: u32) -> String {
    format!("gat_{number:016x}_{}", "0".repeat(32))
}

on_each_engine! {
    async fn ten_guesses_are_all_there_are_in_ten_minutes(db: TestDb) {
        let mut place = Place::new(&db);
        let (token, late) = (place.token("ops").await, place.token("boss").await);
        let cookie = place.session(&token).await;
        for number in 0..10 {
            // Whichever way they come.
            let status = match number % 3 {
                0 => place.with_bearer(&guess(number)).await.status,
                1 => place.sign_in(&guess(number), &[]).await.status,
                _ => place.get(&format!("/admin/sign-in?code={number}"), &[]).await.status,
            };
            assert_eq!(status, 401);
        }
        for answer in [
            place.with_bearer(&guess(10)).await,
            place.sign_in(&guess(10), &[]).await,
            place.get(&place.dashboard.auth().one_time_link(), &[]).await,
        ] {
            assert_eq!(answer.status, 429, "{answer:?}");
            let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=601).contains(&seconds), "{seconds}");
        }
        // Whoever has a token that there is does not answer for others at the same address; its id alone is not enough.
        assert!(place.with_bearer(&late).await.is_let_in());
        assert_eq!(place.sign_in(&late, &[]).await.status, 303);
        let (id, _) = late.rsplit_once('_').unwrap();
        assert_eq!(place.with_bearer(&format!("{id}_{}", "0".repeat(32))).await.status, 401);
        // Who is signed in stays so, and others are not concerned.
        place.wait(TimeDelta::seconds(20));
        assert!(place.with_cookie(&cookie).await.is_let_in());
        place.from = "192.0.2.2:5000".parse().unwrap();
        assert!(place.with_bearer(&late).await.is_let_in());
        place.from = "192.0.2.1:6000".parse().unwrap();
        place.wait(TimeDelta::minutes(10));
        assert!(place.with_bearer(&token).await.is_let_in());
    }

    async fn a_success_does_not_buy_more_guesses(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        for number in 0..9 {
            assert_eq!(place.with_bearer(&guess(number)).await.status, 401);
            assert_eq!(place.sign_in(&token, &[]).await.status, 303);
        }
        assert_eq!(place.with_bearer(&guess(9)).await.status, 401);
        assert_eq!(place.with_bearer(&guess(10)).await.status, 429);
    }

    async fn guesses_at_one_time_are_no_more_than_ten_either(db: TestDb) {
        let place = Place::new(&db);
        let guesses: Vec<String> = (0..60).map(guess).collect();
        let answers = futures_util::future::join_all(guesses.iter().map(|guess| place.with_bearer(guess))).await;
        let wrong = answers.iter().filter(|answer| answer.status == 401).count();
        let limited = answers.iter().filter(|answer| answer.status == 429).count();
        assert_eq!((wrong, limited), (10, 50));
    }

    async fn behind_a_proxy_it_is_whom_the_proxy_names(db: TestDb) {
        let place = Place::with(&db, auth::Settings { behind_proxy: true, ..auth::Settings::default() });
        let given = |address: &'static str, number| {
            let (place, bearer) = (&place, format!("Bearer {}", guess(number)));
            async move {
                // What comes before the last one was told by the client, who can tell anything.
                let list = format!("10.0.0.{number}, {address}");
                place.get(ADMINS_ONLY, &[("authorization", &bearer), ("x-forwarded-for", &list)]).await.status
            }
        };
        for number in 0..10 {
            assert_eq!(given("198.51.100.7", number).await, 401);
        }
        assert_eq!(given("198.51.100.7", 10).await, 429);
        assert_eq!(given("198.51.100.8", 11).await, 401);
    }
}

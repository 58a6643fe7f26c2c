//! Sessions: how they begin, what a browser keeps of them, and how they end.

use axum::body::Body;
use axum::http::Method;
use chrono::TimeDelta;
use growth_dashboard::auth::{self, JwtSettings};
use growth_testkit::on_each_engine;

use crate::place::{FORM, PAGE, Place};
use crate::signed::{ISSUER, SECRET, Signer, claims};

async fn sessions(place: &Place) -> i64 {
    let count = growth_db::query(&place.db, "SELECT COUNT(*) FROM dashboard_sessions").fetch_one();
    let (count,): (i64,) = count.await.unwrap();
    count
}

on_each_engine! {
    async fn signing_in_and_out(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        assert_eq!(place.get("/admin/sign-in", &[]).await.status, 200);
        let answer = place.sign_in(&format!("%20{token}+"), &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/admin/metrics")));
        let cookie = answer.cookie().unwrap();
        assert!(place.with_cookie(&cookie).await.is_let_in());
        assert_eq!(place.get(PAGE, &[("cookie", &cookie)]).await.status, 400);
        let again = place.get("/admin/sign-in", &[("cookie", &cookie)]).await;
        assert_eq!((again.status.as_u16(), again.header("location")), (303, Some("/admin/metrics")));
        // It is the session of the database, not of the server's memory, and of it only a digest is there.
        assert!(place.restarted().with_cookie(&cookie).await.is_let_in());
        let (digest,): (String,) =
            growth_db::query(&*db, "SELECT digest FROM dashboard_sessions").fetch_one().await.unwrap();
        assert!(digest.len() == 64 && !cookie.contains(&digest), "{digest}");
        let stolen = format!("growthctl-4243={digest}");
        assert_eq!(place.with_cookie(&stolen).await.status, 401);

        // What a browser has kept of the pages is gone with the session.
        let out = place.sign_out(&cookie).await;
        assert_eq!(out.header("clear-site-data"), Some("\"cache\""));
        assert_eq!((out.status.as_u16(), out.header("location")), (303, Some("/admin/sign-in")));
        assert_eq!(out.header("set-cookie").unwrap(), "growthctl-4243=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
        assert_eq!(place.with_cookie(&cookie).await.status, 401);
        assert_eq!(place.get(PAGE, &[("cookie", &cookie)]).await.header("location"), Some("/admin/sign-in"));
        assert_eq!(sessions(&place).await, 0);
        assert_eq!(place.sign_out(&cookie).await.status, 303);
        assert_eq!(place.get("/admin/sign-out", &[]).await.status, 405);
    }

    async fn signing_out_without_the_database_is_told(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        let cookie = place.sign_in(&token, &[]).await.cookie().unwrap();
        place.db.close().await;
        let answer = place.sign_out(&cookie).await;
        assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (503, None));
        assert!(answer.body.contains("You are not signed out yet"), "{}", answer.body);
    }

    async fn whoever_signs_in_sees_what_was_wanted(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        let sign_in = async |path: &str| {
            place.ask(Method::POST, path, &[FORM], format!("token={token}")).await
        };
        let wanted = "?days=90&currency=gbp&mode=test&app=a%26b";
        let sent = place.get(&format!("/admin/metrics{wanted}"), &[]).await;
        let there = format!("/admin/sign-in{wanted}");
        assert_eq!((sent.status.as_u16(), sent.header("location")), (303, Some(there.as_str())));
        let page = place.get(&there, &[]).await;
        let action = format!("action=\"{}\"", there.replace('&', "&#38;"));
        assert!(page.body.contains(&action), "{}", page.body);
        let answer = sign_in(&there).await;
        assert_eq!(answer.header("location"), Some(format!("/admin/metrics{wanted}").as_str()));
        let cookie = answer.cookie().unwrap();
        let again = place.get(&there, &[("cookie", &cookie)]).await;
        assert_eq!(again.header("location"), Some(format!("/admin/metrics{wanted}").as_str()));
        // A wrong token forgets nothing, and nothing leads to another page than ours.
        let wrong = place.ask(Method::POST, &there, &[FORM], "token=wrong").await;
        assert!(wrong.status == 401 && wrong.body.contains(&action), "{}", wrong.body);
        for other in ["?days=31", "?to=//example.com", "?//example.com", "?days=90&days=7", "?days=%0d%0a"] {
            let answer = sign_in(&format!("/admin/sign-in{other}")).await;
            assert_eq!(answer.header("location"), Some("/admin/metrics"), "{other}");
        }
    }

    async fn a_wrong_token_shows_the_page_again(db: TestDb) {
        let place = Place::new(&db);
        let answer = place.sign_in("wrong", &[]).await;
        assert_eq!((answer.status.as_u16(), answer.cookie()), (401, None));
        assert!(answer.body.contains("This token is not accepted"), "{}", answer.body);
        for (headers, body) in [
            (&[FORM][..], "token="),
            (&[FORM], "token=a&token=b"),
            (&[FORM], "name=a"),
            (&[FORM], ""),
            (&[], "token=a"),
            (&[("content-type", "application/json")], r#"{"token":"a"}"#),
            (&[("content-type", "text/plain")], "token=a"),
        ] {
            let answer = place.ask(Method::POST, "/admin/sign-in", headers, body).await;
            assert_eq!((answer.status.as_u16(), answer.cookie()), (400, None), "{body}");
        }
        let long = format!("token={}", "x".repeat(20_000));
        assert_eq!(place.ask(Method::POST, "/admin/sign-in", &[FORM], long).await.status, 413);
        let invalid = Body::from(&b"token=\xff\xfe%ff"[..]);
        assert_eq!(place.ask(Method::POST, "/admin/sign-in", &[FORM], invalid).await.cookie(), None);
    }

    async fn a_browser_keeps_it_for_this_server_alone(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        for (host, name) in [
            ("localhost:4243", "growthctl-4243="), ("127.0.0.1", "growthctl="), ("127.1.2.3:80", "growthctl-80="),
            ("[::1]:4243", "growthctl-4243="),
        ] {
            let answer = place.sign_in(&token, &[("host", host)]).await;
            let cookie = answer.header("set-cookie").unwrap();
            assert!(cookie.starts_with(name) && !cookie.contains("Secure"), "{host}: {cookie}");
            assert!(cookie.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"), "{cookie}");
        }
        for headers in [
            &[("host", "growth.example.com")][..],
            &[("host", "10.0.0.1:4243")],
            &[("host", "localhost.example.com")],
            &[("host", "localhost"), ("x-forwarded-proto", "https")],
        ] {
            let answer = place.sign_in(&token, headers).await;
            let cookie = answer.header("set-cookie").unwrap();
            assert!(cookie.starts_with("__Host-growthctl="), "{headers:?}: {cookie}");
            assert!(cookie.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
            // What somebody else could have put there is not looked at.
            let plain = answer.cookie().unwrap().replace("__Host-", "");
            let asked = [headers, &[("cookie", &plain)]].concat();
            assert_eq!(place.get(crate::place::ADMINS_ONLY, &asked).await.status, 401);
            let given = answer.cookie().unwrap();
            let asked = [headers, &[("cookie", &given)]].concat();
            assert!(place.get(crate::place::ADMINS_ONLY, &asked).await.is_let_in());
        }
    }

    async fn a_session_that_was_brought_along_is_never_taken(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        let planted = format!("growthctl-4243={}", "ab".repeat(32));
        let first = place.sign_in(&token, &[("cookie", &planted)]).await.cookie().unwrap();
        assert_ne!(first, planted);
        assert_eq!(place.with_cookie(&planted).await.status, 401);
        // Signing in again ends what was there before.
        assert!(place.with_cookie(&first).await.is_let_in());
        let second = place.sign_in(&token, &[("cookie", &first)]).await.cookie().unwrap();
        assert_ne!(first, second);
        assert_eq!(place.with_cookie(&first).await.status, 401);
        assert!(place.with_cookie(&second).await.is_let_in());
        assert_eq!(place.with_cookie(&format!("{planted}; {second}")).await.status, 401);
        assert_eq!(sessions(&place).await, 1);
    }

    async fn it_ends_when_nobody_is_there_for_long(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        let (used, left) = (place.session(&token).await, place.session(&token).await);
        for _ in 0..3 {
            place.wait(TimeDelta::hours(7));
            assert!(place.with_cookie(&used).await.is_let_in());
        }
        assert_eq!(place.with_cookie(&left).await.status, 401);
        place.wait(TimeDelta::hours(8));
        assert_eq!(place.restarted().with_cookie(&used).await.status, 401);
        assert_eq!(place.with_cookie(&used).await.status, 401);
    }

    async fn it_ends_in_the_end(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        let cookie = place.session(&token).await;
        for _ in 0..27 {
            place.wait(TimeDelta::hours(6));
            assert!(place.with_cookie(&cookie).await.is_let_in());
        }
        place.wait(TimeDelta::hours(6));
        assert_eq!(place.with_cookie(&cookie).await.status, 401);
    }

    async fn what_was_left_is_deleted_by_whoever_signs_in_next(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        for _ in 0..3 {
            place.session(&token).await;
        }
        assert_eq!(sessions(&place).await, 3);
        place.wait(TimeDelta::hours(8));
        place.session(&token).await;
        assert_eq!(sessions(&place).await, 1);
    }

    async fn that_somebody_is_there_is_written_once_a_minute(db: TestDb) {
        let place = Place::new(&db);
        let token = place.token("ops").await;
        let cookie = place.session(&token).await;
        let seen = async || {
            let seen = growth_db::query(&*db, "SELECT seen_at FROM dashboard_sessions").fetch_one();
            let (seen,): (chrono::DateTime<chrono::Utc>,) = seen.await.unwrap();
            seen
        };
        let began = place.now();
        place.wait(TimeDelta::seconds(59));
        assert!(place.with_cookie(&cookie).await.is_let_in());
        assert_eq!(seen().await, began);
        place.wait(TimeDelta::seconds(11));
        assert!(place.with_cookie(&cookie).await.is_let_in());
        assert_eq!(seen().await, place.now());
    }

    async fn it_ends_with_the_rights_of_its_user(db: TestDb) {
        let jwt = JwtSettings::with_secret(SECRET, ISSUER, None).unwrap();
        let place = Place::with(&db, auth::Settings { jwt: Some(jwt), ..auth::Settings::default() });
        for id in ["ada", "grace"] {
            place.user(id, true).await;
        }
        let of = |id: &str| Signer::secret().sign(&claims(id));
        let (ada, grace) = (place.session(&of("ada")).await, place.session(&of("grace")).await);
        assert!(place.with_cookie(&ada).await.is_let_in() && place.with_cookie(&grace).await.is_let_in());
        place.user("ada", false).await;
        let mut tx = db.begin().await.unwrap();
        let grace_is = growth_db::rows::users::find_whole(&mut tx, "grace").await.unwrap().unwrap();
        growth_db::rows::users::erase(&mut tx, grace_is.id, "forgotten", place.now()).await.unwrap();
        tx.commit().await.unwrap();
        place.wait(TimeDelta::seconds(10));
        assert_eq!(place.with_cookie(&ada).await.status, 401);
        assert_eq!(place.with_cookie(&grace).await.status, 401);
        // Neither comes back by itself.
        place.user("ada", true).await;
        assert_eq!(place.with_cookie(&ada).await.status, 401);
        assert_eq!(place.sign_in(&of("grace"), &[]).await.status, 403);
    }

    async fn the_printed_link_is_good_once(db: TestDb) {
        let place = Place::new(&db);
        let link = place.dashboard.auth().one_time_link();
        assert!(link.starts_with("/admin/sign-in?code=") && link.len() == 20 + 32, "{link}");
        // Whoever only asks where it leads has not used it.
        assert_eq!(place.ask(Method::HEAD, &link, &[], Body::empty()).await.cookie(), None);
        for other in [("sec-fetch-dest", "image"), ("sec-purpose", "prefetch")] {
            assert_eq!(place.get(&link, &[other]).await.cookie(), None, "{other:?}");
        }
        let wrong = place.get(&link.replace("code=", "code=0"), &[]).await;
        assert_eq!((wrong.status.as_u16(), wrong.cookie()), (401, None));
        let answer = place.get(&link, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/admin/metrics")));
        assert!(place.with_cookie(&answer.cookie().unwrap()).await.is_let_in());
        let again = place.get(&link, &[]).await;
        assert_eq!((again.status.as_u16(), again.cookie()), (401, None));
        assert!(again.body.contains("This link is not valid"), "{}", again.body);

        let (first, second) = (place.dashboard.auth().one_time_link(), place.dashboard.auth().one_time_link());
        assert_eq!(place.get(&first, &[]).await.status, 401);
        assert_eq!(place.get(&second, &[]).await.status, 303);
        let late = place.dashboard.auth().one_time_link();
        place.wait(TimeDelta::minutes(10));
        assert_eq!(place.get(&late, &[]).await.status, 401);
    }

    async fn of_two_who_follow_the_link_at_once_one_is_let_in(db: TestDb) {
        let place = Place::new(&db);
        let link = place.dashboard.auth().one_time_link();
        let answers = futures_util::future::join_all((0..5).map(|_| place.get(&link, &[]))).await;
        assert_eq!(answers.iter().filter(|answer| answer.cookie().is_some()).count(), 1);
    }
}

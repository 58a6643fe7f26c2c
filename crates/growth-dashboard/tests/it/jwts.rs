//! Tokens of the application's own sign-in: which are taken, and which only look like it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use chrono::TimeDelta;
use growth_dashboard::auth::{self, JwtSettings};
use growth_db::Db;
use growth_http::Connections;
use growth_testkit::on_each_engine;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::place::{NOW, Place, at};
use crate::signed::{ISSUER, SECRET, Signer, claims, claims_with, raw, rsa, set};

fn place(db: &Db, jwt: JwtSettings) -> Place {
    Place::with(db, auth::Settings { jwt: Some(jwt), ..auth::Settings::default() })
}

/// A token is refused, each time by a server that has not refused any.
async fn refused(place: &Place, token: &str, why: &str) {
    let answer = place.restarted().with_bearer(token).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "wrong_token"), "{why}");
    let answer = place.restarted().sign_in(token, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.cookie()), (401, None), "{why}");
}

/// A file with public keys.
fn file(keys: &Value) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), keys.to_string()).unwrap();
    file
}

fn with_file(file: &tempfile::NamedTempFile) -> JwtSettings {
    JwtSettings::with_keys(file.path().to_str().unwrap(), ISSUER, None).unwrap()
}

/// Claims that no token may have.
fn wrong_claims() -> Vec<(Value, &'static str)> {
    let now = at(NOW).timestamp();
    vec![
        (json!({"exp": now - 30}), "expired"),
        (json!({"exp": null}), "no expiry"),
        (json!({"exp": "2099-01-01"}), "no number"),
        (json!({"exp": -1}), "long ago"),
        (json!({"nbf": now + 31}), "not yet"),
        (json!({"nbf": "soon"}), "no number"),
        (json!({"iss": "https://other.example/auth/v1"}), "another issuer"),
        (json!({"iss": format!("{ISSUER}/")}), "nearly the issuer"),
        (json!({"iss": null}), "no issuer"),
        (json!({"iss": [ISSUER]}), "several issuers"),
        (json!({"aud": "anon"}), "another audience"),
        (json!({"aud": ["anon", "service"]}), "other audiences"),
        (json!({"aud": []}), "no audience"),
        (json!({"aud": null}), "no audience"),
        (json!({"sub": null}), "no user"),
        (json!({"sub": ""}), "no user"),
        (json!({"sub": 5}), "no user"),
        (json!({"sub": "x".repeat(256)}), "no user"),
    ]
}

on_each_engine! {
    async fn an_admin_of_the_application_is_let_in_by_its_secret(db: TestDb) {
        let place = place(&db, JwtSettings::with_secret(SECRET, ISSUER, None).unwrap());
        assert!(place.dashboard.auth().has_a_way_in().await.unwrap());
        place.user("ada", true).await;
        place.user("bob", false).await;
        let signer = Signer::secret();
        let now = at(NOW).timestamp();
        for others in [
            json!({}),
            json!({"aud": ["other", "authenticated"]}),
            json!({"exp": now - 29}),
            json!({"nbf": now + 30}),
            json!({"exp": 4_000_000_000.5}),
        ] {
            let token = signer.sign(&claims_with("ada", &others));
            let answer = place.with_bearer(&token).await;
            assert!(answer.is_let_in() && answer.cookie().is_none(), "{others} {answer:?}");
            assert!(place.with_cookie(&place.session(&token).await).await.is_let_in());
        }
        for id in ["bob", "nobody"] {
            let token = signer.sign(&claims(id));
            for _ in 0..12 {
                // Who is known to be no admin is not guessing.
                let answer = place.with_bearer(&token).await;
                assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "not_admin"));
            }
            let answer = place.sign_in(&token, &[]).await;
            assert_eq!((answer.status.as_u16(), answer.cookie()), (403, None));
        }
        for (others, why) in wrong_claims() {
            refused(&place, &signer.sign(&claims_with("ada", &others)), why).await;
        }
    }

    async fn what_is_forged_is_refused_where_there_is_a_secret(db: TestDb) {
        let place = place(&db, JwtSettings::with_secret(SECRET, ISSUER, None).unwrap());
        place.user("ada", true).await;
        let good = Signer::secret().sign(&claims("ada"));
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        refused(&place, &format!("{signed}."), "no signature").await;
        refused(&place, signed, "no signature").await;
        refused(&place, &format!("{signed}.{}", signature.to_lowercase()), "another signature").await;
        let other = Signer::secret().sign(&claims("bob"));
        let other = other.split('.').nth(1).unwrap();
        refused(&place, &format!("{header}.{other}.{signature}"), "other claims").await;
        refused(&place, &format!("{header}.{payload}.{signature}.{signature}"), "four parts").await;
        for alg in ["none", "None", "NONE", "nOnE", "", "HS0"] {
            refused(&place, &raw(&json!({"alg": alg, "typ": "JWT"}), &claims("ada"), b""), alg).await;
        }
        let of = |algorithm, secret: &str| {
            encode(&Header::new(algorithm), &claims("ada"), &EncodingKey::from_secret(secret.as_bytes())).unwrap()
        };
        refused(&place, &of(Algorithm::HS256, "another secret of another application"), "another secret").await;
        refused(&place, &of(Algorithm::HS512, SECRET), "another algorithm").await;
        refused(&place, &Signer::ec("ec").sign(&claims("ada")), "a key, where there is a secret").await;
        refused(&place, &Signer::ed("ed").sign(&claims("ada")), "a key, where there is a secret").await;
        let mut critical = Header::new(Algorithm::HS256);
        critical.crit = Some(vec!["exp".to_owned()]);
        let critical = encode(&critical, &claims("ada"), &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
        refused(&place, &critical, "something that is not known here").await;
        assert!(place.with_bearer(&good).await.is_let_in());
    }

    async fn each_key_is_used_with_its_own_algorithm_alone(db: TestDb) {
        let (rsa, public) = rsa();
        let (ec, ed) = (Signer::ec("ec"), Signer::ed("ed"));
        let keys = set(&[rsa, &ec, &ed]);
        let file = file(&keys);
        let place = place(&db, with_file(&file));
        place.user("ada", true).await;
        for signer in [rsa, &ec, &ed] {
            let token = signer.sign(&claims("ada"));
            assert!(place.with_bearer(&token).await.is_let_in(), "{}", signer.kid);
            for (others, why) in wrong_claims() {
                refused(&place, &signer.sign(&claims_with("ada", &others)), why).await;
            }
            for kid in ["", "other", "rsa", "ec", "ed"] {
                if kid != signer.kid {
                    let other = Signer { kid: kid.to_owned(), ..signer.clone() };
                    refused(&place, &other.sign(&claims("ada")), "another key's name, or none").await;
                }
            }
            refused(&place, &raw(&json!({"alg": "none", "kid": signer.kid}), &claims("ada"), b""), "none").await;
        }
        for other in [Signer::ec("ec"), Signer::ed("ed")] {
            refused(&place, &other.sign(&claims("ada")), "another key of the same name").await;
        }
        // What is public is no secret, in whichever form it is written.
        let n = rsa.public["n"].as_str().unwrap();
        for secret in [public.clone(), n.as_bytes().to_vec(), keys.to_string().into_bytes(), Vec::new()] {
            for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                let mut header = Header::new(algorithm);
                header.kid = Some("rsa".to_owned());
                let token = encode(&header, &claims("ada"), &EncodingKey::from_secret(&secret)).unwrap();
                refused(&place, &token, "signed by what is public").await;
            }
        }
        let mut header = Header::new(Algorithm::RS512);
        header.kid = Some("rsa".to_owned());
        refused(&place, &encode(&header, &claims("ada"), &rsa.key).unwrap(), "RS512").await;
        // A token that brings its own key along.
        let own = Signer::ec("own");
        let mut header = Header::new(Algorithm::ES256);
        header.jwk = Some(serde_json::from_value(own.public.clone()).unwrap());
        refused(&place, &encode(&header, &claims("ada"), &own.key).unwrap(), "its own key").await;
    }

    async fn a_token_is_not_believed_longer_than_it_is_valid(db: TestDb) {
        let place = place(&db, JwtSettings::with_secret(SECRET, ISSUER, None).unwrap());
        place.user("ada", true).await;
        let exp = at(NOW).timestamp() - 25;
        let token = Signer::secret().sign(&claims_with("ada", &json!({"exp": exp})));
        assert!(place.with_bearer(&token).await.is_let_in());
        place.wait(TimeDelta::seconds(4));
        assert!(place.with_bearer(&token).await.is_let_in());
        place.wait(TimeDelta::seconds(1));
        for _ in 0..12 {
            // It was a good one, so this is no guess.
            assert_eq!(place.with_bearer(&token).await.status, 401);
        }
    }

    async fn keys_are_read_again_when_they_change(db: TestDb) {
        let server = Keys::serve().await;
        let (first, second) = (Signer::ec("first"), Signer::ec("second"));
        let jwt = JwtSettings::with_keys(&server.url, ISSUER, None).unwrap();
        let place = place(&db, jwt);
        place.user("ada", true).await;
        let of = |signer: &Signer, number: i64| signer.sign(&claims_with("ada", &json!({"number": number})));

        // As long as there are no keys, nobody can be told that a token is wrong.
        let answer = place.with_bearer(&of(&first, 0)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "unavailable"));
        server.say(&set(&[&first]));
        place.wait(TimeDelta::seconds(5));
        assert!(place.with_bearer(&of(&first, 0)).await.is_let_in());
        assert_eq!(server.asked(), 2);
        assert!(place.with_bearer(&of(&first, 1)).await.is_let_in());
        assert_eq!(server.asked(), 2);

        // A key that is not known makes it look again, once a minute.
        server.say(&set(&[&first, &second]));
        for number in 0..5 {
            assert_eq!(place.with_bearer(&of(&second, number)).await.status, 401);
        }
        assert_eq!(server.asked(), 2);
        place.wait(TimeDelta::minutes(1));
        assert!(place.with_bearer(&of(&second, 0)).await.is_let_in());
        assert_eq!(server.asked(), 3);

        // A key that was withdrawn is known no more after ten minutes.
        server.say(&set(&[&second]));
        assert!(place.with_bearer(&of(&first, 2)).await.is_let_in());
        place.wait(TimeDelta::minutes(10));
        assert_eq!(place.with_bearer(&of(&first, 3)).await.status, 401);
        assert!(place.with_bearer(&of(&second, 1)).await.is_let_in());
        assert_eq!(server.asked(), 4);

        // Those that are known stay so while nobody answers, or nothing that is a set of keys.
        server.fail();
        place.wait(TimeDelta::minutes(11));
        assert!(place.with_bearer(&of(&second, 2)).await.is_let_in());
        assert!(place.with_bearer(&of(&second, 3)).await.is_let_in());
        assert_eq!(server.asked(), 5);
        server.stop();
        place.wait(TimeDelta::minutes(11));
        assert!(place.with_bearer(&of(&second, 4)).await.is_let_in());
    }

    async fn keys_in_a_file_are_read_again_too(db: TestDb) {
        let (first, second) = (Signer::ed("first"), Signer::ed("second"));
        let file = file(&set(&[&first]));
        let place = place(&db, with_file(&file));
        place.user("ada", true).await;
        assert!(place.with_bearer(&first.sign(&claims("ada"))).await.is_let_in());
        std::fs::write(file.path(), set(&[&second]).to_string()).unwrap();
        place.wait(TimeDelta::minutes(1));
        assert!(place.with_bearer(&second.sign(&claims("ada"))).await.is_let_in());
        assert_eq!(place.with_bearer(&first.sign(&claims("ada"))).await.status, 401);
    }
}

/// A server of keys.
struct Keys {
    url: String,
    says: Arc<Mutex<(usize, Option<String>)>>,
    stop: CancellationToken,
}

impl Keys {
    async fn serve() -> Self {
        let says: Arc<Mutex<(usize, Option<String>)>> = Arc::default();
        let shared = Arc::clone(&says);
        let answer = get(async move || {
            let mut says = shared.lock().unwrap();
            says.0 += 1;
            says.1.clone().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys.json", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let routes = Router::new().route("/keys.json", answer);
        tokio::spawn(growth_http::serve(listener, routes, Connections::default(), stop.clone()));
        Self { url, says, stop }
    }

    fn say(&self, keys: &Value) {
        self.says.lock().unwrap().1 = Some(keys.to_string());
    }

    fn fail(&self) {
        self.says.lock().unwrap().1 = None;
    }

    fn asked(&self) -> usize {
        self.says.lock().unwrap().0
    }

    fn stop(&self) {
        self.stop.cancel();
    }
}

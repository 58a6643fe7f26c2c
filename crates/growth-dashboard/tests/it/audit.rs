//! What the log tells of who came, and what it never tells.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use growth_dashboard::auth::{self, JwtSettings};
use tracing_subscriber::fmt::MakeWriter;

use crate::place::Place;
use crate::signed::{ISSUER, SECRET, Signer, claims};

/// What one thread tells, of a subscriber that all have: one of a thread alone may hear nothing of what another has
/// told first.
#[derive(Clone)]
struct Log {
    of: ThreadId,
    told: Arc<Mutex<Vec<u8>>>,
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if thread::current().id() == self.of {
            self.told.lock().unwrap().extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn the_log_tells_who_came_and_nothing_that_lets_anybody_in() {
    let log = Log { of: thread::current().id(), told: Arc::default() };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let secrets = runtime.block_on(async {
        let db = growth_testkit::sqlite().await;
        let jwt = JwtSettings::with_secret(SECRET, ISSUER, None).unwrap();
        let place = Place::with(&db, auth::Settings { jwt: Some(jwt), ..auth::Settings::default() });
        place.user("ada\nadmin", true).await;
        let token = place.token("ops").await;
        let cookie = place.session(&token).await;
        let jwt = Signer::secret().sign(&claims("ada\nadmin"));
        let of_jwt = place.session(&jwt).await;
        let link = place.dashboard.auth().one_time_link();
        let of_link = place.get(&link, &[]).await.cookie().unwrap();
        place.sign_out(&cookie).await;
        let wrong = format!("gat_{}_{}", "1".repeat(16), "2".repeat(32));
        for _ in 0..12 {
            place.with_bearer(&wrong).await;
        }
        let code = link.split_once('=').unwrap().1.to_owned();
        let values = [cookie, of_jwt, of_link].map(|cookie| cookie.split_once('=').unwrap().1.to_owned());
        let own = token[21..].to_owned();
        [vec![own, jwt, code, "2".repeat(32), SECRET.to_owned()], values.to_vec()].concat()
    });
    let log = String::from_utf8(log.told.lock().unwrap().clone()).unwrap();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("audit")).collect();
    let count = |part: &str| told.iter().filter(|line| line.contains(part)).count();
    assert_eq!(count("signed_in how=\"token\" name=\"ops\" address=192.0.2.1"), 1, "{told:#?}");
    assert_eq!(count("signed_in how=\"user\" name=\"ada\\nadmin\""), 1, "{told:#?}");
    assert_eq!(count("signed_in how=\"link\""), 1, "{told:#?}");
    assert_eq!(count("signed_out how=\"token\" name=\"ops\""), 1, "{told:#?}");
    assert_eq!(count("sign_in_failed reason=\"no such admin token\" address=192.0.2.1"), 10, "{told:#?}");
    assert_eq!(count("limited address=192.0.2.1"), 1, "{told:#?}");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
}

//! `growthctl serve-dashboard`, as somebody with a browser sees it.

mod access;
mod barriers;
mod changes;
mod figures;
mod page;
mod trouble;
mod without;

use std::collections::BTreeSet;

use growth_testkit::browser::Browser;
use growth_testkit::until;
use serde_json::{Value, json};

use crate::run::Place;
use crate::serving::{Serving, dashboard};

/// When the sample business's year ends, and with it the periods that are looked at.
const AS_OF: &str = "2026-11-23";
const METRICS: &str = "/admin/metrics";
const SIGN_IN: &str = "/admin/sign-in";

/// A dashboard, and an admin's browser before it.
struct Visit {
    place: Place,
    serving: Serving,
    browser: Browser,
    token: String,
}

/// A database with the sample business.
fn sample(url: &str) -> Place {
    let place = Place::with_database(url);
    let ran = place.run(["demo", "--as-of", AS_OF]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place
}

/// A database with one user who has paid once.
fn small(url: &str) -> Place {
    let place = Place::with_database(url);
    pay(&place, "1", 1900);
    let ran = place.run(["track", "user_signed_up", "--user", "u1", "--at", "2026-11-01T00:00:00Z"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place
}

/// A payment of November 2026, as Stripe tells of it.
fn payment(id: &str, amount: i64, created: i64) -> Value {
    let charge = json!({"object": "charge", "id": format!("ch_{id}"), "amount": amount, "amount_captured": amount,
        "captured": true, "currency": "gbp", "created": created, "status": "succeeded", "livemode": true});
    json!({"object": "event", "id": format!("evt_{id}"), "type": "charge.succeeded", "created": created,
        "livemode": true, "data": {"object": charge}})
}

fn pay(place: &Place, id: &str, amount: i64) {
    // 22 November 2026.
    let event = payment(id, amount, 1_795_305_600);
    let ran = place.run_with_input(&["replay", "-"], &event.to_string());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

/// Makes a token for an admin.
fn admin(place: &Place) -> String {
    let ran = place.run(["keys", "create", "--admin", "ann"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout.trim().to_owned()
}

impl Visit {
    /// Starts a dashboard whose periods end when the sample's year does.
    async fn begin(place: Place) -> Self {
        Self::begin_with(place, &["--as-of", AS_OF]).await
    }

    async fn begin_with(place: Place, args: &[&str]) -> Self {
        let token = admin(&place);
        let serving = Serving::start(dashboard(&place).args(args)).await;
        Self { place, serving, browser: Browser::open().await, token }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.serving.address)
    }

    async fn goto(&self, path: &str) {
        self.browser.goto(&self.url(path)).await;
    }

    /// Types a token into the page to sign in.
    async fn give(&self, token: &str) {
        self.browser.type_into("#token", token).await;
        self.browser.click("form .button").await;
    }

    /// Signs in, and waits for the first page.
    async fn sign_in(&self) {
        self.goto(METRICS).await;
        assert_eq!(self.browser.url().await, self.url(SIGN_IN));
        self.give(&self.token).await;
        self.until_figures().await;
    }

    /// Waits for the figures, and says what is there instead.
    async fn until_figures(&self) {
        let mut instead = String::new();
        let found = until("a page", async || {
            if self.browser.find_all("#figures, #problem, [data-problem]").await.is_empty() {
                return None;
            }
            instead = self.text("body").await;
            Some(self.browser.find_all("#figures").await.len())
        })
        .await;
        assert_eq!(found, 1, "{instead}");
    }

    /// Waits until an expression of the page's script is true.
    async fn until_true(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        until(expression, async || (self.browser.execute(&script, &[]).await == json!(true)).then_some(()))
            .await;
    }

    /// Follows a link or presses a button of the page, and waits until the page is done with it.
    async fn click_and_wait(&self, css: &str) {
        self.browser.click(css).await;
        self.until_true(
            "document.readyState === 'complete' && !document.querySelector('.asking, [data-waits]')",
        )
        .await;
    }

    /// What the page says in an element, with each white space as one space.
    async fn text(&self, css: &str) -> String {
        one_line(&self.browser.text(css).await)
    }

    /// Marks the page, so that it is known whether it was loaded anew.
    async fn mark(&self) {
        self.browser.execute("window.marked = true", &[]).await;
    }

    async fn is_marked(&self) -> bool {
        self.browser.execute("return window.marked === true", &[]).await == json!(true)
    }

    /// Whether the page is one to sign in, without any figure.
    async fn is_signed_out(&self) -> bool {
        self.browser.url().await.starts_with(&self.url(SIGN_IN))
            && self.browser.find_all("#figures, .card, .panel").await.is_empty()
    }

    /// Nothing was asked of anybody else, and nothing failed or was complained about but answers of these statuses.
    async fn was_quiet_but_for(&self, statuses: &[&str]) {
        let observed = self.browser.observed().await;
        assert!(!observed.requests.is_empty(), "the browser told of no request");
        let own = self.url("/");
        for request in &observed.requests {
            assert!(request.starts_with(&own), "{request} was asked for");
        }
        let failed: BTreeSet<&str> = observed.failed.iter().map(|failed| failed.reason.as_str()).collect();
        assert_eq!(failed, statuses.iter().copied().collect(), "{:?}", observed.failed);
        for message in &observed.console {
            let is_told = message.source == "network" && statuses.iter().any(|of| message.text.contains(of));
            assert!(is_told || !["WARNING", "SEVERE"].contains(&message.level.as_str()), "{message:?}");
        }
    }

    async fn was_quiet(&self) {
        self.was_quiet_but_for(&[]).await;
    }
}

/// Writes each white space as one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

//! Without scripts, without a mouse, on a narrow screen, and with names that somebody means to be markup.

use growth_testkit::on_each_engine;
use serde_json::{Value, json};

use super::figures::all_are;
use super::{METRICS, SIGN_IN, Visit, one_line, payment, sample, small};
use crate::run::Place;

const TAB: &str = "\u{e004}";
const MARKUP: &str = "<img src=x onerror=alert(1)><b>&amp;";

/// What has the focus: its tag, what it is called, and how its outline is drawn.
const FOCUS: &str = "const one = document.activeElement; const style = getComputedStyle(one);
    const name = one.getAttribute('aria-label') ?? one.innerText ?? '';
    return {tag: one.localName, id: one.id, name, kind: one.className, outline: style.outlineStyle,
        width: style.outlineWidth, figure: one.closest('figure')?.querySelector('figcaption strong')?.innerText};";

async fn press(visit: &Visit, key: &str) {
    // A key goes to whatever has the focus.
    for kind in ["keyDown", "keyUp"] {
        let (code, number) = match key {
            TAB => ("Tab", 9),
            "ArrowLeft" => ("ArrowLeft", 37),
            "Home" => ("Home", 36),
            "Enter" => ("Enter", 13),
            other => panic!("no key is called {other}"),
        };
        let kind = if kind == "keyDown" && code != "Enter" { "rawKeyDown" } else { kind };
        let mut event = json!({"type": kind, "key": code, "code": code, "windowsVirtualKeyCode": number});
        if code == "Enter" && kind == "keyDown" {
            event["text"] = json!("\r");
        }
        visit.browser.cdp("Input.dispatchKeyEvent", event).await;
    }
}

on_each_engine! {
    async fn without_scripts_everything_is_there(db: TestDb) {
        let visit = Visit::begin(sample(db.url())).await;
        visit.browser.cdp("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
        // The page that is shown while figures are counted asks again by itself, also without scripts.
        visit.sign_in().await;
        all_are(&visit.read().await, &visit.report(30));
        visit.browser.click("#periods a[href='?days=7']").await;
        visit.browser.wait_for("#periods a[href='?days=7'][aria-current='page']").await;
        visit.browser.wait_for("#figures").await;
        assert_eq!(visit.browser.url().await, visit.url(&format!("{METRICS}?days=7")));
        all_are(&visit.read().await, &visit.report(7));
        for needs_scripts in ["#theme", "#auto"] {
            assert!(!visit.browser.find(needs_scripts).await.is_shown().await, "{needs_scripts} does nothing");
        }
        visit.browser.click("form[action='/admin/sign-out'] .button").await;
        visit.browser.wait_for("#token").await;
        assert!(visit.is_signed_out().await, "{}", visit.browser.url().await);
        visit.browser.back().await;
        visit.browser.wait_for("#token").await;
        assert!(visit.is_signed_out().await, "{}", visit.browser.url().await);
        visit.was_quiet().await;
    }

    async fn everything_is_reached_by_keys(db: TestDb) {
        let visit = Visit::begin(sample(db.url())).await;
        visit.sign_in().await;
        visit.browser.execute("document.activeElement.blur()", &[]).await;
        let mut reached: Vec<String> = Vec::new();
        let mut charts = Vec::new();
        loop {
            press(&visit, TAB).await;
            let focus = visit.browser.execute(FOCUS, &[]).await;
            if focus["tag"] == "body" || reached.len() > 200 {
                break;
            }
            let text = |name: &str| one_line(focus[name].as_str().unwrap_or_default());
            assert!(text("outline") != "none" && text("width") != "0px", "{focus} shows no focus");
            reached.push(text("name"));
            if text("kind").split(' ').any(|class| class == "probe") {
                let title = text("figure");
                let script = "const figure = document.activeElement.closest('figure');
                    const tip = figure.querySelector('.tip');
                    const line = text => text.split(/\\s+/u).filter(part => part).join(' ');
                    const rows = [...figure.querySelectorAll('tbody tr')]
                        .map(row => [...row.cells].map(cell => line(cell.textContent)));
                    return {shown: getComputedStyle(tip).display !== 'none', day: line(tip.querySelector('strong').textContent),
                        values: [...tip.querySelectorAll('b')].map(value => line(value.textContent)),
                        told: line(document.activeElement.getAttribute('aria-valuetext')), rows};";
                for (key, from_the_end) in [("ArrowLeft", Some(2)), ("ArrowLeft", Some(3)), ("Home", None)] {
                    press(&visit, key).await;
                    let tip = visit.browser.execute(script, &[]).await;
                    let rows = tip["rows"].as_array().unwrap();
                    let row = rows[from_the_end.map_or(0, |back| rows.len() - back)].as_array().unwrap();
                    assert_eq!(tip["shown"], json!(true), "{title}");
                    assert_eq!(tip["day"], row[0], "{title}");
                    assert_eq!(tip["values"].as_array().unwrap()[..], row[1..], "{title}");
                    let told = tip["told"].as_str().unwrap();
                    assert!(row.iter().all(|cell| told.contains(cell.as_str().unwrap())), "{told} is not {row:?}");
                }
                charts.push(title);
            }
        }
        assert_eq!(reached.first().map(String::as_str), Some("Skip to the figures"));
        let header = ["Show test data", "7 days", "30 days", "90 days"];
        let place = |name: &str| {
            reached.iter().position(|one| one == name).unwrap_or_else(|| panic!("{name} is not in {reached:?}"))
        };
        let order = header.into_iter().chain(["Refresh", "Dark theme", "Sign out"]).map(place);
        assert!(order.is_sorted(), "{reached:?}");
        assert_eq!(charts.len(), 3, "{charts:?}");
        assert!(place("Weekly retention") < place("Table of recent payments"), "{reached:?}");

        // The first key leads past the header.
        visit.goto(METRICS).await;
        press(&visit, TAB).await;
        press(&visit, "Enter").await;
        visit.until_true("document.activeElement.id === 'main'").await;
        // And the last one of the header out.
        visit.browser.execute("document.querySelector('form .button').focus()", &[]).await;
        press(&visit, "Enter").await;
        visit.browser.wait_for("#token").await;
        assert_eq!(visit.browser.url().await, visit.url(SIGN_IN));
        visit.was_quiet().await;
    }

    async fn markup_in_a_name_is_text(db: TestDb) {
        let place = small(db.url());
        let user = format!("u{MARKUP}");
        let users = format!("external_id,email,created_at\n\"{user}\",a@example.com,2026-11-02T00:00:00Z\n");
        let ran = place.run(["users", "import", place.write("users.csv", users).to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let mut paid = payment("marked", 2300, 1_795_305_700);
        let charge = &mut paid["data"]["object"];
        charge["metadata"] = json!({"user_id": user});
        charge["invoice"] = json!("in_marked");
        let price = json!({"id": "price_1", "object": "price", "product": "prod_1", "unit_amount": 2300,
            "currency": "gbp", "type": "one_time", "billing_scheme": "per_unit", "livemode": true,
            "created": 1_795_305_600, "active": true});
        let line = json!({"id": "il_1", "object": "line_item", "amount": 2300, "currency": "gbp", "description": MARKUP,
            "period": {"start": 1_795_305_700, "end": 1_797_897_700}, "quantity": 1,
            "price": price});
        let invoice = json!({"id": "in_marked", "object": "invoice", "currency": "gbp", "amount_paid": 2300,
            "amount_due": 2300, "total": 2300, "status": "paid", "paid": true, "charge": "ch_marked", "customer": "cus_1",
            "created": 1_795_305_700, "livemode": true, "lines": {"object": "list", "data": [line], "has_more": false}});
        let product = json!({"id": "prod_1", "object": "product", "name": MARKUP, "active": true, "livemode": true,
            "created": 1_795_305_600});
        let told = [product, price, invoice, paid["data"]["object"].clone()];
        let told: Vec<String> = told.iter().map(Value::to_string).collect();
        let ran = place.run_with_input(&["replay", "-"], &told.join("\n"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let usage = json!({"event": "enrichment_completed", "user": user, "at": "2026-11-20T00:00:00Z",
            "properties": {"contacts": 12}});
        let ran = place.run_with_input(&["track", "--file", "-"], &usage.to_string());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        place.write("growthctl.toml", format!("product = {MARKUP:?}\n"));

        let visit = Visit::begin(place).await;
        visit.sign_in().await;
        assert_eq!(visit.text("#heading").await, MARKUP);
        assert!(visit.browser.title().await.starts_with(MARKUP));
        let page = visit.read().await;
        let rows = page["payments"].as_array().unwrap();
        let row = rows.iter().find(|row| row[1] == "GBP 23.00").unwrap();
        assert_eq!(row[5], user);
        assert_eq!(row[4], format!("{MARKUP}, every month"));
        assert!(visit.browser.find_all("main img, h1 img, main b, h1 b").await.is_empty());
        visit.click_and_wait("#refresh").await;
        visit.click_and_wait("#periods a[href='?days=90']").await;
        assert_eq!(visit.text("#heading").await, MARKUP);
        assert!(visit.browser.find_all("main img, h1 img, main b, h1 b").await.is_empty());
        visit.was_quiet().await;
    }

    async fn nothing_is_wider_than_a_phone(db: TestDb) {
        let visit = Visit::begin(sample(db.url())).await;
        visit.browser.resize(390, 844).await;
        visit.goto(SIGN_IN).await;
        fits(&visit).await;
        visit.sign_in().await;
        for days in [7, 30, 90] {
            visit.goto(&format!("{METRICS}?days={days}")).await;
            visit.browser.wait_for("#figures").await;
            visit.browser.execute("document.querySelectorAll('details').forEach(one => one.open = true)", &[]).await;
            fits(&visit).await;
        }
        visit.goto(&format!("{METRICS}?days=8")).await;
        fits(&visit).await;
        visit.goto("/admin/nothing").await;
        fits(&visit).await;
        let empty = Visit::begin(Place::new()).await;
        empty.browser.resize(390, 844).await;
        empty.sign_in().await;
        fits(&empty).await;
    }
}

/// Nothing scrolls sideways, and nothing that is seen stands out of the page.
async fn fits(visit: &Visit) {
    let script = "const page = document.scrollingElement; const out = [];
        for (const one of document.querySelectorAll('body *')) {
            const box = one.getBoundingClientRect();
            if (box.width > 1 && box.right > page.clientWidth + 1 && !one.closest('.table, pre, svg, .badge'))
                out.push(`${one.localName}.${one.className}: ${box.right}`);
        }
        return {scroll: page.scrollWidth, client: page.clientWidth, out};";
    let found: Value = visit.browser.execute(script, &[]).await;
    let url = visit.browser.url().await;
    assert_eq!(found["client"], json!(390), "{url}");
    assert!(found["scroll"].as_i64() <= found["client"].as_i64(), "{url}: {found}");
    assert_eq!(found["out"], json!([]), "{url}");
}

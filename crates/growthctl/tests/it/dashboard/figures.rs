//! Every figure of the page is that of the report.

use growth_domain::money::{Micros, format_micros, format_minor, with_thousands};
use growth_testkit::on_each_engine;
use serde_json::{Map, Value, json};

use super::{METRICS, SIGN_IN, Visit, one_line, sample};

/// How many payments the page lists.
const PAYMENTS: usize = 10;

/// A figure now and in the period before, as the page has to show it, and how it changed where that is a percentage.
struct Expected {
    value: String,
    before: String,
    change: Option<String>,
}

#[track_caller]
fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn count(value: &Value) -> String {
    with_thousands(u128::try_from(number(value)).unwrap())
}

fn plural(many: &Value, one: &str) -> String {
    let number = count(many);
    if number == "1" { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A quotient times so much, rounded half away from zero.
fn rounded(numerator: i64, denominator: i64, times: i64) -> i64 {
    let doubled = 2 * i128::from(numerator) * i128::from(times);
    let denominator = i128::from(denominator);
    let rounded = (doubled + doubled.signum() * denominator) / (2 * denominator);
    i64::try_from(rounded).unwrap()
}

fn tenths(tenths: i64) -> String {
    format!("{}.{}", with_thousands(u128::from((tenths / 10).unsigned_abs())), (tenths % 10).abs())
}

/// `64.0 %`; nothing where there is nothing to divide by.
fn percent(ratio: &Value) -> Option<String> {
    let (numerator, denominator) = (number(&ratio["numerator"]), number(&ratio["denominator"]));
    (denominator != 0).then(|| format!("{} %", tenths(rounded(numerator, denominator, 1000))))
}

/// `+11.8 %`, where both are there and differ.
fn change(now: i64, before: i64) -> Option<String> {
    if before == 0 {
        return None;
    }
    if now == before {
        return Some("unchanged".to_owned());
    }
    let change = rounded(now - before, before, 1000);
    let sign = if now < before { '-' } else { '+' };
    Some(format!("{sign}{} %", tenths(change)))
}

/// Of a figure in both periods, by what takes it out of one of them.
fn of(both: &Value, take: impl Fn(&Value) -> Value, show: impl Fn(&Value) -> String) -> Expected {
    let [now, before] = ["current", "previous"].map(|period| take(&both[period]));
    let change = change(number(&now), number(&before));
    Expected { value: show(&now), before: show(&before), change }
}

fn counted(both: &Value) -> Expected {
    of(both, Value::clone, count)
}

/// `64.0 % 16 of 25`, and `64.0 %` of the period before.
fn share(both: &Value, part: impl Fn(i64) -> String) -> Expected {
    let parts = ["numerator", "denominator"].map(|name| part(number(&both["current"][name])));
    let none = || "n/a".to_owned();
    Expected {
        value: percent(&both["current"])
            .map_or_else(none, |percent| format!("{percent} {}", parts.join(" of "))),
        before: percent(&both["previous"]).unwrap_or_else(none),
        change: None,
    }
}

/// Payments with their number: `GBP 19.00 1 payment`, and `GBP 19.00` of the period before.
fn payments(cash: &Value, name: &str, currency: &str) -> Expected {
    let amount = |of: &Value| format_minor(number(&of[name]["amount"]).into(), currency);
    let [now, before] = ["current", "previous"].map(|period| &cash[period]);
    Expected {
        value: format!("{} {}", amount(now), plural(&now[name]["count"], "payment")),
        before: amount(before),
        change: change(number(&now[name]["amount"]), number(&before[name]["amount"])),
    }
}

/// The cards of a currency; those of rates only for the first one.
fn of_currency(revenue: &Value, in_full: bool) -> Vec<(&'static str, Expected)> {
    let currency = revenue["currency"].as_str().unwrap();
    let money = |micros: i64| format_micros(Micros(micros.into()), currency);
    let mrr = |name: &'static str| move |mrr: &Value| mrr[name].clone();
    // A change is that of what is shown.
    let amount = |name: &str| {
        let [now, before] = ["current", "previous"].map(|period| &revenue["mrr"][period][name]);
        let text = |amount: &Value| amount.as_i64().map_or("n/a".to_owned(), money);
        let minor = |amount: &Value| Some(Micros(amount.as_i64()?.into()).to_minor_rounded());
        let change = minor(now)
            .zip(minor(before))
            .and_then(|(now, before)| change(i64::try_from(now).unwrap(), i64::try_from(before).unwrap()));
        Expected { value: text(now), before: text(before), change }
    };
    let customers = |name| of(&revenue["mrr"], mrr(name), count);
    let retention = |name: &str| {
        let both = &revenue["retention"];
        json!({"current": both["current"][name], "previous": both["previous"][name]})
    };
    let mut cards = vec![
        ("MRR", amount("net")),
        ("ARR", amount("arr")),
        ("Active subscriptions", customers("active_subscriptions")),
        ("New revenue (gross)", payments(&revenue["cash"], "payments", currency)),
    ];
    if in_full {
        cards.extend([
            ("Paying customers", customers("paying_customers")),
            ("ARPU", amount("arpu")),
            ("Customer churn", share(&retention("customer_churn"), |part| part.to_string())),
            ("Net revenue retention", share(&retention("net_revenue_retention"), money)),
            ("Gross MRR churn", share(&retention("gross_mrr_churn"), money)),
            ("Failed payments", payments(&revenue["cash"], "failed_payments", currency)),
        ]);
    }
    cards
}

fn of_product(report: &Value) -> Vec<(&'static str, Expected)> {
    let (users, engagement, product) = (&report["users"], &report["engagement"], &report["product"]);
    let counts = |part: i64| with_thousands(u128::try_from(part).unwrap());
    vec![
        ("Users", counted(&users["total"])),
        ("New users", counted(&users["new"])),
        ("DAU", counted(&engagement["dau"])),
        ("WAU", counted(&engagement["wau"])),
        ("MAU", counted(&engagement["mau"])),
        ("DAU / WAU", share(&engagement["stickiness_week"], counts)),
        ("DAU / MAU", share(&engagement["stickiness_month"], counts)),
        ("Enrichments completed", counted(&product["enrichments_completed"])),
        ("Success rate", share(&product["enrichment_success"], counts)),
    ]
}

fn cards_are(shown: &Value, expected: Vec<(&'static str, Expected)>, context: &str) {
    let shown: &Map<String, Value> = shown.as_object().unwrap_or_else(|| panic!("{context}: no cards"));
    let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    assert_eq!(shown.len(), names.len(), "{context}: {names:?} {shown:?}");
    for (name, Expected { value, before, change }) in expected {
        let (context, card) = (format!("{context}: {name}"), &shown[name]);
        let text = |part: &str| card[part].as_str().unwrap_or_default();
        if value == "n/a" {
            assert!(text("value").starts_with("n/a"), "{context}: {card}");
        } else {
            assert_eq!(text("value"), value, "{context}");
        }
        // What did not change, or was nothing, is not said twice.
        let is_said = text("change").ends_with("unchanged")
            || change.is_none() && is_nothing(&before) && ["", "was 0"].contains(&text("before"));
        if before != "n/a" && !is_said {
            assert_eq!(text("before"), format!("from {before}"), "{context}");
        }
        if let Some(change) = change {
            assert!(text("change").ends_with(&change), "{context}: {change} is not in {card}");
        }
    }
}

/// Whether a figure of the period before is 0, in whatever unit.
fn is_nothing(before: &str) -> bool {
    before == "n/a" || !before.contains(|c| ('1'..='9').contains(&c))
}

fn funnel_is(shown: &Value, report: &Value) {
    let stages = report["funnel"]["stages"].as_array().unwrap();
    let expected: Vec<Value> = stages
        .iter()
        .enumerate()
        .map(|(index, stage)| {
            let rate = percent(&stage["from_previous"]["current"]).unwrap_or("n/a".to_owned());
            let rate = (index > 0).then_some(rate);
            let name = ["Signed up", "Activated", "Paid"][index];
            json!([name, count(&stage["reached"]["current"]), rate])
        })
        .collect();
    assert_eq!(shown, &json!(expected));
}

fn payments_are(shown: &Value, report: &Value) {
    let payments = report["payments"].as_array().unwrap();
    let expected = payments.iter().take(PAYMENTS).map(|payment| {
        let text = |name: &str| payment[name].as_str();
        let at = &text("at").unwrap()[..16];
        let status = match text("failure_code").filter(|_| payment["status"] == "failed") {
            Some(code) => format!("failed ({code})"),
            None => text("status").unwrap().to_owned(),
        };
        let (amount, refund) = (number(&payment["amount"]), number(&payment["refund_amount"]));
        let money = |minor: i64| format_minor(minor.into(), text("currency").unwrap());
        let refunded = match refund {
            0 => "no".to_owned(),
            _ if refund == amount => "in full".to_owned(),
            part => money(part),
        };
        let period = text("billing_period").map(|period| format!(", every {period}")).unwrap_or_default();
        json!([
            at.replace('T', " "),
            money(amount),
            status,
            refunded,
            format!("{}{period}", text("plan_name").unwrap_or("not known")),
            text("user").unwrap_or("unattributed"),
        ])
    });
    let expected: Vec<Value> = expected.collect();
    assert_eq!(expected.len(), PAYMENTS);
    assert_eq!(shown, &json!(expected));
}

fn top_users_are(shown: &Value, report: &Value) {
    let expected = report["product"]["top_users"].as_array().unwrap();
    let shown = shown.as_array().unwrap();
    assert_eq!(shown.len(), expected.len());
    for (shown, user) in shown.iter().zip(expected) {
        let usage = &user["usage"];
        let counts = ["enrichments", "searches", "exports", "pitches_generated", "emails_sent"];
        let mut cells = vec![user["user"].as_str().unwrap().to_owned(), plural(&user["active_days"], "day")];
        cells.extend(counts.map(|name| count(&usage[name])));
        assert_eq!(shown.as_array().unwrap()[..cells.len()], cells);
    }
}

/// Cohorts: how many they are, and the share of them in each week or month that is over.
fn retention_is(shown: &Value, cohorts: &Value) {
    let (shown, cohorts) = (shown.as_array().unwrap(), cohorts.as_array().unwrap());
    assert!(!cohorts.is_empty());
    assert_eq!(shown.len(), cohorts.len());
    for (row, cohort) in shown.iter().zip(cohorts) {
        let users = number(&cohort["users"]);
        let row: Vec<&str> = row.as_array().unwrap().iter().map(|cell| cell.as_str().unwrap()).collect();
        let mut expected = vec![count(&cohort["users"])];
        // What is not over is null.
        for active in cohort["active"].as_array().unwrap().iter().filter(|active| !active.is_null()) {
            expected.push(format!("{} %", rounded(number(active), users, 100)));
        }
        expected.resize(row.len() - 1, String::new());
        assert_eq!(row[1..], expected, "{row:?} is not {cohort}");
    }
}

fn insights_are(shown: &Value, report: &Value) {
    let insights = report["insights"].as_array().unwrap();
    assert!(!insights.is_empty());
    let plain = |text: &str| one_line(&text.replace('`', ""));
    let expected = insights.iter().map(|insight| {
        let severity = insight["severity"].as_str().unwrap();
        let severity = format!("{}{}", severity[..1].to_uppercase(), &severity[1..]);
        let action = insight["recommendation"].as_str().map(|action| format!("To do: {}", plain(action)));
        json!([format!("{severity} {}", plain(insight["text"].as_str().unwrap())), action])
    });
    assert_eq!(shown, &json!(expected.collect::<Vec<_>>()));
}

/// Compares all that the page shows with the report.
pub(super) fn all_are(page: &Value, report: &Value) {
    let days = &report["header"]["days"];
    let revenue = report["revenue"].as_array().unwrap();
    assert_eq!(page["revenue"].as_object().unwrap().len(), revenue.len());
    for (index, revenue) in revenue.iter().enumerate() {
        let title = format!("Revenue in {}", revenue["currency"].as_str().unwrap().to_uppercase());
        let cards = of_currency(revenue, index == 0);
        cards_are(&page["revenue"][&title], cards, &format!("{days} days: {title}"));
    }
    let goal = &report["goal"];
    let money = |micros: i64| format_micros(Micros(micros.into()), goal["currency"].as_str().unwrap());
    let goal = format!(
        "{} of {}, {} to go",
        percent(&goal["progress"]).unwrap(),
        format_minor(number(&goal["amount"]).into(), goal["currency"].as_str().unwrap()),
        money(number(&goal["gap"]))
    );
    assert_eq!(page["revenue"]["Revenue in GBP"]["MRR"]["goal"], goal);
    cards_are(&page["product"], of_product(report), &format!("{days} days"));
    funnel_is(&page["funnel"], report);
    payments_are(&page["payments"], report);
    top_users_are(&page["top_users"], report);
    retention_is(&page["retention"]["Weekly retention"], &report["engagement"]["weekly"]);
    retention_is(&page["retention"]["Monthly retention"], &report["engagement"]["monthly"]);
    insights_are(&page["insights"], report);
}

on_each_engine! {
    async fn whoever_has_a_token_sees_the_figures_of_the_report(db: TestDb) {
        let visit = Visit::begin(sample(db.url())).await;
        visit.goto(METRICS).await;
        assert_eq!(visit.browser.url().await, visit.url(SIGN_IN));
        visit.was_quiet().await;
        visit.give("gat_0123456789abcdef_0123456789abcdef0123456789abcdef").await;
        visit.browser.wait_for("#problem").await;
        assert_eq!(visit.text("#problem").await, "This token is not accepted: it is unknown, expired or revoked.");
        visit.was_quiet_but_for(&["401"]).await;
        visit.give(&visit.token).await;
        visit.browser.wait_for("#figures").await;
        for days in [30, 7, 90] {
            visit.goto(&format!("{METRICS}?days={days}")).await;
            visit.browser.wait_for("#figures").await;
            all_are(&visit.read().await, &visit.report(days));
        }
        visit.was_quiet().await;
    }

    async fn another_period_comes_without_a_new_page(db: TestDb) {
        let visit = Visit::begin(sample(db.url())).await;
        visit.sign_in().await;
        visit.mark().await;
        let of_30 = visit.read().await;
        all_are(&of_30, &visit.report(30));
        for days in [7, 90] {
            visit.click_and_wait(&format!("#periods a[href='?days={days}']")).await;
            assert_eq!(visit.browser.url().await, visit.url(&format!("{METRICS}?days={days}")));
            assert_eq!(visit.text("#periods [aria-current='page']").await, format!("{days} days"));
            let page = visit.read().await;
            assert_ne!(page, of_30);
            all_are(&page, &visit.report(days));
            let said = visit.browser.find("#said").await.property("textContent").await;
            assert_eq!(said.as_deref(), Some("Updated 00:00"));
        }
        for days in [7, 30] {
            visit.browser.back().await;
            let current = "document.querySelector(\"#periods [aria-current='page']\").textContent";
            visit.until_true(&format!("{current}.replace(/\\s+/g, ' ').trim() === '{days} days'")).await;
            visit.until_true("!document.querySelector('.asking')").await;
            all_are(&visit.read().await, &visit.report(days));
        }
        assert_eq!(visit.read().await, of_30);
        assert!(visit.is_marked().await, "the page was loaded anew");
        visit.was_quiet().await;
    }
}

//! stats
use std::collections::BTreeMap;
use std::time::Instant;
fn main() {
    let end = "2026-06-15T12:00:00Z".parse().unwrap();
    for seed in 1..=6 {
        let t = Instant::now();
        let b = growth_demo::business::Business::sample(seed, end);
        let el = t.elapsed();
        let mrr = b.truth.mrr_micros();
        eprintln!(
            "seed {seed}: {el:?} stripe {} users {} events {} usage {} mrr {:?} payments {} subs {}",
            b.stripe_events.len(),
            b.users.len(),
            b.events.len(),
            b.usage.len(),
            mrr,
            b.truth.payments.len(),
            b.truth.subscriptions.len()
        );
        if seed == 1 {
            let mut k: BTreeMap<String, usize> = BTreeMap::new();
            for e in &b.stripe_events {
                *k.entry(e["type"].as_str().unwrap().to_string()).or_default() += 1;
            }
            eprintln!("{k:#?}");
            let mut k: BTreeMap<String, usize> = BTreeMap::new();
            for e in &b.events {
                *k.entry(e.name.clone()).or_default() += 1;
            }
            eprintln!("{k:#?}");
            let bytes: usize = b.stripe_events.iter().map(|e| e.to_string().len()).sum();
            eprintln!("bytes {}", bytes / b.stripe_events.len());
            // weekly actives
            let mut wau: BTreeMap<i64, std::collections::BTreeSet<String>> = BTreeMap::new();
            for e in &b.events {
                if let Some(u) = &e.user {
                    wau.entry((end - e.at).num_days() / 7).or_default().insert(u.clone());
                }
            }
            eprintln!("wau back {:?}", wau.values().map(|s| s.len()).collect::<Vec<_>>());
        }
        // mrr by weeks approx: subscriptions created/ended
        let mut line = vec![];
        for w in (0..52).rev() {
            let at = end - chrono::TimeDelta::weeks(w);
            let mut sum = 0i128;
            for e in latest(&b.stripe_events, at) {
                sum += e;
            }
            line.push(sum);
        }
        eprintln!("{line:?}");
    }
    let t = Instant::now();
    let n = growth_demo::scaled::stripe_events(1, end, 20_000).count();
    eprintln!("scaled {n} {:?}", t.elapsed());
}
fn latest(events: &[serde_json::Value], at: chrono::DateTime<chrono::Utc>) -> Vec<i128> {
    let mut m: BTreeMap<String, i128> = BTreeMap::new();
    for e in events {
        if e["created"].as_i64().unwrap() > at.timestamp() {
            break;
        }
        let o = &e["data"]["object"];
        if o["object"] != "subscription" {
            continue;
        }
        let p = &o["items"]["data"][0];
        if p["price"]["currency"] != "gbp" {
            continue;
        }
        let s = o["status"].as_str().unwrap();
        let v = if (s == "active" || s == "past_due") && o["pause_collection"].is_null() {
            let u = p["price"]["unit_amount"].as_i64().unwrap() * p["quantity"].as_i64().unwrap();
            i128::from(if p["price"]["recurring"]["interval"] == "year" { u / 12 } else { u })
        } else {
            0
        };
        if s == "incomplete" {
            continue;
        }
        m.insert(o["id"].as_str().unwrap().to_string(), v);
    }
    vec![m.values().sum::<i128>() / 100]
}

use std::time::Instant;
use growth_testkit::on_each_engine;
use growth_track::{Event, record};
use chrono::TimeDelta;
use serde_json::json;
use crate::samples::*;

on_each_engine! {
    async fn scratch(db: TestDb) {
        for size in [1_usize, 10, 1_000, 10_000] {
            let rounds = if size == 10_000 { 4 } else if size == 1_000 { 20 } else { 100 };
            let mut n = 0_u64;
            let mut spent = 0.0;
            for _ in 0..rounds {
                let events: Vec<Event> = (0..size).map(|_| { n += 1; let h = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    Event { user: Some(format!("u{}", h % 20_000)), at: at("2026-06-01T00:00:00Z") + TimeDelta::microseconds((h % (60*86400*1_000_000)) as i64),
                    properties: json!({"contacts": h % 50, "plan": "pro", "page": format!("/dash/{}", h % 1000), "query": "some words here"}),
                    session_id: Some(format!("sess_{h:016x}")), duration_ms: Some((h % 10_000) as i64),
                    name: ["page_load", "search_performed", "enrichment_completed", "feature_used"][(h % 4) as usize].to_owned(),
                    ..message(&format!("m{size}-{n}")) } }).collect();
                let t = Instant::now();
                record(&db, &events, &settings()).await.unwrap();
                spent += t.elapsed().as_secs_f64();
            }
            println!("{:?} batches of {size}: {:.2} ms each, {:.0} events/s", db.engine(), spent*1e3/rounds as f64, (size*rounds) as f64/spent);
        }
    }
}

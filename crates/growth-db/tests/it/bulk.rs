//! Rows that travel together arrive as if each value had been bound by itself.

use chrono::{DateTime, NaiveDate, Utc};
use growth_db::rows::{EventRow, MilestoneRow, StripeEventRow, events, inbox};
use growth_db::table::{delete, delete_except, find, insert_new, merge, upsert};
use growth_db::{Db, Engine, Filling, Json, query};
use growth_domain::stamp::Scope;
use growth_testkit::on_each_engine;
use serde_json::{Value, json};

growth_db::table! {
    /// A row with every kind of column.
    pub struct Every: "every" ("account", "livemode", "id") ["id", "words"] {
        account: String,
        livemode: bool,
        id: String,
        words: Option<String>,
        number: Option<i64>,
        flag: Option<bool>,
        at: Option<DateTime<Utc>>,
        day: Option<NaiveDate>,
        document: Option<Json<Value>>,
    }
}

async fn create(db: &Db) {
    let sql = match db.engine() {
        Engine::Sqlite => {
            "CREATE TABLE every (account TEXT, livemode INTEGER, id TEXT, words TEXT, number INTEGER, flag INTEGER,
             at TEXT, day TEXT, document TEXT, PRIMARY KEY (account, livemode, id)) STRICT"
        }
        Engine::Postgres => {
            "CREATE TABLE every (account TEXT, livemode BOOLEAN, id TEXT, words TEXT, number BIGINT, flag BOOLEAN,
             at TIMESTAMPTZ, day DATE, document JSONB, PRIMARY KEY (account, livemode, id))"
        }
    };
    let mut tx = db.begin().await.unwrap();
    query(&mut tx, sql).execute().await.unwrap();
    tx.commit().await.unwrap();
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn scope() -> Scope {
    Scope { account: "acct_1".to_owned(), livemode: true }
}

fn row(id: &str) -> Every {
    Every {
        account: "acct_1".to_owned(),
        livemode: true,
        id: id.to_owned(),
        words: None,
        number: None,
        flag: None,
        at: None,
        day: None,
        document: None,
    }
}

const HARD_WORDS: &str = "it's \"quoted\", \\u0041 \\ back, 100 % $1 ünïcode 🎈\n\ttab \u{1}\u{7f}";

/// Rows whose values are hard to carry.
fn rows() -> Vec<Every> {
    let times = [
        "2026-07-01T23:30:00Z",
        "2026-07-01T23:30:00.1Z",
        "2026-07-01T23:30:00.120Z",
        "2026-07-01T23:30:00.123456Z",
        "1969-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.000001Z",
    ];
    let mut rows = vec![row("nothing"), row("it's \"quoted\" ünïcode 🎈 \\")];
    rows.extend(times.iter().map(|time| Every { at: Some(at(time)), ..row(time) }));
    rows.extend(
        [i64::MAX, i64::MIN, 0, -1, 9_007_199_254_740_993]
            .map(|number| Every { number: Some(number), ..row(&number.to_string()) }),
    );
    let documents = [
        json!({"it's": "\"quoted\" \\ ünïcode 🎈 \n\u{1}", "deep": [[], {}, null, true, 1.5, -7, i64::MAX]}),
        json!([1, 2]),
        json!("a text"),
        json!("null"),
        json!("5"),
        json!(5),
        json!(true),
        json!({"z": 1, "a": 2, "time": "2026-07-01T23:30:00Z"}),
    ];
    rows.extend(documents.into_iter().enumerate().map(|(number, document)| Every {
        document: Some(Json(document)),
        ..row(&format!("document-{number}"))
    }));
    rows.extend([HARD_WORDS, "", "null", "5", "2026-07-01T23:30:00Z", "{\"a\": 1}"].map(|words| Every {
        words: Some(words.to_owned()),
        flag: Some(words.is_empty()),
        day: NaiveDate::from_ymd_opt(2026, 2, 28),
        ..row(&format!("words-{words}"))
    }));
    rows
}

fn ids(rows: &[Every]) -> Vec<String> {
    rows.iter().map(|row| row.id.clone()).collect()
}

async fn all(db: &Db) -> Vec<Every> {
    let mut all: Vec<Every> = find(db, &scope(), "id", &ids(&rows())).await.unwrap();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

on_each_engine! {
    async fn every_kind_of_value_comes_back_as_it_went(db: TestDb) {
        create(&db).await;
        let mut expected = rows();
        let mut tx = db.begin().await.unwrap();
        assert_eq!(upsert(&mut tx, &expected).await.unwrap(), expected.len() as u64);
        tx.commit().await.unwrap();
        expected.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(all(&db).await, expected);
    }

    async fn a_row_in_the_same_words_is_not_written_again(db: TestDb) {
        create(&db).await;
        let mut tx = db.begin().await.unwrap();
        upsert(&mut tx, &rows()).await.unwrap();
        assert_eq!(upsert(&mut tx, &rows()).await.unwrap(), 0);
        assert_eq!(insert_new(&mut tx, &rows()).await.unwrap(), 0);
        let mut changed = rows();
        changed[0].words = Some("something".to_owned());
        changed[1].document = Some(Json(json!({})));
        changed[2].at = None;
        changed.push(row("new"));
        assert_eq!(insert_new(&mut tx, &changed).await.unwrap(), 1);
        assert_eq!(upsert(&mut tx, &changed).await.unwrap(), 3);
        tx.commit().await.unwrap();
        changed.pop();
        changed.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(all(&db).await, changed);
    }

    async fn a_json_null_is_no_value(db: TestDb) {
        create(&db).await;
        let mut tx = db.begin().await.unwrap();
        upsert(&mut tx, &[Every { document: Some(Json(Value::Null)), ..row("null") }]).await.unwrap();
        tx.commit().await.unwrap();
        let found: Vec<Every> = find(&*db, &scope(), "id", &["null".to_owned()]).await.unwrap();
        assert_eq!(found, [row("null")]);
    }

    async fn rows_of_another_scope_stay_apart(db: TestDb) {
        create(&db).await;
        let others = [
            Every { account: String::new(), ..row("one") },
            Every { livemode: false, ..row("one") },
            row("two"),
        ];
        let mut tx = db.begin().await.unwrap();
        upsert(&mut tx, &others).await.unwrap();
        upsert(&mut tx, &[row("one")]).await.unwrap();
        let one = ["one".to_owned()];
        assert_eq!(find::<Every>(&mut tx, &scope(), "id", &one).await.unwrap(), [row("one")]);
        assert_eq!(delete::<Every>(&mut tx, &scope(), "id", &one).await.unwrap(), 1);
        assert_eq!(delete::<Every>(&mut tx, &scope(), "id", &one).await.unwrap(), 0);
        let (left,): (i64,) = query(&mut tx, "SELECT COUNT(*) FROM every").fetch_one().await.unwrap();
        assert_eq!(left, 3);
    }

    async fn delete_except_keeps_what_is_kept(db: TestDb) {
        create(&db).await;
        let with = |id: &str, words: &str| Every { words: Some(words.to_owned()), ..row(id) };
        let texts = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
        let mut tx = db.begin().await.unwrap();
        upsert(&mut tx, &[with("a", "x"), with("b", "x"), with("c", "x"), with("d", "y")]).await.unwrap();
        let kept_by = &["words", "id"];
        let deleted = delete_except::<Every>(
            &mut tx, &scope(), "words", &texts(&["x"]), kept_by, &texts(&["x b", "y c"]),
        )
        .await
        .unwrap();
        let left: Vec<(String,)> = query(&mut tx, "SELECT id FROM every ORDER BY id").fetch_all().await.unwrap();
        assert_eq!((deleted, left), (2, vec![("b".to_owned(),), ("d".to_owned(),)]));
        let deleted =
            delete_except::<Every>(&mut tx, &scope(), "words", &texts(&["x", "y"]), &["id"], &[]).await.unwrap();
        assert_eq!(deleted, 2);
    }

    async fn no_rows_need_no_statement(db: TestDb) {
        // There is no such table yet.
        let mut tx = db.begin().await.unwrap();
        assert_eq!(upsert::<Every>(&mut tx, &[]).await.unwrap(), 0);
        assert_eq!(insert_new::<Every>(&mut tx, &[]).await.unwrap(), 0);
        assert_eq!(find::<Every>(&mut tx, &scope(), "id", &[]).await.unwrap(), []);
        assert_eq!(delete::<Every>(&mut tx, &scope(), "id", &[]).await.unwrap(), 0);
    }

    async fn firsts_and_lasts_merge_around_what_is_not_known(db: TestDb) {
        let [one, two, three] =
            ["2026-07-01T00:00:00Z", "2026-07-01T00:00:00.5Z", "2026-07-02T00:00:00Z"].map(|text| Some(at(text)));
        let milestones = |first_seen_at, signed_up_at, activated_at, last_seen_at| MilestoneRow {
            user_id: 7, first_seen_at, signed_up_at, activated_at, last_seen_at,
        };
        let mut tx = db.begin().await.unwrap();
        for row in [
            milestones(two, None, two, two),
            milestones(one, three, None, one),
            milestones(None, None, three, None),
            milestones(three, two, one, three),
        ] {
            merge(&mut tx, &[row]).await.unwrap();
        }
        let sql = "SELECT user_id, first_seen_at, signed_up_at, activated_at, last_seen_at FROM user_milestones";
        let merged: Vec<MilestoneRow> = query(&mut tx, sql).fetch_all().await.unwrap();
        assert_eq!(merged, [milestones(one, two, one, three)]);
    }

    async fn the_inbox_stores_new_events_as_they_came(db: TestDb) {
        let event = |id: &str| StripeEventRow {
            account: String::new(),
            livemode: false,
            id: id.to_owned(),
            event_type: "invoice.paid".to_owned(),
            created: at("2026-07-01T23:30:00Z"),
            api_version: None,
            source: "webhook".to_owned(),
            received_at: at("2026-07-01T23:30:00.123456Z"),
            state: "applied".to_owned(),
            attempts: i64::MAX,
            last_error: Some(HARD_WORDS.to_owned()),
            payload: format!("{{ \"id\" : \"{id}\",\n  \"spaces\" :1.0 }} {HARD_WORDS}"),
        };
        let mut tx = db.begin().await.unwrap();
        let key = |id: &str| (String::new(), false, id.to_owned());
        assert_eq!(inbox::store(&mut tx, &[event("evt_1")]).await.unwrap(), [key("evt_1")]);
        let new = inbox::store(&mut tx, &[event("evt_1"), event("evt_2")]).await.unwrap();
        assert_eq!(new, [key("evt_2")]);
        let sql = "SELECT account, livemode, id, event_type, created, api_version, source, received_at, state,
            attempts, last_error, payload FROM stripe_events ORDER BY id";
        let stored: Vec<StripeEventRow> = query(&mut tx, sql).fetch_all().await.unwrap();
        assert_eq!(stored, [event("evt_1"), event("evt_2")]);
    }

    async fn an_event_that_failed_or_waits_is_replaced_by_its_next_copy(db: TestDb) {
        let event = |id: &str, state: &str, payload: &str| StripeEventRow {
            account: String::new(),
            livemode: true,
            id: id.to_owned(),
            event_type: format!("type of {payload}"),
            created: at("2026-07-01T23:30:00Z"),
            api_version: Some(payload.to_owned()),
            source: "file".to_owned(),
            received_at: at("2026-07-01T23:30:00.123456Z"),
            state: state.to_owned(),
            attempts: 1,
            last_error: (state == "failed").then(|| payload.to_owned()),
            payload: payload.to_owned(),
        };
        let key = |id: &str| (String::new(), true, id.to_owned());
        let states = ["applied", "failed", "ignored", "pending"];
        let of_each = |state: Option<&'static str>, payload| -> Vec<StripeEventRow> {
            states.iter().map(|own| event(own, state.unwrap_or(own), payload)).collect()
        };
        let mut tx = db.begin().await.unwrap();
        assert_eq!(inbox::store(&mut tx, &of_each(None, "1")).await.unwrap().len(), 4);
        assert_eq!(inbox::store(&mut tx, &of_each(Some("failed"), "2")).await.unwrap(), [key("failed")]);
        let unsettled = [key("failed"), key("pending")];
        assert_eq!(inbox::store(&mut tx, &of_each(Some("applied"), "3")).await.unwrap(), unsettled);
        assert_eq!(inbox::store(&mut tx, &of_each(Some("applied"), "4")).await.unwrap(), []);
        let sql = "SELECT account, livemode, id, event_type, created, api_version, source, received_at, state,
            attempts, last_error, payload FROM stripe_events ORDER BY id";
        let stored: Vec<StripeEventRow> = query(&mut tx, sql).fetch_all().await.unwrap();
        let repaired = StripeEventRow { attempts: 3, ..event("failed", "applied", "3") };
        let waited = StripeEventRow { attempts: 2, ..event("pending", "applied", "3") };
        let [applied, _, ignored, _] = &of_each(None, "1")[..] else { panic!() };
        assert_eq!(stored, [applied.clone(), repaired, ignored.clone(), waited]);
    }

    async fn properties_are_indexed_where_somebody_wants_it(db: TestDb) {
        let is_postgres = db.engine() == growth_db::Engine::Postgres;
        assert_eq!(events::make_properties_index(&db).await.unwrap(), is_postgres);
        assert!(!events::make_properties_index(&db).await.unwrap());
        // A place that is made later has it too.
        events::make_partitions(&db, &["2031-01-01".parse().unwrap()].into()).await.unwrap();
        if is_postgres {
            let (indexed,): (i64,) = query(&*db, "SELECT COUNT(*) FROM pg_indexes
                WHERE tablename = 'events_2031_01' AND indexdef LIKE '%gin (properties jsonb_path_ops)%'")
                .fetch_one().await.unwrap();
            assert_eq!(indexed, 1);
        }
    }

    async fn events_are_stored_as_they_came_and_once(db: TestDb) {
        let event = |id: i64, time: &str| EventRow {
            user_id: 7,
            created_at: at(time),
            id,
            event_name: "page_load".to_owned(),
            event_category: "performance".to_owned(),
            app_name: "app".to_owned(),
            session_id: None,
            properties: Json(json!({"it's": HARD_WORDS, "n": [1.5, null, i64::MAX]})),
            duration_ms: (id % 2 == 0).then_some(i64::MAX),
            status: "success".to_owned(),
            error_message: Some(HARD_WORDS.to_owned()),
            ip_hash: None,
            user_agent: Some(HARD_WORDS.to_owned()),
            referrer: None,
            active: id % 2 == 0,
            ip: None,
        };
        let all = [
            event(i64::MAX, "2026-06-30T23:59:59.999999Z"),
            event(2, "2026-07-01T00:00:00Z"),
            event(3, "2026-07-01T00:00:00.1Z"),
        ];
        let months = ["2026-06-01", "2026-07-01"].map(|day| day.parse().unwrap()).into();
        events::make_partitions(&db, &months).await.unwrap();
        events::make_partitions(&db, &months).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        assert_eq!(events::store(&mut tx, &all[..2]).await.unwrap(), [].into());
        let known = |event: &EventRow| (event.user_id, event.created_at, event.id);
        assert_eq!(events::store(&mut tx, &all).await.unwrap(), [known(&all[0]), known(&all[1])].into());
        let sql = "SELECT user_id, created_at, id, event_name, event_category, app_name, session_id, properties,
            duration_ms, status, error_message, ip_hash, user_agent, referrer, active, ip FROM events ORDER BY created_at";
        let stored: Vec<EventRow> = query(&mut tx, sql).fetch_all().await.unwrap();
        assert_eq!(stored, all);
    }
}

#[test]
fn sqlite_stores_the_very_text_that_a_bound_value_has() {
    growth_testkit::block_on(async {
        let db = growth_testkit::sqlite().await;
        create(&db).await;
        let mut tx = db.begin().await.unwrap();
        upsert(&mut tx, &rows()).await.unwrap();
        for row in rows() {
            query(
                &mut tx,
                "INSERT INTO every (account, livemode, id, words, number, flag, at, day, document)
                 VALUES ('bound', $1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(row.livemode)
            .bind(row.id)
            .bind(row.words)
            .bind(row.number)
            .bind(row.flag)
            .bind(row.at)
            .bind(row.day)
            .bind(row.document)
            .execute()
            .await
            .unwrap();
        }
        let differing: Vec<(String, String, String)> = query(
            &mut tx,
            "SELECT a.id, quote(a.at) || quote(a.document) || quote(a.words), quote(b.at) || quote(b.document)
             FROM every a JOIN every b ON a.id = b.id AND b.account = 'bound' WHERE a.account = 'acct_1'
             AND (a.livemode, a.words, a.number, a.flag, a.at, a.day, a.document)
             IS NOT (b.livemode, b.words, b.number, b.flag, b.at, b.day, b.document)",
        )
        .fetch_all()
        .await
        .unwrap();
        assert_eq!(differing, []);
        let sorted: Vec<(DateTime<Utc>,)> =
            query(&mut tx, "SELECT at FROM every WHERE account = 'acct_1' AND at IS NOT NULL ORDER BY at")
                .fetch_all()
                .await
                .unwrap();
        assert!(sorted.is_sorted(), "texts compare as times do: {sorted:?}");
    });
}

#[test]
fn postgres_looks_at_tables_that_fill() {
    growth_testkit::block_on(async {
        let db = growth_testkit::postgres().await;
        let mut tx = db.begin().await.unwrap();
        query(&mut tx, "INSERT INTO settings (key, value) VALUES ($1, 'x')")
            .bind("a")
            .execute()
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let looked_at = async || {
            let sql = "SELECT COUNT(*) FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'settings'";
            query(&*db, sql).fetch_one::<(i64,)>().await.unwrap().0 > 0
        };
        let mut filling = Filling::default();
        filling.add(999, &db).await.unwrap();
        assert!(!looked_at().await);
        filling.add(1, &db).await.unwrap();
        assert!(looked_at().await);
    });
}

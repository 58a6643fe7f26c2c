//! Whatever is sent: an answer that is due, nothing stored that nobody signed, and a server that works on.

use std::collections::BTreeSet;

use chrono::DateTime;
use growth_testkit::signed::signature;
use growth_testkit::{TestDb, on_each_engine};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use growth_testkit::until;

use crate::raw::{Raw, post_with};
use crate::running::{NOW, Running, SECRET, event, rows, settings};

/// After so many requests, all that is behind them is looked at.
const ROUND: usize = 250;

/// The most bytes of a body.
const LIMIT: usize = 1 << 20;

/// What stands in a document where text is put in that no JSON value can hold.
const HOLE: &str = "a hole in the document";

/// All that the server says in an answer.
const ANSWERS: [&str; 14] = [
    "{\"received\":true}",
    "{\"error\":\"the header Stripe-Signature is there more than once, or is no text\"}",
    "{\"error\":\"the header Stripe-Signature is not of the form t=…,v1=…\"}",
    "{\"error\":\"the signature is by none of the configured secrets\"}",
    "{\"error\":\"the signature is older than 5 minutes\"}",
    "{\"error\":\"the signature is more than 5 minutes in the future\"}",
    "{\"error\":\"the body is not UTF-8\"}",
    "{\"error\":\"the body is nested deeper than any event of Stripe's\"}",
    "{\"error\":\"the body is not JSON\"}",
    "{\"error\":\"the body is not an event of Stripe's\"}",
    "{\"error\":\"the body is too large\"}",
    "{\"error\":\"the body took too long\"}",
    "{\"error\":\"the body was cut off\"}",
    "",
];

/// How a request is signed.
#[derive(Clone, Debug)]
enum Header {
    /// As Stripe signs.
    Good,
    /// As Stripe signs, among things that do not matter.
    Among(Vec<String>, Vec<String>),
    /// By somebody else.
    By(String),
    /// At another time than now, by us.
    At(i64),
    /// Ours, cut off after so many characters.
    Cut(Index),
    /// Ours, with another character somewhere.
    Changed(Index, char),
    /// Ours, of another body.
    OfAnotherBody,
    /// A time that is told again after ours.
    TimeAgain(i64),
    /// Parts that look like those of a signature.
    Parts(Vec<(String, String)>),
    /// Bytes, and so many of them.
    Bytes(Vec<u8>, usize),
}

impl Header {
    /// The header for a body, and whether it is right.
    fn bytes(&self, body: &[u8]) -> (Vec<u8>, bool) {
        let good = signature(SECRET, NOW, body);
        let (text, right) = match self {
            Self::Good => (good, true),
            Self::Among(before, after) => {
                let (time, v1) = good.split_once(',').unwrap();
                let (time, v1) = (time.to_owned(), v1.to_owned());
                ([&[time][..], before, &[v1], after].concat().join(","), true)
            }
            Self::By(secret) => (signature(secret, NOW, body), false),
            Self::At(time) => (signature(SECRET, *time, body), (NOW - 300..=NOW + 300).contains(time)),
            Self::Cut(at) => (good[..at.index(good.len())].to_owned(), false),
            Self::Changed(at, to) => {
                let at = at.index(good.len());
                let changed = format!("{}{to}{}", &good[..at], &good[at + 1..]);
                let same = changed.eq_ignore_ascii_case(&good) && changed[..17] == good[..17];
                (changed, same)
            }
            Self::OfAnotherBody => (signature(SECRET, NOW, &[body, b" "].concat()), false),
            Self::TimeAgain(time) => (format!("{good},t={time}"), *time == NOW),
            Self::Parts(parts) => {
                let parts: Vec<String> = parts.iter().map(|(key, value)| format!("{key}={value}")).collect();
                (parts.join(","), false)
            }
            Self::Bytes(bytes, times) => return (bytes.repeat(*times), false),
        };
        (text.into_bytes(), right)
    }
}

fn headers() -> impl Strategy<Value = Header> {
    let other = || prop::collection::vec("(v0|v2|x|)=[0-9a-z]{0,70}|v1=[0-9a-f]{0,70}", 0..6);
    let key = || select(vec!["t", "v1", "v0", "T", " v1", "", "t\t", "v1v1"]).prop_map(str::to_owned);
    let value = || {
        prop_oneof![
            select(vec![
                "",
                "0",
                "-1",
                "1750000000",
                "9223372036854775807",
                "-9223372036854775808",
                "9223372036854775808",
                "1099511627775",
                "-1099511627776",
                "1e9",
                "0x10",
                "99999999999999999999999999999999999999999",
                "=",
                "==",
                " ",
                "\u{661}",
                "NaN",
            ])
            .prop_map(str::to_owned),
            "[0-9a-f]{64}",
            "[ -~]{0,40}",
        ]
    };
    let printable =
        || any::<u8>().prop_filter("what ends a header", |byte| ![b'\r', b'\n', 0].contains(byte));
    prop_oneof![
        30 => Just(Header::Good),
        5 => (other(), other()).prop_map(|(a, b)| Header::Among(a, b)),
        2 => "[ -~]{0,80}".prop_filter("another secret", |secret| secret != SECRET).prop_map(Header::By),
        2 => select(vec![
            i64::MIN, i64::MIN + 1, -(1 << 40) - 1, -(1 << 40), -1, 0, 1, NOW - 301, NOW - 300, NOW + 300, NOW + 301,
            (1 << 40) - 1, 1 << 40, i64::MAX - 1, i64::MAX,
        ])
        .prop_map(Header::At),
        2 => any::<Index>().prop_map(Header::Cut),
        2 => (any::<Index>(), any::<char>()).prop_filter("no end of a line", |(_, to)| !to.is_control())
            .prop_map(|(at, to)| Header::Changed(at, to)),
        1 => Just(Header::OfAnotherBody),
        1 => any::<i64>().prop_map(Header::TimeAgain),
        4 => prop::collection::vec((key(), value()), 0..8).prop_map(Header::Parts),
        3 => (prop::collection::vec(printable(), 0..100), 1..100_usize)
            .prop_map(|(bytes, times)| Header::Bytes(bytes, times)),
    ]
}

/// A body, but for its event's id.
#[derive(Clone, Debug)]
enum Body {
    /// As the sample account tells it.
    Whole(Index),
    /// With one value taken out.
    Without(Index, Index),
    /// With one value in the place of another.
    With(Index, Index, String),
    /// With one of the fields that make it an event in another form.
    Field(Index, &'static str, String),
    /// With a field twice.
    Twice(Index, &'static str, String),
    /// Cut off somewhere.
    Cut(Index, Index),
    /// With other bytes here and there.
    Bytes(Index, Vec<(Index, u8)>),
    /// Bytes.
    Any(Vec<u8>),
    /// A small document of Stripe's words.
    Words(String),
    /// Something in something in something.
    Deep { begin: &'static str, end: &'static str, times: usize, closed: bool, inside: bool },
}

/// The fields that make a document an event.
const FIELDS: [&str; 9] =
    ["id", "object", "type", "created", "data", "account", "livemode", "api_version", "pending_webhooks"];

impl Body {
    fn bytes(&self, known: &[Value], id: &str) -> Vec<u8> {
        let named = |which: &Index| {
            let mut event = which.get(known).clone();
            event["id"] = id.into();
            event
        };
        let filled = |event: &Value, odd: &str| event.to_string().replace(&format!("{HOLE:?}"), odd);
        let text = match self {
            Self::Whole(which) => named(which).to_string(),
            Self::Without(which, place) => {
                let mut event = named(which);
                let (parent, key) = places(&event).swap_remove(place.index(places(&event).len()));
                match event.pointer_mut(&parent).unwrap() {
                    Value::Object(fields) => drop(fields.remove(&key)),
                    Value::Array(entries) => drop(entries.remove(key.parse().unwrap())),
                    _ => unreachable!("only they have places"),
                }
                event.to_string()
            }
            Self::With(which, place, odd) => {
                let mut event = named(which);
                let (parent, key) = places(&event).swap_remove(place.index(places(&event).len()));
                match event.pointer_mut(&parent).unwrap() {
                    Value::Object(fields) => drop(fields.insert(key, HOLE.into())),
                    Value::Array(entries) => entries[key.parse::<usize>().unwrap()] = HOLE.into(),
                    _ => unreachable!("only they have places"),
                }
                filled(&event, odd)
            }
            Self::Field(which, field, odd) => {
                let mut event = named(which);
                event[*field] = HOLE.into();
                filled(&event, odd)
            }
            Self::Twice(which, field, odd) => {
                let text = named(which).to_string();
                if odd.len() % 2 == 0 {
                    format!("{{\"{field}\":{odd},{}", &text[1..])
                } else {
                    format!("{},\"{field}\":{odd}}}", &text[..text.len() - 1])
                }
            }
            Self::Cut(which, at) => {
                let mut bytes = named(which).to_string().into_bytes();
                bytes.truncate(at.index(bytes.len()));
                return bytes;
            }
            Self::Bytes(which, changes) => {
                let mut bytes = named(which).to_string().into_bytes();
                for (at, to) in changes {
                    let at = at.index(bytes.len());
                    bytes[at] = *to;
                }
                return bytes;
            }
            Self::Any(bytes) => return bytes.clone(),
            Self::Words(odd) => {
                let mut event = event(id);
                event["data"]["object"] = HOLE.into();
                filled(&event, odd)
            }
            Self::Deep { begin, end, times, closed, inside } => {
                let end = if *closed { end.repeat(*times) } else { String::new() };
                let deep = begin.repeat(*times) + "0" + &end;
                if *inside {
                    let mut event = event(id);
                    event["data"]["object"]["metadata"] = HOLE.into();
                    filled(&event, &deep)
                } else {
                    deep
                }
            }
        };
        text.into_bytes()
    }
}

/// Where the values in a document are: the place that holds each, and its name in it.
fn places(value: &Value) -> Vec<(String, String)> {
    fn add(value: &Value, at: &str, to: &mut Vec<(String, String)>) {
        let inside: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(entries) => {
                entries.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect()
            }
            _ => Vec::new(),
        };
        for (key, value) in inside {
            add(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), to);
            to.push((at.to_owned(), key));
        }
    }
    let mut places = Vec::new();
    add(value, "", &mut places);
    places
}

/// JSON that is odd in its place, and text that is none.
fn odd() -> impl Strategy<Value = String> {
    let text = |text: String| Value::from(text).to_string();
    prop_oneof![
        select(vec![
            "null",
            "true",
            "false",
            "0",
            "-0",
            "-0.0",
            "-1",
            "1.5",
            "1e-400",
            "1e400",
            "-1e999",
            "1e308",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            "253402300799",
            "253402300800",
            "00",
            "01",
            "+1",
            ".5",
            "0x10",
            "Infinity",
            "NaN",
            "undefined",
            "'text'",
            "\"\"",
            "\" \"",
            "\"\\u0000\"",
            "\"a\\u0000b\"",
            "\"\\ud800\"",
            "\"\\udc00\\ud800\"",
            "\"\\ud83d\\ude00\"",
            "\"\\u202e\"",
            "\"\\x00\"",
            "\"\u{7f}\u{85}\"",
            "\"\n\"",
            "\"\\u001b[2J\"",
            "\"'; DROP TABLE stripe_events; --\"",
            "\"%s%n\"",
            "\"${jndi:x}\"",
            "[]",
            "{}",
            "[null]",
            "[[]]",
            "{\"\":{}}",
            "{\"id\":null}",
            "{\"object\":{}}",
            "{\"object\":[]}",
            "{\"object\":{\"object\":\"charge\"}}",
            "{\"object\":{\"object\":\"invoice\",\"id\":\"in_1\"}}",
            "{\"data\":[{}],\"has_more\":true,\"object\":\"list\"}",
            "\"event\"",
            "\"v2.core.event\"",
            "\"list\"",
            "\"customer\"",
            "\"usd\"",
            "\"USD\"",
            "\"deleted\"",
            "\"acct_1\"",
            "\"1750000000\"",
        ])
        .prop_map(str::to_owned),
        select(vec![1, 254, 255, 256, 2000, 2001, 3000, 9000, 100_000])
            .prop_map(move |n: usize| text("x".repeat(n))),
        select(vec![85, 86, 127, 128]).prop_map(move |n: usize| text("\u{20ac}".repeat(n))),
        any::<String>().prop_map(text),
        any::<i64>().prop_map(|any| any.to_string()),
        any::<f64>().prop_map(|any| any.to_string()),
        words(),
    ]
}

/// Documents of words that Stripe uses.
fn words() -> impl Strategy<Value = String> {
    let key = || {
        select(vec![
            "id",
            "object",
            "amount",
            "currency",
            "created",
            "customer",
            "subscription",
            "invoice",
            "payment_intent",
            "latest_charge",
            "charge",
            "items",
            "data",
            "price",
            "recurring",
            "interval",
            "interval_count",
            "quantity",
            "unit_amount",
            "unit_amount_decimal",
            "tiers",
            "discounts",
            "coupon",
            "percent_off",
            "metadata",
            "user_id",
            "status",
            "lines",
            "period",
            "start",
            "end",
            "parent",
            "subscription_details",
            "balance_transaction",
            "fee",
            "refunds",
            "amount_refunded",
            "deleted",
            "email",
            "client_reference_id",
            "livemode",
            "has_more",
        ])
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..2_000_000_000_i64).prop_map(Value::from),
        select(vec![
            "customer",
            "subscription",
            "invoice",
            "charge",
            "payment_intent",
            "price",
            "product",
            "coupon",
            "discount",
            "refund",
            "dispute",
            "checkout.session",
            "invoice_payment",
            "plan",
            "list",
            "active",
            "canceled",
            "paid",
            "open",
            "succeeded",
            "month",
            "year",
            "usd",
            "jpy",
            "0.5",
            "-1",
            "1e3",
            "cus_1",
            "sub_1",
            "in_1",
            "pi_1",
            "ch_1",
            "price_1",
            "prod_1",
            "re_1",
            "dp_1",
        ])
        .prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(6, 60, 8, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::btree_map(key().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    tree.prop_map(|tree| tree.to_string())
}

fn bodies() -> impl Strategy<Value = Body> {
    let which = any::<Index>;
    let deep = (
        select(vec![
            ("[", "]"),
            ("{\"a\":", "}"),
            ("[{\"object\":", "}]"),
            ("[[],", "]"),
            ("{\"data\":{\"object\":", "}}"),
        ]),
        select(vec![1, 10, 29, 30, 31, 32, 33, 100, 120, 126, 127, 128, 200, 10_000, 60_000]),
        any::<bool>(),
        any::<bool>(),
    );
    prop_oneof![
        3 => which().prop_map(Body::Whole),
        4 => (which(), which()).prop_map(|(which, place)| Body::Without(which, place)),
        8 => (which(), which(), odd()).prop_map(|(which, place, odd)| Body::With(which, place, odd)),
        6 => (which(), select(&FIELDS[..]), odd()).prop_map(|(which, field, odd)| Body::Field(which, field, odd)),
        3 => (which(), select(&FIELDS[..]), odd()).prop_map(|(which, field, odd)| Body::Twice(which, field, odd)),
        2 => (which(), which()).prop_map(|(which, at)| Body::Cut(which, at)),
        3 => (which(), prop::collection::vec((which(), any::<u8>()), 1..5))
            .prop_map(|(which, changes)| Body::Bytes(which, changes)),
        2 => prop::collection::vec(any::<u8>(), 0..500).prop_map(Body::Any),
        4 => words().prop_map(Body::Words),
        2 => deep.prop_map(|((begin, end), times, closed, inside)| Body::Deep { begin, end, times, closed, inside }),
    ]
}

/// How many levels of lists and objects a body may have.
const DEEPEST: usize = 32;

fn levels(value: &Value) -> usize {
    match value {
        Value::Array(entries) => 1 + entries.iter().map(levels).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

/// What a test remembers of what it sent.
struct Sent<'a> {
    db: &'a TestDb,
    server: Running,
    raw: Raw,
    known: Vec<Value>,
    count: usize,
    /// The texts that were answered with 200.
    taken: BTreeSet<String>,
}

impl Sent<'_> {
    /// Sends one request and looks at its answer.
    async fn send(&mut self, header: &Header, body: &Body) -> Result<(), TestCaseError> {
        self.count += 1;
        let body = body.bytes(&self.known, &format!("evt_{}", self.count));
        let (header, signed) = header.bytes(&body);
        let request = post_with(&header, &body);
        self.raw.send(&request).await;
        let mut answer = self.raw.answer().await;
        if answer.is_none() {
            // The answer before may have been the last one of its connection.
            self.raw = self.server.connect().await;
            self.raw.send(&request).await;
            answer = self.raw.answer().await;
        }
        let answer = answer.ok_or_else(|| TestCaseError::fail("no answer"))?;
        if answer.header("connection") == Some("close") {
            self.raw = self.server.connect().await;
        }
        let small = body.len() <= LIMIT;
        let received = String::from_utf8(body.clone()).ok().filter(|_| signed && small);
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        let due = received
            .filter(|text| growth_ingest::receive(text.clone(), now).is_ok())
            .filter(|text| serde_json::from_str(text).is_ok_and(|value| levels(&value) <= DEEPEST));
        let text = header.iter().all(|byte| (b' '..0x7f).contains(byte) || *byte == b'\t');
        let expected = match due {
            Some(_) => 200,
            // What is wrong with the header itself comes first.
            None if small || !text => 400,
            None => 413,
        };
        let shown = String::from_utf8_lossy(&body[..body.len().min(2000)]).into_owned();
        prop_assert_eq!(answer.status, expected, "{:?} for {}", answer, shown);
        prop_assert!(ANSWERS.contains(&answer.body.as_str()), "{:?}", answer);
        self.taken.extend(due);
        if self.count.is_multiple_of(ROUND) {
            self.look_behind().await?;
        }
        Ok(())
    }

    /// Looks at what is stored, and at whether everything still works.
    async fn look_behind(&mut self) -> Result<(), TestCaseError> {
        self.server.assert_well(self.db).await;
        let rows = until("nothing waits any more", async || {
            let rows = rows(self.db).await;
            rows.iter().all(|row| row.state != "pending").then_some(rows)
        });
        let rows = rows.await;
        for row in &rows {
            let expected = self.taken.contains(&row.payload) || row.id.starts_with("evt_well_");
            prop_assert!(expected, "nobody signed {:?}", row);
            prop_assert!(["applied", "ignored", "failed"].contains(&row.state.as_str()), "{:?}", row);
            prop_assert_eq!(row.last_error.is_some(), row.state == "failed", "{:?}", row);
        }
        // What was answered with 200 is there, as itself or as another copy of the same event.
        let payloads: BTreeSet<&str> = rows.iter().map(|row| row.payload.as_str()).collect();
        let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        for text in &self.taken {
            if !payloads.contains(text.as_str()) {
                let id = serde_json::from_str::<Value>(text).unwrap()["id"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                prop_assert!(ids.contains(id.replace('\0', "").as_str()), "lost: {}", text);
            }
        }
        Ok(())
    }
}

async fn send_anything(db: &TestDb, cases: u32) {
    let end = DateTime::from_timestamp(NOW, 0).unwrap();
    let known: Vec<Value> = growth_demo::scaled::stripe_events(7, end, 400).collect();
    let mut settings = settings();
    settings.queue = 64;
    settings.body_limit = LIMIT;
    let server = Running::start_with(db, settings).await;
    let raw = server.connect().await;
    let mut sent = Sent { db, server, raw, known, count: 0, taken: BTreeSet::new() };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    block_in_place(|| {
        let sent = std::cell::RefCell::new(&mut sent);
        let done = runner.run(&(headers(), bodies()), |(header, body)| {
            let mut sent = sent.borrow_mut();
            Handle::current().block_on(sent.send(&header, &body))
        });
        if let Err(error) = done {
            panic!("{error}");
        }
    });
    sent.look_behind().await.unwrap();
    assert!(sent.taken.len() > cases as usize / 10, "{} were taken", sent.taken.len());
    sent.server.end().await;
}

on_each_engine! {
    async fn whatever_is_sent_has_the_answer_it_should_have_and_ends_nothing(db: TestDb) {
        send_anything(&db, 2500).await;
    }
}

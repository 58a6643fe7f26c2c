//! The objects that the server knows, one by one and in lists.

use serde_json::{Value, json};

use super::Request;
use super::answers::{self, Answer};
use super::expansion;

/// A collection's name in paths, the kind of object in it, and the fields by which its list is filtered.
type Collection = (&'static str, &'static str, &'static [&'static str]);

const COLLECTIONS: &[Collection] = &[
    ("charges", "charge", &["customer", "payment_intent"]),
    ("coupons", "coupon", &[]),
    ("invoice_payments", "invoice_payment", &["invoice", "status"]),
    ("invoices", "invoice", &["customer", "status", "subscription"]),
    ("payment_intents", "payment_intent", &["customer"]),
    ("prices", "price", &["active", "product"]),
    ("subscriptions", "subscription", &["customer", "price", "status"]),
];

/// Objects by account, in the order in which they came.
#[derive(Debug)]
pub(super) struct Shelf {
    livemode: bool,
    objects: Vec<(String, Value)>,
}

impl Shelf {
    pub(super) fn new(livemode: bool) -> Self {
        Self { livemode, objects: Vec::new() }
    }

    pub(super) fn put(&mut self, account: &str, object: Value) {
        assert!(object["id"].is_string(), "an object without id: {object}");
        let known = COLLECTIONS.iter().any(|(_, kind, _)| object["object"] == *kind);
        assert!(known, "an object of an unknown kind: {object}");
        self.objects.retain(|(owner, known)| owner != account || known["id"] != object["id"]);
        self.objects.push((account.to_owned(), object));
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        let collection = |name: &str| COLLECTIONS.iter().find(|(known, _, _)| *known == name);
        let shown = match segments.as_slice() {
            ["v1", name] => collection(name).map(|collection| self.list(collection, request)),
            ["v1", name, id] => collection(name).map(|collection| self.one(collection, id, request)),
            _ => None,
        };
        let mut value = match shown {
            Some(Ok(value)) => value,
            Some(Err(answer)) => return answer,
            None => return answers::no_such_url("GET", &request.path),
        };
        match expansion::show(&mut value, &request.expanded()) {
            Ok(()) => answers::found(value),
            Err(message) => answers::bad_request(None, "expand", &message),
        }
    }

    fn one(&self, (_, kind, _): &Collection, id: &str, request: &Request) -> Result<Value, Answer> {
        if let Some((name, _)) = request.query.iter().find(|(name, _)| name != "expand[]") {
            return Err(unknown_parameter(name));
        }
        let mut fitting = self.objects.iter().filter(|(owner, object)| {
            *owner == request.account && object["object"] == **kind && object["id"] == id
        });
        match fitting.next() {
            Some((_, object)) if self.is_of_mode(object) => Ok(object.clone()),
            Some(_) => {
                let (other, own) = if self.livemode { ("test", "live") } else { ("live", "test") };
                let also = format!(
                    "; a similar object exists in {other} mode, but a {own} mode key was used to make this request."
                );
                Err(answers::no_such_object(kind, id, &also))
            }
            None => Err(answers::no_such_object(kind, id, "")),
        }
    }

    /// A page, the newest first.
    fn list(&self, (name, kind, filters): &Collection, request: &Request) -> Result<Value, Answer> {
        let paging = ["expand[]", "limit", "starting_after"];
        let unknown = |name: &&String| !paging.contains(&name.as_str()) && !filters.contains(&name.as_str());
        if let Some(name) = request.query.iter().map(|(name, _)| name).find(unknown) {
            return Err(unknown_parameter(name));
        }
        let limit = match request.parameter("limit").map(str::parse) {
            None => 10,
            Some(Ok(limit @ 1..=100)) => limit,
            Some(_) => return Err(answers::bad_request(None, "limit", "Invalid limit: must be 1 to 100.")),
        };
        let fits = |object: &Value| {
            filters.iter().all(|field| {
                let shown = &object[field];
                let shown = shown["id"].as_str().or(shown.as_str());
                request.parameter(field).is_none_or(|wanted| shown == Some(wanted))
            })
        };
        let mut fitting: Vec<&Value> = (self.objects.iter())
            .filter(|(owner, object)| *owner == request.account && object["object"] == **kind)
            .map(|(_, object)| object)
            .filter(|object| self.is_of_mode(object) && fits(object))
            .collect();
        fitting.reverse();
        fitting.sort_by_key(|object| std::cmp::Reverse(object["created"].as_i64()));
        if let Some(after) = request.parameter("starting_after") {
            let Some(at) = fitting.iter().position(|object| object["id"] == after) else {
                let message = format!("No such {kind}: '{after}'");
                return Err(answers::bad_request(Some("resource_missing"), "starting_after", &message));
            };
            fitting.drain(..=at);
        }
        let has_more = fitting.len() > limit;
        fitting.truncate(limit);
        Ok(json!({"object": "list", "url": format!("/v1/{name}"), "has_more": has_more, "data": fitting}))
    }

    /// Whether the key may see the object; those that do not say their mode are of any.
    fn is_of_mode(&self, object: &Value) -> bool {
        object["livemode"].as_bool().is_none_or(|livemode| livemode == self.livemode)
    }
}

fn unknown_parameter(name: &str) -> Answer {
    answers::bad_request(Some("parameter_unknown"), name, &format!("Received unknown parameter: {name}"))
}

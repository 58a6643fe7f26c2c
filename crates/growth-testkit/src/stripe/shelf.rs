//! The objects that the server knows, one by one and in lists.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use serde_json::{Value, json};

use super::answers::{self, Answer};
use super::{Request, expansion, nested};

/// A list of Stripe's.
#[derive(Debug)]
pub(super) struct Collection {
    /// Where it is below `/v1`.
    path: &'static str,
    /// The kind of object in it.
    pub(super) kind: &'static str,
    /// The fields by which it is filtered.
    filters: &'static [&'static str],
    /// Whether it is filtered by `created` as well.
    by_time: bool,
}

const fn list(path: &'static str, kind: &'static str, filters: &'static [&'static str]) -> Collection {
    Collection { path, kind, filters, by_time: true }
}

const COLLECTIONS: &[Collection] = &[
    list("balance_transactions", "balance_transaction", &["source", "type"]),
    list("charges", "charge", &["customer", "payment_intent"]),
    list("checkout/sessions", "checkout.session", &["customer", "payment_intent", "status", "subscription"]),
    list("coupons", "coupon", &[]),
    list("customers", "customer", &["email"]),
    list("disputes", "dispute", &["charge", "payment_intent"]),
    list("events", "event", &["type"]),
    Collection { by_time: false, ..list("invoice_payments", "invoice_payment", &["invoice", "status"]) },
    list("invoices", "invoice", &["customer", "status", "subscription"]),
    list("payment_intents", "payment_intent", &["customer"]),
    list("prices", "price", &["active", "product"]),
    list("products", "product", &["active"]),
    list("refunds", "refund", &["charge", "payment_intent"]),
    list("subscriptions", "subscription", &["customer", "price", "status"]),
];

/// How long events are shown, in seconds.
const KEPT: i64 = 30 * 86_400;

/// The place of an object in its list: the newest first, of one second the one that came last.
type Place = (Reverse<i64>, Reverse<u64>);

/// An object, in the shape of each API version from which on it has that shape.
type Shapes = BTreeMap<String, Value>;

/// The objects of one account and kind.
#[derive(Debug, Default)]
struct Drawer {
    places: HashMap<String, Place>,
    objects: BTreeMap<Place, Shapes>,
}

/// Objects by account and kind.
#[derive(Debug)]
pub(super) struct Shelf {
    livemode: bool,
    came: u64,
    drawers: HashMap<(String, &'static str), Drawer>,
}

impl Shelf {
    pub(super) fn new(livemode: bool) -> Self {
        Self { livemode, came: 0, drawers: HashMap::new() }
    }

    /// Puts in the shape that an object has since an API version; the empty one is every version's.
    pub(super) fn put(&mut self, account: &str, since: &str, object: Value) {
        let id = object["id"].as_str().unwrap_or_else(|| panic!("an object without id: {object}")).to_owned();
        let known = COLLECTIONS.iter().find(|collection| object["object"] == collection.kind);
        let kind = known.unwrap_or_else(|| panic!("an object of an unknown kind: {object}")).kind;
        self.came += 1;
        let place = (Reverse(object["created"].as_i64().unwrap_or_default()), Reverse(self.came));
        let drawer = self.drawers.entry((account.to_owned(), kind)).or_default();
        let before = drawer.places.insert(id, place).and_then(|place| drawer.objects.remove(&place));
        let mut shapes = before.filter(|_| !since.is_empty()).unwrap_or_default();
        shapes.insert(since.to_owned(), object);
        drawer.objects.insert(place, shapes);
    }

    /// Takes an object out of every list.
    pub(super) fn delete(&mut self, account: &str, id: &str) {
        for ((owner, _), drawer) in &mut self.drawers {
            if owner == account
                && let Some(place) = drawer.places.remove(id)
            {
                drawer.objects.remove(&place);
            }
        }
    }

    pub(super) fn answer(&self, request: &Request, now: i64) -> Answer {
        let path = request.path.strip_prefix("/v1/").unwrap_or_default();
        let mut value = match self.found(path, request, now) {
            Some(Ok(value)) => value,
            Some(Err(answer)) => return answer,
            None => return answers::no_such_url("GET", &request.path),
        };
        let look_up = |id: &str| self.by_id(id, request);
        match expansion::show(&mut value, &request.expanded(), &look_up) {
            Ok(()) => {
                nested::cut(&mut value);
                answers::found(value)
            }
            Err(message) => answers::bad_request(None, "expand", &message),
        }
    }

    fn found(&self, path: &str, request: &Request, now: i64) -> Option<Result<Value, Answer>> {
        if let Some(collection) = COLLECTIONS.iter().find(|collection| collection.path == path) {
            return Some(self.list(collection, request, now));
        }
        if let Some(list) = nested::list_at(path, request) {
            let holder = self.by_id(&list.holder, request);
            return Some(list.page(holder, request));
        }
        let (path, id) = path.rsplit_once('/')?;
        let collection = COLLECTIONS.iter().find(|collection| collection.path == path)?;
        Some(self.one(collection, id, request))
    }

    fn drawer(&self, kind: &'static str, request: &Request) -> Option<&Drawer> {
        self.drawers.get(&(request.account.clone(), kind))
    }

    fn by_id(&self, id: &str, request: &Request) -> Option<Value> {
        COLLECTIONS.iter().find_map(|collection| {
            let drawer = self.drawer(collection.kind, request)?;
            let object = shown(&drawer.objects[drawer.places.get(id)?], &request.version);
            self.is_of_mode(object).then(|| object.clone())
        })
    }

    fn one(&self, collection: &Collection, id: &str, request: &Request) -> Result<Value, Answer> {
        if let Some((name, _)) = request.query.iter().find(|(name, _)| name != "expand[]") {
            return Err(unknown_parameter(name));
        }
        let drawer = self.drawer(collection.kind, request);
        let shapes = drawer.and_then(|drawer| drawer.objects.get(drawer.places.get(id)?));
        match shapes.map(|shapes| shown(shapes, &request.version)) {
            Some(object) if self.is_of_mode(object) => Ok(object.clone()),
            Some(_) => {
                let (other, own) = if self.livemode { ("test", "live") } else { ("live", "test") };
                let also = format!(
                    "; a similar object exists in {other} mode, but a {own} mode key was used to make this request."
                );
                Err(answers::no_such_object(collection.kind, id, &also))
            }
            None => Err(answers::no_such_object(collection.kind, id, "")),
        }
    }

    /// A page, the newest first.
    fn list(&self, collection: &Collection, request: &Request, now: i64) -> Result<Value, Answer> {
        let Collection { path, kind, filters, by_time } = collection;
        for (name, _) in &request.query {
            let is_time = *by_time && name.starts_with("created");
            let is_known = ["expand[]", "limit", "starting_after"].contains(&name.as_str());
            if !is_known && !is_time && !filters.contains(&name.as_str()) {
                return Err(unknown_parameter(name));
            }
        }
        let limit = limit(request)?;
        let (mut first, last) = times(request)?;
        if *kind == "event" {
            first = first.max(now - KEPT);
        }
        let empty = Drawer::default();
        let drawer = self.drawer(kind, request).unwrap_or(&empty);
        let from = match request.parameter("starting_after") {
            Some(after) => {
                let place = drawer.places.get(after).ok_or_else(|| {
                    let message = format!("No such {kind}: '{after}'");
                    answers::bad_request(Some("resource_missing"), "starting_after", &message)
                })?;
                Bound::Excluded(*place.max(&(Reverse(last), Reverse(u64::MAX))))
            }
            None => Bound::Included((Reverse(last), Reverse(u64::MAX))),
        };
        let listed = drawer.objects.range((from, Bound::Unbounded));
        let fitting = listed
            .take_while(|((Reverse(created), _), _)| *created >= first)
            .map(|(_, shapes)| shown(shapes, &request.version))
            .filter(|object| self.is_of_mode(object) && fits(object, collection, request));
        let mut data: Vec<Value> = fitting.take(limit + 1).cloned().collect();
        let has_more = data.len() > limit;
        data.truncate(limit);
        Ok(json!({"object": "list", "url": format!("/v1/{path}"), "has_more": has_more, "data": data}))
    }

    /// Whether the key may see the object; those that do not say their mode are of any.
    fn is_of_mode(&self, object: &Value) -> bool {
        object["livemode"].as_bool().is_none_or(|livemode| livemode == self.livemode)
    }
}

/// The newest shape that an API version knows, else the oldest there is.
fn shown<'s>(shapes: &'s Shapes, version: &str) -> &'s Value {
    let known = shapes.range::<str, _>((Bound::Unbounded, Bound::Included(version))).next_back();
    known.or_else(|| shapes.first_key_value()).map_or(&Value::Null, |(_, object)| object)
}

fn fits(object: &Value, collection: &Collection, request: &Request) -> bool {
    let by_fields = collection.filters.iter().all(|field| {
        let shown = &object[field];
        let shown = shown["id"].as_str().or(shown.as_str());
        let wanted = request.parameter(field);
        let any_status = *field == "status" && wanted == Some("all");
        any_status || wanted.is_none_or(|wanted| shown == Some(wanted))
    });
    // Nobody who does not ask for them is shown what was canceled.
    let is_hidden = collection.kind == "subscription"
        && request.parameter("status").is_none()
        && object["status"] == "canceled";
    by_fields && !is_hidden
}

pub(super) fn limit(request: &Request) -> Result<usize, Answer> {
    match request.parameter("limit").map(str::parse) {
        None => Ok(10),
        Some(Ok(limit @ 1..=100)) => Ok(limit),
        Some(_) => Err(answers::bad_request(None, "limit", "Invalid limit: must be 1 to 100.")),
    }
}

/// The first and the last second that are asked for.
fn times(request: &Request) -> Result<(i64, i64), Answer> {
    let (mut first, mut last) = (i64::MIN, i64::MAX);
    for (name, value) in request.query.iter().filter(|(name, _)| name.starts_with("created")) {
        let wrong = || answers::bad_request(None, "created", &format!("Invalid integer: {value}"));
        let second: i64 = value.parse().map_err(|_| wrong())?;
        match name.as_str() {
            "created" => (first, last) = (second, second),
            "created[gte]" => first = first.max(second),
            "created[gt]" => first = first.max(second + 1),
            "created[lte]" => last = last.min(second),
            "created[lt]" => last = last.min(second - 1),
            _ => return Err(unknown_parameter(name)),
        }
    }
    Ok((first, last))
}

pub(super) fn unknown_parameter(name: &str) -> Answer {
    answers::bad_request(Some("parameter_unknown"), name, &format!("Received unknown parameter: {name}"))
}

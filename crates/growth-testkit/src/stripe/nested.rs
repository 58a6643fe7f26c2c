//! Lists inside objects: shown with ten entries at most, and read whole from a place of their own.

use serde_json::{Value, json};

use super::Request;
use super::answers::{self, Answer};
use super::shelf::{limit, unknown_parameter};

/// How many entries an object shows of a list.
const SHOWN: usize = 10;

/// The lists that may be longer, by the kind of object.
const INSIDE: &[(&str, &str)] = &[("subscription", "items"), ("invoice", "lines"), ("invoice", "payments")];

/// Cuts the lists inside an object, or inside each object of a page.
pub(super) fn cut(value: &mut Value) {
    if value["object"] == "list" {
        if let Some(entries) = value["data"].as_array_mut() {
            entries.iter_mut().for_each(cut);
        }
        return;
    }
    for (kind, field) in INSIDE {
        if value["object"] == *kind
            && let Some(entries) = value[field]["data"].as_array_mut()
            && entries.len() > SHOWN
        {
            entries.truncate(SHOWN);
            value[field]["has_more"] = true.into();
        }
    }
}

/// A list inside an object, as a path names it.
pub(super) struct Nested {
    /// The object's id.
    pub(super) holder: String,
    kind: &'static str,
    field: &'static str,
    parameters: &'static [&'static str],
}

/// Finds out which list a path means, if any.
pub(super) fn list_at(path: &str, request: &Request) -> Option<Nested> {
    if path == "subscription_items" {
        let holder = request.parameter("subscription").unwrap_or_default().to_owned();
        return Some(Nested { holder, kind: "subscription", field: "items", parameters: &["subscription"] });
    }
    let holder = path.strip_prefix("invoices/")?.strip_suffix("/lines")?.to_owned();
    Some(Nested { holder, kind: "invoice", field: "lines", parameters: &[] })
}

impl Nested {
    /// A page of it, in its own order.
    pub(super) fn page(&self, holder: Option<Value>, request: &Request) -> Result<Value, Answer> {
        for (name, _) in &request.query {
            let is_known = ["expand[]", "limit", "starting_after"].contains(&name.as_str());
            if !is_known && !self.parameters.contains(&name.as_str()) {
                return Err(unknown_parameter(name));
            }
        }
        let limit = limit(request)?;
        let missing = || answers::no_such_object(self.kind, &self.holder, "");
        let mut holder = holder.filter(|object| object["object"] == self.kind).ok_or_else(missing)?;
        let Value::Array(mut entries) = holder[self.field]["data"].take() else { return Err(missing()) };
        if let Some(after) = request.parameter("starting_after") {
            let at = entries.iter().position(|entry| entry["id"] == after).ok_or_else(missing)?;
            entries.drain(..=at);
        }
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        Ok(json!({"object": "list", "url": request.path, "has_more": has_more, "data": entries}))
    }
}

//! A subscription as it was before an update: the object, with what the event says it replaced put back.
//!
//! `previous_attributes` names fields of the top level. Of an object inside it shows the fields that changed,
//! of a list all entries; entries of items may show no more than what changed of them.

use serde_json::{Map, Value};

/// The fields from which MRR is made.
const OF_MRR: [&str; 11] = [
    "cancel_at",
    "cancel_at_period_end",
    "canceled_at",
    "default_tax_rates",
    "discount",
    "discounts",
    "items",
    "pause_collection",
    "plan",
    "quantity",
    "status",
];

/// Whether anything was replaced from which MRR is made.
pub(crate) fn matters(previous: &Map<String, Value>) -> bool {
    OF_MRR.iter().any(|field| previous.contains_key(*field))
}

/// The object before the update, as far as MRR goes.
pub(crate) fn object(object: &Map<String, Value>, previous: &Map<String, Value>) -> Map<String, Value> {
    let mut before = object.clone();
    for field in OF_MRR {
        if let Some(replaced) = previous.get(field) {
            put_back(before.entry(field).or_insert(Value::Null), replaced);
        }
    }
    if !previous.contains_key("items") {
        put_back_only_item(&mut before, previous);
    }
    before
}

fn put_back(now: &mut Value, replaced: &Value) {
    match (now, replaced) {
        (Value::Object(now), Value::Object(replaced)) => {
            for (field, replaced) in replaced {
                put_back(now.entry(field).or_insert(Value::Null), replaced);
            }
        }
        (Value::Array(now), Value::Array(replaced)) => {
            let known = std::mem::take(now);
            now.extend(replaced.iter().map(|entry| {
                let id = entry.get("id").filter(|id| id.is_string());
                let same = id.and_then(|id| known.iter().find(|known| known.get("id") == Some(id)));
                let mut before = same.cloned().unwrap_or(Value::Null);
                put_back(&mut before, entry);
                before
            }));
        }
        (now, replaced) => now.clone_from(replaced),
    }
}

/// Old versions tell a change of the only item as one of the subscription's own plan and quantity.
fn put_back_only_item(before: &mut Map<String, Value>, previous: &Map<String, Value>) {
    let items = before.get_mut("items").and_then(|items| items.get_mut("data")).and_then(Value::as_array_mut);
    let Some([Value::Object(item)]) = items.map(Vec::as_mut_slice) else { return };
    for field in ["plan", "quantity"] {
        if let Some(replaced) = previous.get(field) {
            put_back(item.entry(field).or_insert(Value::Null), replaced);
        }
    }
    if previous.contains_key("plan") {
        item.remove("price");
    }
}

//! What an object shows of the objects that it names.

use serde_json::Value;

/// The references that can be expanded, by the kind of object and the path in it. Lists hold references.
const REFERENCES: &[(&str, &str)] = &[
    ("charge", "balance_transaction"),
    ("charge", "customer"),
    ("charge", "payment_intent"),
    ("checkout.session", "customer"),
    ("checkout.session", "payment_intent"),
    ("dispute", "charge"),
    ("dispute", "payment_intent"),
    ("discount", "customer"),
    ("discount", "source.coupon"),
    ("invoice_payment", "invoice"),
    ("invoice_payment", "payment.charge"),
    ("invoice_payment", "payment.payment_intent"),
    ("payment_intent", "customer"),
    ("payment_intent", "latest_charge"),
    ("price", "product"),
    ("refund", "balance_transaction"),
    ("refund", "charge"),
    ("refund", "payment_intent"),
    ("subscription", "customer"),
    ("subscription", "discounts"),
    ("subscription", "latest_invoice"),
    ("subscription_item", "discounts"),
];

/// The fields that are there only when they are asked for.
const ON_REQUEST: &[(&str, &str)] =
    &[("coupon", "applies_to"), ("invoice", "payments"), ("price", "currency_options"), ("price", "tiers")];

/// Finds an object by its id.
type LookUp<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// How many levels Stripe expands.
const DEEPEST: usize = 4;

/// Shows of an object what the expansions ask for and no more, or says what Stripe says of a wrong one.
///
/// An object may be kept whole or name others by their ids, which are looked up.
pub(super) fn show(value: &mut Value, asked: &[&str], look_up: LookUp<'_>) -> Result<(), String> {
    put_in(value, asked, look_up);
    for path in asked {
        if path.split('.').count() > DEEPEST {
            return Err(format!(
                "You cannot expand more than {DEEPEST} levels of a property. Property: {path}"
            ));
        }
        if !is_expandable(value, path) {
            return Err(format!("This property cannot be expanded ({path})."));
        }
    }
    take_out(value, asked);
    Ok(())
}

fn put_in(value: &mut Value, asked: &[&str], look_up: LookUp<'_>) {
    if let Value::Array(entries) = value {
        return entries.iter_mut().for_each(|entry| put_in(entry, asked, look_up));
    }
    let Some(kind) = value.as_object().map(|object| kind(object.get("object"))) else { return };
    for path in of_kind(REFERENCES, &kind).filter(|path| is_asked(asked, path)) {
        if let Some(reference) = value.pointer_mut(&format!("/{}", path.replace('.', "/"))) {
            resolve(reference, look_up);
        }
    }
    let Value::Object(fields) = value else { return };
    for (field, child) in fields {
        let inside: Vec<&str> = asked.iter().filter_map(|path| below(path, field)).collect();
        if !inside.is_empty() {
            put_in(child, &inside, look_up);
        }
    }
}

fn resolve(reference: &mut Value, look_up: LookUp<'_>) {
    match reference {
        Value::Array(entries) => entries.iter_mut().for_each(|entry| resolve(entry, look_up)),
        Value::String(id) => {
            if let Some(object) = look_up(id) {
                *reference = object;
            }
        }
        _ => {}
    }
}

fn take_out(value: &mut Value, asked: &[&str]) {
    if let Value::Array(entries) = value {
        for entry in entries {
            take_out(entry, asked);
        }
        return;
    }
    let Some(kind) = value.as_object().map(|object| kind(object.get("object"))) else { return };
    // An event shows its object as it was sent.
    if kind == "event" {
        return;
    }
    for path in of_kind(REFERENCES, &kind).filter(|path| !is_asked(asked, path)) {
        let pointer = format!("/{}", path.replace('.', "/"));
        if let Some(reference) = value.pointer_mut(&pointer) {
            collapse(reference);
        }
    }
    let Value::Object(fields) = value else { return };
    for field in of_kind(ON_REQUEST, &kind).filter(|field| !is_asked(asked, field)) {
        fields.remove(field);
    }
    for (field, child) in fields {
        let inside: Vec<&str> = asked.iter().filter_map(|path| below(path, field)).collect();
        take_out(child, &inside);
    }
}

fn collapse(reference: &mut Value) {
    match reference {
        Value::Array(entries) => entries.iter_mut().for_each(collapse),
        Value::Object(object) => *reference = object.get("id").cloned().unwrap_or_default(),
        _ => {}
    }
}

fn is_expandable(value: &Value, path: &str) -> bool {
    match value {
        // What is not there cannot be looked into, and Stripe knows its kind without it.
        Value::Null => true,
        Value::Array(entries) => entries.iter().all(|entry| is_expandable(entry, path)),
        Value::Object(object) => {
            let kind = kind(object.get("object"));
            let mut known = of_kind(REFERENCES, &kind).chain(of_kind(ON_REQUEST, &kind));
            if known.any(|known| known == path) {
                return true;
            }
            let (field, rest) = path.split_once('.').unwrap_or((path, ""));
            !rest.is_empty() && object.get(field).is_some_and(|child| is_expandable(child, rest))
        }
        _ => false,
    }
}

fn kind(object: Option<&Value>) -> String {
    object.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn of_kind<'k>(
    table: &'static [(&str, &str)],
    kind: &'k str,
) -> impl Iterator<Item = &'static str> + use<'k> {
    table.iter().filter(move |(known, _)| *known == kind).map(|(_, path)| *path)
}

fn is_asked(asked: &[&str], path: &str) -> bool {
    asked.iter().any(|asked| *asked == path || below(asked, path).is_some())
}

/// The rest of a path after a field.
fn below<'p>(path: &'p str, field: &str) -> Option<&'p str> {
    path.strip_prefix(field)?.strip_prefix('.')
}

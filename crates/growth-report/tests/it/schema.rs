//! `docs/report.schema.json` describes the JSON, wholly and exactly.
//!
//! The checks below know the few keywords that the schema uses and refuse any other.

use growth_report::json;
use serde_json::{Map, Value, json as value};

use crate::business::{all, two_currencies};

const SCHEMA: &str = include_str!("../../../../docs/report.schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// Checks a document against a part of the schema; an error names the place in the document.
fn check(part: &Value, document: &Value, root: &Value, place: &str) -> Result<(), String> {
    let part = part.as_object().ok_or_else(|| format!("{place}: the schema is no object"))?;
    for (keyword, rule) in part {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "format" | "additionalProperties" => {}
            "$ref" => check(target(rule, root), document, root, place)?,
            "type" => check_type(rule, document, place)?,
            "const" => expect(document == rule, place, "another constant")?,
            "enum" => expect(rule.as_array().unwrap().contains(document), place, "not in the enum")?,
            "minimum" => expect(document.as_i64() >= rule.as_i64(), place, "below the minimum")?,
            "maxItems" => {
                let items = document.as_array().map_or(0, Vec::len) as u64;
                expect(Some(items) <= rule.as_u64(), place, "too many items")?;
            }
            "anyOf" => {
                let fits =
                    rule.as_array().unwrap().iter().any(|part| check(part, document, root, place).is_ok());
                expect(fits, place, "fits none of the alternatives")?;
            }
            "items" => {
                for (index, item) in document.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, root, &format!("{place}[{index}]"))?;
                }
            }
            "required" => {
                for key in rule.as_array().unwrap() {
                    expect(
                        document.get(key.as_str().unwrap()).is_some(),
                        place,
                        &format!("{key} is missing"),
                    )?;
                }
            }
            "properties" => {
                for (key, value) in document.as_object().into_iter().flatten() {
                    let rule = rule.get(key).ok_or_else(|| format!("{place}: {key} is not in the schema"))?;
                    check(rule, value, root, &format!("{place}.{key}"))?;
                }
            }
            other => return Err(format!("{place}: the check does not know the keyword {other}")),
        }
    }
    Ok(())
}

fn expect(holds: bool, place: &str, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{place}: {otherwise}")) }
}

fn check_type(rule: &Value, document: &Value, place: &str) -> Result<(), String> {
    let names: Vec<&str> = match rule {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect(),
    };
    let fits = names.iter().any(|name| match *name {
        "null" => document.is_null(),
        "boolean" => document.is_boolean(),
        "integer" => document.is_i64() || document.is_u64(),
        "number" => document.is_number(),
        "string" => document.is_string(),
        "array" => document.is_array(),
        "object" => document.is_object(),
        _ => false,
    });
    expect(fits, place, &format!("{document} is not of the type {rule}"))
}

fn target<'a>(reference: &Value, root: &'a Value) -> &'a Value {
    let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
    root.pointer(pointer).unwrap_or_else(|| panic!("{reference} points nowhere"))
}

/// All objects that the schema describes: the root and its definitions.
fn objects(schema: &Value) -> Vec<(&str, &Map<String, Value>)> {
    let definitions = schema["$defs"].as_object().unwrap();
    let named = definitions.iter().map(|(name, part)| (name.as_str(), part.as_object().unwrap()));
    std::iter::once(("root", schema.as_object().unwrap()))
        .chain(named)
        .filter(|(_, part)| part.contains_key("properties"))
        .collect()
}

#[test]
fn every_report_fits_the_schema() {
    let schema = schema();
    for snapshot in all() {
        let document: Value = serde_json::from_str(&json(&snapshot)).unwrap();
        assert_eq!(check(&schema, &document, &schema, "report"), Ok(()));
    }
}

#[test]
fn the_schema_is_closed_complete_and_described() {
    let schema = schema();
    for (name, object) in objects(&schema) {
        assert_eq!(object["additionalProperties"], value!(false), "{name}");
        let properties = object["properties"].as_object().unwrap();
        let required: Vec<&str> =
            object["required"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
        let mut keys: Vec<&str> = properties.keys().map(String::as_str).collect();
        let mut required_sorted = required.clone();
        keys.sort_unstable();
        required_sorted.sort_unstable();
        assert_eq!(keys, required_sorted, "{name}");
        for (key, property) in properties {
            assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}.{key}");
        }
    }
}

#[test]
fn a_document_that_differs_is_refused_by_name() {
    let schema = schema();
    let good: Value = serde_json::from_str(&json(&two_currencies())).unwrap();
    let problem = |change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        change(&mut document);
        check(&schema, &document, &schema, "report").unwrap_err()
    };
    let missing = problem(&|document| {
        document["revenue"][1]["mrr"]["current"].as_object_mut().unwrap().remove("net");
    });
    assert_eq!(missing, "report.revenue[1].mrr.current: \"net\" is missing");
    let unknown = problem(&|document| document["header"]["colour"] = value!("red"));
    assert_eq!(unknown, "report.header: colour is not in the schema");
    let fraction = problem(&|document| document["revenue"][0]["all_time"]["known_fees"] = value!(1.5));
    assert!(
        fraction.starts_with("report.revenue[0].all_time.known_fees: 1.5 is not of the type"),
        "{fraction}"
    );
    let policy = problem(&|document| document["header"]["policy"] = value!("optimistic"));
    assert_eq!(policy, "report.header.policy: not in the enum");
}

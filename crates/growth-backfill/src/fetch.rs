//! One page of a slice, with all that its objects show in part only.

use chrono::{DateTime, Utc};
use growth_stripe_client::{Client, Error, Page};
use serde_json::{Map, Value};

use crate::lists::List;
use crate::slices::Slice;

/// A page as it is stored: its own objects, and those that they show.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    /// When Stripe was asked for it, by its own clock where it tells.
    pub(crate) asked_at: Option<DateTime<Utc>>,
    /// The objects by the list that they belong to.
    pub(crate) entries: Vec<(List, Value)>,
    /// When its newest object was created.
    pub(crate) newest: Option<DateTime<Utc>>,
    /// Its last object, where more follow.
    pub(crate) next: Option<(String, DateTime<Utc>)>,
}

/// Reads the next page of a slice.
pub(crate) async fn next(client: &Client, account: &str, slice: &Slice) -> Result<Fetched, Error> {
    let page = match page(client, account, slice, slice.after.as_ref().map(|(id, _)| id)).await {
        // The object that the last page ended with was deleted meanwhile: its second is read again.
        Err(Error::NotFound { .. }) if slice.after.is_some() => page(client, account, slice, None).await?,
        answered => answered?,
    };
    let Page { entries, has_more, asked_at } = page;
    let newest = entries.first().and_then(created);
    let next = match entries.last().filter(|_| has_more) {
        Some(last) => {
            let id = last["id"].as_str().unwrap_or_default().to_owned();
            let problem = || format!("{}: {id} does not say when it was created", slice.list);
            Some((id.clone(), created(last).ok_or_else(|| Error::Unreadable { problem: problem() })?))
        }
        None => None,
    };
    let mut all = Vec::with_capacity(entries.len());
    for mut entry in entries {
        match complete(client, account, slice.list, &mut entry).await {
            // It was deleted meanwhile, as a draft of an invoice may be.
            Err(Error::NotFound { .. }) => continue,
            completed => completed?,
        }
        take_out(slice.list, &mut entry, &mut all);
        all.push((slice.list, entry));
    }
    Ok(Fetched { asked_at, entries: all, newest, next })
}

/// Reads one object of a list by its id, as a page would show it; `None` where Stripe does not have it.
pub(crate) async fn one(
    client: &Client,
    account: &str,
    list: List,
    id: &str,
) -> Result<Option<Vec<(List, Value)>>, Error> {
    let path = [list.path(), &[id]].concat();
    let query = list.query().iter().filter_map(|(name, value)| Some((*name, value.strip_prefix("data.")?)));
    let mut object = match client.get(&path, &query.collect::<Vec<_>>(), account).await {
        Err(Error::NotFound { .. }) => return Ok(None),
        answered => answered?,
    };
    complete(client, account, list, &mut object).await?;
    let mut all = Vec::new();
    take_out(list, &mut object, &mut all);
    all.push((list, object));
    Ok(Some(all))
}

async fn page(client: &Client, account: &str, slice: &Slice, after: Option<&String>) -> Result<Page, Error> {
    let (from, until) = (slice.from.timestamp().to_string(), slice.position().timestamp().to_string());
    let mut query = slice.list.query().to_vec();
    query.push(("created[gte]", &from));
    query.push(("created[lte]", &until));
    query.extend(after.map(|id| ("starting_after", id.as_str())));
    client.page(slice.list.path(), &query, account).await
}

fn created(object: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(object["created"].as_i64()?, 0)
}

/// Reads to its end every list inside an object that shows fewer entries than it has.
async fn complete(client: &Client, account: &str, list: List, object: &mut Value) -> Result<(), Error> {
    let id = object["id"].as_str().unwrap_or_default().to_owned();
    for Inside { field, path, query } in inside(list, &id) {
        if object[field]["has_more"].as_bool().unwrap_or_default() {
            let entries = client.list_all(&path, &query, account).await?;
            object[field]["total_count"] = entries.len().into();
            object[field]["data"] = Value::Array(entries);
            object[field]["has_more"] = false.into();
        }
    }
    Ok(())
}

/// A list inside an object, and where the whole of it is.
struct Inside<'a> {
    field: &'static str,
    path: Vec<&'a str>,
    query: Vec<(&'static str, &'a str)>,
}

fn inside(list: List, id: &str) -> Vec<Inside<'_>> {
    match list {
        List::Subscriptions => {
            let query = vec![("subscription", id), ("expand[]", "data.discounts")];
            vec![Inside { field: "items", path: vec!["subscription_items"], query }]
        }
        List::Invoices => vec![
            Inside { field: "lines", path: vec!["invoices", id, "lines"], query: Vec::new() },
            Inside { field: "payments", path: vec!["invoice_payments"], query: vec![("invoice", id)] },
        ],
        _ => Vec::new(),
    }
}

/// Takes out of an object what is an object of another list.
fn take_out(list: List, object: &mut Value, all: &mut Vec<(List, Value)>) {
    let Value::Object(fields) = object else { return };
    match list {
        List::Subscriptions | List::PaymentIntents => {
            all.extend(collapse(fields, "customer").map(|customer| (List::Customers, customer)));
        }
        List::Invoices => {
            if let Some(Value::Array(payments)) =
                fields.remove("payments").and_then(|mut payments| payments.get_mut("data").map(Value::take))
            {
                all.extend(payments.into_iter().map(|payment| (List::InvoicePayments, payment)));
            }
        }
        _ => {}
    }
}

/// Puts an id in the place of the object, and returns the object; one that was deleted says no more than that.
fn collapse(fields: &mut Map<String, Value>, field: &str) -> Option<Value> {
    let object = fields.get_mut(field).filter(|object| object.is_object())?;
    let id = object["id"].clone();
    let object = std::mem::replace(object, id);
    (!object["deleted"].as_bool().unwrap_or_default()).then_some(object)
}

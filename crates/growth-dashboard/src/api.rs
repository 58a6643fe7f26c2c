//! The API: the snapshot of the report, and parts of it, as JSON.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use growth_metrics::{ActivityDay, GrowthSnapshot, Header, PaymentsPage, Product, RevenueDay, TopUser};
use serde::Serialize;

use crate::Parts;
use crate::answer::{self, Refusal, Tagged};
use crate::asked::{Asked, BadParameter, Parameters};
use crate::figures::{Counted, Trouble};

/// What the routes of the API do, as a document of `OpenAPI`.
pub const OPENAPI: &str = include_str!("../../../docs/dashboard.openapi.json");

/// The JSON schema of the snapshot.
const SCHEMA: &str = include_str!("../../../docs/report.schema.json");

/// For how long a program may show an answer again, in seconds.
const KEEP: u32 = 5;

/// How many payments a page has where nobody says.
const FEW: u32 = 20;

/// What the query of a request says.
pub(crate) type Given = Query<Vec<(String, String)>>;

/// What became of a request.
type Answered = Result<Response, Refusal>;

pub(crate) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

/// The schema that the document points into.
pub(crate) async fn schema() -> Response {
    ([(CONTENT_TYPE, "application/schema+json")], SCHEMA).into_response()
}

/// The whole snapshot, exactly as `growthctl report --format json` writes it.
pub(crate) async fn metrics(
    State(parts): State<Arc<Parts>>,
    headers: HeaderMap,
    Query(given): Given,
) -> Answered {
    let asked = Asked::of(&Parameters::new(given, &Asked::NAMES)?)?;
    let counted = figures(&parts, &asked, &headers).await?;
    Ok(answer::json(&headers, counted.json().await, KEEP))
}

/// What a period's figures were day by day.
#[derive(Serialize)]
struct Series<'a> {
    header: &'a Header,
    /// By currency, in the order of the snapshot.
    revenue: Vec<RevenueSeries<'a>>,
    activity: &'a [ActivityDay],
}

#[derive(Serialize)]
struct RevenueSeries<'a> {
    currency: &'a str,
    days: &'a [RevenueDay],
}

pub(crate) async fn series(
    State(parts): State<Arc<Parts>>,
    headers: HeaderMap,
    Query(given): Given,
) -> Answered {
    let asked = Asked::of(&Parameters::new(given, &Asked::NAMES)?)?;
    let counted = figures(&parts, &asked, &headers).await?;
    let GrowthSnapshot { header, revenue, engagement, .. } = &counted.snapshot;
    let revenue = revenue.iter().map(|of| RevenueSeries { currency: &of.currency, days: &of.days });
    let series = Series { header, revenue: revenue.collect(), activity: &engagement.days };
    json(&headers, &series)
}

/// The users with the most usage.
#[derive(Serialize)]
struct TopUsers<'a> {
    header: &'a Header,
    users: &'a [TopUser],
}

pub(crate) async fn top_users(
    State(parts): State<Arc<Parts>>,
    headers: HeaderMap,
    Query(given): Given,
) -> Answered {
    let names = [&Asked::NAMES[..], &["limit"]].concat();
    let parameters = Parameters::new(given, &names)?;
    let asked = Asked::of(&parameters)?;
    let most = u32::try_from(Product::MOST).unwrap_or(u32::MAX);
    let limit = parameters.number("limit", 1..=most, most)? as usize;
    let counted = figures(&parts, &asked, &headers).await?;
    let GrowthSnapshot { header, product, .. } = &counted.snapshot;
    let users = product.top_users.get(..limit).unwrap_or(&product.top_users);
    json(&headers, &TopUsers { header, users })
}

/// All payments, in pages.
pub(crate) async fn payments(
    State(parts): State<Arc<Parts>>,
    headers: HeaderMap,
    Query(given): Given,
) -> Answered {
    let parameters = Parameters::new(given, &["mode", "limit", "after"])?;
    let asked = Asked::of(&parameters)?;
    let limit = parameters.number("limit", 1..=PaymentsPage::MOST, FEW)?;
    let after = parameters.get("after").map(str::to_owned);
    if after.as_ref().is_some_and(|after| after.contains('\0')) {
        return Err(BadParameter::new("after", "it is no id of a payment").into());
    }
    json(&headers, &parts.figures.payments(&asked, &PaymentsPage { limit, after }).await?)
}

/// Figures for a request: new ones where it takes none that were kept.
///
/// # Errors
///
/// Why there are none.
pub(crate) async fn figures(
    parts: &Parts,
    asked: &Asked,
    headers: &HeaderMap,
) -> Result<Arc<Counted>, Trouble> {
    if takes_new_ones_only(headers) {
        parts.figures.new_ones(asked).await
    } else {
        parts.figures.recent(asked).await
    }
}

/// Whether a request says `Cache-Control: no-cache`, as a browser does when its user asks for it.
fn takes_new_ones_only(headers: &HeaderMap) -> bool {
    let said = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case("no-cache"))
}

fn json(headers: &HeaderMap, value: &impl Serialize) -> Answered {
    let text = serde_json::to_vec(value).map_err(|error| Trouble::Settings(error.to_string()))?;
    Ok(answer::json(headers, Tagged::new(text), KEEP))
}

/// No such route.
pub(crate) async fn nothing() -> Response {
    Refusal::Nothing.into_response()
}

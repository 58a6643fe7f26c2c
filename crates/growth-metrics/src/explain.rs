//! The rows behind a number of the report.
//!
//! Every row has its part in the number, and the parts add up to it, exactly: MRR to a millionth of a minor unit, cash
//! to the minor unit, ratios above and below the line.

mod cash;
mod metric;
mod mrr;
mod product;
mod users;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use growth_db::Db;
use growth_domain::stamp::Scope;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

pub use self::metric::{
    CashMetric, EventMetric, Metric, MrrMetric, ProductMetric, UnknownMetric, UsageMetric, UserMetric,
};
use crate::error::Error;
use crate::request::{self, Request};
use crate::snapshot::Header;

/// What the parts of a number are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Things that are counted.
    Count,
    /// Minor units of a currency.
    Minor,
    /// Micro-minor units of a currency a month.
    Micros,
    /// Milliseconds.
    Milliseconds,
}

/// A number, or a row's part in it; a ratio has a denominator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The number itself, or what is above the line.
    pub numerator: i128,
    /// What is below the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denominator: Option<i128>,
}

impl Part {
    fn of(numerator: impl Into<i128>) -> Self {
        Self { numerator: numerator.into(), denominator: None }
    }

    fn over(numerator: impl Into<i128>, denominator: impl Into<i128>) -> Self {
        Self { numerator: numerator.into(), denominator: Some(denominator.into()) }
    }

    fn add(&mut self, other: Self) {
        self.numerator += other.numerator;
        if let Some(denominator) = other.denominator {
            *self.denominator.get_or_insert(0) += denominator;
        }
    }
}

/// Something that a row tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// Not known.
    Unknown,
    /// An id, a name, a status.
    Text(String),
    /// An instant.
    At(DateTime<Utc>),
    /// A local day.
    Day(NaiveDate),
    /// A number of things.
    Count(i64),
    /// Minor units of the row's currency.
    Minor(i64),
    /// Micro-minor units of the row's currency.
    Micros(i128),
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Unknown, Self::Text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<DateTime<Utc>>> for Cell {
    fn from(at: Option<DateTime<Utc>>) -> Self {
        at.map_or(Self::Unknown, Self::At)
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::At(at) => at.serialize(serializer),
            Self::Day(day) => day.serialize(serializer),
            Self::Count(number) | Self::Minor(number) => serializer.serialize_i64(*number),
            Self::Micros(micros) => serializer.serialize_i128(*micros),
        }
    }
}

/// A row behind a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Lower-case code of its currency, where it is money.
    pub currency: Option<String>,
    /// Its part in the number.
    pub part: Part,
    /// What it tells, by the columns of the explanation.
    pub cells: Vec<Cell>,
}

impl Row {
    /// The instant that it begins with, where it begins with one.
    fn at(&self) -> Option<DateTime<Utc>> {
        match self.cells.first() {
            Some(Cell::At(at)) => Some(*at),
            _ => None,
        }
    }
}

/// A number and the rows behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Which number.
    pub metric: Metric,
    /// What it is of.
    pub header: Header,
    /// What its parts are, those above the line of a ratio.
    pub measure: Measure,
    /// What the parts below the line are.
    pub below: Measure,
    /// What the sum leaves out, in a sentence, where it leaves anything out.
    pub caveat: Option<String>,
    /// What the rows tell.
    pub columns: &'static [&'static str],
    /// The rows.
    pub rows: Vec<Row>,
}

impl Explanation {
    /// The number, by currency where it is money: the sum of the parts of all rows.
    pub fn sums(&self) -> BTreeMap<Option<&str>, Part> {
        let mut sums: BTreeMap<Option<&str>, Part> = BTreeMap::new();
        for row in &self.rows {
            sums.entry(row.currency.as_deref()).or_default().add(row.part);
        }
        sums
    }

    /// Leaves out what is of another currency than this one, in lower case.
    pub fn keep_currency(&mut self, currency: &str) {
        self.rows.retain(|row| row.currency.as_deref().is_none_or(|of| of == currency));
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// A sum with its currency.
        #[derive(Serialize)]
        struct Sum<'a> {
            currency: Option<&'a str>,
            #[serde(flatten)]
            part: Part,
        }
        struct Named<'a>(&'a [&'static str], &'a Row);
        impl Serialize for Named<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let Self(columns, row) = self;
                let mut map = serializer.serialize_map(None)?;
                for (column, cell) in columns.iter().zip(&row.cells) {
                    map.serialize_entry(column, cell)?;
                }
                map.serialize_entry("currency", &row.currency)?;
                map.serialize_entry("numerator", &row.part.numerator)?;
                if let Some(denominator) = row.part.denominator {
                    map.serialize_entry("denominator", &denominator)?;
                }
                map.end()
            }
        }
        let sums = self.sums();
        let sums: Vec<Sum<'_>> = sums.into_iter().map(|(currency, part)| Sum { currency, part }).collect();
        let rows: Vec<Named<'_>> = self.rows.iter().map(|row| Named(self.columns, row)).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("metric", &self.metric.to_string())?;
        map.serialize_entry("meaning", self.metric.meaning())?;
        map.serialize_entry("header", &self.header)?;
        map.serialize_entry("measure", &self.measure)?;
        map.serialize_entry("below", &self.below)?;
        map.serialize_entry("caveat", &self.caveat)?;
        map.serialize_entry("sums", &sums)?;
        map.serialize_entry("rows", &rows)?;
        map.end()
    }
}

/// What an explanation is made of: a request and the data that it is of.
struct Source<'a> {
    db: &'a Db,
    scope: Scope,
    request: &'a Request,
}

/// Rows with what their parts are and what they tell.
struct Listing {
    measure: Measure,
    below: Measure,
    caveat: Option<String>,
    columns: &'static [&'static str],
    rows: Vec<Row>,
}

impl Listing {
    /// Rows whose parts are all of one measure and leave nothing out.
    fn of(measure: Measure, columns: &'static [&'static str], rows: Vec<Row>) -> Self {
        Self { measure, below: measure, caveat: None, columns, rows }
    }
}

/// Finds the rows behind a number of the window.
///
/// # Errors
///
/// As [`crate::snapshot()`].
pub async fn explain(db: &Db, request: &Request, metric: &Metric) -> Result<Explanation, Error> {
    let scope = request.scope(db).await?;
    let policy = request::policy(db, request).await?;
    request::check_time_zone(db, request).await?;
    request::check_account(db, request).await?;
    request::check_app(db, request).await?;
    let header = request.header(&scope, policy);
    let source = Source { db, scope, request };
    let Listing { measure, below, caveat, columns, rows } = match metric {
        Metric::Mrr(which) => mrr::rows(&source, *which).await?,
        Metric::Cash(which) => cash::rows(&source, *which).await?,
        Metric::Users(which) => users::rows(&source, *which).await?,
        Metric::Product(which) => product::rows(&source, which).await?,
    };
    Ok(Explanation { metric: metric.clone(), header, measure, below, caveat, columns, rows })
}

pub(crate) fn statements() -> [&'static [(&'static str, &'static str)]; 3] {
    [cash::STATEMENTS, product::STATEMENTS, users::STATEMENTS]
}

//! What a request asks for: its parameters, each read with a sentence for one that is none.

use std::fmt;

use growth_domain::money::parse_currency;

/// The lengths of a period, in days.
pub(crate) const PERIODS: [u32; 3] = [7, 30, 90];
/// The period where none is asked for.
const DEFAULT_PERIOD: u32 = 30;
/// The longest name of an application.
const LONGEST_APP: usize = 255;

/// Which figures.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    /// One of [`PERIODS`].
    pub(crate) days: u32,
    /// The currency of the headline, in lower case; that of the settings when `None`.
    pub(crate) currency: Option<String>,
    /// Live or test mode; whichever has data when `None`.
    pub(crate) livemode: Option<bool>,
    /// The application that figures of the product are of; `None` for all.
    pub(crate) app: Option<String>,
}

impl Default for Asked {
    fn default() -> Self {
        Self { days: DEFAULT_PERIOD, currency: None, livemode: None, app: None }
    }
}

/// Why a parameter is none, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadParameter {
    pub(crate) name: String,
    pub(crate) problem: String,
}

impl fmt::Display for BadParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.problem)
    }
}

impl BadParameter {
    pub(crate) fn new(name: &str, problem: impl Into<String>) -> Self {
        Self { name: name.to_owned(), problem: problem.into() }
    }

    fn unknown(name: &str, known: &[&str]) -> Self {
        let name: String = name.chars().take(100).collect();
        Self::new(&name, format!("no such parameter; there are {}", known.join(", ")))
    }
}

/// The parameters of a query, each at most once and none but the known ones.
#[derive(Debug)]
pub(crate) struct Parameters {
    given: Vec<(String, String)>,
}

impl Parameters {
    /// # Errors
    ///
    /// A parameter that is unknown or given twice.
    pub(crate) fn new(given: Vec<(String, String)>, known: &[&str]) -> Result<Self, BadParameter> {
        for (index, (name, _)) in given.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(BadParameter::unknown(name, known));
            }
            if given.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(BadParameter::new(name, "it is given twice"));
            }
        }
        Ok(Self { given })
    }

    /// The value of a parameter, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.given.iter().find(|(given, _)| given == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// A whole number within a range.
    pub(crate) fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, BadParameter> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let problem =
                format!("{:?} is no whole number from {} to {}", shortened(text), range.start(), range.end());
            BadParameter::new(name, problem)
        })
    }
}

/// A text of somebody else's, to be quoted.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

impl Asked {
    /// The names of its parameters.
    pub(crate) const NAMES: [&'static str; 4] = ["days", "currency", "mode", "app"];

    pub(crate) fn of(parameters: &Parameters) -> Result<Self, BadParameter> {
        let days = match parameters.get("days") {
            None => DEFAULT_PERIOD,
            Some(text) => text.parse().ok().filter(|days| PERIODS.contains(days)).ok_or_else(|| {
                let problem = format!("{:?} is no period: it is 7, 30 or 90 days", shortened(text));
                BadParameter::new("days", problem)
            })?,
        };
        let currency = parameters
            .get("currency")
            .map(|code| {
                parse_currency(&shortened(code)).map_err(|problem| BadParameter::new("currency", problem))
            })
            .transpose()?;
        let livemode = match parameters.get("mode") {
            None => None,
            Some("live") => Some(true),
            Some("test") => Some(false),
            Some(other) => {
                let problem = format!("{:?} is no mode: it is live or test", shortened(other));
                return Err(BadParameter::new("mode", problem));
            }
        };
        let app = parameters.get("app").map(str::to_owned);
        if app.as_ref().is_some_and(|app| app.len() > LONGEST_APP) {
            return Err(BadParameter::new("app", format!("a name has at most {LONGEST_APP} bytes")));
        }
        Ok(Self { days, currency, livemode, app })
    }

    /// What the query of an address asks for; the default where it asks for nothing that there is.
    pub(crate) fn or_default(given: Vec<(String, String)>) -> Self {
        Parameters::new(given, &Self::NAMES).and_then(|given| Self::of(&given)).unwrap_or_default()
    }

    /// An address of this server that asks for the same.
    pub(crate) fn at(&self, path: &str) -> String {
        if *self == Self::default() { path.to_owned() } else { format!("{path}{}", self.query(self.days)) }
    }

    /// The same as the query of an address, which begins with `?`, for a period of so many days.
    pub(crate) fn query(&self, days: u32) -> String {
        let mode = self.livemode.map(|livemode| if livemode { "live" } else { "test" });
        let others = [("currency", self.currency.as_deref()), ("mode", mode), ("app", self.app.as_deref())];
        let mut query = form_urlencoded::Serializer::for_suffix("?".to_owned(), 1);
        query.append_pair("days", &days.to_string());
        query.extend_pairs(others.into_iter().filter_map(|(name, value)| Some((name, value?))));
        query.finish()
    }
}

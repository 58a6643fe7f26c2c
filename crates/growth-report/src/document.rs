//! The report as a list of blocks, from which all its forms for people are made.
//!
//! A block is Markdown text, perhaps with a look of its own where a form can
//! show more than text, or a chart. The words stand in the Markdown alone, so
//! that no form can say something else than another one.

use growth_domain::insights::Severity;
use growth_domain::rollforward::Ratio;

use crate::chart::Chart;

/// A piece of a report.
#[derive(Debug)]
pub(crate) enum Block {
    /// A heading, a paragraph, a list or a table, in Markdown.
    Text(String),
    /// The same, of which a form may show more.
    Looks(Look, String),
    /// A picture of figures.
    Chart(Chart),
}

/// What a block of text is, where a form may show it otherwise than plain text.
#[derive(Debug)]
pub(crate) enum Look {
    /// The list of the few figures that matter most.
    Summary,
    /// The numbered list of insights, with the severity of each.
    Insights(Vec<Severity>),
    /// A paragraph about a goal, with what is reached of it.
    Goal(Ratio),
    /// A table of percentages that are compared by eye.
    Heat,
}

impl From<String> for Block {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Block {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Chart> for Block {
    fn from(chart: Chart) -> Self {
        Self::Chart(chart)
    }
}

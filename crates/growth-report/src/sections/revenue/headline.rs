//! MRR of all currencies in the reporting currency.

use growth_metrics::{Headline, Periods};

use crate::calendar::Calendar;
use crate::document::Block;
use crate::figures::both;
use crate::sections::listed;
use crate::sections::names::name;
use crate::sections::revenue::recurring;

pub(super) fn blocks(headline: &Headline, calendar: &Calendar) -> Vec<Block> {
    let code = name(&headline.currency.to_uppercase());
    let mut blocks: Vec<Block> = Vec::new();
    if has_others(headline) {
        blocks.push(format!("### All currencies in {code}").into());
        blocks.push(recurring::movements(&headline.movements, &headline.currency, calendar));
    }
    let sentences = sentences(headline);
    if !sentences.is_empty() {
        blocks.push(sentences.into());
    }
    blocks
}

/// By which rates it is converted, and what is not in it.
pub(crate) fn sentences(headline: &Headline) -> String {
    let code = name(&headline.currency.to_uppercase());
    let rates: Vec<String> = headline
        .converted
        .iter()
        .filter(|converted| converted.currency != headline.currency)
        .map(|converted| {
            let Periods { current, previous } = both(&converted.rate, |rate| name(rate));
            let rate = if current == previous { current } else { format!("{current} (before: {previous})") };
            format!("{} at {rate}", name(&converted.currency.to_uppercase()))
        })
        .collect();
    let mut sentences = Vec::new();
    if !rates.is_empty() {
        sentences.push(format!("Converted by the rates of the settings: {}.", listed(&rates)));
    }
    if !headline.apart.is_empty() {
        let apart: Vec<String> =
            headline.apart.iter().map(|currency| name(&currency.to_uppercase())).collect();
        sentences.push(if has_others(headline) {
            format!("Not in it, since a rate is missing: {}.", listed(&apart))
        } else {
            format!("MRR of all in {code}: n/a, the settings have no rate from {} to {code}.", listed(&apart))
        });
    }
    sentences.join(" ")
}

/// Whether more than the reporting currency itself is in it.
pub fn has_others(headline: &Headline) -> bool {
    headline.converted.iter().any(|converted| converted.currency != headline.currency)
}

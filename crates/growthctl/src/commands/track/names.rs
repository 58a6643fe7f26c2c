//! The names of events on the command line: those of the catalogue are offered, and any is taken.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use growth_domain::catalogue::KNOWN;

/// Takes any text, and tells shells the names of the catalogue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names;

impl TypedValueParser for Names {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            KNOWN.into_iter().map(|(name, category)| PossibleValue::new(name).help(category.as_str())),
        ))
    }
}

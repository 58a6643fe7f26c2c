//! Each object that was found, one by one, before the summary.

use std::io;

use growth_backfill::{List, Seen, Summary, Verdict};
use growth_domain::money::format_minor;
use serde::Serialize;
use serde_json::{Value, json};

use crate::printer::Printer;

/// Lists objects where that is asked for. Standard output may go away meanwhile: that is told at the end.
pub(super) struct Listing<'a> {
    printer: &'a Printer,
    as_json: bool,
    listed: u64,
    written: io::Result<()>,
}

impl<'a> Listing<'a> {
    pub(super) fn new(printer: &'a Printer, as_json: bool) -> Self {
        Self { printer, as_json, listed: 0, written: Ok(()) }
    }

    pub(super) fn add(&mut self, list: List, seen: &Seen) {
        if !self.printer.verbose || self.written.is_err() {
            return;
        }
        let text = match (self.as_json, self.listed) {
            (false, _) => format!("{}\n", line(list, seen)),
            (true, 0) => format!("{{\n  \"objects\": [\n    {}", object(list, seen)),
            (true, _) => format!(",\n    {}", object(list, seen)),
        };
        self.written = self.printer.result(&text);
        self.listed += 1;
    }

    /// Ends the list.
    pub(super) fn end(self) -> io::Result<()> {
        self.written
    }

    /// Ends the list, and writes the summary as the rest of the same JSON document.
    pub(super) fn end_with(self, summary: &Summary) -> anyhow::Result<()> {
        self.written?;
        let whole = Whole { complete: summary.is_complete(), summary };
        let mut text = serde_json::to_string_pretty(&whole)?;
        if self.listed > 0 {
            text = text.replacen('{', "\n  ],", 1);
        }
        self.printer.result(&format!("{text}\n"))?;
        Ok(())
    }
}

/// A summary as a JSON document.
#[derive(Serialize)]
struct Whole<'a> {
    complete: bool,
    #[serde(flatten)]
    summary: &'a Summary,
}

fn line(list: List, seen: &Seen) -> String {
    let amount = seen.amount.as_ref().map(|(amount, currency)| format_minor((*amount).into(), currency));
    let text =
        format!("{:<11} {list:<18} {:<30} {}", word(&seen.verdict), seen.id, amount.unwrap_or_default());
    text.trim_end().to_owned()
}

fn object(list: List, seen: &Seen) -> Value {
    let mut object = json!({"list": list, "id": seen.id, "what": word(&seen.verdict)});
    if let Some((amount, currency)) = &seen.amount {
        object["amount"] = (*amount).into();
        object["currency"] = currency.as_str().into();
    }
    if let Verdict::Unreadable(why) = &seen.verdict {
        object["why"] = why.as_str().into();
    }
    object
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::New => "new",
        Verdict::Updated => "updated",
        Verdict::Unchanged => "unchanged",
        Verdict::Ignored => "ignored",
        Verdict::Unreadable(_) => "unreadable",
    }
}

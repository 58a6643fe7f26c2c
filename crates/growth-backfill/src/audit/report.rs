//! What an audit found.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use growth_domain::pricing::Policy;
use growth_domain::stamp::Scope;
use serde::Serialize;

use super::objects::{Kind, Told};
use super::totals::Totals;
use super::{AuditOptions, markdown};
use crate::summary::Missing;

/// What an audit found. Its shape as JSON is in `docs/AUDIT.md`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub(super) passed: bool,
    /// The first instant of the window.
    pub from: DateTime<Utc>,
    /// The first instant after the window.
    pub until: DateTime<Utc>,
    /// When the audit began.
    pub audited_at: DateTime<Utc>,
    /// `live` or `test`.
    pub mode: &'static str,
    /// The connected account, empty for the key's own.
    pub account: String,
    /// By which definitions MRR is counted.
    pub policy: Policy,
    /// How many objects were compared, by kind.
    pub compared: BTreeMap<Kind, Compared>,
    /// Kinds that were not compared, since a list that they need was not read to its end.
    pub not_compared: Vec<Kind>,
    /// What differs: the first hundred.
    pub differences: Vec<Difference>,
    /// How many more differ; they were not looked at a second time.
    pub more_differences: u64,
    /// The commands that repair the listed differences together.
    pub repairs: Vec<String>,
    /// The sums of the compared objects by currency.
    pub totals: BTreeMap<String, Totals>,
    /// What Stripe did not tell, or nobody understands.
    pub left_out: Vec<Missing>,
}

/// How many objects were compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Those that either side has.
    pub objects: u64,
    /// Those of them that differ.
    pub different: u64,
}

/// Something that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is.
    pub kind: Kind,
    /// Its id at Stripe.
    pub id: String,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// The currency of its amounts, lower-case.
    pub currency: String,
    /// What is not the same.
    #[serde(flatten)]
    pub problem: Problem,
    /// The command that repairs it, or what to check.
    pub repair: String,
}

/// What is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// Stripe shows it, and the database does not have it.
    MissingHere,
    /// The database has it, and Stripe does not.
    UnknownThere,
    /// Both have it, and say different things of it.
    Differs {
        /// Of what.
        field: &'static str,
        /// What the database says.
        ours: Told,
        /// What Stripe says.
        theirs: Told,
    },
}

impl Report {
    pub(super) fn new(options: &AuditOptions, scope: &Scope, policy: Policy, left_out: Vec<Missing>) -> Self {
        Self {
            passed: false,
            from: options.from,
            until: options.until,
            audited_at: options.now,
            mode: if scope.livemode { "live" } else { "test" },
            account: scope.account.clone(),
            policy,
            compared: BTreeMap::new(),
            not_compared: Vec::new(),
            differences: Vec::new(),
            more_differences: 0,
            repairs: Vec::new(),
            totals: BTreeMap::new(),
            left_out,
        }
    }

    pub(super) fn judged(self) -> Self {
        let passed = self.left_out.is_empty() && self.differences.is_empty() && self.more_differences == 0;
        Self { passed, ..self }
    }

    /// Whether everything was compared, and nothing differs.
    pub fn passed(&self) -> bool {
        self.passed
    }

    /// Writes it as the body of a GitHub issue, which is readable as plain text too.
    pub fn to_markdown(&self) -> String {
        markdown::of(self)
    }
}

//! What repairs a difference.

use super::AuditOptions;
use super::objects::{Kind, Object};
use super::report::Problem;

/// What a repair depends on.
pub(super) struct Repair<'a> {
    pub(super) object: &'a Object,
    pub(super) options: &'a AuditOptions,
    /// Whether a stored event that could not be read names the object.
    pub(super) failed_to_read: bool,
    /// Whether what is stored amounts to what Stripe says, though the tables do not say so.
    pub(super) facts_agree: bool,
}

/// How many days back Stripe's events heal exactly; a backfill reads every subscription anyway.
const EXACTLY: i64 = 30;

impl Repair<'_> {
    /// The command that repairs it, or in words what to check.
    pub(super) fn of(&self, problem: &Problem) -> String {
        let Self { object, options, failed_to_read, facts_agree } = self;
        if *problem == Problem::UnknownThere {
            return format!(
                "none by itself: Stripe has no {} with this id for this key. Check whether test data or another \
                 account's was taken in (`stripe_events` with this id in `payload`), or whether it was deleted at Stripe",
                object.kind
            );
        }
        if *facts_agree {
            return "growthctl replay --all".to_owned();
        }
        if *failed_to_read {
            return "growthctl replay --failed".to_owned();
        }
        let days = (options.now - object.created).num_days().max(0) + 1;
        let days = if object.kind == Kind::Subscription { days.min(EXACTLY) } else { days };
        if options.account.is_empty() {
            format!("growthctl backfill --days {days}")
        } else {
            format!("growthctl backfill --days {days} --account {}", options.account)
        }
    }
}

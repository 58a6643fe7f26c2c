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
        let backfill = || {
            let days = (options.now - object.created).num_days().max(0) + 1;
            Backfill { days: if object.kind == Kind::Subscription { days.min(EXACTLY) } else { days } }
        };
        match (object.kind, facts_agree) {
            // What prices and discounts it has may be news all the same.
            (Kind::Subscription, true) => format!("{} && {REBUILD}", backfill().command(&options.account)),
            (_, true) => REPLAY_ALL.to_owned(),
            _ if *failed_to_read => REPLAY_FAILED.to_owned(),
            _ => backfill().command(&options.account),
        }
    }
}

const REBUILD: &str = "growthctl migrate --rebuild";
const REPLAY_ALL: &str = "growthctl replay --all";
const REPLAY_FAILED: &str = "growthctl replay --failed";

/// A backfill of so many days.
struct Backfill {
    days: i64,
}

impl Backfill {
    fn command(&self, account: &str) -> String {
        let of = if account.is_empty() { String::new() } else { format!(" --account {account}") };
        format!("growthctl backfill --days {}{of}", self.days)
    }

    /// Those that commands begin with.
    fn read(command: &str) -> Option<Self> {
        let days = command.strip_prefix("growthctl backfill --days ")?.split(' ').next()?.parse().ok()?;
        Some(Self { days })
    }
}

/// What repairs all of these together, in the order in which it is to be done.
pub(super) fn together(repairs: &[&str], account: &str) -> Vec<String> {
    let longest =
        repairs.iter().filter_map(|repair| Backfill::read(repair)).max_by_key(|backfill| backfill.days);
    let also = [REPLAY_FAILED, REPLAY_ALL, REBUILD]
        .into_iter()
        .filter(|command| repairs.iter().any(|repair| repair.ends_with(command)));
    longest.map(|backfill| backfill.command(account)).into_iter().chain(also.map(str::to_owned)).collect()
}

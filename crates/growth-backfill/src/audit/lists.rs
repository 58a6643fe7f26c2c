//! The lists of an audit, read side by side.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use growth_stripe_client::Client;

use super::AuditOptions;
use super::theirs::Theirs;
use crate::backfill::Step;
use crate::clock::Clock;
use crate::error::Error;
use crate::lists::List;
use crate::reader::{Read, Reader};
use crate::slices::{self, Numbers, Slice};
use crate::summary::{self, Missing};

/// Lists under way, and those that were read.
pub(super) struct Lists {
    reader: Reader,
    numbers: Numbers,
    slices: Vec<Slice>,
    from: DateTime<Utc>,
    /// The last second of the window.
    until: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Lists {
    pub(super) fn new(client: &Client, options: &AuditOptions, clock: Clock) -> Self {
        Self {
            reader: Reader::new(client.clone(), options.account.clone(), clock),
            numbers: Numbers::default(),
            slices: Vec::new(),
            from: whole_second(options.from),
            until: whole_second(options.until) - TimeDelta::seconds(1),
            now: whole_second(options.now),
        }
    }

    /// Reads lists to their end, or as far as Stripe tells them.
    pub(super) async fn read(
        &mut self,
        lists: &[List],
        theirs: &mut Theirs,
        watch: &mut (dyn FnMut(Step<'_>) + Send),
    ) -> Result<(), Error> {
        for list in lists {
            let (from, until) = match list.from(self.from, self.now) {
                from if from == self.from => (from, self.until),
                from => (from, self.now),
            };
            let slice = Slice::new(*list, self.numbers.next(*list), from, until);
            self.reader.add(slice.clone());
            self.slices.extend(slice);
        }
        while let Some(round) = self.reader.next(&mut self.numbers).await? {
            for (list, reason) in &round.left_out {
                watch(Step::LeftOut { list: *list, reason });
            }
            for page in round.pages {
                let objects = page.own();
                let Read { entries, advance, .. } = page;
                let list = advance.slice.list;
                advance.bring_on(&mut self.slices);
                theirs.add(entries);
                watch(Step::Read { list, objects, share: slices::share_read(&self.slices, list) });
            }
        }
        Ok(())
    }

    /// What was not read.
    pub(super) fn left_out(&self) -> Vec<Missing> {
        summary::missing(&self.slices, |slice| self.reader.reason(slice))
    }
}

/// The first whole second from an instant on: what Stripe shows was created at one.
fn whole_second(at: DateTime<Utc>) -> DateTime<Utc> {
    let second = at.trunc_subsecs(0);
    if second < at { second + TimeDelta::seconds(1) } else { second }
}

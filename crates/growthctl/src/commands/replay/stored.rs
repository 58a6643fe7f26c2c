//! Stored events, applied again.

use std::collections::BTreeMap;

use growth_db::rows::EventState;
use growth_db::rows::inbox::{self, Filter};
use growth_ingest::{Again, link_waiting_users};

use super::table;
use crate::database;
use crate::failure::Outcome;
use crate::printer::{Printer, Unit, Warnings};
use crate::settings::Settings;

/// Applies the events that `filter` means again and tells what became of them.
pub(super) async fn apply_again(
    filter: Filter,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let db = database::open(settings).await?;
    let mut progress =
        printer.progress("applying again", Some(inbox::count(&db, &filter).await?), Unit::Things);
    let mut warnings = Warnings::new(printer);
    let mut by_type: BTreeMap<String, u64> = BTreeMap::new();
    let (mut applied, mut ignored, mut failed) = (0, 0, 0);
    let mut again = Again::new(filter);
    loop {
        let outcomes = again.next(&db).await?;
        if outcomes.is_empty() {
            break;
        }
        for outcome in outcomes {
            match outcome.state {
                EventState::Applied => applied += 1,
                EventState::Ignored => ignored += 1,
                EventState::Pending | EventState::Failed => failed += 1,
            }
            outcome.problems.iter().for_each(|problem| warnings.tell(problem));
            *by_type.entry(outcome.event_type).or_default() += 1;
        }
        progress.at(applied + ignored + failed);
    }
    while link_waiting_users(&db).await? > 0 {}
    drop(progress);
    db.close().await;
    let counts = [
        ("in the figures", applied),
        ("kept, not needed for the figures", ignored),
        ("kept, could not be applied", failed),
    ];
    printer.done(&table(&by_type, counts))?;
    Ok(if warnings.were_any() { Outcome::LeftUndone } else { Outcome::Done })
}

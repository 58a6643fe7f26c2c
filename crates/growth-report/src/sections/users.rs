//! The users of the product.

use growth_metrics::{GrowthSnapshot, Periods};

use crate::calendar::Calendar;
use crate::document::Block;
use crate::figures::{count_cells, counted, parts, percent, percent_change};
use crate::sections::table::Table;

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<Block> {
    let users = &snapshot.users;
    let heading = Block::from("## Users");
    if users.total == Periods::default() && users.active == Periods::default() {
        return vec![heading, "Total, new, active and activated users: n/a, no user is known yet.".into()];
    }
    let mut table = Table::comparison("Figure", calendar);
    table.figure("Total users", count_cells(users.total));
    table.figure("New users", count_cells(users.new));
    table.figure("Active users", count_cells(users.active));
    let within = counted(users.activation_days.into(), "day", "days");
    let activated = |new: u64, ratio| match percent(ratio) {
        Some(percent) => format!("{percent} ({})", parts(ratio)),
        None if new == 0 => "n/a: nobody signed up".to_owned(),
        None => format!("n/a: nobody's {within} are over"),
    };
    let (new, rates) = (users.new, users.activation);
    table.figure(
        &format!("Activated within {within} of signing up"),
        [
            activated(new.current, rates.current),
            activated(new.previous, rates.previous),
            percent_change(rates),
        ],
    );
    let pending = count_cells(users.activation_pending);
    table.figure(&format!("Pending: their {within} are not over"), pending);
    vec![heading, table.to_markdown().into()]
}

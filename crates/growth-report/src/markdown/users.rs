//! The users of the product.

use growth_metrics::{GrowthSnapshot, Periods};

use crate::calendar::Calendar;
use crate::figures::{both, count, count_change, counted, parts, percent, percent_change};
use crate::markdown::table::Table;

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<String> {
    let users = &snapshot.users;
    let heading = "## Users".to_owned();
    if users.total == Periods::default() && users.active == Periods::default() {
        return vec![
            heading,
            "Total, new, active and activated users: n/a, no user is known yet.".to_owned(),
        ];
    }
    let mut table = Table::comparison("Figure", calendar);
    for (label, counts) in
        [("Total users", users.total), ("New users", users.new), ("Active users", users.active)]
    {
        table.figure(label, [count(counts.current), count(counts.previous), count_change(counts)]);
    }
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
    let pending = both(&users.activation_pending, |number| count(*number));
    table.figure(
        &format!("Pending: their {within} are not over"),
        [pending.current, pending.previous, count_change(users.activation_pending)],
    );
    vec![heading, table.to_markdown()]
}

//! Money in and out.

use growth_domain::money::format_minor;
use growth_metrics::{Cash, CurrencyRevenue, Money, Periods};

use crate::calendar::Calendar;
use crate::document::Block;
use crate::figures::{both, cells, count, counted, known_money_change, money_cells, sum_cells};
use crate::sections::table::Table;

pub(super) fn blocks(revenue: &CurrencyRevenue, heading: String, calendar: &Calendar) -> Vec<Block> {
    let (moved, currency) = (&revenue.cash, revenue.currency.as_str());
    let code = currency.to_uppercase();
    if [moved.current, moved.previous, revenue.all_time].iter().all(is_still) {
        return vec![heading.into(), format!("There is no payment in {code} yet.").into()];
    }
    let mut table = Table::comparison("Figure", calendar);
    let sums =
        |of: fn(&Cash) -> Money, one: &str, many: &str| sum_cells(both(moved, of), currency, one, many);
    table.figure("New revenue (gross volume)", sums(|cash| cash.payments, "payment", "payments"));
    table.figure("Refunds", sums(|cash| cash.refunds, "refund", "refunds"));
    table.figure("Disputes", sums(|cash| cash.disputes, "dispute", "disputes"));
    table.figure("Net before fees", money_cells(both(moved, |cash| cash.net_before_fees.into()), currency));
    table.figure("Fees", fees(moved, currency));
    table.figure("Net volume", net_volume(moved, currency));
    table.figure(&all_time_label(revenue, calendar), all_time(revenue, currency));
    table.figure("Failed payments", sums(|cash| cash.failed_payments, "payment", "payments"));
    table.figure("Unattributed payments", sums(|cash| cash.unattributed, "payment", "payments"));
    if both(moved, |cash| cash.by_invoice_only) != Periods::default() {
        table.figure("Known only by their invoice", sums(|cash| cash.by_invoice_only, "payment", "payments"));
    }
    if both(moved, |cash| cash.refunds_without_payment) != Periods::default() {
        let orphans = sums(|cash| cash.refunds_without_payment, "refund", "refunds");
        table.figure("Refunds without a known payment", orphans);
    }
    vec![heading.into(), table.to_markdown().into()]
}

/// Whether no money moved: a net volume of 0 is no movement.
pub(super) fn is_still(cash: &Cash) -> bool {
    Cash { net: None, ..*cash } == Cash::default()
}

fn fees(moved: &Periods<Cash>, currency: &str) -> [String; 3] {
    let known = both(moved, |cash| {
        (cash.fees_unknown + cash.dispute_fees_unknown == 0).then(|| i128::from(cash.known_fees))
    });
    let shown = both(moved, |cash| match cash.fees_unknown + cash.dispute_fees_unknown {
        0 => format_minor(cash.known_fees.into(), currency),
        _ => fees_not_known(cash),
    });
    cells(shown, known_money_change(known, currency))
}

/// `not known for 3 of 12 payments and for 1 dispute`
fn fees_not_known(cash: &Cash) -> String {
    let all = counted(cash.payments.count, "payment", "payments");
    let of_payments = format!("{} of {all}", count(cash.fees_unknown));
    let of_disputes = counted(cash.dispute_fees_unknown, "dispute", "disputes");
    match (cash.fees_unknown, cash.dispute_fees_unknown) {
        (_, 0) => format!("not known for {of_payments}"),
        (0, _) => format!("not known for {of_disputes}"),
        _ => format!("not known for {of_payments} and for {of_disputes}"),
    }
}

pub(crate) fn net_volume(moved: &Periods<Cash>, currency: &str) -> [String; 3] {
    let net = both(moved, |cash| cash.net.map(i128::from));
    let shown = both(moved, |cash| match cash.net {
        Some(net) => format_minor(net.into(), currency),
        None => format!("n/a: fees {}", fees_not_known(cash)),
    });
    cells(shown, known_money_change(net, currency))
}

/// What was paid until the end of the period and, less the period's own payments, until its start.
pub(super) fn all_time(revenue: &CurrencyRevenue, currency: &str) -> [String; 3] {
    let (ever, period) = (revenue.all_time.payments, revenue.cash.current.payments);
    let before =
        Money { count: ever.count.saturating_sub(period.count), amount: ever.amount - period.amount };
    sum_cells(Periods { current: ever, previous: before }, currency, "payment", "payments")
}

/// Since when payments are known.
pub(super) fn all_time_label(revenue: &CurrencyRevenue, calendar: &Calendar) -> String {
    match revenue.first_payment_at {
        Some(first) => format!("Total revenue since {} (gross)", calendar.day_of(first)),
        None => "Total revenue, all time (gross)".to_owned(),
    }
}

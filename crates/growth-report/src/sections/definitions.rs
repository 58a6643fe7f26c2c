//! How each number is defined, one line each.

use growth_domain::pricing::Policy;
use growth_metrics::GrowthSnapshot;

use crate::document::Block;
use crate::figures::counted;
use crate::sections::list;

pub(super) fn blocks(snapshot: &GrowthSnapshot) -> Vec<Block> {
    let policy = snapshot.header.policy;
    let choices = match policy {
        Policy::Stripe => {
            "only discounts that last forever are taken off, and a past-due subscription counts until it ends"
        }
        Policy::Conservative => {
            "every discount is taken off while it lasts, and a past-due subscription counts for 30 days, \
             after which it is churn"
        }
    };
    let mut lines = vec![
        "**MRR (net)**: what subscriptions are worth a month after discounts; a yearly price counts a \
         twelfth. Trials, paused subscriptions, metered and one-time prices count nothing."
            .to_owned(),
        format!("**Policy `{policy}`**: {choices}."),
    ];
    lines.extend(REVENUE.iter().map(|(term, meaning)| format!("**{term}**: {meaning}.")));
    let days = counted(snapshot.users.activation_days.into(), "day", "days");
    lines.extend([
        "**Total and new users**: all who signed up until the end of the period, and those who did in it.".to_owned(),
        "**Active users**: distinct users with at least one event in the period's days.".to_owned(),
        format!(
            "**Activated**: of the users who signed up in the period and whose {days} are over, those who did the \
             activation event in time. The others are pending."
        ),
    ]);
    lines.extend(PRODUCT.iter().map(|(term, meaning)| format!("**{term}**: {meaning}.")));
    let funnel = counted(snapshot.funnel.window_days.into(), "day", "days");
    lines.push(format!(
        "**Conversion funnel**: users who signed up in the period, by how far they came within {funnel}, each step \
         after the one before; a payment is one that succeeded. Users whose {funnel} are not over can still come \
         further. The bottleneck is the stage that lost most users against its own rate of the eight weeks before."
    ));
    lines.extend(READING.iter().map(|(term, meaning)| format!("**{term}**: {meaning}.")));
    vec!["## How each number is defined".into(), list(&lines).into()]
}

const REVENUE: &[(&str, &str)] = &[
    (
        "Unpriced subscriptions",
        "active, but their price is not known; they are left out of MRR and counted apart",
    ),
    ("List MRR and discounts", "MRR before discounts, and what discounts take off it"),
    ("Committed MRR", "MRR without subscriptions whose end is already set"),
    ("At-risk MRR", "the part of MRR with an overdue payment"),
    ("ARR", "12 x MRR"),
    ("Active subscriptions", "those that are active or past due, free and unpriced ones too"),
    (
        "Subscriptions in trial",
        "those in a trial, which become new MRR when the trial turns into a paid plan",
    ),
    ("Paying customers", "customers with MRR"),
    ("ARPU", "MRR / paying customers"),
    ("New MRR", "MRR from customers who never paid before"),
    ("Reactivation", "MRR from customers who had stopped paying"),
    ("Expansion and contraction", "more, or less, MRR from customers who go on paying"),
    ("Churn", "MRR of customers who stopped paying, counted when their subscription ended"),
    ("Movements", "one customer in one currency at a time; changes within 60 minutes count as one"),
    ("Customer churn (R3)", "those who pay nothing at the end / customers who paid at the start"),
    (
        "Net revenue retention (R4)",
        "MRR at the end of customers who paid at the start / their MRR at the start",
    ),
    ("Gross revenue retention (R5)", "the same, no customer counted with more than at the start"),
    ("Gross MRR churn (R6)", "(churn + contraction) / opening MRR"),
    ("Quick ratio (R7)", "(new + reactivation + expansion) / (churn + contraction)"),
    (
        "Lifetime value (R8)",
        "ARPU / monthly customer churn over the last three months; n/a where no customer left or fewer than 20 paid",
    ),
    ("Trial conversion", "trials that became a paid plan / trials that ended in the period"),
    (
        "Failed payments recovered",
        "invoices whose first attempt failed in the period and that were paid later / all of them; those that can \
         still be paid are open",
    ),
    (
        "Goal",
        "MRR / goal; the forecast is the gap over the mean weekly net new MRR of the last complete weeks, at most 8",
    ),
    (
        "New and total revenue",
        "payments that succeeded in the period, and ever; a later refund does not change them",
    ),
    ("Refunds", "money given back, counted when the refund was made; refunds do not change MRR"),
    ("Disputes", "money that disputes took, less what was given back"),
    ("Fees", "Stripe's fees on payments and disputes; where any is not known, neither is their sum"),
    ("Net before fees", "new revenue less refunds and disputes"),
    ("Net volume", "new revenue less refunds, disputes and fees"),
    ("Known only by their invoice", "payments of which Stripe told the invoice, and not what paid it"),
    ("Unattributed payments", "payments of no known user; every figure includes them"),
];

const PRODUCT: &[(&str, &str)] = &[
    ("DAU, WAU, MAU", "users active on a local day, on it or the 6 days before, on it or the 29 days before"),
    ("Stickiness", "DAU / WAU and DAU / MAU"),
    ("Average DAU", "the sum of DAU over the period's days that are over / their number"),
    (
        "Retention",
        "of the users whose first event was in a week or month, those active in a later one; column 0 is their own",
    ),
    (
        "Enrichment success rate",
        "completed / (completed + failed); contacts are what completed enrichments found",
    ),
    ("Usage counters", "sums of what the product counted for its users by day"),
];

const READING: &[(&str, &str)] = &[
    ("Change", "this period's value less that of the period before, and in percent of it"),
    (
        "Interval",
        "Wilson's: where the true rate may lie, seen that few things were counted; wide means that few were",
    ),
    ("n/a", "not defined or not known, with the reason; it is never shown as 0"),
    (
        "Rounding",
        "amounts are exact and rounded only here, so a column can differ from its sum in the last digit",
    ),
];
